package udp

import (
	"net"
	"net/netip"
	"sync/atomic"
)

// Dest is a destination, prepared for sending. What is queued to it belongs to the goroutine of the Tx that it is
// committed to; the rest does not change, so Socket.Send may use it from anywhere.
type Dest struct {
	to   netip.AddrPort
	from netip.Addr   // the zero Addr: the kernel chooses
	addr *net.UDPAddr // to, for a PacketConn that knows nothing else
	sys  sysDest

	sourceless atomic.Bool // the kernel does not know from as its own
	unsegment  bool        // the way there takes no UDP_SEGMENT; Tx's
	queue      []queued    // Tx's
}

// queued is one datagram in a Tx's arena.
type queued struct{ at, size int }

// NewDest prepares a destination.
func NewDest(to netip.AddrPort) *Dest { return NewDestFrom(netip.Addr{}, to) }

// NewDestFrom prepares a destination that is sent to from the local address from, if the socket is bound to a wildcard and
// the address is the host's; else from one that the kernel chooses.
func NewDestFrom(from netip.Addr, to netip.AddrPort) *Dest {
	d := &Dest{to: unmap(to), from: from.Unmap()}
	d.addr = net.UDPAddrFromAddrPort(d.to)
	d.prepare()
	return d
}

// Addr is where the destination is.
func (d *Dest) Addr() netip.AddrPort { return d.to }

// From is the local address that is sent from; the zero Addr if the kernel chooses.
func (d *Dest) From() netip.Addr {
	if d.sourceless.Load() {
		return netip.Addr{}
	}
	return d.from
}

func (d *Dest) hasSource() bool { return d.from.IsValid() && !d.sourceless.Load() }
