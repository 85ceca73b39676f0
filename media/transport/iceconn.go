package transport

import (
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/pion/ice/v4"

	"github.com/confab/confab/media/udp"
)

// iceQueue bounds the datagrams waiting for one ICE candidate: STUN, the DTLS handshake and SCTP.
const iceQueue = 256

// peerMux is the ice.UDPMux of one Transport: what pion asks of it, it asks in the name of that Transport.
type peerMux struct{ t *Transport }

var _ ice.UDPMux = peerMux{}

// GetConn makes the connection of one host candidate.
func (p peerMux) GetConn(ufrag string, addr net.Addr) (net.PacketConn, error) {
	a, ok := addr.(*net.UDPAddr)
	if !ok {
		return nil, os.ErrInvalid
	}
	return p.t.mux.addConn(p.t, ufrag, unmap(a.AddrPort()))
}

// RemoveConnByUfrag forgets an agent, or one that was restarted with other credentials.
func (p peerMux) RemoveConnByUfrag(ufrag string) { p.t.mux.removeAgent(p.t, ufrag) }

// GetListenAddresses returns the host candidates to offer.
func (p peerMux) GetListenAddresses() []net.Addr {
	addrs := p.t.mux.advertise()
	out := make([]net.Addr, len(addrs))
	for i, a := range addrs {
		out[i] = net.UDPAddrFromAddrPort(a)
	}
	return out
}

// Close does nothing: the Mux outlives its peers.
func (p peerMux) Close() error { return nil }

// agent is one set of ICE credentials of a Transport. A restart replaces it.
type agent struct {
	t     *Transport
	ufrag string
	conns []*iceConn // one per host candidate
}

// conn chooses the candidate that a datagram sent to local belongs to. Behind a NAT that maps a public address to a private one no
// candidate has the local address; then the first of the family is meant.
func (a *agent) conn(local netip.Addr, from netip.AddrPort) *iceConn {
	var second *iceConn
	for _, c := range a.conns {
		switch {
		case c.local.Addr() == local:
			return c
		case second == nil && c.local.Addr().Is4() == from.Addr().Is4():
			second = c
		}
	}
	return second
}

// iceConn is the socket as one ICE candidate sees it.
type iceConn struct {
	mux   *Mux
	t     *Transport
	agent *agent
	local netip.AddrPort // the candidate's address
	in    *queue

	mu     sync.Mutex // guards the fields below
	source netip.Addr // what the last STUN request was sent to; until then the candidate's address
	dest   *udp.Dest  // of the last write, made when source was from
	from   netip.Addr
}

var (
	_ net.PacketConn           = (*iceConn)(nil)
	_ ice.AddrPortReaderWriter = (*iceConn)(nil)
)

// heardAt notes at which of the host's addresses the peer reaches this candidate: answers leave from there.
func (c *iceConn) heardAt(local netip.Addr) {
	if !local.IsValid() {
		return
	}
	c.mu.Lock()
	c.source = local
	c.mu.Unlock()
}

// destination prepares an address, or takes the one prepared before.
func (c *iceConn) destination(to netip.AddrPort) *udp.Dest {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dest == nil || c.dest.Addr() != unmap(to) || c.from != c.source {
		c.dest, c.from = udp.NewDestFrom(c.source, to), c.source
	}
	return c.dest
}

// ReadFromAddrPort implements ice.AddrPortReaderWriter.
func (c *iceConn) ReadFromAddrPort(b []byte) (int, netip.AddrPort, error) {
	n, from, _, err := c.in.pop(b)
	return n, from, err
}

// WriteToAddrPort implements ice.AddrPortReaderWriter. What pion answers tells the Mux whom it has authenticated.
func (c *iceConn) WriteToAddrPort(b []byte, to netip.AddrPort) (int, error) {
	switch classify(b) {
	case kindSTUNRequest:
		c.mux.expect(stunTransaction(b), c)
	case kindSTUNResponse:
		if uint16(b[0])<<8|uint16(b[1]) == stunSuccess {
			c.mux.claim(c.t, unmap(to))
		}
	case kindRTP, kindRTCP:
		// Never two SRTP contexts with one key: repeated nonces would give the key away.
		c.mux.count.foreignMedia.Add(1)
		return len(b), nil
	}
	return c.mux.sock.Send(b, c.destination(to))
}

// ReadFrom implements net.PacketConn.
func (c *iceConn) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := c.ReadFromAddrPort(b)
	if err != nil {
		return 0, nil, err
	}
	return n, net.UDPAddrFromAddrPort(from), nil
}

// WriteTo implements net.PacketConn.
func (c *iceConn) WriteTo(b []byte, to net.Addr) (int, error) {
	a, ok := to.(*net.UDPAddr)
	if !ok {
		return 0, os.ErrInvalid
	}
	return c.WriteToAddrPort(b, a.AddrPort())
}

// Close implements net.PacketConn.
func (c *iceConn) Close() error {
	c.mux.removeConn(c)
	c.in.close()
	return nil
}

// LocalAddr implements net.PacketConn.
func (c *iceConn) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(c.local) }

// SetDeadline implements net.PacketConn. pion sets one only to end a read before Close, and Close ends it by itself.
func (c *iceConn) SetDeadline(time.Time) error { return nil }

// SetReadDeadline implements net.PacketConn.
func (c *iceConn) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline implements net.PacketConn.
func (c *iceConn) SetWriteDeadline(time.Time) error { return nil }

func unmap(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) }
