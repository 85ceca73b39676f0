package media

import (
	"time"

	"github.com/pion/rtcp"

	"github.com/confab/confab/media/layer"
	"github.com/confab/confab/media/seq"
)

// tend does what is due for a connection's slots: keyframes still missing, layers that came or went, sender reports.
func (c *connection) tend(s *shard, now time.Duration, at time.Time) {
	c.budget = resendBudget
	c.pub.out = c.pub.out[:0]
	for _, w := range c.senders {
		if w.feed == nil {
			continue
		}
		if w.video && now >= w.nextAsk {
			w.nextAsk = now + 500*time.Millisecond
			w.feed.refresh(s, now)
			if w.selector.Waiting() != layer.None {
				w.plead(s, now)
			}
		}
		if w.packets > 0 && now >= w.nextReport && now-w.lastSent < 2*reportInterval {
			w.nextReport = now + reportInterval
			c.pub.out = append(c.pub.out, w.report(now, at))
		}
	}
	if len(c.pub.out) > 0 {
		c.tell(s)
	}
}

// report is the slot's sender report (RFC 3550 §6.4.1). The publisher's own report, moved to our wall clock and the
// slot's media clock, keeps a pair's audio and video in sync; before it comes, arrival stands for capture.
func (w *sender) report(now time.Duration, at time.Time) *rtcp.SenderReport {
	ntp := seq.NTP(at)
	sr := &rtcp.SenderReport{SSRC: w.ssrc, NTPTime: ntp, PacketCount: w.packets, OctetCount: w.octets}
	sr.RTPTime = w.lastTimestamp + uint32((now-w.lastSent).Seconds()*float64(w.rate()))
	if w.enc != nil {
		if r := w.enc.report.Load(); r != nil {
			if ts, ok := w.rewriter.Timestamp(r.At(ntp, w.rate()).RTP); ok {
				sr.RTPTime = ts
			}
		}
	}
	return sr
}
