package codec

import "encoding/binary"

// Out is the fixed header of a packet to be sent.
type Out struct {
	SSRC        uint32
	Timestamp   uint32
	Sequence    uint16
	PayloadType uint8
	Marker      bool
}

// Element is one header extension element to be sent. An element without data is left out.
type Element struct {
	ID   uint8
	Data []byte // at most 255 octets
}

// AppendHeader appends an RTP header and the elements to b: in one-byte form when all fit (RFC 8285 §4.2), else in
// two-byte form (§4.3). Without elements it writes 12 octets.
func AppendHeader(b []byte, o Out, elements []Element) []byte {
	first, pt := byte(2<<6), o.PayloadType&0x7F
	if o.Marker {
		pt |= 0x80
	}
	short, any := true, false
	for i := range elements {
		if n := len(elements[i].Data); n > 0 {
			any = true
			short = short && n <= 16 && elements[i].ID <= 14
		}
	}
	if any {
		first |= 0x10
	}
	b = append(b, first, pt)
	b = binary.BigEndian.AppendUint16(b, o.Sequence)
	b = binary.BigEndian.AppendUint32(b, o.Timestamp)
	b = binary.BigEndian.AppendUint32(b, o.SSRC)
	if !any {
		return b
	}
	profile := uint16(oneByteProfile)
	if !short {
		profile = twoByteProfile
	}
	b = binary.BigEndian.AppendUint16(b, profile)
	b = append(b, 0, 0) // length in words, below
	start := len(b)
	for i := range elements {
		switch id, data := elements[i].ID, elements[i].Data; {
		case len(data) == 0:
		case short:
			b = append(b, id<<4|byte(len(data)-1))
			b = append(b, data...)
		default:
			b = append(b, id, byte(len(data)))
			b = append(b, data...)
		}
	}
	for (len(b)-start)%4 != 0 {
		b = append(b, 0)
	}
	binary.BigEndian.PutUint16(b[start-2:], uint16((len(b)-start)/4))
	return b
}

// AppendDescriptor appends the payload descriptor of a packet with the picture id (15 bits are used) and TL0PICIDX
// replaced. payload is the payload of the packet p was parsed from; VP8 ids are always written in the 15-bit form, VP9
// ones in the form they had. It appends p.Descriptor octets, or one more where a VP8 id was widened.
func AppendDescriptor(b []byte, k Kind, payload []byte, p *Picture, id uint16, tl0 uint8) []byte {
	d := payload[:p.Descriptor]
	if len(d) == 0 {
		return b
	}
	switch k {
	case VP8:
		return appendVP8(b, d, id, tl0)
	case VP9:
		return appendVP9(b, d, id, tl0)
	}
	return append(b, d...)
}

// AppendDependencyDescriptor appends a copy of the dependency descriptor dd with frame_number replaced.
func AppendDependencyDescriptor(b, dd []byte, frame uint16) []byte {
	if len(dd) < 3 {
		return append(b, dd...)
	}
	b = append(b, dd[0])
	b = binary.BigEndian.AppendUint16(b, frame)
	return append(b, dd[3:]...)
}
