// Package doctor finds out what is wrong with a STUN or TURN server, ours or anybody's, from where a client stands, and says how to
// mend it.
//
// The server's address gives legs: one per transport (UDP, TCP, TLS, DTLS) and IP version. Each leg is walked until it ends:
//
//	connect ─ certificate ─ answers ─ NAT ─ credentials ─ wrong password ─ allocation ─ relayed bytes ─ reached from outside
//	          (TLS, DTLS)   (STUN)   (UDP)                                 (TURN)       (two allocations, every byte compared)
//
// and, once for the server, on the first leg that has an allocation: addresses that no relay should send to, whether expired
// credentials are refused and those of the next minute taken (the clocks agree), and IPv6 relayed addresses. A check that fails carries
// a Fix, one sentence for the operator. What could not be looked at is Skipped and says why; it is no failure.
//
// The client here is a small one of its own (session): a doctor must be able to say wrong things, see error codes and count every
// datagram, which a client that wants to succeed does not. It is no load generator and no conformance suite.
package doctor
