package codec

import (
	"bytes"
	"testing"
)

// naive reads a header octet by octet: where the payload is, and the extension elements by id (the first of each).
func naive(b []byte) (payload, end int, elements map[uint8][]byte, ok bool) {
	if len(b) < 12 || b[0]&0xC0 != 0x80 {
		return
	}
	at := 12
	for range b[0] & 15 {
		at += 4
	}
	elements = map[uint8][]byte{}
	if b[0]&16 != 0 {
		if at+4 > len(b) {
			return
		}
		profile, words := int(b[at])*256+int(b[at+1]), int(b[at+2])*256+int(b[at+3])
		at += 4
		if at+words*4 > len(b) {
			return
		}
		naiveElements(profile, b[at:at+words*4], elements)
		at += words * 4
	}
	end = len(b)
	if b[0]&32 != 0 {
		end -= int(b[len(b)-1])
	}
	return at, end, elements, at <= end && (b[0]&32 == 0 || b[len(b)-1] != 0)
}

func naiveElements(profile int, block []byte, elements map[uint8][]byte) {
	for len(block) > 0 {
		if block[0] == 0 {
			block = block[1:]
			continue
		}
		var id uint8
		var n, head int
		switch {
		case profile == 0xBEDE && block[0]/16 != 15:
			id, n, head = block[0]/16, int(block[0]%16)+1, 1
		case profile/16 == 0x100 && len(block) > 1:
			id, n, head = block[0], int(block[1]), 2
		default:
			return
		}
		if head+n > len(block) {
			return
		}
		if _, twice := elements[id]; !twice && id != 0 {
			elements[id] = block[head : head+n]
		}
		block = block[head+n:]
	}
}

// FuzzHeader compares Header with the naive reader.
func FuzzHeader(f *testing.F) {
	f.Add(packet(f, "90", "bede0002 10aa 22010203 00 00 ff"))
	f.Add(packet(f, "b1", "00000009 10000002 0101aa 200201 0200 aa0002"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 2000 {
			return
		}
		var h Header
		err := h.Parse(b)
		payload, end, elements, ok := naive(b)
		if (err == nil) != ok {
			t.Fatalf("error %v, naively %v", err, ok)
		}
		if err != nil {
			return
		}
		if int(h.Payload) != payload || int(h.End) != end {
			t.Fatalf("payload %d to %d, naively %d to %d", h.Payload, h.End, payload, end)
		}
		for id := range 256 {
			if got, want := h.Extension(b, uint8(id)), elements[uint8(id)]; !bytes.Equal(got, want) {
				t.Fatalf("element %d: %x, naively %x", id, got, want)
			}
		}
		if b, ok := RestoreRTX(bytes.Clone(b), &h, 1, 2); ok {
			var r Header
			if err := r.Parse(b); err != nil || r.End-r.Payload != h.End-h.Payload-2 || r.SSRC != 1 || r.PayloadType != 2 {
				t.Fatalf("restored %+v from %+v: %v", r, h, err)
			}
		}
	})
}

// FuzzParser reads a run of payloads (each with its length before it) and rewrites what was accepted: what is written must read as the same
// picture with the new ids.
func FuzzParser(f *testing.F) {
	f.Add(uint8(VP8), octets(f, "0d 90e081230520 500000 9d012a 8002e001 04 90802351"))
	f.Add(uint8(VP9), octets(f, "0c aa8123000718050002d00100ff 08 f82352030502ff"))
	f.Add(uint8(H264), octets(f, "09 78000267420001 68 03 7c8588"))
	f.Add(uint8(AV1), octets(f, "02 180a"))
	f.Fuzz(func(t *testing.T, kind uint8, b []byte) {
		k := Kind(kind % 6)
		p, again := NewParser(k, Extensions{}), NewParser(k, Extensions{})
		for ts := uint32(0); len(b) > 0; ts++ {
			n := min(int(b[0])+1, len(b))
			payload := b[1:n]
			b = b[n:]
			var in, out Packet
			raw := append(AppendHeader(nil, Out{Timestamp: ts}, nil), payload...)
			if p.Parse(raw, &in) != nil || in.PaddingOnly() {
				continue
			}
			const id, tl0 = 0x4321, 0x21
			rewritten := AppendDescriptor(AppendHeader(nil, Out{Timestamp: ts}, nil), k, payload, &in.Picture, id, tl0)
			rewritten = append(rewritten, payload[in.Picture.Descriptor:]...)
			if err := again.Parse(rewritten, &out); err != nil {
				t.Fatalf("%x became %x: %v", payload, rewritten[12:], err)
			}
			want := in.Picture
			if want.HasTL0 {
				want.TL0 = tl0
			}
			if want.HasID {
				want.ID = id
				if out.Picture.ID&0x7F != id&0x7F { // a VP9 id of 7 bits stays one
					t.Fatalf("id %x", out.Picture.ID)
				}
				if k == VP9 {
					want.ID = out.Picture.ID
				}
			}
			out.Picture.Descriptor, want.Descriptor = 0, 0 // a widened VP8 id
			if out.Picture != want {
				t.Fatalf("%x became %x:\n got %+v\nwant %+v", payload, rewritten[12:], out.Picture, want)
			}
		}
	})
}

// FuzzDependencyDescriptor reads a structure and a descriptor that refers to it.
func FuzzDependencyDescriptor(f *testing.F) {
	f.Add(layersOf(3, 3, 60, true), []byte{0x80, 3, 0xE9})
	f.Add(layersOf(1, 3, 0, false), []byte{0xC2, 3, 0xE9, 0x60, 0xAA, 0xAA})
	f.Fuzz(func(t *testing.T, first, second []byte) {
		var s structure
		for _, d := range [][]byte{first, second} {
			var p Picture
			s.read(d, &p)
			if s.templates > maxTemplates || s.targets > maxTargets {
				t.Fatalf("%d templates, %d targets", s.templates, s.targets)
			}
			if p.Keyframe && (!p.Start || s.templates == 0) {
				t.Fatalf("a keyframe out of nothing: %+v", p)
			}
			if p.HasFrame != (len(d) >= 3) {
				t.Fatalf("%d octets: %+v", len(d), p)
			}
		}
	})
}

func TestParseAndWriteDoNotAllocate(t *testing.T) {
	p := NewParser(VP8, Extensions{AudioLevel: 1, DependencyDescriptor: 4})
	payload := octets(t, "90 e0 8123 05 20 51aa")
	elements := []Element{{4, layersOf(3, 3, 0, true)}, {1, []byte{3}}}
	b := append(AppendHeader(nil, Out{}, elements), payload...)
	buf := make([]byte, 0, 2000)
	var out Packet
	if n := testing.AllocsPerRun(1000, func() {
		if err := p.Parse(b, &out); err != nil {
			t.Fatal(err)
		}
		buf = AppendHeader(buf[:0], Out{}, elements)
		buf = AppendDescriptor(buf, VP8, payload, &out.Picture, 7, 7)
		buf = AppendDependencyDescriptor(buf, elements[0].Data, 7)
	}); n != 0 {
		t.Fatalf("%v allocations per packet, want 0", n)
	}
}
