package media

import (
	"slices"
	"time"

	"github.com/confab/confab/media/codec"
	"github.com/confab/confab/media/layer"
	"github.com/confab/confab/media/ring"
)

// held is what a ring keeps beside a packet's bytes.
type held struct {
	packet codec.Packet
	format *format
}

// What a ring keeps per encoding, smallest first: about two seconds of what browsers send, the time in which a subscriber
// may still want a packet again (a few round trips and a jitter buffer).
var ringOctets = [layer.MaxEncodings]int{192 << 10, 384 << 10, 1 << 20, 1 << 20}

const (
	ringPackets      = 1024
	ringPacketsAudio = 128
	ringOctetsAudio  = 24 << 10
)

// feed is one shard's view of one track. It exists while the shard has senders for it.
type feed struct {
	track    *track
	encs     [layer.MaxEncodings]*encoding
	rings    [layer.MaxEncodings]*ring.Ring[held]
	sizes    [layer.MaxEncodings]layer.Size
	activity layer.Activity
	active   uint8 // mask of encodings that arrive
	senders  []*sender
	fresh    []bool // scratch: which packets of the run are not duplicates
}

// attach adds a sender to this shard's feed of t.
func (s *shard) attach(t *track, w *sender, now time.Duration) *feed {
	f := t.feeds[s.index]
	if f == nil {
		f = &feed{track: t}
		t.feeds[s.index] = f
		for i := range t.encodings() {
			if e := t.current[i].Load(); e != nil && e.recent(now) {
				f.encs[i] = e
				f.activity.Observe(i, now)
			}
		}
		f.active = f.activity.Active(now)
		t.interest.Or(1 << s.index)
	}
	f.senders = append(f.senders, w)
	return f
}

// detach takes a sender out, and ends the feed with its last one.
func (s *shard) detach(f *feed, w *sender) {
	if i := slices.Index(f.senders, w); i >= 0 {
		f.senders = slices.Delete(f.senders, i, i+1)
	}
	if len(f.senders) == 0 && f.track.feeds[s.index] == f {
		f.track.feeds[s.index] = nil
		f.track.interest.And(^(uint64(1) << s.index))
	}
}

// forward keeps the packets of a run and gives them to each sender in turn: what goes to one subscriber leaves in one
// run of equal destination.
func (f *feed) forward(s *shard, b *batch, run []arrival) {
	f.fresh = f.fresh[:0]
	for i := range run {
		f.fresh = append(f.fresh, f.keep(s, b, &run[i]))
	}
	for _, w := range f.senders {
		for i := range run {
			if f.fresh[i] {
				w.forward(s, b.now, &run[i], b.bytes(&run[i]))
			}
		}
	}
}

// keep puts a packet into its ring; false if it was there or comes too late.
func (f *feed) keep(s *shard, b *batch, a *arrival) bool {
	e := a.enc
	i := e.index
	if f.encs[i] != e {
		f.encs[i], f.rings[i] = e, nil
	}
	if f.rings[i] == nil {
		if f.track.video {
			f.rings[i] = ring.New[held](ringPackets, ringOctets[i], 0)
		} else {
			f.rings[i] = ring.New[held](ringPacketsAudio, ringOctetsAudio, 0)
		}
	}
	if f.track.video {
		f.activity.Observe(i, b.now)
		p := &a.packet.Picture
		if p.Width > 0 {
			f.sizes[i] = layer.Size{Width: int(p.Width), Height: int(p.Height)}
		}
		if f.active&(1<<i) == 0 {
			f.refresh(s, b.now)
		}
	}
	if f.rings[i].Put(a.seq, b.bytes(a), held{a.packet, a.format}) == nil {
		s.tally.drop(dropDuplicate)
		return false
	}
	return true
}

// refresh looks again at which encodings arrive, and lets the senders choose anew when that has changed.
func (f *feed) refresh(s *shard, now time.Duration) {
	if active := f.activity.Active(now); active != f.active {
		f.active = active
		for _, w := range f.senders {
			w.aim(s, now)
		}
	}
}

// find is a packet by the encoding and sequence number that a rewriter remembers.
func (f *feed) find(enc uint32, seq uint64) (*held, []byte) {
	for i, e := range f.encs {
		if e == nil || e.id != enc || f.rings[i] == nil {
			continue
		}
		if got := f.rings[i].Get(seq); got != nil {
			return &got.Meta, f.rings[i].Packet(got)
		}
	}
	return nil, nil
}
