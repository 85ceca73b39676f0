package loss

import (
	"slices"
	"sort"
	"time"
)

const (
	// overtaking is how long a packet may be late before it is asked for: what takes another way through the network
	// comes within a few milliseconds.
	overtaking = 10 * time.Millisecond
	// unknownRTT is waited before asking again while the round trip is unknown.
	unknownRTT = 100 * time.Millisecond
	// leastRTT bounds how often is asked on a fast link.
	leastRTT = 20 * time.Millisecond
	// tries is how often is asked for a packet.
	tries = 8
	// useless is the age at which a packet is given up: a receiver will have asked for a keyframe.
	useless = time.Second
	// capacity is how many missing packets are remembered. A longer gap is an outage that only a keyframe repairs.
	capacity = 256
)

// Generator finds what is missing from one SSRC. Make it with NewGenerator; it has one owner.
type Generator struct {
	started bool
	highest uint64
	missing []gap // ascending
}

// gap is one missing packet.
type gap struct {
	seq   uint64
	since time.Duration
	asked time.Duration // the last time
	tries int
}

// NewGenerator makes a generator.
func NewGenerator() *Generator { return &Generator{missing: make([]gap, 0, capacity)} }

// Receive notes a packet. The first one starts the sequence. True: a gap opened; Next has changed.
func (g *Generator) Receive(seq uint64, now time.Duration) bool {
	if !g.started || seq > g.highest+capacity {
		g.started, g.highest = true, seq
		g.missing = g.missing[:0]
		return false
	}
	if seq <= g.highest {
		if i := g.find(seq); i < len(g.missing) && g.missing[i].seq == seq {
			g.missing = slices.Delete(g.missing, i, i+1)
		}
		return false
	}
	opened := seq - g.highest - 1
	if over := len(g.missing) + int(opened) - capacity; over > 0 {
		g.missing = slices.Delete(g.missing, 0, over)
	}
	for n := g.highest + 1; n < seq; n++ {
		g.missing = append(g.missing, gap{seq: n, since: now})
	}
	g.highest = seq
	return opened > 0
}

// find is the place of the first missing packet that is not before seq.
func (g *Generator) find(seq uint64) int {
	return sort.Search(len(g.missing), func(i int) bool { return g.missing[i].seq >= seq })
}

// Due appends to dst the sequence numbers to ask for now, ascending, counts them as asked for, and forgets what is
// given up. rtt is the round trip to the sender; 0: unknown.
func (g *Generator) Due(dst []uint64, now, rtt time.Duration) []uint64 {
	kept := g.missing[:0]
	for _, m := range g.missing {
		if now >= m.due(rtt) {
			if m.tries == tries || now-m.since >= useless {
				continue
			}
			m.asked, m.tries = now, m.tries+1
			dst = append(dst, m.seq)
		}
		kept = append(kept, m)
	}
	g.missing = kept
	return dst
}

// due is when to ask for it, or to give it up. Each try waits a little longer than the one before.
func (m *gap) due(rtt time.Duration) time.Duration {
	if m.tries == 0 {
		return m.since + overtaking
	}
	if rtt <= 0 {
		rtt = unknownRTT
	}
	rtt = max(rtt, leastRTT)
	return min(m.asked+rtt+rtt*time.Duration(m.tries-1)/4, m.since+useless)
}

// Next is when Due may have something; false: nothing is missing.
func (g *Generator) Next(rtt time.Duration) (time.Duration, bool) {
	var next time.Duration
	for i := range g.missing {
		if due := g.missing[i].due(rtt); i == 0 || due < next {
			next = due
		}
	}
	return next, len(g.missing) > 0
}

// Missing is how many packets are still hoped for.
func (g *Generator) Missing() int { return len(g.missing) }

// Skip gives up everything before seq: a keyframe that begins there needs none of it.
func (g *Generator) Skip(seq uint64) { g.missing = slices.Delete(g.missing, 0, g.find(seq)) }
