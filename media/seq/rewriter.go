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

// Out is a packet as the slot sends it.
type Out struct {
	Seq       uint16
	Timestamp uint32
	ID        uint16 // 15 bits
	Frame     uint16
	TL0       uint8
}

// Shift says what to add, modulo the field's size, to the fields of a source's packet to get the slot's.
type Shift struct {
	Timestamp uint32
	ID        uint16
	Frame     uint16
	TL0       uint8
}

func (s *Shift) apply(n uint16, p In) Out {
	return Out{
		Seq:       n,
		Timestamp: p.Timestamp + s.Timestamp,
		ID:        (p.ID + s.ID) & idMask,
		Frame:     p.Frame + s.Frame,
		TL0:       p.TL0 + s.TL0,
	}
}

const idMask = 0x7FFF // picture ids have 15 bits

// Rewriter is the outgoing stream of one slot. It is made by NewRewriter and has one owner.
type Rewriter struct {
	rate uint32 // Hz

	fed     bool   // there is a source
	source  uint32 // the present one
	highest uint64 // of the source's sequence numbers since the switch
	newID   uint16 // newest picture id of the source since the switch
	shift   Shift  // for what is newer than highest

	sent   bool          // last and lastAt mean something
	last   Out           // the newest timestamp and picture so far; Seq is not used
	lastAt time.Duration // when last.Timestamp was first sent

	log history
}

// NewRewriter makes the stream of a slot with the RTP clock rate in Hz. It starts at the given sequence number and
// timestamp (RFC 3550 §5.1: random) and remembers the last history packets (a power of two) for NACKs and latecomers.
// The memory for them (24 octets each) is taken at the first switch.
func NewRewriter(rate uint32, history int, firstSeq uint16, firstTimestamp uint32) *Rewriter {
	r := &Rewriter{rate: rate}
	r.last.Timestamp = firstTimestamp
	r.log.init(history, firstSeq)
	return r
}

// Switch makes source feed the slot, p being its first packet (of a keyframe, for video), which then goes to Map. hint,
// if not nil, is p's timestamp on the timeline of the slot, known from sender reports (see Align and Timestamp); it is
// used when it is plausible. Otherwise the timestamp goes on by the time elapsed since the last packet.
func (r *Rewriter) Switch(source uint32, p In, now time.Duration, hint *uint32) {
	r.shift = Shift{
		Timestamp: r.nextTimestamp(now, hint) - p.Timestamp,
		ID:        r.last.ID + 1 - p.ID,
		Frame:     r.last.Frame + 1 - p.Frame,
		TL0:       r.last.TL0 + 1 - p.TL0,
	}
	r.fed, r.source = true, source
	r.highest = p.Seq - 1
	r.newID = p.ID - 1
	r.log.begin()
}

// nextTimestamp is where the timeline goes on. A hint is believed within half a second of the time elapsed. One that lies behind what was
// sent (the frame is known already from another layer) becomes the least step ahead.
func (r *Rewriter) nextTimestamp(now time.Duration, hint *uint32) uint32 {
	if !r.sent {
		return r.last.Timestamp
	}
	step := max(ticks(now-r.lastAt, r.rate), 1)
	if hint != nil {
		hinted := int32(*hint - r.last.Timestamp)
		if off := int64(hinted) - step; off < int64(r.rate/2) && -off < int64(r.rate/2) {
			step = max(int64(hinted), 1)
		}
	}
	return r.last.Timestamp + uint32(step)
}

func ticks(d time.Duration, rate uint32) int64 {
	s := d / time.Second
	return int64(s)*int64(rate) + int64(d-s*time.Second)*int64(rate)/int64(time.Second)
}

// Map gives a packet of the present source its place in the slot. It is false for what must not be sent: a duplicate,
// a packet older than the switch or the history, and anything before the first Switch.
func (r *Rewriter) Map(p In, now time.Duration) (Out, bool) {
	if !r.fed {
		return Out{}, false
	}
	if p.Seq <= r.highest {
		n, shift, ok := r.log.fill(p.Seq, filled)
		if !ok {
			return Out{}, false
		}
		return shift.apply(n, p), true
	}
	r.reserve(p.Seq)
	r.log.push(record(r.source, p.Seq, r.shift, filled))
	r.highest = p.Seq
	o := r.shift.apply(uint16(r.log.last), p)
	r.remember(p, o, now)
	return o, true
}

// remember keeps what the next switch must go on from.
func (r *Rewriter) remember(p In, o Out, now time.Duration) {
	if !r.sent || int32(o.Timestamp-r.last.Timestamp) > 0 {
		r.sent, r.lastAt, r.last.Timestamp = true, now, o.Timestamp
	}
	if p.HasID && newer(p.ID, r.newID) {
		r.newID, r.last.ID = p.ID, o.ID
	}
	if int16(o.Frame-r.last.Frame) > 0 {
		r.last.Frame = o.Frame
	}
	r.last.TL0 = o.TL0
}

// newer compares picture ids.
func newer(a, b uint16) bool {
	d := (a - b) & idMask
	return d != 0 && d <= idMask/2
}

// Drop tells that a packet of the present source is not forwarded, padding alone included; its place closes up. True:
// its place cannot close, because later packets have been sent; send a packet of padding alone with Out, so that the receiver does not wait
// for it.
func (r *Rewriter) Drop(p In) (Out, bool) {
	if !r.fed {
		return Out{}, false
	}
	if p.Seq <= r.highest {
		n, shift, ok := r.log.fill(p.Seq, padding)
		return shift.apply(n, p), ok
	}
	r.reserve(p.Seq)
	r.highest = p.Seq
	if p.Compact && p.HasID && newer(p.ID, r.newID) {
		r.newID = p.ID
		r.shift.ID--
	}
	return Out{}, false
}

// reserve makes places for the packets between the highest and seq: they are late or lost.
func (r *Rewriter) reserve(seq uint64) {
	missing := seq - r.highest - 1
	if missing > uint64(r.log.maxGap()) { // nobody waits for so many; one place tells the receiver that there was a gap
		r.log.push(record(r.source, r.highest, r.shift, padding))
		return
	}
	for i := range missing {
		r.log.push(record(r.source, r.highest+1+i, r.shift, reserved))
	}
}

// Pad takes the next sequence number for a packet of padding that the slot sends on its own account. It is false
// before the first packet.
func (r *Rewriter) Pad() (Out, bool) {
	if !r.sent {
		return Out{}, false
	}
	r.log.push(record(r.source, r.highest, Shift{}, padding))
	o := r.last
	o.Seq = uint16(r.log.last)
	return o, true
}

// Timestamp translates a timestamp of the present source to the slot: for sender reports. It is false before a Switch.
func (r *Rewriter) Timestamp(ts uint32) (uint32, bool) { return ts + r.shift.Timestamp, r.fed }

// Source is the present source; false before the first Switch.
func (r *Rewriter) Source() (uint32, bool) { return r.source, r.fed }
