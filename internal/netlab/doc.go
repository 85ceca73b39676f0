// Package netlab is the test lab: whole calls, in virtual time, on an internet that lives in memory.
//
//	alice ─┐                        ┌─ signaling.Server ─ media.Engine    composed as cmd/sfu does it,
//	bob   ─┼─ wires (TCP), vnet ────┤
//	carol ─┘  (UDP)                 └─ transport.Mux ─ relay.Server       with everything real but the network
//
// A Lab is made inside testing/synctest.Test, so that time passes only when everybody waits: a minute of a call takes a second
// or so, and timeouts are exact. It holds one server, and hosts for as many clients as a story needs. Links have a
// delay; they lose packets by a seeded chance, are cut and healed, and two hosts can be kept from each other, all while a call goes on.
//
// A Client stands in for a browser with our page: it speaks confab.v1 over a real WebSocket, uses pion for its
// connections, and switches routes, resumes and restarts ICE by the rules of web/sdk. What it sends is synthetic: every packet of
// its Opus and VP8 names its author, its source, and its place in which frame, so a receiver knows what it got without
// believing anybody. A Client holds the server to the protocol all the time: an event missed, doubled or out of order, a packet
// delivered twice, or a slot whose media is not what the server said, fails the test.
//
// The lab ends with the test, and waits: in a synctest bubble a goroutine left behind is a failure. It is for tests alone.
package netlab
