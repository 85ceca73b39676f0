package media

import (
	"encoding/binary"
	"time"

	"github.com/pion/rtcp"

	"github.com/confab/confab/media/codec"
	"github.com/confab/confab/media/loss"
	"github.com/confab/confab/media/seq"
)

// resendBudget is how many packets a client may have sent again per tick: 20000 per second, beyond any honest need.
const resendBudget = 200

// heed serves RTCP of a client of this shard.
func (s *shard) heed(f feedback) {
	c := f.conn
	if c.gone {
		return
	}
	for _, p := range f.packets {
		switch p := p.(type) {
		case *rtcp.TransportLayerNack:
			if w := c.bySSRC[p.MediaSSRC]; w != nil {
				w.heed(s, p, f.now)
			}
		case *rtcp.PictureLossIndication:
			if w := c.bySSRC[p.MediaSSRC]; w != nil {
				w.refresh(s, f.now)
			}
		case *rtcp.FullIntraRequest:
			for _, e := range p.FIR {
				if w := c.bySSRC[e.SSRC]; w != nil {
					w.refresh(s, f.now)
				}
			}
		case *rtcp.ReceiverReport:
			c.roundTrip(p.Reports, f.at)
		case *rtcp.SenderReport:
			c.roundTrip(p.Reports, f.at)
			for _, e := range c.pub.encodings {
				if e.ssrc == p.SSRC {
					e.up.stats.SenderReport(p.NTPTime, f.now)
				}
			}
		}
	}
}

// roundTrip learns the round trip from blocks about our sender reports. Smoothed as TCP does (RFC 6298 §2).
func (c *connection) roundTrip(blocks []rtcp.ReceptionReport, at time.Time) {
	for _, b := range blocks {
		if c.bySSRC[b.SSRC] == nil {
			continue
		}
		rtt, ok := loss.RoundTrip(b.LastSenderReport, b.Delay, seq.NTP(at))
		switch {
		case !ok:
		case c.rtt == 0:
			c.rtt = rtt
		default:
			c.rtt += (rtt - c.rtt) / 8
		}
	}
}

// heed answers a NACK from the ring.
func (w *sender) heed(s *shard, n *rtcp.TransportLayerNack, now time.Duration) {
	for _, pair := range n.Nacks {
		lost := uint32(pair.LostPackets)<<1 | 1
		for i := range uint16(17) {
			if lost&(1<<i) == 0 {
				continue
			}
			if w.conn.budget == 0 {
				s.tally.drop(dropFeedback)
				return
			}
			w.conn.budget--
			w.resend(s, pair.PacketID+i, now)
		}
	}
}

// resend sends the packet that went out as n again (RFC 4588 §4): own SSRC and sequence, the original's number in front.
func (w *sender) resend(s *shard, n uint16, now time.Duration) {
	if w.feed == nil || w.format == nil || w.format.rtx == 0 {
		s.tally.drop(dropRTXGone)
		return
	}
	wait := max(w.conn.rtt, tick)
	origin, ok := w.rewriter.Resend(n, now, wait)
	if !ok {
		s.tally.drop(dropRTXGone)
		return
	}
	h, p := w.feed.find(origin.Source, origin.Seq)
	if h == nil || h.format.Kind != w.format.Kind {
		s.tally.drop(dropRTXGone)
		return
	}
	pic := &h.packet.Picture
	out := origin.Apply(n, seq.In{Seq: origin.Seq, Timestamp: h.packet.Timestamp, HasID: pic.HasID, ID: pic.ID,
		Compact: h.format.Kind == codec.VP8, TL0: pic.TL0, Frame: pic.Frame})
	w.rtxSeq++
	o := codec.Out{SSRC: w.rtx, Timestamp: out.Timestamp, Sequence: w.rtxSeq, PayloadType: w.format.rtx, Marker: h.packet.Marker}
	var osn [2]byte
	binary.BigEndian.PutUint16(osn[:], n)
	w.write(s, &h.packet, h.format, p, o, out, osn[:])
	s.tally.resent++
}
