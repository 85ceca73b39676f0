package codec

import (
	"bytes"
	"testing"

	"github.com/confab/confab/media/bits"
)

// bitWriter is the slow opposite of bits.Reader.
type bitWriter struct {
	b  []byte
	at int
}

func (w *bitWriter) put(n int, v uint32) {
	for i := n - 1; i >= 0; i-- {
		if w.at%8 == 0 {
			w.b = append(w.b, 0)
		}
		w.b[w.at/8] |= byte(v>>i&1) << (7 - w.at%8)
		w.at++
	}
}

// layersOf writes a descriptor that starts a frame of template offset and carries the structure of S spatial and T temporal layers: one
// template and one decode target for each, one chain, sizes 320×180 and doubling. As libwebrtc does, the base layer has a switch
// indication for all of its spatial layer's targets.
func layersOf(spatial, temporal int, offset uint32, resolutions bool) []byte {
	var w bitWriter
	w.put(2, 3) // a frame in one packet
	w.put(6, offset)
	w.put(16, 1000)
	w.put(5, 0b10000)
	n := spatial * temporal
	w.put(6, offset)
	w.put(5, uint32(n-1))
	for i := range n {
		switch {
		case i == n-1:
			w.put(2, 3)
		case (i+1)%temporal == 0:
			w.put(2, 2)
		default:
			w.put(2, 1)
		}
	}
	for template := range n {
		for target := range n {
			ts, tt, ds, dt := template/temporal, template%temporal, target/temporal, target%temporal
			switch {
			case ts > ds || tt > dt:
				w.put(2, dtiAbsent)
			case ts == ds && (tt == 0 || tt == dt && tt == 1): // the second temporal layer can be joined too, the third cannot
				w.put(2, dtiSwitch)
			default:
				w.put(2, 3)
			}
		}
	}
	for i := range n {
		if i > 0 {
			w.put(5, 1<<4|uint32(i-1)&15) // one fdiff
		}
		w.put(1, 0)
	}
	putNonSymmetric(&w, uint32(n)+1, 1)
	for range n {
		putNonSymmetric(&w, 1, 0)
	}
	for range n {
		w.put(4, 5)
	}
	if !resolutions {
		w.put(1, 0)
		return w.b
	}
	w.put(1, 1)
	for s := range spatial {
		w.put(16, 320<<s-1)
		w.put(16, 180<<s-1)
	}
	return w.b
}

// putNonSymmetric writes v as ns(n).
func putNonSymmetric(w *bitWriter, n, v uint32) {
	bitsOf := 0
	for x := n; x > 0; x >>= 1 {
		bitsOf++
	}
	if m := uint32(1)<<bitsOf - n; v < m {
		w.put(bitsOf-1, v)
	} else {
		w.put(bitsOf, v+m)
	}
}

func TestNonSymmetric(t *testing.T) {
	for n := uint32(1); n < 40; n++ {
		for v := range n {
			var w bitWriter
			putNonSymmetric(&w, n, v)
			r := bits.Over(w.b)
			if got := r.NonSymmetric(n); got != v || r.At() != w.at {
				t.Fatalf("ns(%d): %d read as %d", n, v, got)
			}
		}
	}
}

