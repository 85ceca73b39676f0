package relay

import (
	"math/rand/v2"
	"net"
	"net/netip"
	"sync/atomic"

	"github.com/confab/confab/relay/forward"
)

// plainSocket is the portable data path: any net.PacketConn, one datagram at a time, read by pion's loop.
type plainSocket struct {
	r    *relayed
	conn net.PacketConn
	udp  *net.UDPConn // conn, if it is one: no allocations per datagram
}

func newPlainSocket(r *relayed, conn net.PacketConn) *plainSocket {
	p := &plainSocket{r: r, conn: conn}
	p.udp, _ = conn.(*net.UDPConn)
	return p
}

func (*plainSocket) attach(*allocation) {}

func (p *plainSocket) send(list []outgoing) (taken int) {
	for _, o := range list {
		var err error
		if p.udp != nil {
			_, err = p.udp.WriteToUDPAddrPort(o.data, o.to)
		} else {
			_, err = p.conn.WriteTo(o.data, net.UDPAddrFromAddrPort(o.to))
		}
		if err == nil {
			taken++
		}
	}
	return taken
}

func (p *plainSocket) serve(buf []byte) bool {
	const padding = 3
	s := p.r.s
	room := buf[forward.MaxHead : len(buf)-padding]
	for {
		n, from, err := p.receive(room)
		if err != nil {
			return false
		}
		a := p.r.allocation.Load()
		if a == nil {
			continue
		}
		if n == len(room) { // maybe cut off
			s.metrics.drop("oversized")
			continue
		}
		s.toClient(a, from, buf, forward.MaxHead, n)
	}
}

func (p *plainSocket) receive(b []byte) (int, netip.AddrPort, error) {
	if p.udp != nil {
		return p.udp.ReadFromUDPAddrPort(b)
	}
	n, addr, err := p.conn.ReadFrom(b)
	if err != nil {
		return 0, netip.AddrPort{}, err
	}
	return n, addrPort(addr), nil
}

func (p *plainSocket) close() { _ = p.conn.Close() } // a UDP socket has nothing left to say

// toClient hands one datagram to a client: n bytes in buf at, with forward.MaxHead bytes in front that may be written, and 3 behind.
func (s *Server) toClient(a *allocation, from netip.AddrPort, buf []byte, at, n int) {
	v, ok := a.heard(s, from, n)
	if !ok {
		return
	}
	begin := s.sample()
	var scratch [forward.MaxHead]byte
	head, padding := a.head(scratch[:0], v, n, rand.Uint64)
	start, end := at-len(head), at+n+padding
	copy(buf[start:], head)
	clear(buf[at+n : end])
	if err := a.client.send(buf[start:end]); err != nil {
		s.metrics.drop("client_gone")
		return
	}
	a.traffic.toClient.count(n)
	s.observe(begin)
}

// sampled is one of how many datagrams the data path's time is taken of.
const sampled = 256

var turnstile atomic.Uint32

// sample returns when a datagram was read, or 0 when it is none to look at.
func (s *Server) sample() int64 {
	if turnstile.Add(1)%sampled != 0 {
		return 0
	}
	return s.now()
}

// observe notes that the datagram of sample has been sent.
func (s *Server) observe(begin int64) {
	if begin != 0 {
		s.metrics.forwards.Observe(float64(s.now()-begin) / 1e9)
	}
}
