package doctor

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"

	"github.com/pion/stun/v3"
)

// transport is how a leg reaches the server.
type transport string

const (
	overUDP  transport = "UDP"
	overTCP  transport = "TCP"
	overTLS  transport = "TLS"
	overDTLS transport = "DTLS"
)

// leg is one way to the server.
type leg struct {
	transport transport
	server    netip.AddrPort
	host      string // as it was asked for: the name that a certificate must have
	guessed   bool   // nobody asked for it: that nothing is there is no failure
}

// String names the leg in reports.
func (l leg) String() string {
	version := "IPv6"
	if l.server.Addr().Is4() {
		version = "IPv4"
	}
	return fmt.Sprintf("%s %s, %s", l.transport, version, l.server)
}

// target is a parsed address of a server.
type target struct {
	host       string
	turn       bool // else only STUN is asked of it
	transports []wanted
}

// wanted is a transport with its port.
type wanted struct {
	transport transport
	port      int
	guessed   bool
}

// parseTarget reads a URI of RFC 7064 or RFC 7065. One without a transport stands for each that its scheme can have; a turn: URI for
// TLS too, on the port given or on 5349 beside 3478, which need not be there.
func parseTarget(text string, dtls bool) (target, error) {
	uri, err := stun.ParseURI(text)
	if err != nil {
		return target{}, fmt.Errorf("%q is no address of a STUN or TURN server, such as turn:turn.example.org:3478 or turns:turn.example.org:443?transport=tcp: %w", text, err)
	}
	t := target{host: uri.Host, turn: uri.Scheme == stun.SchemeTypeTURN || uri.Scheme == stun.SchemeTypeTURNS}
	secure := uri.Scheme == stun.SchemeTypeTURNS || uri.Scheme == stun.SchemeTypeSTUNS
	explicit := hasTransport(text)
	port := uri.Port
	securePort := port
	if port == stun.DefaultPort && !secure {
		securePort = stun.DefaultTLSPort
	}
	add := func(tr transport, port int, guessed bool) {
		t.transports = append(t.transports, wanted{tr, port, guessed})
	}
	switch {
	case secure && explicit && uri.Proto == stun.ProtoTypeUDP:
		add(overDTLS, port, false)
		return t, nil
	case secure:
		add(overTLS, port, false)
	case explicit && uri.Proto == stun.ProtoTypeTCP:
		add(overTCP, port, false)
	case explicit || !t.turn:
		add(overUDP, port, false)
	default:
		add(overUDP, port, false)
		add(overTCP, port, false)
		add(overTLS, securePort, true)
	}
	if dtls {
		add(overDTLS, securePort, false)
	}
	return t, nil
}

func hasTransport(text string) bool {
	for i := range text {
		if text[i] == '?' {
			return true
		}
	}
	return false
}

// legs resolves the host: each transport gets a leg for its first IPv4 and its first IPv6 address.
func (t target) legs(ctx context.Context) ([]leg, error) {
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", t.host)
	if err != nil {
		return nil, err
	}
	var v4, v6 netip.Addr
	for _, a := range addrs {
		a = a.Unmap()
		switch {
		case a.Is4() && !v4.IsValid():
			v4 = a
		case a.Is6() && !v6.IsValid():
			v6 = a
		}
	}
	var legs []leg
	for _, w := range t.transports {
		for _, a := range []netip.Addr{v4, v6} {
			if a.IsValid() {
				legs = append(legs, leg{w.transport, netip.AddrPortFrom(a, uint16(w.port)), t.host, w.guessed})
			}
		}
	}
	if len(legs) == 0 {
		return nil, fmt.Errorf("%s has no address", net.JoinHostPort(t.host, strconv.Itoa(t.transports[0].port)))
	}
	return legs, nil
}
