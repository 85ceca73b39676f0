package media

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/pion/rtp"

	"github.com/confab/confab/media/answer"
	"github.com/confab/confab/media/layer"
	"github.com/confab/confab/media/transport"
	"github.com/confab/confab/media/udp"
)

// sink is an outlet that counts.
type sink struct{ packets, bytes int }

func (s *sink) WriteRTP(_ *udp.Tx, prefix, payload []byte) error {
	s.packets++
	s.bytes += len(prefix) + len(payload)
	return nil
}
func (s *sink) WriteRTCP(*udp.Tx, []byte) error { return nil }

// still is an engine that is not running: the test is the receive loop and the shard.
func still(t *testing.T) (*shard, *connection, *track, *sink, *sender) {
	t.Helper()
	e := &Engine{metrics: newMetrics(nil), epoch: time.Now()}
	e.pool.init(16)
	s := newShard(e, 0)
	e.shards = []*shard{s}
	r := newRoom(e, "r")
	newConn := func(name string) *connection {
		c := &connection{peer: &Peer{engine: e, room: r, home: s, opts: PeerOptions{Participant: name}}, engine: e, home: s,
			slots: map[string]*sender{}, tracks: map[string]*track{}, sent: map[uint32]bool{}, bySSRC: map[uint32]*sender{}, ssrc: 1}
		c.demux = &demux{conn: c, streams: map[uint32]stream{}}
		return c
	}
	pub, sub := newConn("alice"), newConn("bob")
	out := &sink{}
	pub.out, sub.out = out, out
	offer := &answer.Offer{Sections: []answer.Section{{Mid: "0", Kind: answer.Video, Sends: true,
		Codecs:     []answer.Codec{{Name: "VP8", PayloadType: 96, RTX: 97, ClockRate: 90000}},
		Extensions: []answer.Extension{{ID: 1, URI: answer.URIMid}, {ID: 3, URI: answer.URITransportCC}, {ID: 5, URI: answer.URIPlayoutDelay}}}}}
	tr := &track{conn: pub, source: Camera, mid: "0", video: true, feeds: make([]*feed, 1)}
	pub.demux.config.Store(inboundOf(offer, map[string]*track{"0": tr}))
	w := newSender(sub, "1", true)
	w.formats = formatsOf(&offer.Sections[0], idsOf(offer.Sections[0].Extensions))
	w.bind(s, tr, layer.Size{Width: 640, Height: 360}, 0)
	return s, pub, tr, out, w
}

func packets(t *testing.T, n int, key bool, seq *uint16, pic uint16) []transport.Packet {
	t.Helper()
	var out []transport.Packet
	for k := range n {
		*seq++
		h := rtp.Header{Version: 2, SSRC: 77, PayloadType: 96, SequenceNumber: *seq, Timestamp: uint32(pic) * 3000, Marker: k == n-1}
		must(h.SetExtension(1, []byte("0")))
		must(h.SetExtension(3, []byte{byte(*seq >> 8), byte(*seq)}))
		must(h.SetExtension(5, []byte{0, 0, 0}))
		b, err := (&rtp.Packet{Header: h, Payload: append(vp8Payload(k == 0, key, pic, 0, 0), make([]byte, 1000)...)}).Marshal()
		must(err)
		out = append(out, transport.Packet{Buf: append(make([]byte, transport.Headroom), b...), N: len(b)})
	}
	return out
}

// From the receive loop through the ring to the encryption: nothing is allocated per packet.
func TestForwardingDoesNotAllocate(t *testing.T) {
	s, pub, _, out, w := still(t)
	var seq uint16
	now := time.Now()
	feed := func(batch []transport.Packet) {
		pub.demux.HandleRTP(now, batch)
		for len(s.packets) > 0 {
			s.take(<-s.packets)
		}
	}
	feed(packets(t, 4, true, &seq, 1))
	if out.packets == 0 {
		t.Fatal("nothing was forwarded")
	}
	frames := make([][]transport.Packet, 300)
	for i := range frames {
		frames[i] = packets(t, 10, false, &seq, uint16(i+2))
	}
	before, i := out.packets, 0
	next := func() {
		now = now.Add(33 * time.Millisecond)
		feed(frames[i])
		i++
	}
	for range 100 { // the feedback recorder's window of half a second grows once
		next()
	}
	if n := testing.AllocsPerRun(150, next); n != 0 {
		t.Errorf("%v allocations per frame of 10 packets, want 0", n)
	}
	if sent := out.packets - before; sent != i*10 {
		t.Errorf("%d packets forwarded of %d", sent, i*10)
	}
	base := s.tally.resent
	last := w.packets
	if n := testing.AllocsPerRun(50, func() {
		w.conn.budget = resendBudget
		last--
		w.resend(s, uint16(w.lastSequence())-uint16(w.packets-last), s.busy)
	}); n != 0 {
		t.Errorf("%v allocations per retransmission, want 0", n)
	}
	if s.tally.resent-base < 50 {
		t.Errorf("%d packets sent again of 50", s.tally.resent-base)
	}
}

// lastSequence is the number of the packet that was sent last.
func (w *sender) lastSequence() uint16 {
	for n := range uint32(1 << 16) {
		if _, ok := w.rewriter.Origin(uint16(n)); ok {
			if _, more := w.rewriter.Origin(uint16(n + 1)); !more {
				return uint16(n)
			}
		}
	}
	return 0
}

// BenchmarkForward is one frame of ten packets from the receive loop to one subscriber, without encryption.
func BenchmarkForward(b *testing.B) {
	t := &testing.T{}
	s, pub, _, out, _ := still(t)
	var seq uint16
	now := time.Now()
	key, frame := packets(t, 10, true, &seq, 1), packets(t, 10, false, &seq, 2)
	pub.demux.HandleRTP(now, key)
	s.take(<-s.packets)
	seq = 10
	b.ReportAllocs()
	for b.Loop() {
		for _, p := range frame {
			seq++
			binary.BigEndian.PutUint16(p.Bytes()[2:], seq)
		}
		now = now.Add(33 * time.Millisecond)
		pub.demux.HandleRTP(now, frame)
		s.take(<-s.packets)
	}
	b.ReportMetric(float64(out.packets)/float64(b.N), "packets/op")
}
