// Package relay is a TURN server (RFC 8656) for people who run it beside other things: safe by default, told what to do by
// a handful of options, and the same whether it shares its ports with a signaling server or runs alone.
//
// pion/turn owns the protocol: nonces, lifetimes, refreshes, permission and channel timers. This package stands around it:
//
//		            client side                                         peer side
//		 UDP  ──▶ udpConn ────┐                                   ┌──▶ relayed ──▶ peers
//		 TCP  ──▶ streamConn ─┤── guard ──▶ pion/turn ──▶ ports ──┤       (one socket per allocation)
//		 TLS  ──▶ streamConn ─┘     │           │ events          └──▶ relayed ──▶ other relayed addresses, the SFU
//		                            │           ▼
//		                            └── ChannelData ── allocation table ──▶ relayed
//
//	  - udpConn and streamConn give pion whole messages. A stream is cut into frames here (frame.go), with deadlines, and is
//	    closed at the first thing that is no frame.
//	  - guard sees every request first: it authenticates, answers what pion leaves unanswered or answers wrongly (401, 403, 420,
//	    437, 440, 441, 442, 443, 508), limits what strangers may ask for, and lets the rest through.
//	  - ChannelData goes from client to peer and back without pion, by a table that pion's events keep.
//	  - relayed is the relayed transport address. Every datagram passes the peer policy there, in both directions, with its
//	    port: permissions are per address (RFC 8656 §9) and can't tell the SFU's port from the one beside it.
//
// Credentials are those of the TURN REST scheme: see package auth. An expired credential makes no new allocation, and keeps
// serving the one it has made.
//
// Peers are refused by default when they are private, special or the server itself: see package relay/policy. Two exceptions, each an
// exact address and port: our own live relayed addresses, so that two relayed clients meet, and the Services in Options (the
// SFU's media address). When the public address is on no interface of this host (1:1 NAT, containers), datagrams to these are
// sent to the local address instead, and their answers are shown to the client as coming from the public one: no router needs to
// know hairpinning.
//
// What pion/turn v4 can't do: relayed addresses are IPv4 over UDP; there are no TCP allocations (RFC 6062), no reservation tokens, no
// DONT-FRAGMENT, no mobility. Such requests get the error code that makes a client go on without.
//
// Owner of everything is Run: it starts pion's loops and returns when they, the connections and the allocations have ended.
package relay
