package codec

import "encoding/binary"

// NAL unit types (ITU-T H.264 table 7-1, RFC 6184 §5.2).
const (
	nalIDR   = 5
	nalSPS   = 7
	nalSTAPA = 24
	nalFUA   = 28
	nalFUB   = 29
)

// parseH264 looks at NAL unit headers only. H264 has no mark for the start of a frame: pic.Start is set by the caller.
// A keyframe starts with its parameter sets, or with the IDR itself if they came out of band.
func parseH264(b []byte, pic *Picture) error {
	if len(b) < 1 {
		return ErrPayload
	}
	switch b[0] & 0x1F {
	case nalSTAPA:
		return parseSTAPA(b[1:], pic)
	case nalFUA, nalFUB:
		if len(b) < 2 {
			return ErrPayload
		}
		if b[1]&0x80 != 0 { // S: first fragment
			noteNAL(b[1]&0x1F, pic)
		}
	default:
		noteNAL(b[0]&0x1F, pic)
	}
	return nil
}

func parseSTAPA(b []byte, pic *Picture) error {
	for len(b) > 0 {
		if len(b) < 3 {
			return ErrPayload
		}
		n := int(binary.BigEndian.Uint16(b))
		if n == 0 || 2+n > len(b) {
			return ErrPayload
		}
		noteNAL(b[2]&0x1F, pic)
		b = b[2+n:]
	}
	return nil
}

func noteNAL(kind uint8, pic *Picture) {
	if kind == nalSPS || kind == nalIDR && pic.Start {
		pic.Start, pic.Keyframe = true, true
	}
}
