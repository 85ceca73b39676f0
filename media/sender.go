package media

import (
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/confab/confab/media/codec"
	"github.com/confab/confab/media/layer"
	"github.com/confab/confab/media/seq"
	"github.com/confab/confab/media/udp"
)

// outlet is all that a shard needs of a transport.
type outlet interface {
	WriteRTP(tx *udp.Tx, prefix, payload []byte) error
	WriteRTCP(tx *udp.Tx, compound []byte) error
}

// History of a slot, in packets: for NACKs, and to place latecomers.
const (
	historyVideo = 1024
	historyAudio = 128
)

// sender is one slot: whatever it shows, one SSRC, one unbroken sequence. It belongs to the home shard of its
// connection; only lacking is read elsewhere.
type sender struct {
	conn      *connection // fixed at construction, like the fields up to rtx
	out       outlet
	mid       string
	video     bool
	ssrc, rtx uint32

	formats []*format // what the subscriber negotiated here
	feed    *feed     // nil: nothing flows
	enc     *encoding // that was forwarded last
	want    layer.Size
	source  *format // of enc
	format  *format // ours for it; nil: the subscriber lacks it
	lacking atomic.Bool

	selector *layer.Selector
	rewriter *seq.Rewriter
	rtxSeq   uint16

	packets, octets uint32 // for sender reports (RFC 3550 §6.4.1)
	lastTimestamp   uint32 // sent, and when
	lastSent        time.Duration
	nextReport      time.Duration
	nextAsk         time.Duration

	elements [extensions]codec.Element // scratch, like the next
	prefix   [256]byte
	frame    [64]byte
}

func newSender(c *connection, mid string, video bool) *sender {
	w := &sender{conn: c, out: c.out, mid: mid, video: video, ssrc: c.newSSRC(), selector: layer.NewSelector(), rtxSeq: uint16(rand.Uint32())}
	// RFC 3550 §5.1: random beginnings. Half the range is left before the first wrap, as SRTP receivers guess the
	// rollover counter of a stream they join late (RFC 3711 §3.3.1).
	rate, history := uint32(48000), historyAudio
	if video {
		rate, history = 90000, historyVideo
		w.rtx = c.newSSRC()
	}
	w.rewriter = seq.NewRewriter(rate, history, uint16(rand.Uint32()&0x7fff), rand.Uint32())
	return w
}

// bind lets t feed the slot from now on; nil: nothing does.
func (w *sender) bind(s *shard, t *track, want layer.Size, now time.Duration) {
	w.want = want
	if w.feed != nil && w.feed.track == t {
		w.aim(s, now)
		return
	}
	w.unbind(s)
	if t == nil {
		return
	}
	w.feed = s.attach(t, w, now)
	w.aim(s, now)
}

// unbind stops what feeds the slot.
func (w *sender) unbind(s *shard) {
	if w.feed != nil {
		s.detach(w.feed, w)
	}
	w.feed, w.source, w.format = nil, nil, nil
	w.selector.Reset()
	w.lacking.Store(false)
}

// aim chooses the encoding for the wanted size, and asks for its keyframe.
func (w *sender) aim(s *shard, now time.Duration) {
	if w.feed == nil || !w.video {
		return
	}
	n := w.feed.track.encodings()
	target := layer.Target{Encoding: layer.None, Spatial: layer.AllLayers, Temporal: layer.AllLayers}
	if w.feed.active != 0 {
		target.Encoding = layer.Pick(w.want, w.feed.sizes[:n], w.feed.active)
	}
	if target == w.selector.Target() {
		return
	}
	w.selector.SetTarget(target)
	w.plead(s, now)
}

// plead asks for the keyframe that the selector waits for.
func (w *sender) plead(s *shard, now time.Duration) {
	i := w.selector.Waiting()
	if i == layer.None || w.feed == nil || w.feed.encs[i] == nil || w.lacking.Load() {
		return
	}
	w.nextAsk = now + 500*time.Millisecond
	s.ask(w.feed.encs[i], now)
}

// refresh asks for a keyframe of what is shown: the subscriber cannot decode it (PLI, FIR).
func (w *sender) refresh(s *shard, now time.Duration) {
	if w.feed == nil || !w.video {
		return
	}
	if i := w.selector.Current(); i != layer.None && w.feed.encs[i] != nil {
		s.ask(w.feed.encs[i], now)
	}
	w.plead(s, now)
}

// forward sends a packet of the track, or not. It does not allocate and keeps neither a nor p.
func (w *sender) forward(s *shard, now time.Duration, a *arrival, p []byte) {
	if a.format != w.source && !w.adopt(a.format) {
		s.tally.drop(dropCodec)
		return
	}
	pic := &a.packet.Picture
	in := seq.In{Seq: a.seq, Timestamp: a.packet.Timestamp, HasID: pic.HasID, ID: pic.ID,
		Compact: a.format.Kind == codec.VP8, TL0: pic.TL0, Frame: pic.Frame}
	marker := a.packet.Marker
	verdict := layer.Forward
	if w.video {
		if w.enc != a.enc && w.enc != nil && w.enc.track == a.enc.track && w.enc.index == a.enc.index {
			w.restart(s, now) // the publisher has changed its SSRC
		}
		verdict, marker = w.selector.Select(&layer.Packet{Encoding: a.enc.index, Seq: a.seq, Timestamp: a.packet.Timestamp,
			Start: pic.Start, End: pic.End, Keyframe: pic.Keyframe, Switch: pic.Switch, Marker: marker,
			Spatial: pic.Spatial, Temporal: pic.Temporal})
	} else if w.enc != a.enc {
		verdict = layer.Switch
	}
	switch {
	case verdict == layer.Foreign:
		return // another encoding of the same picture; not a loss
	case verdict == layer.Drop:
		w.leaveOut(s, in, dropLayer)
		return
	case verdict == layer.Switch:
		w.switchTo(a.enc, in, now)
	}
	if a.packet.PaddingOnly() {
		w.leaveOut(s, in, dropPadding)
		return
	}
	out, ok := w.rewriter.Map(in, now)
	if !ok {
		s.tally.drop(dropOld)
		return
	}
	o := codec.Out{SSRC: w.ssrc, Timestamp: out.Timestamp, Sequence: out.Seq, PayloadType: w.format.pt, Marker: marker}
	w.write(s, &a.packet, a.format, p, o, out, nil)
	w.lastTimestamp, w.lastSent = out.Timestamp, now
}

