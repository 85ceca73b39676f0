// Package signaling is who is here and what they say: WebSocket and HTTP in, room actors inside.
//
//	socket ─ reader: size, rate, strict decode ─▶ actor's inbox ─▶ room.Step ─▶ ring of events ─▶ queues ─ writer ─▶ socket
//	WHIP, WHEP ───────────────────────────────────────▲   │
//	                                                      └─▶ link: one participant's SFU connection, off the actor
//
// A room is an actor: one goroutine owns its state, its ring of past events and its members, so there is no lock to hold.
// Nothing it does can block. A session (a socket) has a reader, which waits for the actor's bounded inbox and so feels
// back-pressure, and a writer with a bounded queue; who does not read fast enough is cut and may resume. SDP is negotiated
// by the member's link, one operation after the other, in a goroutine that exists only while there is something to do.
//
// A seat outlives its socket: resume with the session secret within Limits.Hold (HoldClosed when the page was closed) takes it back, with exactly the events
// that were missed if the ring still has them. Media goes on meanwhile; it is the SFU's and the peers' business.
//
// WHIP (RFC 9725) publishers are participants of kind ingest, WHEP viewers are invisible; both are the same act as
// joining the SFU from a socket, over HTTP, and end with DELETE or with their media connection.
//
// Package signaling never imports package media: it declares what it needs as Media, and the program introduces them.
// Server.Run owns every goroutine that is not a request's, and waits for the sockets' too.
package signaling
