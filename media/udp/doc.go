// Package udp is one UDP socket that moves packets in batches and allocates nothing per packet.
//
// On Linux a Socket reads with recvmmsg and writes with sendmmsg, and packets of one size to one destination leave as
// one UDP_SEGMENT (GSO) send: the path through the kernel's UDP stack, and not the system call, is what a datagram
// costs. Where a device refuses segmentation the run is sent again as single datagrams and the refusal is remembered.
// Everywhere else, and for any net.PacketConn given to Wrap (a virtual network in tests), the same API moves one
// datagram at a time. One test suite runs over both.
//
//	          Rx  ── Recv ──►  n messages, each with headroom in front and a sender
//	Socket ◄──┤
//	          Tx  ◄─ Slot, Commit(dest, n) ─ ... ─ Flush
//
// # Addresses
//
// A Socket bound to no address or to [::] serves IPv4 and IPv6. The API knows no IPv4-mapped addresses: what comes out is
// unmapped, what goes in may be either. On a wildcard socket every received message says to which local address it
// was sent (Rx.Local), and NewDestFrom makes a destination that is sent to from exactly that address, as ICE
// demands of a host with several (RFC 8445 §7.3.1.2: the response leaves from where the request arrived).
//
// # Ownership
//
// Rx and Tx belong to one goroutine each; a Socket may have any number of them. Buffers shown by Rx.Msg are valid until the
// next Recv; a slot shown by Tx.Slot is valid until Commit or Flush. A Dest carries the packets queued to it and so belongs to
// the goroutine of the one Tx that it is committed to. Socket.WriteTo, Stats and Close are safe for all.
package udp
