package relay

import (
	"net"
	"net/netip"
	"sync"

	"github.com/pion/stun/v3"
)

// udpConn is one UDP socket of the client side, as pion reads it: requests that passed the guard, and what of Send indications is
// not of the plain kind. ChannelData and plain Send indications are forwarded on the way. Only pion's one loop reads.
//
// The socket is any net.PacketConn, or a worker, which has forwarded already and hands over the rest.
type udpConn struct {
	net.PacketConn
	quick  addrPortConn // the same, if it can: no allocations per datagram
	vias   viaConn      // the same, if it is bound to all addresses and can tell them apart
	worker *worker      // the same, if it is one
	s      *Server
	local  netip.AddrPort
	buf    []byte
	one    []outgoing // of one datagram
	pion   pionSide   // used by its loop only

	once  sync.Once
	ended chan struct{} // closed when pion's loop has seen the end

	mu      sync.Mutex  // guards endings
	endings []fiveTuple // of allocations that pion shall forget: each is one that has lived
}

// addrPortConn reads and writes without allocating: *net.UDPConn does, under other names, and the UDP port that is shared with
// other protocols.
type addrPortConn interface {
	ReadFromAddrPort(b []byte) (int, netip.AddrPort, error)
	WriteToAddrPort(b []byte, to netip.AddrPort) (int, error)
}

// netConn gives a *net.UDPConn the names of addrPortConn.
type netConn struct{ *net.UDPConn }

func (c netConn) ReadFromAddrPort(b []byte) (int, netip.AddrPort, error) {
	return c.ReadFromUDPAddrPort(b)
}

func (c netConn) WriteToAddrPort(b []byte, to netip.AddrPort) (int, error) {
	return c.WriteToUDPAddrPort(b, to)
}

type quickViaConn interface {
	addrPortConn
	viaConn
}

// viaConn is a socket bound to all addresses of this host, which answers from the one that the client knows it by.
type viaConn interface {
	// lastVia is which address of ours the last datagram read was sent to. The reader asks.
	lastVia() netip.Addr
	writeVia(b []byte, to netip.AddrPort, via netip.Addr) (int, error)
}

func newUDPConn(s *Server, c net.PacketConn) *udpConn {
	u := &udpConn{PacketConn: c, s: s, local: addrPort(c.LocalAddr()), ended: make(chan struct{}), pion: pionSide{s: s}}
	switch c := c.(type) {
	case addrPortConn:
		u.quick = c
	case *net.UDPConn:
		u.quick = netConn{c}
		if u.local.Addr().IsUnspecified() {
			if v := newViaConn(c); v != nil {
				u.quick, u.vias = v, v
			}
		}
	}
	return u
}

// ReadFrom returns the next message for pion. Being called means that the last one is done with.
func (c *udpConn) ReadFrom(p []byte) (int, net.Addr, error) {
	c.pion.done()
	if r := c.pion.waiting(); r != nil {
		if n := c.pion.give(r, p); n > 0 {
			return n, net.UDPAddrFromAddrPort(r.tuple.client), nil
		}
	}
	if c.buf == nil {
		c.buf = make([]byte, 1<<16)
	}
	for {
		if r := c.ending(); r != nil {
			if n := c.pion.give(r, p); n > 0 {
				return n, net.UDPAddrFromAddrPort(r.tuple.client), nil
			}
		}
		n, from, err := c.read(c.buf)
		if err != nil {
			c.once.Do(func() { close(c.ended) })
			return 0, nil, err
		}
		if n == 0 {
			continue
		}
		b, tuple := c.buf[:n], fiveTuple{client: netip.AddrPortFrom(from.Addr().Unmap(), from.Port()), server: c.local}
		if c.forward(b, tuple) {
			continue
		}
		if n > largestMessage {
			c.s.metrics.drop("oversized")
			continue
		}
		r, pass := c.s.guard(b, tuple, c.client(from))
		if r != nil {
			if n := c.pion.give(r, p); n > 0 {
				return n, net.UDPAddrFromAddrPort(from), nil
			}
		} else if pass {
			return copy(p, b), net.UDPAddrFromAddrPort(from), nil
		}
	}
}

// forget has pion forget the allocation of a five-tuple, whose relayed address is closed.
func (c *udpConn) forget(tuple fiveTuple) {
	if c.worker == nil {
		return // pion's loop reads the relay socket, and sees it
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.endings = append(c.endings, tuple)
	c.worker.nudge()
}

// ending returns a request to pion to forget an allocation, or nil. Where the five-tuple has one of ours it is a new one, for which pion
// has forgotten the other.
func (c *udpConn) ending() *request {
	c.mu.Lock()
	defer c.mu.Unlock()
	for n := len(c.endings); n > 0; n = len(c.endings) {
		tuple := c.endings[n-1]
		if c.endings = c.endings[:n-1]; n == 1 {
			c.endings = nil
		}
		if c.s.table.lookup(tuple) == nil {
			r := &request{tuple: tuple, method: stun.MethodRefresh, setters: []stun.Setter{lifetimeAttr(0)}}
			c.s.table.begin(r, c.s.pion.serial.Add(1))
			return r
		}
	}
	return nil
}

func (c *udpConn) read(b []byte) (int, netip.AddrPort, error) {
	if c.quick != nil {
		return c.quick.ReadFromAddrPort(b)
	}
	n, addr, err := c.PacketConn.ReadFrom(b)
	if err != nil {
		return 0, netip.AddrPort{}, err
	}
	from, ok := addr.(*net.UDPAddr)
	if !ok {
		n, from = 0, &net.UDPAddr{}
	}
	return n, from.AddrPort(), nil
}

// WriteTo takes pion's answers.
func (c *udpConn) WriteTo(b []byte, _ net.Addr) (int, error) {
	c.pion.answer(b)
	return len(b), nil
}

// client is the sender of the datagram that was read last. pion's loop asks.
func (c *udpConn) client(addr netip.AddrPort) udpClient {
	u := udpClient{conn: c, addr: addr}
	if c.vias != nil {
		u.via = c.vias.lastVia()
	}
	return u
}

// udpClient is a client behind a udpConn.
type udpClient struct {
	conn *udpConn
	addr netip.AddrPort
	via  netip.Addr // the address of ours that it knows; zero: the only one
}

func (u udpClient) send(b []byte) error {
	var err error
	if u.via.IsValid() {
		_, err = u.conn.vias.writeVia(b, u.addr, u.via)
	} else if u.conn.quick != nil {
		_, err = u.conn.quick.WriteToAddrPort(b, u.addr)
	} else {
		_, err = u.conn.PacketConn.WriteTo(b, net.UDPAddrFromAddrPort(u.addr))
	}
	return err
}

func (udpClient) transport() string { return "udp" }

// forward sends one datagram of a client to its peer, or drops it. It reports false for what is not to be forwarded.
func (c *udpConn) forward(b []byte, tuple fiveTuple) bool {
	if !isRelayedData(b) {
		return false
	}
	a := c.s.table.lookup(tuple)
	o, ok, known := a.destination(c.s, b)
	if ok {
		begin := c.s.sample()
		c.one = append(c.one[:0], o)
		a.sent(c.s, a.relayed.sock.send(c.one), 1, len(o.data))
		c.s.observe(begin)
	}
	return known
}
