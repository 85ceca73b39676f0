package media

import (
	"time"

	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/rtcp"

	"github.com/confab/confab/media/keyframe"
	"github.com/confab/confab/media/loss"
)

// How often the publisher is told what. Transport-wide feedback every 50 ms is what libwebrtc sends at the rates of a
// call; a receiver report each second costs nothing (RFC 3550 §6.2 would allow less).
const (
	twccInterval   = 50 * time.Millisecond
	reportInterval = time.Second
)

// upstream is what the home shard knows of one incoming encoding.
type upstream struct {
	missing *loss.Generator // nil: the format has no NACK
	stats   *loss.Stats
	keys    keyframe.Collapser
}

// publisher is what the home shard knows of a connection that sends.
type publisher struct {
	encodings []*encoding
	recorder  *twcc.Recorder
	nextTWCC  time.Duration
	nextRR    time.Duration
	due       []uint64 // scratch
	pairs     []loss.Pair
	out       []rtcp.Packet
}

// note takes one packet of the publisher into account. Home shard only.
func (c *connection) note(s *shard, b *batch, a *arrival) {
	p := &c.pub
	if a.hasTWCC {
		if p.recorder == nil {
			p.recorder = twcc.NewRecorder(c.ssrc)
		}
		p.recorder.Record(a.ssrc, a.twcc, b.now.Microseconds())
	}
	e := a.enc
	if e == nil {
		return
	}
	if e.up == nil {
		c.meet(e, a)
	}
	u := e.up
	before := 0
	if u.missing != nil {
		before = u.missing.Missing()
		u.missing.Receive(a.seq, b.now)
	}
	// Browsers probe for bandwidth with RTX of packets that arrived (RFC 4588 allows it): those are not received twice.
	if !a.repaired || u.missing != nil && before > u.missing.Missing() {
		u.stats.Receive(a.seq, a.packet.Timestamp, int(a.end-a.start), b.now)
	}
	if a.packet.Picture.Keyframe {
		u.keys.Keyframe()
		if u.missing != nil && !a.repaired {
			u.missing.Skip(a.seq)
		}
	}
	if rec := c.peer.room.recording.Load(); rec != nil {
		c.record(s, rec, b, a)
	}
	if l := a.packet.Level; l.OK && e.track.source == Microphone && !e.track.muted.Load() {
		c.peer.room.observe(e.track, l.Value, b.now)
	}
}

// meet starts the books of an encoding at its first packet.
func (c *connection) meet(e *encoding, a *arrival) {
	e.up = &upstream{stats: loss.NewStats(a.format.rate)}
	if a.format.nack {
		e.up.missing = loss.NewGenerator()
	}
	kept := c.pub.encodings[:0]
	tracks := c.demux.config.Load().tracks
	for _, o := range c.pub.encodings { // an SSRC or a track that was replaced is not reported any more
		if o.track.current[o.index].Load() == o && tracks[o.track.mid] == o.track {
			kept = append(kept, o)
		}
	}
	c.pub.encodings = append(kept, e)
	if !e.track.arrived {
		e.track.arrived = true
		c.peer.arrived(e.track)
	}
}

// askKeyframe passes a subscriber's need for a keyframe on. Home shard only; see shard.ask for others.
func (c *connection) askKeyframe(s *shard, e *encoding, now time.Duration) {
	e.asked.Store(false)
	if e.up == nil || e.track.muted.Load() || !e.up.keys.Ask(now) {
		return
	}
	c.pub.out = append(c.pub.out[:0], c.pli(s, e))
	c.tell(s)
}

func (c *connection) pli(s *shard, e *encoding) rtcp.Packet {
	s.e.metrics.keyframeAsks.Inc()
	return &rtcp.PictureLossIndication{SenderSSRC: c.ssrc, MediaSSRC: e.ssrc}
}

// serve tells the publisher what is due. Home shard only.
func (c *connection) serve(s *shard, now time.Duration, at time.Time) {
	p := &c.pub
	p.out = p.out[:0]
	rtt := time.Duration(c.rtt)
	for _, e := range p.encodings {
		if !e.recent(now) || e.track.muted.Load() {
			e.up.keys.Cancel()
		} else if e.up.keys.Poll(now) {
			p.out = append(p.out, c.pli(s, e))
		}
		if e.up.missing == nil {
			continue
		}
		if p.due = e.up.missing.Due(p.due[:0], now, rtt); len(p.due) == 0 {
			continue
		}
		s.tally.nackOut += uint32(len(p.due))
		s.tally.dirty = true
		p.pairs = loss.Pairs(p.pairs[:0], p.due)
		nack := &rtcp.TransportLayerNack{SenderSSRC: c.ssrc, MediaSSRC: e.ssrc}
		for _, pair := range p.pairs {
			nack.Nacks = append(nack.Nacks, rtcp.NackPair{PacketID: pair.PacketID, LostPackets: rtcp.PacketBitmap(pair.Mask)})
		}
		p.out = append(p.out, nack)
	}
	if p.recorder != nil && now >= p.nextTWCC && p.recorder.PacketsHeld() > 0 {
		p.nextTWCC = now + twccInterval
		p.out = append(p.out, p.recorder.BuildFeedbackPacket()...)
	}
	if now >= p.nextRR && len(p.encodings) > 0 {
		p.nextRR = now + reportInterval
		if rr := c.receiverReport(now); rr != nil {
			p.out = append(p.out, rr)
		}
	}
	c.tell(s)
}

// receiverReport covers up to 31 encodings (RFC 3550 §6.4.2: 5 bits).
func (c *connection) receiverReport(now time.Duration) rtcp.Packet {
	rr := &rtcp.ReceiverReport{SSRC: c.ssrc}
	for _, e := range c.pub.encodings {
		b, ok := e.up.stats.Report(now)
		if !ok || len(rr.Reports) == 31 {
			continue
		}
		rr.Reports = append(rr.Reports, rtcp.ReceptionReport{SSRC: e.ssrc, FractionLost: b.FractionLost,
			TotalLost: b.TotalLost & 0xFFFFFF, LastSequenceNumber: b.HighestSeq, Jitter: b.Jitter, LastSenderReport: b.LastSR, Delay: b.DelaySR})
	}
	if len(rr.Reports) == 0 {
		return nil
	}
	return rr
}

// maxCompound is how much RTCP goes into one datagram.
const maxCompound = 1200

// tell sends what is in c.pub.out. Reduced-size RTCP (RFC 5506) is negotiated, so the order and first packet are free.
func (c *connection) tell(s *shard) {
	var compound []byte
	for _, p := range c.pub.out {
		one, err := p.Marshal()
		if err != nil || len(one) > maxCompound {
			s.tally.drop(dropSize)
			continue
		}
		if len(compound)+len(one) > maxCompound {
			c.writeRTCP(s, compound)
			compound = nil
		}
		compound = append(compound, one...)
	}
	if len(compound) > 0 {
		c.writeRTCP(s, compound)
	}
}

func (c *connection) writeRTCP(s *shard, compound []byte) {
	if err := c.out.WriteRTCP(s.tx, compound); err != nil {
		s.tally.drop(dropNotReady)
	}
}
