package frames

import (
	"encoding/binary"

	"github.com/confab/confab/media/bits"
	"github.com/confab/confab/media/codec"
)

// Info is what the head of a file says of a stream.
type Info struct {
	Width, Height int    // of video, in pixels
	Private       []byte // Matroska's CodecPrivate; nil: the codec has none
}

// Describe reads a keyframe. ok is false when the frame does not say enough to begin a file with it.
func Describe(kind codec.Kind, frame []byte) (i Info, ok bool) {
	switch kind {
	case codec.Opus: // RFC 7845 §5.1: version 1, 2 channels, no pre-skip as the stream begins anywhere, 48 kHz, no gain, family 0
		return Info{Private: []byte{'O', 'p', 'u', 's', 'H', 'e', 'a', 'd', 1, 2, 0, 0, 0x80, 0xBB, 0, 0, 0, 0, 0}}, true
	case codec.VP8:
		return vp8(frame)
	case codec.VP9:
		return vp9(frame)
	case codec.H264:
		return h264(frame)
	case codec.AV1:
		return av1(frame)
	default:
		return Info{}, false
	}
}

// vp8 reads the frame header (RFC 6386 §9.1).
func vp8(b []byte) (i Info, ok bool) {
	if len(b) < 10 || b[0]&1 != 0 || b[3] != 0x9D || b[4] != 0x01 || b[5] != 0x2A {
		return i, false
	}
	i.Width = int(binary.LittleEndian.Uint16(b[6:]) & 0x3FFF)
	i.Height = int(binary.LittleEndian.Uint16(b[8:]) & 0x3FFF)
	return i, i.Width > 0 && i.Height > 0
}

// vp9 reads the uncompressed header (VP9 bitstream specification §6.2).
func vp9(b []byte) (i Info, ok bool) {
	r := bits.Over(b)
	marker := r.Read(2)
	profile := r.Read(1) | r.Read(1)<<1
	if profile == 3 {
		r.Read(1)
	}
	if marker != 2 || r.Read(1) == 1 || r.Read(1) == 1 { // not a frame, one that exists, not a keyframe
		return i, false
	}
	r.Read(2) // shown, error resilient
	if r.Read(24) != 0x498342 {
		return i, false
	}
	if profile >= 2 {
		r.Read(1) // bit depth
	}
	const sRGB = 7
	switch space := r.Read(3); {
	case space != sRGB:
		r.Read(1)
		if profile == 1 || profile == 3 {
			r.Read(3)
		}
	case profile == 1 || profile == 3:
		r.Read(1)
	default:
		return i, false
	}
	i.Width, i.Height = int(r.Read(16))+1, int(r.Read(16))+1
	return i, !r.Short()
}

// av1 finds the sequence header (AV1 specification §5.5.1) and makes the configuration record of it ("AV1 Codec ISO Media File Format
// Binding" §2.3.3).
func av1(b []byte) (i Info, ok bool) {
	for len(b) > 1 {
		head, kind := 1, b[0]>>3&15
		if b[0]&4 != 0 {
			head = 2
		}
		if b[0]&2 == 0 || len(b) < head {
			return i, false // no size: not what an Assembler makes
		}
		size, n := leb128(b[head:])
		if n == 0 || size > uint64(len(b)-head-n) {
			return i, false
		}
		end := head + n + int(size)
		if kind == 1 {
			return sequenceHeader(b[:end], b[head+n:end])
		}
		b = b[end:]
	}
	return i, false
}

func sequenceHeader(unit, b []byte) (i Info, ok bool) {
	r := bits.Over(b)
	profile := r.Read(3)
	r.Read(1) // still picture
	level, tier := uint32(0), uint32(0)
	if r.Read(1) == 1 { // reduced
		level = r.Read(5)
	} else {
		if r.Read(1) == 1 {
			return i, false // timing information: no encoder of browsers writes it
		}
		delay := r.Read(1)
		points := r.Read(5)
		for p := range points + 1 {
			r.Read(12)
			l, t := r.Read(5), uint32(0)
			if l > 7 {
				t = r.Read(1)
			}
			if delay == 1 && r.Read(1) == 1 {
				r.Read(4)
			}
			if p == 0 {
				level, tier = l, t
			}
		}
	}
	w, h := r.Read(4)+1, r.Read(4)+1
	i.Width, i.Height = int(r.Read(int(w)))+1, int(r.Read(int(h)))+1
	// 8 bits a sample and 4:2:0, as calls have; a decoder believes the sequence header that follows.
	i.Private = append([]byte{0x81, byte(profile<<5 | level), byte(tier<<7 | 0x0C), 0}, unit...)
	return i, !r.Short()
}

