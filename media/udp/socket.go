package udp

import (
	"errors"
	"net"
	"net/netip"
)

// SlotSize is the capacity of a transmit slot, in bytes: one datagram of an Ethernet frame, and room for an SRTP tag.
const SlotSize = 1536

// Options of a Socket. The zero value is good.
type Options struct {
	ReadBuffer  int  // bytes of kernel receive buffer asked for; 0 means 8 MiB. The kernel may grant less: see Stats.
	WriteBuffer int  // bytes of kernel send buffer asked for; 0 means 8 MiB
	NoGSO       bool // never coalesce with UDP_SEGMENT
	Portable    bool // never batch: the path other systems take
}

// Socket is one bound UDP socket.
type Socket struct{}

// Rx receives batches of datagrams. It belongs to one goroutine.
type Rx struct{}

// Tx queues datagrams and sends them in batches. It belongs to one goroutine.
type Tx struct{}

// Dest is a destination, prepared for sending. It belongs to the goroutine of the Tx that it is committed to.
type Dest struct{}

// Stats are counters of a Socket since it was opened.
type Stats struct {
	Received, ReceivedBytes, ReceiveCalls uint64
	Sent, SentBytes, SendCalls            uint64
	Truncated                             uint64 // datagrams longer than the receive buffer; dropped
	SendErrors                            uint64 // datagrams that the kernel refused; dropped
	Segmented                             uint64 // datagrams that left as part of a UDP_SEGMENT run
	Fallbacks                             uint64 // runs refused by a device and sent again one by one
	ReadBuffer, WriteBuffer               int    // bytes granted by the kernel; 0 if unknown
}

var errNotBuilt = errors.New("udp: not built yet")

// Listen opens a socket on addr, "host:port" or ":port". An empty or [::] host serves IPv4 and IPv6.
func Listen(addr string, o Options) (*Socket, error) { return nil, errNotBuilt }

// Wrap makes a Socket of any PacketConn whose addresses are *net.UDPAddr. It owns pc from now on.
func Wrap(pc net.PacketConn) *Socket { return nil }

// LocalAddr is the address that the socket is bound to.
func (s *Socket) LocalAddr() netip.AddrPort { return netip.AddrPort{} }

// WriteTo sends b at once, outside of any Tx.
func (s *Socket) WriteTo(b []byte, to netip.AddrPort) (int, error) { return 0, errNotBuilt }

// WriteFrom sends b at once, from the local address from (the zero Addr lets the kernel choose).
func (s *Socket) WriteFrom(b []byte, from netip.Addr, to netip.AddrPort) (int, error) { return 0, errNotBuilt }

// Stats returns a snapshot of the counters.
func (s *Socket) Stats() Stats { return Stats{} }

// Close closes the socket; Recv returns net.ErrClosed from then on.
func (s *Socket) Close() error { return nil }

// NewRx makes a receiver of up to batch datagrams per call, of up to bufSize bytes each, with headroom free bytes in front.
func (s *Socket) NewRx(batch, bufSize, headroom int) *Rx { return nil }

// Recv blocks until at least one datagram is there and returns how many. After Close it returns net.ErrClosed.
func (r *Rx) Recv() (n int, err error) { return 0, errNotBuilt }

// Msg returns message i of the last Recv: buf[headroom:headroom+n] is the datagram. Valid until the next Recv.
func (r *Rx) Msg(i int) (buf []byte, n int, from netip.AddrPort) { return nil, 0, netip.AddrPort{} }

// Local is the address that message i was sent to; the zero Addr if the system does not tell.
func (r *Rx) Local(i int) netip.Addr { return netip.Addr{} }

// NewTx makes a queue of slots datagrams; 64 stay in the processor's cache between encryption and sending.
func (s *Socket) NewTx(slots int) *Tx { return nil }

// Free is how many datagrams can be committed before Flush must be called; Commit flushes by itself when there is none.
func (t *Tx) Free() int { return 0 }

// Pending is how many datagrams are queued.
func (t *Tx) Pending() int { return 0 }

// Slot returns the next free buffer: length 0, capacity SlotSize. It flushes first when none is free.
func (t *Tx) Slot() []byte { return nil }

// Commit queues the first n bytes of the buffer last returned by Slot to d.
func (t *Tx) Commit(d *Dest, n int) {}

// Flush sends all that is queued. What the kernel refuses is dropped and counted; the error is the socket's end.
func (t *Tx) Flush() error { return nil }

// NewDest prepares a destination.
func NewDest(to netip.AddrPort) *Dest { return nil }

// NewDestFrom prepares a destination that is sent to from the local address from.
func NewDestFrom(from netip.Addr, to netip.AddrPort) *Dest { return nil }

// Addr is where the destination is.
func (d *Dest) Addr() netip.AddrPort { return netip.AddrPort{} }
