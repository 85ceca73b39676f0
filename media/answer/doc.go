// Package answer reads an SDP offer and writes the answer to it (RFC 9429, RFC 3264, RFC 8843).
//
// It is the part of a negotiation that concerns media. ICE, DTLS and SCTP are pion's: the engine shows pion a reduced
// offer that has nothing but one data section (Offer.Transport), and pion's answer to that gives credentials,
// candidates and fingerprint, which Offer.Answer puts under the media sections.
//
//	offer ── Parse ──► Offer ── Transport ──► pion ──► Local ──┐
//	                     └──────────────────── Answer ◄────────┘ + one Reply per section
//
// Why not pion's transceivers: they would start an SRTP session, two goroutines per track and a second sending context
// beside ours, and they pick payload types per connection where a slot here speaks each codec of its subscriber.
//
// What is accepted: one BUNDLE group with rtcp-mux, Opus, VP8, VP9 profile 0, H264 packetization mode 1 and AV1
// profile 0, each video codec with RTX (RFC 4588), in the order of the offer; simulcast by rid (RFC 8853). A section
// without a codec of ours is refused alone (port 0). Anything that cannot be answered as a whole is an ErrBad with a
// sentence for people.
//
// The package is pure: no clock, socket, lock, goroutine or log. What it reads comes from outside and is bounded.
package answer