// leaveOut closes the gap that a packet which is not forwarded would make. When it comes late the gap is already out, and
// a packet of padding fills it, so that the receiver does not wait.
func (w *sender) leaveOut(s *shard, in seq.In, why reason) {
	s.tally.drop(why)
	out, fill := w.rewriter.Drop(in)
	if !fill {
		return
	}
	prefix := codec.AppendHeader(w.prefix[:0], codec.Out{SSRC: w.ssrc, Timestamp: out.Timestamp, Sequence: out.Seq, PayloadType: w.format.pt}, nil)
	prefix[0] |= 0x20 // RFC 3550 §5.1: padding; the last octet counts it
	if w.out.WriteRTP(s.tx, prefix, onePad[:]) != nil {
		s.tally.drop(dropNotReady)
		return
	}
	w.packets++
}

var onePad = [1]byte{1}

// restart forgets the layers: the stream that feeds the slot has begun anew.
func (w *sender) restart(s *shard, now time.Duration) {
	target := w.selector.Target()
	w.selector.Reset()
	w.selector.SetTarget(target)
	w.enc = nil
	w.plead(s, now)
}

// switchTo continues the slot with another encoding. Two encodings of one publisher's track are aligned by its sender
// reports; between publishers nothing ties the clocks together, and the time that passed decides.
func (w *sender) switchTo(e *encoding, in seq.In, now time.Duration) {
	var at uint32
	var hint *uint32
	if w.enc != nil && w.enc.track == e.track {
		from, to := e.report.Load(), w.enc.report.Load()
		if from != nil && to != nil {
			aligned := seq.Align(in.Timestamp, *from, *to, w.rate())
			if ts, ok := w.rewriter.Timestamp(aligned); ok {
				at, hint = ts, &at
			}
		}
	}
	w.rewriter.Switch(e.id, in, now, hint)
	w.enc = e
}

func (w *sender) rate() uint32 {
	if w.video {
		return 90000
	}
	return 48000
}

// adopt finds the subscriber's format for the source's. H264 needs the same profile; a decoder for one without
// constraints also takes what is constrained, so among the H264 formats a missing profile falls back on the first.
func (w *sender) adopt(f *format) bool {
	w.source, w.format = f, nil
	for _, mine := range w.formats {
		if mine.apt != 0 || mine.Kind != f.Kind {
			continue
		}
		if w.format == nil || mine.profile == f.profile {
			w.format = mine
		}
		if mine.profile == f.profile {
			break
		}
	}
	if lacks := w.format == nil; lacks != w.lacking.Load() {
		w.lacking.Store(lacks)
		w.conn.peer.room.poke()
	}
	if w.format == nil {
		w.source = nil // asked again with the next packet: the formats may be renegotiated
		return false
	}
	return true
}

// write puts the packet together and sends it. between, if any, goes between header and payload (RTX's two octets).
func (w *sender) write(s *shard, pk *codec.Packet, f *format, p []byte, o codec.Out, out seq.Out, between []byte) {
	n := 0
	for x := range extensions {
		from, to := f.ids[x], w.format.ids[x]
		if from == 0 || to == 0 {
			continue
		}
		data := pk.Extension(p, from)
		if len(data) == 0 {
			continue
		}
		if x == extDependency && pk.Picture.HasFrame {
			data = codec.AppendDependencyDescriptor(w.frame[:0], data, out.Frame)
		}
		w.elements[n] = codec.Element{ID: to, Data: data}
		n++
	}
	prefix := codec.AppendHeader(w.prefix[:0], o, w.elements[:n])
	prefix = append(prefix, between...)
	payload, pic := p[pk.Payload:pk.End], &pk.Picture
	if d := int(pic.Descriptor); d > 0 && d <= len(payload) {
		prefix = codec.AppendDescriptor(prefix, f.Kind, payload, pic, out.ID, out.TL0)
		payload = payload[d:]
	}
	if len(prefix)+len(payload) > maxPacket {
		s.tally.drop(dropSize)
		return
	}
	if err := w.out.WriteRTP(s.tx, prefix, payload); err != nil {
		s.tally.drop(dropNotReady)
		return
	}
	s.tally.sent++
	s.tally.bytes += uint32(len(prefix) + len(payload))
	s.tally.dirty = true
	if between == nil {
		w.packets++
		w.octets += uint32(len(payload) + int(pk.Picture.Descriptor))
	}
}

// maxPacket leaves room for the SRTP tag in a transmit slot.
const maxPacket = udp.SlotSize - 32
