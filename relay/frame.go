package relay

import (
	"encoding/binary"
	"errors"
)

// On a stream, STUN messages and ChannelData follow each other without anything between (RFC 8656 §3.1, §12.5):
//
//	STUN          00|type:14  length:16  cookie:32  transaction:96  attributes (length bytes, a multiple of 4)
//	ChannelData   01|number:14  length:16   data (length bytes), zero to three bytes of padding to a multiple of 4
const (
	stunHeader    = 20
	channelHeader = 4
	magicCookie   = 0x2112A442 // RFC 8489 §5

	// largestMessage bounds a STUN message given to pion, whose buffers hold 1600 bytes and who drops what fills them.
	largestMessage = 1599
	// largestFrame bounds what is kept of a stream. A longer frame is skipped: it is a datagram that fits no path.
	largestFrame = 4096
	// streamBuffer is what is read of a busy stream at once.
	streamBuffer = 32 << 10
)

var errNotTURN = errors.New("neither a STUN message nor ChannelData")

// isChannelData tells by the first byte: 0x4000 to 0x7FFF, as RFC 5766 §11 had it. Which of them can be bound is a matter of
// ChannelBind: RFC 8656 §12 leaves 0x4000 to 0x4FFF.
func isChannelData(first byte) bool { return first&0xc0 == 0x40 }

// isRelayedData reports whether a message is ChannelData or a Send indication: what the data path looks at. b is not empty.
func isRelayedData(b []byte) bool {
	return isChannelData(b[0]) || len(b) >= stunHeader && b[0] == 0x00 && b[1] == 0x16
}

// frameSize returns how many bytes of a stream the frame takes that begins with head (at least 4 bytes). Up to 65 556: sums are
// made in int, since they don't fit 16 bits.
func frameSize(head []byte) (int, error) {
	length := int(binary.BigEndian.Uint16(head[2:4]))
	switch {
	case isChannelData(head[0]):
		return channelHeader + (length+3)&^3, nil
	case head[0]&0xc0 == 0 && length%4 == 0: // RFC 8489 §5: the last two bits of the length are zero
		return stunHeader + length, nil
	}
	return 0, errNotTURN
}

// isSTUN reports whether b is exactly one STUN message, as far as its header tells.
func isSTUN(b []byte) bool {
	if len(b) < stunHeader || b[0]&0xc0 != 0 || binary.BigEndian.Uint32(b[4:8]) != magicCookie {
		return false
	}
	size, err := frameSize(b)
	return err == nil && size == len(b)
}

// channelFrame splits ChannelData into number and data; a datagram may carry padding, or none (RFC 8656 §12.5).
func channelFrame(b []byte) (number uint16, data []byte, ok bool) {
	if len(b) < channelHeader || !isChannelData(b[0]) {
		return 0, nil, false
	}
	length := int(binary.BigEndian.Uint16(b[2:4]))
	if length > len(b)-channelHeader {
		return 0, nil, false
	}
	return binary.BigEndian.Uint16(b[0:2]), b[channelHeader : channelHeader+length], true
}
