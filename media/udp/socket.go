package udp

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
	"syscall"
)

// SlotSize is the capacity of a transmit slot, in bytes: one datagram of an Ethernet frame, and room for an SRTP tag.
const SlotSize = 1536

// defaultBuffer holds 60 ms of 1 Gbit/s: Linux gives 208 KiB by default, which one burst of keyframes overruns.
const defaultBuffer = 8 << 20

// Options of a Socket. The zero value is good.
type Options struct {
	ReadBuffer  int  // bytes of kernel receive buffer asked for; 0 means 8 MiB. The kernel may grant less: see Stats.
	WriteBuffer int  // bytes of kernel send buffer asked for; 0 means 8 MiB
	NoGSO       bool // never coalesce with UDP_SEGMENT
	Portable    bool // never batch: the path other systems take
}

// Socket is one bound UDP socket.
type Socket struct {
	pc    net.PacketConn
	udp   *net.UDPConn    // pc, if it is one: its AddrPort methods do not allocate
	raw   syscall.RawConn // nil: the portable path
	ipv6  bool            // an AF_INET6 socket: IPv4 addresses go in mapped
	wild  bool            // bound to no address: local addresses come and go with each datagram
	gso   bool
	local netip.AddrPort

	readBuffer, writeBuffer int

	count struct {
		received, receivedBytes, receiveCalls atomic.Uint64
		sent, sentBytes, sendCalls            atomic.Uint64
		truncated, sendErrors                 atomic.Uint64
		segmented, fallbacks                  atomic.Uint64
	}
}

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

// Listen opens a socket on addr, "host:port" or ":port". An empty or [::] host serves IPv4 and IPv6, where the system has both.
func Listen(addr string, o Options) (*Socket, error) {
	pc, err := new(net.ListenConfig).ListenPacket(context.Background(), "udp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen on UDP %s: %w", addr, err)
	}
	s := Wrap(pc)
	s.growBuffers(orDefault(o.ReadBuffer), orDefault(o.WriteBuffer))
	if !o.Portable {
		s.enableBatching(!o.NoGSO)
	}
	return s, nil
}

func orDefault(n int) int {
	if n == 0 {
		return defaultBuffer
	}
	return n
}

// Wrap makes a Socket of any PacketConn whose addresses are *net.UDPAddr; it takes the portable path. It owns pc from now on.
func Wrap(pc net.PacketConn) *Socket {
	s := &Socket{pc: pc}
	s.udp, _ = pc.(*net.UDPConn)
	if a, ok := pc.LocalAddr().(*net.UDPAddr); ok {
		s.local = unmap(a.AddrPort())
		s.wild = !s.local.Addr().IsValid() || s.local.Addr().IsUnspecified()
	}
	return s
}

func unmap(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) }

// growBuffers asks for the wanted sizes. Failure is not fatal: Stats tells what was granted.
func (s *Socket) growBuffers(read, write int) {
	if s.udp == nil {
		return
	}
	_ = s.udp.SetReadBuffer(read)
	_ = s.udp.SetWriteBuffer(write)
	s.forceBuffers(read, write)
}

// LocalAddr is the address that the socket is bound to.
func (s *Socket) LocalAddr() netip.AddrPort { return s.local }

// Batched says whether the socket moves datagrams in batches, and not one by one.
func (s *Socket) Batched() bool { return s.raw != nil }

// WriteTo sends b at once, outside of any Tx, from an address of the kernel's choice.
func (s *Socket) WriteTo(b []byte, to netip.AddrPort) (int, error) {
	var n int
	var err error
	if s.udp != nil {
		n, err = s.udp.WriteToUDPAddrPort(b, to)
	} else {
		n, err = s.pc.WriteTo(b, net.UDPAddrFromAddrPort(to))
	}
	s.countSend(n, err)
	return n, err
}

// Send sends b at once to d, outside of any Tx. Safe for concurrent use.
func (s *Socket) Send(b []byte, d *Dest) (int, error) {
	var n int
	var err error
	switch {
	case s.raw != nil && s.wild && d.hasSource():
		n, _, err = s.udp.WriteMsgUDPAddrPort(b, d.control(s.ipv6), d.to)
		if err != nil && !isClosed(err) {
			// If it goes without, from is no address of this host: a public one in front of a NAT, or one that has gone.
			if n, err = s.udp.WriteToUDPAddrPort(b, d.to); err == nil {
				d.sourceless.Store(true)
			}
		}
	case s.udp != nil:
		n, err = s.udp.WriteToUDPAddrPort(b, d.to)
	default:
		n, err = s.pc.WriteTo(b, d.addr)
	}
	s.countSend(n, err)
	return n, err
}

func (s *Socket) countSend(n int, err error) {
	s.count.sendCalls.Add(1)
	if err != nil {
		s.count.sendErrors.Add(1)
		return
	}
	s.count.sent.Add(1)
	s.count.sentBytes.Add(uint64(n))
}

// Stats returns a snapshot of the counters.
func (s *Socket) Stats() Stats {
	c := &s.count
	return Stats{
		Received: c.received.Load(), ReceivedBytes: c.receivedBytes.Load(), ReceiveCalls: c.receiveCalls.Load(),
		Sent: c.sent.Load(), SentBytes: c.sentBytes.Load(), SendCalls: c.sendCalls.Load(),
		Truncated: c.truncated.Load(), SendErrors: c.sendErrors.Load(),
		Segmented: c.segmented.Load(), Fallbacks: c.fallbacks.Load(),
		ReadBuffer: s.readBuffer, WriteBuffer: s.writeBuffer,
	}
}

// Close closes the socket; Recv returns net.ErrClosed from then on.
func (s *Socket) Close() error { return s.pc.Close() }
