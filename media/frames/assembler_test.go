package frames

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"

	"github.com/confab/confab/media/codec"
)

// source makes frames of a codec, and packets of them as pion does.
type source struct {
	kind   codec.Kind
	frames []Frame
	wire   []Packet
}

const keyEvery = 10

func makeSource(kind codec.Kind, n int, r *rand.Rand) *source {
	s := &source{kind: kind}
	parser := codec.NewParser(kind, codec.Extensions{})
	vp8, vp9, h264, av1, opus := &codecs.VP8Payloader{EnablePictureID: true}, &codecs.VP9Payloader{}, &codecs.H264Payloader{}, &codecs.AV1Payloader{}, &codecs.OpusPayloader{}
	seq := uint64(65530) // wraps soon
	for i := range n {
		key := i%keyEvery == 0
		size := 200 + r.IntN(4000)
		f := Frame{Timestamp: uint32(i) * 3000, Keyframe: key || kind == codec.Opus}
		body := make([]byte, size)
		for j := range body {
			body[j] = byte(i) | 0x80 // no start code
		}
		var payloads [][]byte
		switch kind {
		case codec.Opus:
			f.Data = body[:100]
			payloads = opus.Payload(1200, f.Data)
		case codec.VP8:
			if copy(body, []byte{0x11, 0, 0, 0x9D, 1, 0x2A, 0x80, 2, 0x68, 1}); key {
				body[0] = 0x10
			}
			f.Data = body
			payloads = vp8.Payload(1200, body)
		case codec.VP9:
			copy(body, []byte{0x86, 0, 0, 0})
			if key {
				copy(body, []byte{0x82, 0x49, 0x83, 0x42, 0x00, 0x27, 0xF0, 0x16, 0x70})
			}
			f.Data = body
			payloads = vp9.Payload(1200, body)
		case codec.H264:
			units := [][]byte{append([]byte{0x41}, body...)}
			if key {
				units = [][]byte{sps, pps, append([]byte{0x65}, body...)}
			}
			var annexB []byte
			for _, u := range units {
				annexB = append(append(annexB, 0, 0, 0, 1), u...)
				f.Data = append(append(f.Data, byte(len(u)>>24), byte(len(u)>>16), byte(len(u)>>8), byte(len(u))), u...)
			}
			payloads = h264.Payload(1200, annexB)
		case codec.AV1:
			if key {
				f.Data = append(f.Data, sequence...)
			}
			f.Data = append(append(f.Data, 0x32, byte(size&0x7F|0x80), byte(size>>7)), body...)
			payloads = av1.Payload(1200, f.Data)
		}
		s.frames = append(s.frames, f)
		for j, p := range payloads {
			h := rtp.Packet{Header: rtp.Header{Version: 2, Marker: j == len(payloads)-1, SequenceNumber: uint16(seq), Timestamp: f.Timestamp}, Payload: p}
			b, err := h.Marshal()
			if err != nil {
				panic(err)
			}
			var parsed codec.Packet
			if err := parser.Parse(b, &parsed); err != nil {
				panic(fmt.Sprint(kind, i, j, err))
			}
			s.wire = append(s.wire, Packet{Seq: seq, Timestamp: f.Timestamp, Marker: h.Marker, Start: parsed.Picture.Start,
				Keyframe: parsed.Picture.Keyframe, Payload: p})
			seq++
		}
	}
	return s
}

var (
	// 640x360 as x264 and libaom write it, and the private data that FFmpeg makes of it.
	sps      = unhex("6742c01ed900a02ff970110000030001000003003c0f162e48")
	pps      = unhex("68cb83cb20")
	sequence = unhex("0a0b0000000cc4ff6736be4010")
	private  = map[codec.Kind][]byte{
		codec.H264: unhex("0142c01effe10019" + "6742c01ed900a02ff970110000030001000003003c0f162e48" + "010005" + "68cb83cb20"),
		codec.AV1:  unhex("81010c00" + "0a0b0000000cc4ff6736be4010"),
	}
)

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

var kinds = []codec.Kind{codec.Opus, codec.VP8, codec.VP9, codec.H264, codec.AV1}

func TestAllOfWhatCame(t *testing.T) {
	for _, kind := range kinds {
		s := makeSource(kind, 60, rand.New(rand.NewPCG(1, 2)))
		a := New(kind)
		var got []Frame
		wire := slices.Clone(s.wire)
		for i := 1; i+8 < len(wire); i += 8 { // every eighth comes late, after the first, which says where the stream begins
			wire[i], wire[i+7] = wire[i+7], wire[i]
		}
		for i, p := range wire {
			got = append(got, a.Push(p, time.Duration(i+1)*time.Millisecond)...)
			got = append(got, a.Push(p, time.Duration(i+1)*time.Millisecond)...) // twice
		}
		got = append(got, a.Poll(time.Hour)...)
		compare(t, kind, got, s.frames)
		if a.Lost() != 0 || a.Wants() {
			t.Errorf("%v: lost %d, wants a keyframe: %v", kind, a.Lost(), a.Wants())
		}
	}
}

