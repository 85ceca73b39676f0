package udp

import (
	"errors"
	"net"
	"net/netip"
)

// Rx receives batches of datagrams. It belongs to one goroutine.
type Rx struct {
	sock    *Socket
	head    int
	bufs    [][]byte // each with head bytes in front
	sizes   []int
	froms   []netip.AddrPort
	locals  []netip.Addr
	receive func() (int, error)
}

// NewRx makes a receiver of up to batch datagrams per call, of up to bufSize bytes each, with headroom free bytes in front.
func (s *Socket) NewRx(batch, bufSize, headroom int) *Rx {
	r := &Rx{
		sock: s, head: headroom,
		bufs: make([][]byte, batch), sizes: make([]int, batch), froms: make([]netip.AddrPort, batch), locals: make([]netip.Addr, batch),
	}
	size := headroom + bufSize
	arena := make([]byte, batch*size)
	for i := range r.bufs {
		r.bufs[i] = arena[i*size : (i+1)*size : (i+1)*size]
	}
	if r.receive = r.receiveOne; s.raw != nil {
		r.receive = newBatchReceiver(r)
	}
	return r
}

// Recv blocks until at least one datagram is there and returns how many. After Close it returns net.ErrClosed.
// Datagrams longer than the buffer are cut by the kernel, so they are dropped: Msg shows them with n = 0.
func (r *Rx) Recv() (n int, err error) {
	n, err = r.receive()
	if err != nil {
		return 0, err
	}
	var bytes int
	for _, size := range r.sizes[:n] {
		bytes += size
	}
	c := &r.sock.count
	c.receiveCalls.Add(1)
	c.received.Add(uint64(n))
	c.receivedBytes.Add(uint64(bytes))
	return n, nil
}

// Msg returns message i of the last Recv: buf[headroom:headroom+n] is the datagram. Valid until the next Recv.
func (r *Rx) Msg(i int) (buf []byte, n int, from netip.AddrPort) {
	return r.bufs[i], r.sizes[i], r.froms[i]
}

// Local is the address that message i was sent to; the zero Addr if the system does not tell and the socket is bound to a wildcard.
func (r *Rx) Local(i int) netip.Addr { return r.locals[i] }

// receiveOne is the portable path. A datagram that fills the buffer to its last byte counts as cut: no portable call tells.
func (r *Rx) receiveOne() (int, error) {
	s, buf := r.sock, r.bufs[0][r.head:]
	var err error
	if s.udp != nil {
		r.sizes[0], r.froms[0], err = s.udp.ReadFromUDPAddrPort(buf)
		r.froms[0] = unmap(r.froms[0])
	} else {
		var from net.Addr
		r.sizes[0], from, err = s.pc.ReadFrom(buf)
		if a, ok := from.(*net.UDPAddr); ok {
			r.froms[0] = unmap(a.AddrPort())
		} else if err == nil {
			err = errors.New("udp: the PacketConn's addresses are not *net.UDPAddr")
		}
	}
	if err != nil {
		return 0, err
	}
	if !s.wild {
		r.locals[0] = s.local.Addr()
	}
	if r.sizes[0] == len(buf) {
		s.count.truncated.Add(1)
		r.sizes[0] = 0
	}
	return 1, nil
}
