package media

import (
	"encoding/binary"
	"math/bits"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"

	"github.com/confab/confab/media/answer"
	"github.com/confab/confab/media/codec"
	"github.com/confab/confab/media/layer"
	"github.com/confab/confab/media/seq"
	"github.com/confab/confab/media/transport"
)

// maxStreams is how many SSRCs one client may bind: three tracks of three encodings with RTX, audio, and as many again
// for a publisher that changed all of them.
const maxStreams = 64

// inbound is what has been negotiated for receiving. It is replaced as a whole and not changed.
type inbound struct {
	mid, rid, repaired, twcc uint8 // header extension ids; 0: not negotiated
	parser                   codec.Extensions
	formats                  [128]*format
	tracks                   map[string]*track // by mid
	announced                map[uint32]announcement
}

type announcement struct {
	track *track
	index int
	rtx   bool
}

// stream is what an SSRC turned out to be.
type stream struct {
	track *track
	index int
	rtx   bool
}

// demux makes batches of one client's packets. It belongs to the receive loop; only config is set from elsewhere.
type demux struct {
	conn   *connection
	config atomic.Pointer[inbound]

	streams map[uint32]stream
	wall    seq.Wall // of the client
	tally   tally
	flushed time.Duration
}

var _ transport.Handler = (*demux)(nil)

// HandleRTP implements transport.Handler.
func (d *demux) HandleRTP(t time.Time, packets []transport.Packet) {
	cfg := d.config.Load()
	if cfg == nil {
		return
	}
	now := d.conn.engine.since(t)
	b := d.conn.engine.pool.get()
	for _, p := range packets {
		if len(b.items) == maxBatch {
			d.post(b, now)
			b = d.conn.engine.pool.get()
		}
		d.add(b, cfg, now, p.Bytes())
	}
	d.post(b, now)
	if now-d.flushed > 100*time.Millisecond {
		d.flushed = now
		d.tally.flush(d.conn.engine.metrics)
	}
}

// add takes one packet into the batch.
func (d *demux) add(b *batch, cfg *inbound, now time.Duration, p []byte) {
	var h codec.Header
	if h.Parse(p) != nil {
		d.tally.drop(dropMalformed)
		return
	}
	a := arrival{ssrc: h.SSRC}
	if x := h.Extension(p, cfg.twcc); cfg.twcc != 0 && len(x) == 2 {
		a.twcc, a.hasTWCC = binary.BigEndian.Uint16(x), true
	}
	if why := d.identify(b, &a, cfg, now, &h, p); why < reasons {
		d.tally.drop(why)
		a.enc = nil
	}
	if a.enc != nil || a.hasTWCC {
		b.items = append(b.items, a)
	}
}

// identify finds out what p is, copies it into the batch and parses it. It returns reasons when all is well.
func (d *demux) identify(b *batch, a *arrival, cfg *inbound, now time.Duration, h *codec.Header, p []byte) reason {
	f := cfg.formats[h.PayloadType&127]
	if f == nil {
		return dropFormat
	}
	st, known := d.streams[h.SSRC]
	if !known || cfg.tracks[st.track.mid] != st.track {
		if st, known = d.learn(cfg, h, p, f); !known {
			return dropUnknown
		}
	}
	enc := st.track.current[st.index].Load()
	sequence := h.Sequence
	a.start = int32(len(b.mem))
	switch {
	case f.apt == 0:
		if enc == nil || enc.ssrc != h.SSRC {
			if enc != nil && now-enc.born < rebindAfter {
				return dropUnknown
			}
			enc = d.bind(st, h.SSRC, now)
		}
		b.mem = append(b.mem, p...)
	case enc == nil || !st.rtx:
		return dropUnknown
	case h.End < h.Payload+2:
		return dropPadding // probing for bandwidth
	default: // RFC 4588 §4: the original sequence number, then the original payload
		sequence = binary.BigEndian.Uint16(p[h.Payload:])
		b.mem = append(append(b.mem, p[:h.Payload]...), p[h.Payload+2:h.End]...)
		o := b.mem[a.start:]
		o[0] &^= 0x20 // the padding stayed behind
		o[1] = o[1]&0x80 | f.apt
		binary.BigEndian.PutUint16(o[2:], sequence)
		binary.BigEndian.PutUint32(o[8:], enc.ssrc)
		a.repaired = true
		if f = cfg.formats[f.apt]; f == nil {
			return dropFormat
		}
	}
	a.end = int32(len(b.mem))
	if enc.format != f {
		if enc.format == nil || enc.format.Kind != f.Kind {
			enc.parser = codec.NewParser(f.Kind, cfg.parser)
		}
		enc.format = f
	}
	if enc.parser.Parse(b.mem[a.start:a.end], &a.packet) != nil {
		return dropMalformed
	}
	a.enc, a.format, a.seq = enc, f, enc.unwrap.Unwrap(sequence)
	enc.seen.Store(int64(now))
	d.tally.received++
	d.tally.dirty = true
	return reasons
}

// learn finds the track and encoding of a new SSRC: announced in the SDP, or by its MID and RID.
func (d *demux) learn(cfg *inbound, h *codec.Header, p []byte, f *format) (stream, bool) {
	if len(d.streams) >= maxStreams {
		for ssrc, st := range d.streams { // of sections that were renegotiated away, or an SSRC that was replaced
			if e := st.track.current[st.index].Load(); cfg.tracks[st.track.mid] != st.track || !st.rtx && e != nil && e.ssrc != ssrc {
				delete(d.streams, ssrc)
			}
		}
		if len(d.streams) >= maxStreams {
			return stream{}, false
		}
	}
	st, ok := d.recognize(cfg, h, p, f)
	if ok {
		d.streams[h.SSRC] = st
	}
	return st, ok
}

