// Package session sends and receives contents on lanes.
//
// A Sender has one content and serves it to any number of receivers at once; blocks are read from the Source once while several
// want them. A Receiver gets one content from the sender, and from other receivers where there are any, which it serves in turn.
//
//	Sender.Serve ── lanes ── Receiver.Run ── Sink
//	                            │
//	                         lanes of a swarm ── Receiver.Join, at another receiver
//
// Lanes are made by a Dialer: package rtc makes WebRTC data channels, the tests make lanes in memory with virtual time. A session
// outlives its lanes: when all are lost it goes on as soon as the Dialer brings a new one, until its context ends. Whoever comes back
// as a new participant begins a new session, and continues from the blocks that its Sink has.
//
// The receiver drives: what it has asked for and not got is its window (package plan). The sender answers requests in order.
// Source and Sink are used by several goroutines at once, but a file of a Sink is written by one at a time.
package session
