package keyframe

import "time"

// MinInterval is the least time between two PLIs to one encoding. A keyframe takes a round trip and the time to encode
// and send it; asking more often makes encoders send several in a row, which is what fills a thin uplink.
const MinInterval = 300 * time.Millisecond

// Collapser decides when a PLI is sent to one encoding of a source. The zero value is ready.
type Collapser struct {
	waiting bool
	ever    bool          // a PLI was sent
	sent    time.Duration // the last one
}

// Ask notes that someone needs a keyframe. True: send a PLI now.
func (c *Collapser) Ask(now time.Duration) bool {
	c.waiting = true
	return c.Poll(now)
}

// Keyframe notes that a keyframe has begun to arrive: nobody waits any more.
func (c *Collapser) Keyframe() { c.waiting = false }

// Cancel notes that nobody waits any more, though no keyframe came.
func (c *Collapser) Cancel() { c.waiting = false }

// Poll tells, at any later time, whether a PLI must be sent now because someone still waits.
func (c *Collapser) Poll(now time.Duration) bool {
	if !c.waiting || c.ever && now-c.sent < MinInterval {
		return false
	}
	c.ever, c.sent = true, now
	return true
}

// Next is when Poll has something to say; false: not before the next Ask.
func (c *Collapser) Next() (time.Duration, bool) {
	if !c.ever { // Ask would have sent it
		return 0, false
	}
	return c.sent + MinInterval, c.waiting
}