func TestDependencyDescriptor(t *testing.T) {
	for _, tc := range []struct {
		name              string
		spatial, temporal int
		offset            uint32
		resolutions       bool
	}{
		{"one layer", 1, 1, 0, true},
		{"three temporal", 1, 3, 5, true},
		{"nine layers, ids wrap", 3, 3, 60, true},
		{"no sizes", 2, 2, 0, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var s structure
			var p Picture
			s.read(layersOf(tc.spatial, tc.temporal, tc.offset, tc.resolutions), &p)
			if !p.Keyframe || !p.Start || !p.End || p.Frame != 1000 || p.Spatial != 0 || p.Temporal != 0 {
				t.Fatalf("keyframe %+v", p)
			}
			if want := uint16(320 << (tc.spatial - 1)); tc.resolutions && p.Width != want || !tc.resolutions && p.Width != 0 {
				t.Fatalf("width %d", p.Width)
			}
			for i := range tc.spatial * tc.temporal {
				p := Picture{Keyframe: true}
				s.read([]byte{0x80 | byte(tc.offset+uint32(i))&63, 3, 0xE9}, &p)
				up := uint8(tc.temporal - 1)
				if t := i % tc.temporal; t > 0 {
					up = uint8(t % 2)
				}
				want := Picture{
					Up:    up,
					Start: true, HasFrame: true, Frame: 1001,
					Spatial: uint8(i / tc.temporal), Temporal: uint8(i % tc.temporal), Switch: i%tc.temporal < 2,
				}
				if p != want {
					t.Fatalf("template %d: %+v, want %+v", i, p, want)
				}
			}
		})
	}
}

func TestDependencyDescriptorCustomIndications(t *testing.T) {
	var s structure
	var p Picture
	s.read(layersOf(1, 3, 0, false), &p)
	for _, tc := range []struct {
		name     string
		template uint32
		targets  [3]uint32
		join     bool
		up       uint8
	}{
		{"joinable after all", 2, [3]uint32{0, 0, 2}, true, 2},
		{"not joinable after all", 1, [3]uint32{0, 3, 3}, false, 0},
		{"up to others only", 1, [3]uint32{0, 3, 2}, false, 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var w bitWriter
			w.put(2, 3)
			w.put(6, tc.template)
			w.put(16, 1)
			w.put(5, 0b01100) // active targets and custom indications
			w.put(3, 7)
			for _, v := range tc.targets {
				w.put(2, v)
			}
			p := Picture{}
			s.read(w.b, &p)
			if p.Switch != tc.join || p.Up != tc.up || p.Temporal != uint8(tc.template) {
				t.Fatalf("%+v", p)
			}
		})
	}
}

func TestDependencyDescriptorFaults(t *testing.T) {
	whole := layersOf(3, 3, 0, true)
	for n := range len(whole) {
		var s structure
		p := Picture{Keyframe: true, Temporal: 2}
		s.read(whole[:n], &p)
		switch {
		case n < 3 && p != (Picture{Keyframe: true, Temporal: 2}):
			t.Fatalf("%d octets say %+v", n, p)
		case n >= 3 && (p.Keyframe || p.Temporal != 2 || s.templates != 0):
			t.Fatalf("%d octets of %d: %+v, %d templates", n, len(whole), p, s.templates)
		}
	}
	var s structure
	var p Picture
	s.read([]byte{0x05, 0, 1}, &p) // no structure yet
	if p.Temporal != 0 || !p.HasFrame {
		t.Fatalf("%+v", p)
	}
}

func TestTheDependencyDescriptorWins(t *testing.T) {
	p := NewParser(VP8, Extensions{DependencyDescriptor: 4})
	payload := octets(t, "90 80 8123 010203040506070809") // encrypted: nothing looks like a keyframe
	b := append(AppendHeader(nil, Out{}, []Element{{4, layersOf(1, 2, 0, true)}}), payload...)
	var out Packet
	if err := p.Parse(b, &out); err != nil {
		t.Fatal(err)
	}
	if !out.Picture.Keyframe || out.Picture.ID != 0x123 || out.Picture.Width != 320 {
		t.Fatalf("%+v", out.Picture)
	}
}

func TestAppendDependencyDescriptor(t *testing.T) {
	d := layersOf(1, 3, 0, true)
	got := AppendDependencyDescriptor(nil, d, 0xABCD)
	want := append([]byte{d[0], 0xAB, 0xCD}, d[3:]...)
	if !bytes.Equal(got, want) {
		t.Fatalf("%x, want %x", got, want)
	}
	if got := AppendDependencyDescriptor(nil, d[:2], 1); !bytes.Equal(got, d[:2]) {
		t.Fatalf("%x", got)
	}
}
