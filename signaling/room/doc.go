// Package room is what happens in one room, as a log.
//
//	command ──Decide──▶ events (or a refusal) ──Evolve──▶ state ──settle──▶ more events, until nothing follows
//
// Step does all of it. Decide looks and never changes; Evolve changes and never refuses; what follows from a change by
// rule alone (another route for the media, everybody being ready for it) is settled right after. Time is an argument: the
// owner calls Step with a Tick at the time that State.Deadline names, and needs one timer per room for that.
//
// A logged event has a number, and the numbers of a room follow each other without a gap: they are the seq of the wire.
// A transient event (number 0) changes what only matters while the connections of the moment live: who reported the
// route ready, which pairs could not connect, how many watch over WHEP. Replaying the logged events gives State again,
// but for what the transient ones changed.
//
// The route is how media travels in the room, in generations. A new generation is announced (RouteChanged), everybody
// builds it beside the old one and says so, and only then, or after a timeout, the old one may go (RouteDone):
//
//	auto, SFU on    two: peer to peer · three, an ingest or a WHEP viewer: SFU · two again for a while: peer to peer
//	                a pair that cannot connect: SFU, remembered · somebody cannot reach the SFU: a mesh of at most four
//	auto, SFU off   a mesh of at most four
//	p2p, sfu        always that
//
// The package is pure: no clock, goroutine, lock, socket or log. A State belongs to one goroutine.
package room
