package relay

import "sync/atomic"

// meter is a token bucket for bytes: the bandwidth that an allocation may use, both directions together. It is taken from once
// per relayed datagram by several goroutines at a time, so it is one atomic word and no lock (the generic cell rate algorithm,
// ITU-T I.371): the word is the time at which the bucket will be full again. A meter may have a parent, whose bytes are taken too: an
// allocation's meter stands for its user, address and server.
//
// A nil meter lets everything pass.
type meter struct {
	perByte float64 // nanoseconds that one byte takes at the permitted rate; 0 for no limit
	burst   int64   // nanoseconds of traffic that may come at once
	full    atomic.Int64

	parents []*meter // asked as well, after this one; may hold nil
}

// burstTime is how much traffic may come at once, as time at the permitted rate. A video's keyframe is several times its
// average second's share of packets; a quarter of a second lets it pass a limit that the call as a whole respects.
const burstTime = int64(250e6)

// newMeter returns a meter for a rate of bits per second, IP and UDP headers not counted, that also asks its parents. It is nil when nothing is limited.
func newMeter(bitsPerSecond int64, parents ...*meter) *meter {
	kept := parents[:0:0]
	for _, parent := range parents {
		if parent != nil {
			kept = append(kept, parent)
		}
	}
	if bitsPerSecond <= 0 && len(kept) == 0 {
		return nil
	}
	m := &meter{burst: burstTime, parents: kept}
	if bitsPerSecond > 0 {
		m.perByte = 8e9 / float64(bitsPerSecond)
		// One datagram of the largest kind must pass an idle meter, whatever the rate.
		m.burst = max(m.burst, int64(65536*m.perByte))
	}
	return m
}

// take says whether n bytes may pass at now, in monotonic nanoseconds, and counts them if so. It neither locks nor allocates.
func (m *meter) take(n int, now int64) bool {
	if m == nil {
		return true
	}
	if !m.reserve(n, now) {
		return false
	}
	for i, parent := range m.parents {
		if parent.take(n, now) {
			continue
		}
		// What does not pass is charged to nobody, or one greedy user's drops would eat the others' share.
		m.refund(n)
		for _, asked := range m.parents[:i] {
			asked.refundAll(n)
		}
		return false
	}
	return true
}

func (m *meter) reserve(n int, now int64) bool {
	if m.perByte == 0 {
		return true
	}
	cost := int64(float64(n) * m.perByte)
	for {
		full := m.full.Load()
		next := max(full, now) + cost
		if next-now > m.burst {
			return false
		}
		if m.full.CompareAndSwap(full, next) {
			return true
		}
	}
}

func (m *meter) refund(n int) {
	if m.perByte != 0 {
		m.full.Add(-int64(float64(n) * m.perByte))
	}
}

func (m *meter) refundAll(n int) {
	m.refund(n)
	for _, parent := range m.parents {
		parent.refundAll(n)
	}
}
