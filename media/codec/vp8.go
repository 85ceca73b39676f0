package codec

import "encoding/binary"

// Bits of the VP8 payload descriptor (RFC 7741 §4.2).
const (
	vp8Extended = 0x80 // X: the second octet is there
	vp8Start    = 0x10 // S
	vp8ID       = 0x80 // I, in the second octet
	vp8TL0      = 0x40 // L
	vp8TID      = 0x20 // T
	vp8KeyIndex = 0x10 // K
	longID      = 0x80 // M: the picture id has 15 bits
)

// parseVP8 reads the payload of a VP8 packet. The frame header behind the descriptor (RFC 6386 §9.1) is looked at for
// keyframes; its start code tells a true one from encrypted octets.
func (p *Parser) parseVP8(b []byte, pic *Picture) error {
	if len(b) < 1 {
		return ErrPayload
	}
	first, at := b[0], 1
	if first&vp8Extended != 0 {
		if len(b) < 2 {
			return ErrPayload
		}
		var ok bool
		if at, ok = p.parseVP8Extension(b, pic); !ok {
			return ErrPayload
		}
	}
	pic.Start = first&vp8Start != 0 && first&0x07 == 0
	if f := b[at:]; pic.Start && len(f) >= 10 && f[0]&1 == 0 && f[3] == 0x9D && f[4] == 0x01 && f[5] == 0x2A {
		pic.Keyframe = true
		pic.Width = binary.LittleEndian.Uint16(f[6:]) & 0x3FFF
		pic.Height = binary.LittleEndian.Uint16(f[8:]) & 0x3FFF
	}
	return nil
}

// parseVP8Extension reads the optional octets; it returns the length of the descriptor.
func (p *Parser) parseVP8Extension(b []byte, pic *Picture) (int, bool) {
	flags, at := b[1], 2
	if flags&vp8ID != 0 {
		n, ok := p.parseID(b[at:], pic)
		if !ok {
			return 0, false
		}
		at += n
	}
	if flags&vp8TL0 != 0 {
		if at >= len(b) {
			return 0, false
		}
		pic.HasTL0, pic.TL0 = true, b[at]
		at++
	}
	if flags&(vp8TID|vp8KeyIndex) != 0 {
		if at >= len(b) {
			return 0, false
		}
		if flags&vp8TID != 0 {
			pic.Temporal, pic.Switch = b[at]>>6, b[at]&0x20 != 0
		}
		at++
	}
	if pic.HasID || pic.HasTL0 {
		pic.Descriptor = uint16(at)
	}
	return at, true
}

// appendVP8 appends descriptor d, which parseVP8 has accepted and found worth rewriting.
func appendVP8(b, d []byte, id uint16, tl0 uint8) []byte {
	flags, at := d[1], 2
	b = append(b, d[0], flags)
	if flags&vp8ID != 0 {
		b = append(b, longID|byte(id>>8), byte(id))
		at++
		if d[2]&longID != 0 {
			at++
		}
	}
	if flags&vp8TL0 != 0 {
		b = append(b, tl0)
		at++
	}
	return append(b, d[at:]...)
}

// parseID reads a 7- or 15-bit picture id, widens it and returns its length.
func (p *Parser) parseID(b []byte, pic *Picture) (int, bool) {
	if len(b) < 1 {
		return 0, false
	}
	pic.HasID = true
	if b[0]&longID == 0 {
		pic.ID = p.widen(b[0])
		return 1, true
	}
	if len(b) < 2 {
		return 0, false
	}
	pic.ID = uint16(b[0]&0x7F)<<8 | uint16(b[1])
	p.lastID = pic.ID
	return 2, true
}

// widen makes a 7-bit id one of 15 bits: the one nearest to the last.
func (p *Parser) widen(id uint8) uint16 {
	delta := int8((id-uint8(p.lastID))<<1) >> 1 // -64 to 63
	wide := (p.lastID + uint16(int16(delta))) & 0x7FFF
	if delta > 0 {
		p.lastID = wide
	}
	return wide
}
