// Package room is what happens in one room, as a log.
//
//	command ──Decide──▶ events (or a refusal) ──Evolve──▶ state ──settle──▶ more events, until nothing follows
//
// Step does all of it. Decide looks and never changes; Evolve changes and never refuses; what follows from a change by
// rule alone (another route for the media, everybody being ready for it) is settled right after. Time is an argument: the
// owner calls Step with a Tick at the time that State.Deadline names, and needs one timer per room for that.
//
// Every event is logged and has a number, and the numbers of a room follow each other without a gap: they are the seq of the wire.
// Replaying a log gives State again, on whatever node: what depends on a node's configuration is decided once and
// stands in the event. Encode and Decode are the log's format, Snapshot and Load that of a state; both are written for
// ever (testdata/logs).
//
// A command carries the id that its client gave it; what is in the log already happens no second time. Who may do what is
// the table of package auth; here it meets the room: locked, banned, blocked, full.
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
