package relay

import (
	"net"
	"net/netip"
	"sync"
)

// udpConn is one UDP socket of the client side, as pion reads it: requests that passed the guard, and Send indications. ChannelData
// is forwarded on the way. Only pion's one loop reads.
type udpConn struct {
	net.PacketConn
	s     *Server
	local netip.AddrPort
	buf   []byte
	now   *request // what pion is handling; read and written by its loop only

	once  sync.Once
	ended chan struct{} // closed when pion's loop has seen the end
}

func newUDPConn(s *Server, c net.PacketConn) *udpConn {
	return &udpConn{PacketConn: c, s: s, local: addrPort(c.LocalAddr()), buf: make([]byte, 1<<16), ended: make(chan struct{})}
}

// ReadFrom returns the next message for pion. Being called means that the last one is done with.
func (c *udpConn) ReadFrom(p []byte) (int, net.Addr, error) {
	if c.now != nil {
		c.s.table.end(c.now)
		c.now = nil
	}
	for {
		n, addr, err := c.PacketConn.ReadFrom(c.buf)
		if err != nil {
			c.once.Do(func() { close(c.ended) })
			return 0, nil, err
		}
		from, ok := addr.(*net.UDPAddr)
		if !ok || n == 0 {
			continue
		}
		b, tuple := c.buf[:n], fiveTuple{client: addrPort(from), server: c.local}
		switch {
		case isChannelData(b[0]):
			c.s.forward(b, c.s.table.lookup(tuple))
		case n > largestMessage:
			c.s.metrics.drop("oversized")
		default:
			r, pass := c.s.guard(b, tuple, udpClient{c, from})
			if pass {
				c.now = r
				return copy(p, b), from, nil
			}
		}
	}
}

// udpClient is a client behind a udpConn.
type udpClient struct {
	conn *udpConn
	addr *net.UDPAddr
}

func (u udpClient) send(b []byte) error {
	_, err := u.conn.WriteTo(b, u.addr)
	return err
}

func (udpClient) transport() string { return "udp" }

// forward sends ChannelData of a client to its peer, or drops it.
func (s *Server) forward(frame []byte, a *allocation) {
	number, data, ok := channelFrame(frame)
	if !ok {
		s.metrics.drop("malformed")
		return
	}
	if a == nil {
		s.metrics.drop("no_allocation")
		return
	}
	peer, ok := a.channel(number)
	if !ok {
		s.metrics.drop("no_channel")
		return
	}
	_ = a.relayed.toPeer(data, peer) // counted there
}
