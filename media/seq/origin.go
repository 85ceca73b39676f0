package seq

import "time"

// Origin is the packet of a source that a slot's sequence number stands for.
type Origin struct {
	Source uint32
	Seq    uint64 // extended, as it was given to Map
	Shift  Shift
}

// Apply gives the fields of the source's packet p that was sent as n; for retransmissions.
func (o Origin) Apply(n uint16, p In) Out { return o.Shift.apply(n, p) }

// Origin tells which packet was sent as n, or would have been: one that was overtaken by the start of its own keyframe was not sent,
// but may be in the source's ring. It is false when n is still to come, is padding, or is older than the history.
func (r *Rewriter) Origin(n uint16) (Origin, bool) {
	if e := r.log.find(n); e != nil {
		return e.origin(), true
	}
	return Origin{}, false
}

// Resend is Origin for a retransmission: it is also false when the packet was resent less than wait (a round trip) ago.
// It remembers now when it says yes.
func (r *Rewriter) Resend(n uint16, now, wait time.Duration) (Origin, bool) {
	e := r.log.find(n)
	if e == nil {
		return Origin{}, false
	}
	ms := uint32(now / time.Millisecond)
	if e.resent != 0 && time.Duration(ms-e.resent)*time.Millisecond < wait {
		return Origin{}, false
	}
	e.resent = max(ms, 1)
	return e.origin(), true
}
