package codec

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
func AppendHeader(b []byte, o Out, elements []Element) []byte { panic("soon") }

// AppendDescriptor appends the payload descriptor of a packet with the picture id (15 bits are used) and TL0PICIDX
// replaced. payload is the payload of the packet p was parsed from; VP8 ids are always written in the 15-bit form, VP9
// ones in the form they had. It appends p.Picture.Descriptor octets, or one more where a VP8 id was widened.
func AppendDescriptor(b []byte, k Kind, payload []byte, p *Picture, id uint16, tl0 uint8) []byte {
	panic("soon")
}

// AppendDependencyDescriptor appends a copy of the dependency descriptor dd with frame_number replaced.
func AppendDependencyDescriptor(b, dd []byte, frame uint16) []byte { panic("soon") }