func leb128(b []byte) (v uint64, n int) {
	for n < min(len(b), 8) {
		v |= uint64(b[n]&0x7F) << (7 * n)
		n++
		if b[n-1]&0x80 == 0 {
			return v, n
		}
	}
	return 0, 0
}

// h264 finds the parameter sets among NAL units with lengths, and makes the AVC configuration record of them (ISO/IEC 14496-15 §5.3.3.1).
func h264(b []byte) (i Info, ok bool) {
	var sps, pps []byte
	for len(b) > 4 {
		n := binary.BigEndian.Uint32(b)
		if uint64(n) > uint64(len(b)-4) || n == 0 {
			return i, false
		}
		switch unit := b[4 : 4+n]; unit[0] & 0x1F {
		case 7:
			sps = unit
		case 8:
			pps = unit
		}
		b = b[4+n:]
	}
	if len(sps) < 4 || len(sps) > 0xFFFF || len(pps) == 0 || len(pps) > 0xFFFF {
		return i, false
	}
	if i.Width, i.Height, ok = spsSize(sps); !ok {
		return i, false
	}
	p := []byte{1, sps[1], sps[2], sps[3], 0xFF, 0xE1}
	p = append(binary.BigEndian.AppendUint16(p, uint16(len(sps))), sps...)
	p = append(p, 1)
	i.Private = append(binary.BigEndian.AppendUint16(p, uint16(len(pps))), pps...)
	return i, true
}

// spsSize reads the size of the pictures (ITU-T H.264 §7.3.2.1.1).
func spsSize(sps []byte) (w, h int, ok bool) {
	r := bits.Over(unescape(sps[4:]))
	r.Golomb() // id
	chroma := uint32(1)
	switch sps[1] {
	case 100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135:
		if chroma = r.Golomb(); chroma == 3 {
			r.Read(1)
		}
		r.Golomb()
		r.Golomb()
		r.Read(1)
		if r.Read(1) == 1 {
			return 0, 0, false // scaling lists: no encoder of browsers writes them
		}
	}
	r.Golomb() // frame numbers
	switch r.Golomb() {
	case 0:
		r.Golomb()
	case 1:
		r.Read(1)
		r.Golomb()
		r.Golomb()
		for range min(r.Golomb(), 255) {
			r.Golomb()
		}
	}
	r.Golomb() // reference frames
	r.Read(1)
	wide, high := r.Golomb()+1, r.Golomb()+1
	frames := r.Read(1)
	if frames == 0 {
		r.Read(1)
	}
	r.Read(1)
	if wide > 1024 || high > 1024 {
		return 0, 0, false
	}
	w, h = int(wide)*16, int(high)*16*int(2-frames)
	if r.Read(1) == 1 { // cropped
		x, y := 1, int(2-frames)
		if chroma == 1 || chroma == 2 {
			x = 2
		}
		if chroma == 1 {
			y *= 2
		}
		left, right, top, bottom := r.Golomb(), r.Golomb(), r.Golomb(), r.Golomb()
		w -= x * int(min(left, 1<<14)+min(right, 1<<14))
		h -= y * int(min(top, 1<<14)+min(bottom, 1<<14))
	}
	return w, h, !r.Short() && w > 0 && h > 0
}

// unescape takes emulation prevention octets out (§7.4.1.1).
func unescape(b []byte) []byte {
	out := make([]byte, 0, len(b))
	zeros := 0
	for _, c := range b {
		if zeros >= 2 && c == 3 {
			zeros = 0
			continue
		}
		if c == 0 {
			zeros++
		} else {
			zeros = 0
		}
		out = append(out, c)
	}
	return out
}