func compare(t *testing.T, kind codec.Kind, got, want []Frame) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%v: %d frames of %d", kind, len(got), len(want))
		return
	}
	for i := range got {
		if got[i].Timestamp != want[i].Timestamp || got[i].Keyframe != want[i].Keyframe || !bytes.Equal(got[i].Data, want[i].Data) {
			t.Fatalf("%v: frame %d: %d %v %x, want %d %v %x", kind, i, got[i].Timestamp, got[i].Keyframe, head(got[i].Data), want[i].Timestamp,
				want[i].Keyframe, head(want[i].Data))
		}
	}
}

func head(b []byte) []byte { return b[:min(len(b), 24)] }

// After a loss video goes on with a keyframe, sound at once, and no frame is ever other than it was sent.
func TestLoss(t *testing.T) {
	for seed := range uint64(40) {
		for _, kind := range kinds {
			r := rand.New(rand.NewPCG(seed, 7))
			s := makeSource(kind, 100, r)
			a := New(kind)
			var got []Frame
			now := time.Duration(1)
			for _, p := range s.wire {
				now += 2 * time.Millisecond
				if r.IntN(40) == 0 {
					continue
				}
				got = append(got, a.Push(p, now)...)
			}
			got = append(got, a.Poll(now+time.Hour)...)
			at := 0
			for i, f := range got {
				from := at
				for at < len(s.frames) && s.frames[at].Timestamp != f.Timestamp {
					at++
				}
				if at == len(s.frames) {
					t.Fatalf("%v: frame %d is of no known time, or out of order", kind, f.Timestamp)
				}
				if !bytes.Equal(f.Data, s.frames[at].Data) {
					t.Fatalf("seed %d, %v: frame %d is not what was sent", seed, kind, at)
				}
				if kind != codec.Opus && (i == 0 || at > from) && !f.Keyframe {
					t.Fatalf("seed %d, %v: after a gap comes frame %d, which is no keyframe", seed, kind, at)
				}
				at++
			}
			if len(got) < 5 {
				t.Errorf("seed %d, %v: %d frames of %d", seed, kind, len(got), len(s.frames))
			}
		}
	}
}

func TestAGapIsWaitedForAsLongAsARetransmissionTakes(t *testing.T) {
	s := makeSource(codec.VP8, 30, rand.New(rand.NewPCG(3, 3)))
	late := func(after time.Duration) int {
		a := New(codec.VP8)
		n := 0
		for i, p := range s.wire {
			if i != 5 {
				n += len(a.Push(p, time.Millisecond))
			}
		}
		n += len(a.Poll(after))
		return n + len(a.Push(s.wire[5], after))
	}
	if n := late(wait / 2); n != len(s.frames) {
		t.Errorf("%d frames of %d when the missing packet came in time", n, len(s.frames))
	}
	if n := late(2 * wait); n == len(s.frames) || n == 0 {
		t.Errorf("%d frames of %d when it came too late", n, len(s.frames))
	}
}

func TestJumps(t *testing.T) {
	a := New(codec.Opus)
	n := 0
	for i, seq := range []uint64{10, 11, 1 << 40, 1<<40 + 1, 12, 0} {
		n += len(a.Push(Packet{Seq: seq, Timestamp: uint32(seq), Payload: []byte{byte(i)}}, time.Duration(i+1)))
	}
	n += len(a.Poll(time.Hour))
	if n != 4 {
		t.Errorf("%d packets of sound, want the two before and the two after the jump", n)
	}
}

func TestDescribe(t *testing.T) {
	for _, kind := range kinds {
		s := makeSource(kind, 2, rand.New(rand.NewPCG(1, 1)))
		i, ok := Describe(kind, s.frames[0].Data)
		if !ok || kind != codec.Opus && (i.Width != 640 || i.Height != 360) {
			t.Errorf("%v: %dx%d %v", kind, i.Width, i.Height, ok)
		}
		if kind != codec.Opus {
			if _, ok := Describe(kind, s.frames[1].Data); ok {
				t.Errorf("%v: what is no keyframe was described", kind)
			}
		}
		if kind != codec.Opus && !bytes.Equal(i.Private, private[kind]) {
			t.Errorf("%v: private data %x, want %x", kind, i.Private, private[kind])
		}
	}
	if _, ok := Describe(codec.Other, []byte{1}); ok || New(codec.Other) != nil {
		t.Error("a codec that files do not know")
	}
}

func FuzzFrames(f *testing.F) {
	for _, kind := range kinds {
		s := makeSource(kind, 3, rand.New(rand.NewPCG(1, 1)))
		for _, p := range s.wire {
			f.Add(uint8(kind), uint16(p.Seq), p.Timestamp, uint8(7), p.Payload)
		}
		f.Add(uint8(kind), uint16(1), uint32(1), uint8(7), s.frames[0].Data)
	}
	f.Fuzz(func(t *testing.T, kind uint8, seq uint16, ts uint32, flags uint8, b []byte) {
		a := New(codec.Kind(kind))
		if a == nil {
			return
		}
		for i := range 3 {
			p := Packet{Seq: uint64(seq) + uint64(i), Timestamp: ts, Marker: flags&1 != 0, Start: flags&2 != 0, Keyframe: flags&4 != 0, Payload: bytes.Clone(b)}
			for _, fr := range a.Push(p, time.Duration(i+1)) {
				Describe(codec.Kind(kind), fr.Data)
			}
		}
		Describe(codec.Kind(kind), b)
	})
}
