package codec

import "errors"

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
	profile          uint16
}

// Parse reads the header of packet b (at most 65535 octets). It does not keep b.
func (h *Header) Parse(b []byte) error { panic("soon") }

// Extension returns the data of the extension element with the id (1 to 255) in packet b, which h was parsed from, or nil.
func (h *Header) Extension(b []byte, id uint8) []byte { panic("soon") }

// PaddingOnly tells that the packet carries nothing.
func (h *Header) PaddingOnly() bool { return h.Payload == h.End }
