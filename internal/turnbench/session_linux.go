//go:build amd64 || arm64

package main

import (
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"time"

	"github.com/confab/confab/auth"
	"github.com/pion/stun/v3"
)

const channelNumber = 0x4000

// session is one client: a connection with an allocation, and a channel to the peer.
type session struct {
	conn    net.Conn
	relayed netip.AddrPort
	nonce   stun.Nonce
	user    stun.Username
	key     stun.MessageIntegrity
}

// source is the address of client i: servers bound what one address may ask for.
func source(i int) net.IP { return net.IPv4(127, 0, byte(2+i/250), byte(1+i%250)) }

// dial connects client i over udp, tcp or tls.
func (l *lab) dial(transport string, i int) (net.Conn, error) {
	at := net.JoinHostPort(l.ip, strconv.Itoa(l.port))
	var d net.Dialer
	if l.ns == "" {
		d.LocalAddr = &net.UDPAddr{IP: source(i)}
	}
	switch transport {
	case "udp":
		return d.Dial("udp4", at)
	case "tcp":
		d.LocalAddr = &net.TCPAddr{IP: source(i)}
		return d.Dial("tcp4", at)
	}
	d.LocalAddr = &net.TCPAddr{IP: source(i)}
	return tls.DialWithDialer(&d, "tcp4", net.JoinHostPort(l.ip, strconv.Itoa(l.port+1)), &tls.Config{InsecureSkipVerify: true})
}

// open allocates, binds a channel to the peer, or only permits it.
func (l *lab) open(transport string, i int, peer netip.AddrPort, channel bool) (*session, error) {
	conn, err := l.dial(transport, i)
	if err != nil {
		return nil, err
	}
	name, password := auth.TURNCredentials([]byte(secret), "bench", time.Now().Add(time.Hour))
	s := &session{conn: conn, user: stun.NewUsername(name), key: stun.NewLongTermIntegrity(name, realm, password)}
	udp := stun.RawAttribute{Type: stun.AttrRequestedTransport, Length: 4, Value: []byte{17, 0, 0, 0}}
	challenge, err := s.ask(stun.MethodAllocate, udp)
	if err != nil {
		return s, err
	}
	if err := s.nonce.GetFrom(challenge); err != nil {
		return s, fmt.Errorf("challenge: %w", err)
	}
	m, err := s.ask(stun.MethodAllocate, udp, stun.RawAttribute{Type: stun.AttrLifetime, Length: 4, Value: []byte{0, 0, 2, 88}})
	if err != nil {
		return s, err
	}
	var at stun.XORMappedAddress
	if err := at.GetFromAs(m, stun.AttrXORRelayedAddress); err != nil {
		return s, fmt.Errorf("allocate: %s: %w", m, err)
	}
	addr, _ := netip.AddrFromSlice(at.IP)
	s.relayed = netip.AddrPortFrom(addr.Unmap(), uint16(at.Port))
	to := xorPeer{stun.XORMappedAddress{IP: peer.Addr().AsSlice(), Port: int(peer.Port())}}
	if channel {
		m, err = s.ask(stun.MethodChannelBind, stun.RawAttribute{Type: stun.AttrChannelNumber, Length: 4, Value: []byte{channelNumber >> 8, 0, 0, 0}}, to)
	} else {
		m, err = s.ask(stun.MethodCreatePermission, to)
	}
	if err == nil && m.Type.Class != stun.ClassSuccessResponse {
		err = fmt.Errorf("refused: %s", m)
	}
	return s, err
}

type xorPeer struct{ stun.XORMappedAddress }

func (p xorPeer) AddTo(m *stun.Message) error { return p.AddToAs(m, stun.AttrXORPeerAddress) }

// ask sends a request, signed once there is a nonce, and returns the answer; over UDP it asks up to three times.
func (s *session) ask(method stun.Method, setters ...stun.Setter) (*stun.Message, error) {
	all := append([]stun.Setter{stun.TransactionID, stun.NewType(method, stun.ClassRequest)}, setters...)
	if s.nonce != nil {
		all = append(all, s.user, stun.NewRealm(realm), s.nonce, s.key)
	}
	request, err := stun.Build(all...)
	if err != nil {
		return nil, err
	}
	for range 3 {
		if _, err = s.conn.Write(request.Raw); err != nil {
			return nil, err
		}
		_ = s.conn.SetReadDeadline(time.Now().Add(time.Second))
		b := make([]byte, 2000)
		var n int
		if n, err = s.read(b); err != nil {
			continue
		}
		m := &stun.Message{Raw: b[:n]}
		if err = m.Decode(); err == nil && m.TransactionID == request.TransactionID {
			_ = s.conn.SetReadDeadline(time.Time{})
			return m, nil
		}
	}
	return nil, fmt.Errorf("%s: no answer: %w", method, err)
}

// read returns one datagram, or one STUN message of a stream.
func (s *session) read(b []byte) (int, error) {
	if _, udp := s.conn.(*net.UDPConn); udp {
		return s.conn.Read(b)
	}
	if _, err := io.ReadFull(s.conn, b[:20]); err != nil {
		return 0, err
	}
	n := 20 + int(binary.BigEndian.Uint16(b[2:]))
	_, err := io.ReadFull(s.conn, b[20:n])
	return n, err
}

// indication is a Send indication of payload to the peer.
func indication(peer netip.AddrPort, payload []byte) ([]byte, error) {
	m, err := stun.Build(stun.TransactionID, stun.NewType(stun.MethodSend, stun.ClassIndication),
		xorPeer{stun.XORMappedAddress{IP: peer.Addr().AsSlice(), Port: int(peer.Port())}}, stun.RawAttribute{Type: stun.AttrData, Length: uint16(len(payload)), Value: payload})
	if err != nil {
		return nil, err
	}
	return m.Raw, nil
}
