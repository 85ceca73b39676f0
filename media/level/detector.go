package level

import (
	"slices"
	"time"
)

const (
	// loud is the level that counts as speech: browsers send 20 to 45 for speech, and above 60 for a room's noise.
	loud = 50
	// attack is how many loud packets, quiet ones subtracted, make a speaker: one alone is a click.
	attack = 2
	// release is how long a speaker may be silent: pauses between sentences are shorter.
	release = 2 * time.Second
	// lead is how many dB louder one must be to pass another.
	lead = 6
	// fade is how a level falls by 1 dB when no packets come (discontinuous transmission).
	fade = 50 * time.Millisecond
)

// Speaker is someone who speaks.
type Speaker struct {
	Source uint32        // as given to Observe
	Level  uint8         // -dBov, smoothed: 0 loudest, 127 silence
	Spoke  time.Duration // when the last loud packet came
}

// Detector knows the speakers of one room. Make it with NewDetector; it has one owner.
type Detector struct {
	sources  map[uint32]*source
	order    []*source // the speakers, loudest first
	reported []uint32  // as told by the last call of Speakers
}

type source struct {
	id      uint32
	level   int // 256ths of -dBov, smoothed
	loud    int // loud packets less quiet ones, 0 to attack
	spoke   time.Duration
	heard   time.Duration // last packet
	speaker bool
}

// NewDetector makes a detector.
func NewDetector() *Detector { return &Detector{sources: make(map[uint32]*source)} }

// Observe notes the level of one packet. True: the source has just become a speaker; look at Speakers at once.
func (d *Detector) Observe(id uint32, value uint8, now time.Duration) bool {
	s := d.sources[id]
	if s == nil {
		s = &source{id: id, level: 127 << 8}
		d.sources[id] = s
	}
	s.heard = now
	// Up within a few packets, down over half a second: a vowel is not a loss of rank to the consonant after it.
	if step := int(value)<<8 - s.level; step < 0 {
		s.level += step / 3
	} else {
		s.level += step / 24
	}
	if value >= loud {
		s.loud = max(s.loud-1, 0)
		return false
	}
	s.loud = min(s.loud+1, attack)
	if s.loud < attack {
		return false
	}
	s.spoke = now
	if s.speaker {
		return false
	}
	s.speaker = true
	d.order = append(d.order, s)
	d.rise(len(d.order)-1, now, 0)
	return true
}

// Remove forgets a source: it left or was muted. True: it was a speaker.
func (d *Detector) Remove(id uint32) bool {
	s := d.sources[id]
	delete(d.sources, id)
	if s == nil || !s.speaker {
		return false
	}
	d.order = slices.DeleteFunc(d.order, func(o *source) bool { return o == s })
	return true
}

// Speakers appends the speakers to dst, loudest first, and returns whether the set or the order differs from the last call.
func (d *Detector) Speakers(dst []Speaker, now time.Duration) (speakers []Speaker, changed bool) {
	d.order = slices.DeleteFunc(d.order, func(s *source) bool {
		s.speaker = now-s.spoke < release
		return !s.speaker
	})
	for i := range d.order {
		d.rise(i, now, lead)
	}
	changed = len(d.order) != len(d.reported)
	for i, s := range d.order {
		dst = append(dst, Speaker{Source: s.id, Level: uint8(s.at(now)), Spoke: s.spoke})
		changed = changed || d.reported[i] != s.id
	}
	d.reported = d.reported[:0]
	for _, s := range d.order {
		d.reported = append(d.reported, s.id)
	}
	return dst, changed
}

// rise moves the speaker at place i past those before it who are quieter by margin dB or more.
func (d *Detector) rise(i int, now time.Duration, margin int) {
	for ; i > 0 && d.order[i].at(now)+margin < d.order[i-1].at(now); i-- {
		d.order[i], d.order[i-1] = d.order[i-1], d.order[i]
	}
}

// at is the level at a time, in -dBov.
func (s *source) at(now time.Duration) int {
	silent := max(now-s.heard-2*fade, 0) // a packet of 60 ms is not silence
	return min(s.level>>8+int(min(silent/fade, 127)), 127)
}

// Spoke is when the source last spoke; 0 if never.
func (d *Detector) Spoke(id uint32) time.Duration {
	if s := d.sources[id]; s != nil {
		return s.spoke
	}
	return 0
}
