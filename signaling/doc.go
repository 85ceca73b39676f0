// Package signaling is who is here and what they say: WebSocket and HTTP in, room actors inside.
//
//	socket ─ reader: size, rate, strict decode ─▶ actor's inbox ─▶ room.Step on `ahead` ─▶ journal ─▶ store
//	WHIP, WHEP ───────────────────────────────────────▲                                        │ safe
//	other nodes ── bus: signals, offers, slots ───────┘   queues ◀─ encoded once ◀─ `committed` ◀──┘
//	                                                      └─▶ link: one participant's SFU connection, off the actor
//
// A room is an actor at each node that has somebody of it: one goroutine owns its replica, its newest events and its members, so there is no
// lock to hold. Nothing it does can block, least of all on the store: what is decided waits in the journal until it is in the log, and is told and
// acknowledged then. A session (a socket) has a reader, which waits for the actor's bounded inbox and so feels
// back-pressure, and a writer with a bounded queue; who does not read fast enough is cut and may resume. SDP is negotiated
// by a link, one operation after the other, in a goroutine that exists only while there is something to do.
//
// A seat outlives its socket, its node and the process: resume with the session secret within Limits.Hold (HoldClosed when the page was closed) takes
// it back, at any node, with exactly the events that were missed, from memory or from the log. Media goes on meanwhile; it is the SFU's and the peers' business.
//
// Who comes into a room passes, in this order: the token (access.go), the room's password (password.go), the lobby (lobby.go), and room.Join,
// which has the last word. What a seat may do there is auth.May's to say, in package room.
//
// WHIP (RFC 9725) publishers are participants of kind ingest, WHEP viewers are invisible; both are the same act as
// joining the SFU from a socket, over HTTP, and end with DELETE or with their media connection. A node without the room's SFU passes
// their requests on (forward.go).
//
// Package signaling never imports package media: it declares what it needs as Media, and the program introduces them.
// Server.Run owns every goroutine that is not a request's, and waits for the sockets' too.
package signaling
