package codec

import "encoding/binary"

// RestoreRTX turns retransmission b (RFC 4588 §4), parsed into h, into the packet it repeats, in place, and returns it;
// ssrc and payloadType are those of the original stream. It is false when b carries nothing: padding to probe the path.
func RestoreRTX(b []byte, h *Header, ssrc uint32, payloadType uint8) ([]byte, bool) {
	if h.End-h.Payload <= 2 {
		return nil, false
	}
	osn := binary.BigEndian.Uint16(b[h.Payload:])
	copy(b[2:], b[:h.Payload]) // over the OSN
	b = b[2:]
	b[1] = b[1]&0x80 | payloadType&0x7F
	binary.BigEndian.PutUint16(b[2:], osn)
	binary.BigEndian.PutUint32(b[8:], ssrc)
	return b, true
}
