// Package forward decides where each relayed datagram goes: it is the forwarding table of one allocation.
//
// The table holds the permissions and channels that live (RFC 8656 §9, §12), and remembers the answer for every channel, every
// peer of a Send indication and every sender heard, so that a datagram costs one look-up:
//
//	client's ChannelData  ── Channel(number) ──▶ address to send to ─┐
//	client's Send         ── Send(peer) ───────▶ address to send to ─┼─ or the reason to drop
//	a peer's datagram     ── Heard(sender) ────▶ channel and peer  ──┘
//
// An answer is worked out again when a permission or a channel comes or goes, and when the generation of the Rules has changed: the
// peer policy, the addresses of this host, or the set of live relayed addresses. Answers are bounded in number; refusals are
// remembered too, so that a flood of them is as cheap as traffic.
//
// The package also reads Send indications and writes the head of Data indications, without allocating.
//
// It is pure: no clock, socket, lock, goroutine or log. A Table belongs to who holds the allocation's lock.
package forward
