package seq

import "time"

// In is what the rewriter needs of a source's packet.
type In struct {
	Seq       uint64 // extended
	Timestamp uint32
	HasID     bool
	ID        uint16 // VP8 or VP9 picture id
	Compact   bool   // VP8: frames that are not forwarded leave no gap in the picture ids
	TL0       uint8  // TL0PICIDX
	Frame     uint16 // frame_number of the dependency descriptor
}

// Shift says what to add, modulo the field's size, to the fields of a source's packet to get the slot's.
type Shift struct {
	Timestamp uint32
	ID        uint16
	Frame     uint16
	TL0       uint8
}

// Out is a packet as the slot sends it.
type Out struct {
	Seq       uint16
	Timestamp uint32
	ID        uint16 // 15 bits
	Frame     uint16
	TL0       uint8
}

// Origin is the packet of a source that a slot's sequence number stands for.
type Origin struct {
	Source uint32
	Seq    uint64 // extended, as it was given to Map
	Shift  Shift
}

// Rewriter is the outgoing stream of one slot. It is made by NewRewriter.
type Rewriter struct {
	rate uint32
}

// NewRewriter makes the stream of a slot with the RTP clock rate in Hz. It starts at the given sequence number and
// timestamp (RFC 3550 §5.1: random) and remembers the last history packets (a power of two) for NACKs and latecomers.
// The memory for them (24 octets each) is taken at the first packet.
func NewRewriter(rate uint32, history int, firstSeq uint16, firstTimestamp uint32) *Rewriter {
	return &Rewriter{rate: rate}
}

// Switch makes source feed the slot, p being its first packet (of a keyframe, for video), which then goes to Map. hint,
// if not nil, is p's timestamp on the timeline of the slot, known from sender reports (see Align); it is used when it
// is plausible. Otherwise the timestamp goes on by the time elapsed since the last packet.
func (r *Rewriter) Switch(source uint32, p In, now time.Duration, hint *uint32) { panic("soon") }

// SetRate changes the clock rate; the next packet must come with a Switch.
func (r *Rewriter) SetRate(rate uint32) { r.rate = rate }

// Map gives a packet of the present source its place in the slot. It is false for what must not be sent: a duplicate,
// a packet older than the switch or the history, and anything before the first Switch.
func (r *Rewriter) Map(p In, now time.Duration) (Out, bool) { panic("soon") }

// Drop tells that a packet of the present source is not forwarded, padding alone included; its place closes up.
func (r *Rewriter) Drop(p In) { panic("soon") }

// Pad takes the next sequence number for a packet of padding that the slot sends on its own account. It is false
// before the first packet.
func (r *Rewriter) Pad() (Out, bool) { panic("soon") }

// Origin tells which packet was sent as n. It is false when n was never sent, is padding, or is older than the history.
func (r *Rewriter) Origin(n uint16) (Origin, bool) { panic("soon") }

// Resend tells whether the packet sent as n may be sent again now: not when it was resent less than wait (a round trip)
// ago. It remembers now when it says yes.
func (r *Rewriter) Resend(n uint16, now, wait time.Duration) (Origin, bool) { panic("soon") }

// Apply gives the fields of a source's packet that was sent as n; for retransmissions.
func (o Origin) Apply(n uint16, p In) Out { panic("soon") }

// Timestamp translates a timestamp of the present source to the slot: for sender reports. It is false before a Switch.
func (r *Rewriter) Timestamp(ts uint32) (uint32, bool) { panic("soon") }

// Source is the present source; false before the first Switch.
func (r *Rewriter) Source() (uint32, bool) { panic("soon") }
