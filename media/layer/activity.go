package layer

import "time"

// MaxEncodings is how many encodings a track may have.
const MaxEncodings = 4

// Activity knows which encodings of a track arrive: browsers stop the larger ones when their uplink is short. The
// zero value is ready.
type Activity struct {
	last [MaxEncodings]time.Duration
	seen uint8
}

// Observe notes a packet of an encoding.
func (a *Activity) Observe(encoding int, now time.Duration) { panic("soon") }

// Active is the mask of the encodings with a packet in the last second; when all are silent, of the ones that were
// active last (a still screen sends seldom).
func (a *Activity) Active(now time.Duration) uint8 { panic("soon") }
