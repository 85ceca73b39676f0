// Package protocol is every message of the signaling protocol confab.v1, one struct each.
//
// A frame is one JSON object with a "type". Clients send commands; the server answers with replies, events and
// ephemeral notices:
//
//	commands    join resume signal sfu-offer view state route-ready route-failed credentials ping leave refresh
//	            chat chat-edit chat-delete chat-react history typing emote transfer
//	            set-room set-role mute allow remove admit end-room record invite
//	replies     joined waiting ack sfu-answer credentials history invite pong error left
//	events      participant-joined participant-left participant-updated chat-message chat-edited chat-deleted chat-reacted
//	            settings granted recording route route-done room-ended withheld (seq)
//	ephemeral   signal transfer slots speakers typing emote knocks draining
//
// From the server a frame may also be an array of such objects, in order: what waits for a socket shares a frame.
//
// A command that takes a place in the log is acknowledged (ack) when it is safe there. Its id makes it happen once: who does not know
// whether a command arrived sends it again, on whatever socket.
//
// An event is an entry of the room's log: its seq follows the previous one by exactly one, and a client that comes back
// with resume{session, epoch, seq} gets each missed event once, or joined{recovered:false} with a snapshot. Ephemeral
// notices have no seq, are never replayed, and a newer one replaces an older one.
//
// Clients offer and the server answers (RFC 9429), always: the SFU's answer rides in joined or sfu-answer. Between two
// peers the W3C perfect negotiation pattern applies; the peer whose id is greater is the polite one.
//
// The TypeScript types (web/sdk/src/protocol.gen.ts) and docs/protocol.md are generated from this package by the program
// in gen, doc comments included, so what stands here is what a stranger reads. Decoding a command is strict: an unknown
// type, an unknown field, a field given twice, a trailing byte or a value out of bounds is an Error with a code, never a
// guess. Clients ignore unknown fields and unknown types, so that a server may learn new ones.
//
// The package is pure: no clock, socket, lock, goroutine or log.
package protocol

//go:generate go run ./gen
