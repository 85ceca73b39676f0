package relay

import (
	"errors"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

var (
	errNoPort     = errors.New("relay: no free relay port")
	errDraining   = errors.New("relay: draining")
	errNoTCPRelay = errors.New("relay: TCP allocations are not pion's")
	errNoMemory   = errors.New("relay: no memory for a batch")
)

// generator gives pion relay sockets.
type generator struct {
	s *Server
	w *worker // of the client's socket; nil: pion's loops read the relay sockets
}

func (generator) Validate() error { return nil }

// AllocateConn is not called by pion v4: TCP allocations (RFC 6062) are ours.
func (generator) AllocateConn(string, int) (net.Conn, net.Addr, error) {
	return nil, nil, errNoTCPRelay
}

// bindTries bounds how many ports in use by others are tried before a client hears that there is none.
const bindTries = 32

// AllocatePacketConn opens a relayed address as the request that pion handles wants it. pion asks for IPv4 on any port always. Its errors
// become a 508.
func (g generator) AllocatePacketConn(string, int) (net.PacketConn, net.Addr, error) {
	s, r := g.s, g.s.pion.now // held by this loop: see pionSide.give
	if r == nil || s.draining.Load() {
		return nil, nil, errDraining
	}
	if r.want.port != 0 {
		port := r.want.port
		r.want.port = 0
		return g.open(port, r.want.ipv6)
	}
	var busy []uint16 // ports that another program has: kept until we have one, so that none is tried twice
	defer func() {
		for _, p := range busy {
			s.ports.give(p)
		}
	}()
	for range bindTries {
		p, ok := s.ports.takeFor(r.want.even, r.want.reserve)
		if !ok {
			break
		}
		conn, addr, err := g.open(p, r.want.ipv6)
		if err == nil {
			return conn, addr, nil
		}
		if r.want.reserve {
			s.ports.give(p + 1)
		}
		s.ports.takeThis(p) // open gave it back
		busy = append(busy, p)
	}
	s.metrics.refuse("no_port")
	return nil, nil, errNoPort
}

// open binds a taken port; on failure the port is given back.
func (g generator) open(port uint16, ipv6 bool) (net.PacketConn, net.Addr, error) {
	s, p := g.s, g.s.paths.Load()
	way := p.v4
	if ipv6 {
		way = p.v6
	}
	r := &relayed{
		s: s, public: netip.AddrPortFrom(way.public, port), inside: netip.AddrPortFrom(way.inside, port), bind: way.bind,
	}
	if err := r.listen(netip.AddrPortFrom(way.bind, port), g.w); err != nil {
		s.ports.give(port)
		return nil, nil, err
	}
	s.running.Add(1)
	s.table.ports[port].Store(r)
	s.changed()
	return r, net.UDPAddrFromAddrPort(r.public), nil
}

// relayed is a relayed transport address: the socket on the peer side of one allocation. pion has it as a net.PacketConn, to close
// it and to know when it has ended: what peers send passes by pion. Every datagram goes through the peer policy, in both directions.
type relayed struct {
	s      *Server
	public netip.AddrPort // the relayed transport address
	inside netip.AddrPort // where this host reaches it
	bind   netip.Addr     // what its socket is bound to
	sock   peerSocket

	allocation atomic.Pointer[allocation] // nil until pion has made it
	closing    sync.Once
	closed     atomic.Bool
}

// peerSocket is the socket of a relayed address, as one of the data paths has it.
type peerSocket interface {
	// attach says whose datagrams the socket relays. It is called once, before serve.
	attach(a *allocation)
	// serve forwards what peers send until the socket is closed, or returns true at once: a worker does. buf holds 1600 bytes, if needed.
	serve(buf []byte) (elsewhere bool)
	// send sends datagrams to peers and reports how many the kernel took. It is safe for several goroutines.
	send(list []outgoing) int
	close()
}

// outgoing is a datagram for a peer: where the policy said that it goes.
type outgoing struct {
	to   netip.AddrPort
	data []byte
}

// listen opens the socket.
func (r *relayed) listen(at netip.AddrPort, w *worker) (err error) {
	if w != nil {
		r.sock, err = w.open(at)
		return err
	}
	network := "udp4"
	if at.Addr().Unmap().Is6() {
		network = "udp6"
	}
	conn, err := r.s.o.ListenPacket(network, at.String())
	if err != nil {
		return err
	}
	if udp, ok := conn.(*net.UDPConn); ok && !r.s.o.Portable {
		if r.sock = newBatchSocket(r, udp); r.sock != nil {
			return nil
		}
	}
	r.sock = newPlainSocket(r, conn)
	return nil
}

// ReadFrom returns when the relayed address is closed, which is when pion may forget the allocation. Where a worker reads the socket, pion's loop
// would wait with a stack and a buffer, half of what an allocation costs: it ends here, and udpConn tells pion what it would have told.
func (r *relayed) ReadFrom(p []byte) (int, net.Addr, error) {
	if !r.closed.Load() && r.sock.serve(p) {
		runtime.Goexit()
	}
	return 0, nil, net.ErrClosed
}

// WriteTo sends what pion took out of a Send indication that was not of the plain kind.
func (r *relayed) WriteTo(b []byte, addr net.Addr) (int, error) {
	if a := r.allocation.Load(); a != nil {
		if to, ok := a.sendTo(r.s, addrPort(addr), len(b)); ok {
			a.sent(r.s, r.sock.send([]outgoing{{to, b}}), 1, len(b))
		}
	}
	return len(b), nil // a datagram may be lost
}

// end closes the relayed address and has pion forget the allocation.
func (r *relayed) end() {
	_ = r.Close()
	if a := r.allocation.Load(); a != nil {
		if c, ok := a.client.(udpClient); ok {
			c.conn.forget(a.tuple)
		}
	}
}

// Close is called by pion, for which the allocation has ended, or before its loop has begun; and by end.
func (r *relayed) Close() error {
	r.closing.Do(func() {
		r.closed.Store(true)
		r.s.table.ports[r.public.Port()].Store(nil)
		r.s.changed()
		r.sock.close()
		r.s.ports.give(r.public.Port())
		if a := r.allocation.Load(); a != nil {
			r.s.ended(a)
		}
		r.s.running.Done()
	})
	return nil
}

// LocalAddr implements net.PacketConn.
func (r *relayed) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(r.public) }

// SetDeadline implements net.PacketConn; pion sets none on relay sockets.
func (r *relayed) SetDeadline(time.Time) error { return nil }

// SetReadDeadline implements net.PacketConn.
func (r *relayed) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline implements net.PacketConn.
func (r *relayed) SetWriteDeadline(time.Time) error { return nil }
