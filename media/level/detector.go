package level

import "time"

// Speaker is someone who speaks.
type Speaker struct {
	Source uint32        // as given to Observe
	Level  uint8         // -dBov, smoothed: 0 loudest, 127 silence
	Spoke  time.Duration // when the last loud packet came
}

// Detector knows the speakers of one room. Make it with NewDetector.
type Detector struct{}

// NewDetector makes a detector.
func NewDetector() *Detector { return &Detector{} }

// Observe notes the level of one packet. True: the source has just become a speaker; look at Speakers at once.
func (d *Detector) Observe(source uint32, value uint8, now time.Duration) bool { panic("soon") }

// Remove forgets a source: it left or was muted. True: it was a speaker.
func (d *Detector) Remove(source uint32) bool { panic("soon") }

// Speakers appends the speakers to dst, loudest first, and returns whether the set or the order differs from the last call.
func (d *Detector) Speakers(dst []Speaker, now time.Duration) (speakers []Speaker, changed bool) {
	panic("soon")
}

// Spoke is when the source last spoke; 0 if never.
func (d *Detector) Spoke(source uint32) time.Duration { panic("soon") }
