package codec

import (
	"encoding/binary"
	"errors"
)

// Faults of a packet; each means: drop it.
var (
	ErrShort     = errors.New("codec: packet too short")
	ErrVersion   = errors.New("codec: not RTP version 2")
	ErrExtension = errors.New("codec: header extension beyond the packet")
	ErrPadding   = errors.New("codec: padding beyond the payload")
	ErrPayload   = errors.New("codec: payload descriptor broken")
)

// Header is the RTP header (RFC 3550 §5.1) and where the parts of the packet lie.
type Header struct {
	SSRC        uint32
	Timestamp   uint32
	Sequence    uint16
	PayloadType uint8
	Marker      bool

	Payload uint16 // offset of the payload
	End     uint16 // offset behind the payload, padding excluded: Payload == End is a packet of padding alone

	extStart, extEnd uint16 // of the extension elements; equal: none
	profile          uint16 // how they are written
}

const (
	oneByteProfile = 0xBEDE // RFC 8285 §4.2
	twoByteProfile = 0x1000 // RFC 8285 §4.3; the low four bits belong to the application
)

// Parse reads the header of packet b (at most 65535 octets). It does not keep b.
func (h *Header) Parse(b []byte) error {
	if len(b) < 12 || len(b) > 0xFFFF {
		return ErrShort
	}
	if b[0]>>6 != 2 {
		return ErrVersion
	}
	*h = Header{
		Marker:      b[1]&0x80 != 0,
		PayloadType: b[1] & 0x7F,
		Sequence:    binary.BigEndian.Uint16(b[2:]),
		Timestamp:   binary.BigEndian.Uint32(b[4:]),
		SSRC:        binary.BigEndian.Uint32(b[8:]),
	}
	at := 12 + 4*int(b[0]&0x0F)
	if b[0]&0x10 != 0 {
		if len(b) < at+4 {
			return ErrExtension
		}
		h.profile = binary.BigEndian.Uint16(b[at:])
		end := at + 4 + 4*int(binary.BigEndian.Uint16(b[at+2:]))
		if end > len(b) {
			return ErrExtension
		}
		h.extStart, h.extEnd = uint16(at+4), uint16(end)
		at = end
	}
	if at > len(b) {
		return ErrShort
	}
	end := len(b)
	if b[0]&0x20 != 0 {
		padding := int(b[len(b)-1])
		if padding == 0 || at+padding > len(b) {
			return ErrPadding
		}
		end -= padding
	}
	h.Payload, h.End = uint16(at), uint16(end)
	return nil
}

// Extension returns the data of the extension element with the id (1 to 255) in packet b, which h was parsed from, or nil.
// It points into b. A broken element hides what follows it.
func (h *Header) Extension(b []byte, id uint8) []byte {
	if id == 0 || h.extStart == h.extEnd {
		return nil
	}
	e := b[h.extStart:h.extEnd]
	switch {
	case h.profile == oneByteProfile:
		return oneByteElement(e, id)
	case h.profile&0xFFF0 == twoByteProfile:
		return twoByteElement(e, id)
	}
	return nil
}

func oneByteElement(e []byte, id uint8) []byte {
	for len(e) > 0 {
		if e[0] == 0 { // padding
			e = e[1:]
			continue
		}
		got, n := e[0]>>4, int(e[0]&0x0F)+1
		if got == 15 || 1+n > len(e) { // 15 ends the block: RFC 8285 §4.2
			return nil
		}
		if got == id {
			return e[1 : 1+n : 1+n]
		}
		e = e[1+n:]
	}
	return nil
}

func twoByteElement(e []byte, id uint8) []byte {
	for len(e) > 1 {
		if e[0] == 0 {
			e = e[1:]
			continue
		}
		n := int(e[1])
		if 2+n > len(e) {
			return nil
		}
		if e[0] == id {
			return e[2 : 2+n : 2+n]
		}
		e = e[2+n:]
	}
	return nil
}

// PaddingOnly tells that the packet carries nothing.
func (h *Header) PaddingOnly() bool { return h.Payload == h.End }
