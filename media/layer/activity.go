package layer

import "time"

// MaxEncodings is how many encodings a track may have.
const MaxEncodings = 4

// silence is how long an encoding may send nothing and still be there: a camera sends at least a few frames per second.
const silence = time.Second

// Activity knows which encodings of a track arrive: browsers stop the larger ones when their uplink is short. The
// zero value is ready.
type Activity struct {
	last [MaxEncodings]time.Duration
	seen uint8
}

// Observe notes a packet of an encoding.
func (a *Activity) Observe(encoding int, now time.Duration) {
	a.last[encoding] = now
	a.seen |= 1 << encoding
}

// Active is the mask of the encodings with a packet in the last second; when all are silent, of the ones that were
// active last (a still screen sends seldom).
func (a *Activity) Active(now time.Duration) uint8 {
	var newest time.Duration
	for i, last := range a.last {
		if a.seen>>i&1 != 0 {
			newest = max(newest, last)
		}
	}
	at := now
	if now-newest >= silence {
		at = newest
	}
	var mask uint8
	for i, last := range a.last {
		if a.seen>>i&1 != 0 && last+silence > at {
			mask |= 1 << i
		}
	}
	return mask
}