func (d *demux) recognize(cfg *inbound, h *codec.Header, p []byte, f *format) (stream, bool) {
	if a, ok := cfg.announced[h.SSRC]; ok {
		return stream(a), true
	}
	rid, rtx := h.Extension(p, cfg.rid), f.apt != 0
	if rtx || cfg.rid == 0 {
		rid = nil
	}
	if r := h.Extension(p, cfg.repaired); cfg.repaired != 0 && rtx {
		rid = r
	}
	var t *track
	if mid := h.Extension(p, cfg.mid); cfg.mid != 0 && len(mid) > 0 {
		t = cfg.tracks[string(mid)]
	} else {
		t = cfg.only(f.video())
	}
	if t == nil || t.video != f.video() && !rtx {
		return stream{}, false
	}
	if len(t.rids) == 0 {
		return stream{t, 0, rtx}, len(rid) == 0
	}
	for i, name := range t.rids {
		if i < layer.MaxEncodings && name == string(rid) {
			return stream{t, i, rtx}, true
		}
	}
	return stream{}, false
}

// only is the one track of its kind, for a client that sends no MID; nil when there are several.
func (cfg *inbound) only(video bool) *track {
	var found *track
	for _, t := range cfg.tracks {
		if t.video == video {
			if found != nil {
				return nil
			}
			found = t
		}
	}
	return found
}

func (f *format) video() bool { return f.Kind != codec.Opus }

// rebindAfter is how long an encoding keeps its SSRC at least: each new one costs a ring and a keyframe.
const rebindAfter = time.Second

// bind makes an encoding of a new SSRC.
func (d *demux) bind(st stream, ssrc uint32, now time.Duration) *encoding {
	e := &encoding{track: st.track, index: st.index, ssrc: ssrc, born: now, id: d.conn.engine.ids.Add(1)}
	st.track.current[st.index].Store(e)
	return e
}

// post hands the batch to the home shard and to the shards that have subscribers of something in it.
func (d *demux) post(b *batch, now time.Duration) {
	if len(b.items) == 0 {
		b.pool.put(b)
		return
	}
	b.now, b.from = now, d.conn
	mask := uint64(1) << d.conn.home.index
	var last *track
	for i := range b.items {
		if e := b.items[i].enc; e != nil && e.track != last {
			last = e.track
			mask |= last.interest.Load()
		}
	}
	b.refs.Store(int32(bits.OnesCount64(mask)))
	for ; mask != 0; mask &= mask - 1 {
		select {
		case d.conn.engine.shards[bits.TrailingZeros64(mask)].packets <- b:
		default:
			d.tally.dropped[dropQueue] += uint32(len(b.items))
			d.tally.dirty = true
			b.release()
		}
	}
}

// HandleRTCP implements transport.Handler. Sender reports are noted here; the rest goes to the home shard.
func (d *demux) HandleRTCP(t time.Time, compound []byte) {
	defer d.conn.engine.guard("RTCP")
	packets, err := rtcp.Unmarshal(compound)
	if err != nil {
		d.tally.drop(dropMalformed)
		return
	}
	now := d.conn.engine.since(t)
	for _, p := range packets {
		if sr, ok := p.(*rtcp.SenderReport); ok {
			d.report(t, now, sr)
		}
	}
	select {
	case d.conn.home.feedback <- feedback{conn: d.conn, now: now, at: t, packets: packets}:
	default:
		d.tally.drop(dropFeedback)
	}
}

// report notes the clocks of a sender report.
func (d *demux) report(t time.Time, now time.Duration, sr *rtcp.SenderReport) {
	st, ok := d.streams[sr.SSRC]
	if !ok || st.rtx {
		return
	}
	enc := st.track.current[st.index].Load()
	if enc == nil || enc.ssrc != sr.SSRC {
		return
	}
	d.wall.Observe(sr.NTPTime, seq.NTP(t))
	if ours, ok := d.wall.Ours(sr.NTPTime); ok {
		enc.report.Store(&seq.Report{NTP: ours, RTP: sr.RTPTime})
	}
}

// inboundOf collects what an offer's sections send.
func inboundOf(o *answer.Offer, tracks map[string]*track) *inbound {
	cfg := &inbound{tracks: tracks, announced: map[uint32]announcement{}}
	for i := range o.Sections {
		s := &o.Sections[i]
		t := tracks[s.Mid]
		if t == nil {
			continue
		}
		uses := s.Uses(false)
		for _, e := range uses {
			switch e.URI {
			case answer.URIMid:
				cfg.mid = e.ID
			case answer.URIRID:
				cfg.rid = e.ID
			case answer.URIRepairedRID:
				cfg.repaired = e.ID
			case answer.URITransportCC:
				cfg.twcc = e.ID
			case answer.URIAudioLevel:
				cfg.parser.AudioLevel = e.ID
			case answer.URIDependencyDescr:
				cfg.parser.DependencyDescriptor = e.ID
			}
		}
		for _, f := range formatsOf(s, idsOf(uses)) {
			if have := cfg.formats[f.pt]; have == nil {
				cfg.formats[f.pt] = f
			} else {
				have.merge(f)
			}
		}
		if len(t.rids) > 0 {
			continue
		}
		for i, st := range s.Streams {
			if i >= t.encodings() {
				break
			}
			cfg.announced[st.SSRC] = announcement{track: t, index: i}
			if st.RTX != 0 {
				cfg.announced[st.RTX] = announcement{track: t, index: i, rtx: true}
			}
		}
	}
	return cfg
}

// merge adds the extensions that another section of the same bundle negotiated.
func (f *format) merge(g *format) {
	for i, id := range g.ids {
		if f.ids[i] == 0 {
			f.ids[i] = id
		}
	}
}
