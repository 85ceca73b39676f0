// Package relay is a TURN server (RFC 8656) for people who run it beside other things: safe by default, told what to do by
// a handful of options, and the same whether it shares its ports with a signaling server or runs alone.
//
// pion/turn owns allocations: lifetimes, refreshes, permission and channel timers. This package stands around it:
//
//		            client side                                         peer side
//		 UDP  ──▶ udpConn ────┐                                   ┌──▶ relayed ──▶ peers
//		 TCP  ──▶ streamConn ─┤── guard ──▶ pion/turn ──▶ ports ──┤       (one socket per allocation)
//		 TLS  ──▶ streamConn ─┤     │           │ events          └──▶ relayed ──▶ other relayed addresses, the SFU
//		 DTLS ──▶ streamConn ─┘     │           ▼
//		                            └── ChannelData ── allocation table ──▶ relayed
//
//	  - udpConn and streamConn give pion whole messages. A stream is cut into frames here (frame.go), with deadlines, and is
//	    closed at the first thing that is no frame.
//	  - dtlsListener (dtls.go) tells DTLS clients of one socket apart, bounds their handshakes, and makes a stream of each: a message in a record.
//	  - guard sees every request first: it gives out nonces (bound to the client's address), authenticates, answers what is refused (400,
//	    401, 403, 420, 437, 438, 440 to 443, 446, 447, 486, 508), and limits what strangers may ask for.
//	  - pionSide (pion.go) writes a request that passed anew for pion, with what pion can do and nothing else, and writes pion's answer anew
//	    for the client.
//	  - tcpAllocation (tcp.go) serves TCP allocations (RFC 6062) without pion.
//	  - ChannelData, plain Send indications and what peers send pass by pion, by a table that pion's events keep (package forward). A UDP
//	    socket of the net package is served by a worker with batched system calls (worker_linux.go), where there are workers; relay sockets of
//	    other clients are read and written in batches by pion's loops (batch_linux.go); elsewhere datagrams go one by one (plain.go).
//	  - What may wait is bounded: 512 messages for pion of clients with an allocation and 512 of strangers per worker, 64 datagrams or 64 kB
//	    of a stream, 1 MB (if the kernel agrees) in each relay socket. What finds no room is dropped and counted.
//	  - relayed is the relayed transport address. Every datagram passes the peer policy there, in both directions, with its
//	    port: permissions are per address (RFC 8656 §9) and can't tell the SFU's port from the one beside it.
//
// Credentials are those of the TURN REST scheme (see package auth), of a file of Users, or of any Credentials. An expired credential makes no
// new allocation, and keeps serving the one it has made; Revoke ends both. Allocations and bandwidth are bounded per user, per address and in
// all. Reload changes these rules, of live allocations too, credentials and the public addresses, and drops no allocation.
//
// Peers are refused by default when they are private, special or the server itself: see package relay/policy. Two exceptions, each an
// exact address and port: our own live relayed addresses, so that two relayed clients meet, and the Services in Options (the
// SFU's media address). When the public address is on no interface of this host (1:1 NAT, containers), datagrams to these are
// sent to the local address instead, and their answers are shown to the client as coming from the public one: no router needs to
// know hairpinning.
//
// Relayed addresses are IPv4 or IPv6, one per allocation: who wants both at once (ADDITIONAL-ADDRESS-FAMILY) gets IPv4 and an
// ADDRESS-ERROR-CODE. EVEN-PORT and RESERVATION-TOKEN are ours too (reservation.go). Not offered: DONT-FRAGMENT (420), mobility (RFC 8016),
// SHA-256 integrity and user hashes (RFC 8489 §14.4, §14.6), ICMP (RFC 8656 §11.5), NAT behaviour discovery (RFC 5780).
// A lifetime is an hour less a second at most, since pion takes an hour for no value.
//
// Owner of everything is Run: it starts pion's loops and returns when they, the connections and the allocations have ended.
package relay
