// Package ring keeps the last packets of a source, bytes included, for forwarding and for retransmission.
//
// The bytes lie one after another in one arena that wraps; an index of sequence numbers points into it. A packet is
// there until its place in the index or in the arena is needed again:
//
//	arena   [ room packet 41 | room packet 42 | room packet 43 | ...free... ]
//	index     41 → 0            42 → 1264        43 → 2528
//
// In front of each packet there may be room, in which a sender can build another header. A Ring has one owner; memory is
// taken once, in New.
package ring
