package keyframe

import "time"

// MinInterval is the least time between two PLIs to one encoding. A keyframe takes a round trip and the time to encode
// and send it; asking more often makes encoders send several in a row, which is what fills a thin uplink.
const MinInterval = 300 * time.Millisecond

// Collapser decides when a PLI is sent to one encoding of a source. The zero value is ready.
type Collapser struct {
	waiting bool
	sent    time.Duration // of the last PLI
	ever    bool
}

// Ask notes that someone needs a keyframe. True: send a PLI now.
func (c *Collapser) Ask(now time.Duration) bool { panic("soon") }

// Keyframe notes that a keyframe has begun to arrive: nobody waits any more.
func (c *Collapser) Keyframe() { panic("soon") }

// Cancel notes that nobody waits any more, though no keyframe came.
func (c *Collapser) Cancel() { panic("soon") }

// Poll tells, at any later time, whether a PLI must be sent now because someone still waits.
func (c *Collapser) Poll(now time.Duration) bool { panic("soon") }

// Next is when Poll has something to say; false: not before the next Ask.
func (c *Collapser) Next() (time.Duration, bool) { panic("soon") }
