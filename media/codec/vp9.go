package codec

import "encoding/binary"

// Bits of the first octet of the VP9 payload descriptor (RFC 9628 §4.2).
const (
	vp9ID        = 0x80 // I
	vp9Predicted = 0x40 // P: inter-picture predicted
	vp9Layers    = 0x20 // L
	vp9Flexible  = 0x10 // F
	vp9Start     = 0x08 // B
	vp9End       = 0x04 // E
	vp9Structure = 0x02 // V: scalability structure
)

// parseVP9 reads the payload descriptor of a VP9 packet; the frame behind it is not looked at.
func (p *Parser) parseVP9(b []byte, pic *Picture) error {
	if len(b) < 1 {
		return ErrPayload
	}
	flags, at := b[0], 1
	if flags&vp9ID != 0 {
		n, ok := p.parseID(b[at:], pic)
		if !ok {
			return ErrPayload
		}
		at += n
	}
	if flags&vp9Layers != 0 {
		if at >= len(b) {
			return ErrPayload
		}
		pic.Temporal, pic.Switch, pic.Spatial = b[at]>>5, b[at]&0x10 != 0, b[at]>>1&0x07
		at++
		if flags&vp9Flexible == 0 {
			if at >= len(b) {
				return ErrPayload
			}
			pic.HasTL0, pic.TL0 = true, b[at]
			at++
		}
	}
	if flags&(vp9Flexible|vp9Predicted) == vp9Flexible|vp9Predicted {
		for i, more := 0, true; more; i++ {
			if i == 3 || at >= len(b) { // at most three reference frames
				return ErrPayload
			}
			more = b[at]&1 != 0
			at++
		}
	}
	if flags&vp9Structure != 0 {
		if !parseVP9Structure(b[at:], pic) {
			return ErrPayload
		}
	}
	if pic.HasID || pic.HasTL0 {
		// What follows TL0PICIDX needs no rewriting and goes on with the rest of the payload.
		pic.Descriptor = uint16(vp9RewriteLen(b))
	}
	pic.Start = flags&vp9Start != 0
	pic.End = flags&vp9End != 0
	pic.Keyframe = pic.Start && flags&vp9Predicted == 0 && pic.Spatial == 0
	return nil
}

// parseVP9Structure reads the scalability structure for the largest picture size and checks its length.
func parseVP9Structure(b []byte, pic *Picture) bool {
	if len(b) < 1 {
		return false
	}
	layers, sizes, group := int(b[0]>>5)+1, b[0]&0x10 != 0, b[0]&0x08 != 0
	b = b[1:]
	if sizes {
		if len(b) < 4*layers {
			return false
		}
		for i := range layers {
			pic.Width = max(pic.Width, binary.BigEndian.Uint16(b[4*i:]))
			pic.Height = max(pic.Height, binary.BigEndian.Uint16(b[4*i+2:]))
		}
		b = b[4*layers:]
	}
	if !group {
		return true
	}
	if len(b) < 1 {
		return false
	}
	pictures := int(b[0])
	b = b[1:]
	for range pictures {
		if len(b) < 1 {
			return false
		}
		references := int(b[0] >> 2 & 0x03)
		if len(b) < 1+references {
			return false
		}
		b = b[1+references:]
	}
	return true
}

// vp9RewriteLen is the length of the descriptor up to TL0PICIDX.
func vp9RewriteLen(b []byte) int {
	flags, n := b[0], 1
	if flags&vp9ID != 0 {
		n++
		if b[1]&longID != 0 {
			n++
		}
	}
	if flags&vp9Layers != 0 {
		n++
		if flags&vp9Flexible == 0 {
			n++
		}
	}
	return n
}

// appendVP9 appends d, the part of a descriptor that parseVP9 found worth rewriting.
func appendVP9(b, d []byte, id uint16, tl0 uint8) []byte {
	flags, start := d[0], len(b)
	b = append(b, d...)
	out := b[start:]
	if flags&vp9ID != 0 {
		if out[1]&longID != 0 {
			out[1], out[2] = longID|byte(id>>8), byte(id)
		} else {
			out[1] = byte(id) & 0x7F
		}
	}
	if flags&vp9Layers != 0 && flags&vp9Flexible == 0 {
		out[len(out)-1] = tl0
	}
	return b
}
