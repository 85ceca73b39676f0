// Package portmux shares one TCP port between HTTP and TURN, with or without TLS.
//
// Each accepted connection is told apart by what its client says first:
//
//	0x16        a TLS ClientHello: handshake, then ALPN decides: http/1.1 → HTTP; stun.turn, stun.nat-discovery
//	            (RFC 7443) → TURN; without ALPN, the first decrypted byte, as below
//	0x00–0x03   a STUN message (RFC 7983 §7) → TURN: every TURN connection begins with one
//	A–Z         an HTTP method → HTTP; on a port with TLS it is sent to https instead
//	other       closed
//
// A client has a fixed time to say it, handshake included; as many as MaxPending may be silent at once, MaxPendingPerAddress of one
// address. Each waits in a goroutine of its own, so none holds up another.
//
// A Mux gives out two net.Listeners. Their connections read from the first byte on, have no deadline left, and, when they came by TLS,
// a ConnectionState method, which net/http takes for Request.TLS.
package portmux
