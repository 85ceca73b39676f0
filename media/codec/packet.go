package codec

// Kind is a codec.
type Kind uint8

// The codecs. Other carries anything whose payload is not looked into; each of its packets counts as a keyframe start.
const (
	Other Kind = iota
	Opus
	VP8
	VP9
	H264
	AV1
)

// Packet is what one RTP packet says of itself. It holds offsets, no memory, so it may be copied and stored.
type Packet struct {
	Header
	Level   Level
	Picture Picture
}

// Level is the client-to-mixer audio level (RFC 6464).
type Level struct {
	OK    bool
	Voice bool  // the sender's voice activity flag
	Value uint8 // -dBov: 0 loudest, 127 silence
}

// Picture is the place of a video packet among the frames of its source.
type Picture struct {
	Start    bool  // first packet of a frame (of one spatial layer)
	End      bool  // last packet of a frame (of one spatial layer)
	Keyframe bool  // this packet starts a keyframe: a decoder that knows nothing can begin here
	Switch   bool  // this frame's temporal layer may be joined with it: VP8 Y, VP9 U, DD switch indication
	Up       uint8 // whoever gets this frame may go up to this temporal layer from now on (DD); 0: says nothing
	Spatial  uint8 // 0 lowest
	Temporal uint8 // 0 lowest

	HasID      bool   // VP8 and VP9 picture id
	ID         uint16 // 15 bits, also when the wire has only 7
	HasTL0     bool
	TL0        uint8  // TL0PICIDX
	HasFrame   bool   // dependency descriptor
	Frame      uint16 // its frame_number
	Descriptor uint16 // octets of the payload descriptor that AppendDescriptor replaces; 0: none needs rewriting

	Width, Height uint16 // of the picture, when this packet says so; else 0
}
