package record

import (
	"time"

	"github.com/confab/confab/media/seq"
)

const (
	// firstReport is how long frames wait for the first sender report. Browsers send one within a second or two.
	firstReport = 3 * time.Second
	// A sender's clock is followed by an eighth of the difference per report, at most step, so that no frame jumps.
	step = 5 * time.Millisecond
)

// clock says when a frame was captured, on our wall clock.
type clock struct {
	rate   int64     // ticks a second
	base   time.Time // near everything else: NTP's seconds wrap in 2036
	anchor uint32
	wall   time.Time // of anchor; zero: not set
	report seq.Report
	tied   bool // to a sender report
}

// set ties the clock to the arrival of ts; a report that comes later corrects it.
func (c *clock) set(ts uint32, at time.Time) { c.anchor, c.wall = ts, at }

// heed takes a sender report into account.
func (c *clock) heed(r *seq.Report) {
	if r == nil || *r == c.report {
		return
	}
	c.report = *r
	captured := c.captured(r.NTP)
	if !c.tied {
		c.anchor, c.wall, c.tied = r.RTP, captured, true
		return
	}
	off := captured.Sub(c.at(r.RTP))
	c.wall = c.wall.Add(min(max(off/8, -step), step))
}

// at is when ts was captured. The anchor moves along, as 32 bits of 90 kHz wrap after half a day.
func (c *clock) at(ts uint32) time.Time {
	return c.wall.Add(time.Duration(int64(int32(ts-c.anchor)) * int64(time.Second) / c.rate))
}

func (c *clock) advance(ts uint32) {
	c.wall, c.anchor = c.at(ts), ts
}

// captured is an NTP time (RFC 5905 §6: 32.32 bits of seconds) on our clock.
func (c *clock) captured(ntp uint64) time.Time {
	off := int64(ntp - seq.NTP(c.base))
	return c.base.Add(time.Duration(off>>32)*time.Second + time.Duration((off&0xFFFFFFFF)*int64(time.Second)>>32))
}
