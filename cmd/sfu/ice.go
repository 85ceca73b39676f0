package main

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/confab/confab/auth"
	"github.com/confab/confab/signaling/protocol"
	"github.com/confab/confab/signaling/room"
)

// turnLifetime is how long handed-out TURN credentials open new allocations. Clients ask for new ones in time (ice-servers).
const turnLifetime = 6 * time.Hour

// iceServers knows which STUN and TURN addresses to tell a client.
type iceServers struct {
	secret    []byte
	turn, tls bool
	tcp, udp  netip.AddrPort // where we listen; an unspecified address is all of them
	public    []netip.Addr   // --public-ip
}

// now is forHost at this time.
func (s iceServers) now(host, user string) ([]protocol.ICEServer, time.Duration) {
	return s.forHost(host, user, time.Now())
}

// forHost returns the servers for a client that reached us at host, the Host of its HTTP request, and how long they are good for.
//
// What the client used is what works for it, so by default the same name or address serves STUN and TURN. Two things are
// different. A reverse proxy may stand at a name and pass HTTP alone, so with --public-ip a name is replaced by that
// address. And localhost becomes 127.0.0.1, because Chromium also tries ::1 and stalls gathering for 10 s.
func (s iceServers) forHost(host, user string, now time.Time) ([]protocol.ICEServer, time.Duration) {
	name := hostOnly(host)
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		name = "127.0.0.1"
	}
	udpHost, tcpHost := name, name
	if _, err := netip.ParseAddr(name); err != nil && len(s.public) > 0 {
		udpHost, tcpHost = s.public[0].String(), s.public[0].String()
	}
	udpHost, tcpHost = own(s.udp, udpHost), own(s.tcp, tcpHost)
	udpURL := net.JoinHostPort(udpHost, fmt.Sprint(s.udp.Port()))
	servers := []protocol.ICEServer{{URLs: []string{"stun:" + udpURL}}}
	if !s.turn {
		return servers, turnLifetime
	}
	tcpURL := net.JoinHostPort(tcpHost, fmt.Sprint(s.tcp.Port()))
	urls := []string{"turn:" + udpURL + "?transport=udp", "turn:" + tcpURL + "?transport=tcp"}
	if s.tls {
		// A certificate is for a name, so the name stays, whatever stands in front of it.
		urls = append(urls, "turns:"+net.JoinHostPort(name, fmt.Sprint(s.tcp.Port()))+"?transport=tcp")
	}
	username, password := auth.TURNCredentials(s.secret, user, now.Add(turnLifetime))
	return append(servers, protocol.ICEServer{URLs: urls, Username: username, Credential: password}), turnLifetime
}

// own replaces host when we listen on one address only.
func own(listening netip.AddrPort, host string) string {
	if ip := listening.Addr().Unmap(); ip.IsValid() && !ip.IsUnspecified() {
		return ip.String()
	}
	return host
}

// hostOnly returns the host of a Host header: without port, brackets and letter case.
func hostOnly(header string) string {
	host := header
	if h, _, err := net.SplitHostPort(header); err == nil {
		host = h
	}
	return strings.ToLower(strings.Trim(host, "[]"))
}

// revoker is the relay, as the end of a seat sees it.
type revoker interface {
	Revoke(user string, until time.Time)
}

// revokeGone does for viewers, who have no seat, what revokeLeft does for seats.
func revokeGone(turn revoker, now func() time.Time) func(string) {
	return func(participant string) { turn.Revoke(participant, now().Add(turnLifetime)) }
}

// revokeLeft makes the end of a seat end what its TURN credentials are good for: they name the seat as their user. A seat that is held or
// taken back has not left, and keeps its allocations.
func revokeLeft(turn revoker, now func() time.Time) func(string, *room.State, room.Event) {
	return func(_ string, _ *room.State, e room.Event) {
		if left, ok := e.(*room.Left); ok {
			turn.Revoke(left.ID, now().Add(turnLifetime))
		}
	}
}
