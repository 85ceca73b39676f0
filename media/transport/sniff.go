package transport

import "encoding/binary"

// kind is what a datagram is by its first bytes (RFC 7983, RFC 9443).
type kind uint8

const (
	kindUnknown        kind = iota
	kindSTUNRequest         // Binding request
	kindSTUNIndication      // Binding indication
	kindSTUNResponse        // Binding success or error
	kindTURN                // any other STUN method
	kindDTLS
	kindChannel // TURN ChannelData
	kindRTP
	kindRTCP
)

const (
	stunHeader     = 20
	stunCookie     = 0x2112A442
	stunBinding    = 0x0001
	stunSuccess    = 0x0101
	attrUsername   = 0x0006
	maxUfragLength = 256 // RFC 8839 §5.4
)

// transactionID names a STUN request and its response (RFC 8489 §5).
type transactionID [12]byte

// classify says what b is. It looks at no more than STUN's header.
func classify(b []byte) kind {
	if len(b) < 2 {
		return kindUnknown
	}
	switch first := b[0]; {
	case first < 4:
		return classifySTUN(b)
	case first >= 20 && first < 64:
		return kindDTLS
	case first >= 64 && first < 80:
		return kindChannel
	case first >= 128 && first < 192:
		if b[1] >= 192 && b[1] <= 223 { // RFC 5761 §4
			return kindRTCP
		}
		return kindRTP
	default:
		return kindUnknown
	}
}

func classifySTUN(b []byte) kind {
	if len(b) < stunHeader || binary.BigEndian.Uint32(b[4:]) != stunCookie || len(b) != stunHeader+int(binary.BigEndian.Uint16(b[2:])) {
		return kindUnknown
	}
	// The class is in bits 4 and 8 of the type, the method in the others (RFC 8489 §5).
	switch typ := binary.BigEndian.Uint16(b); {
	case typ&^0x0110 != stunBinding:
		return kindTURN
	case typ&0x0110 == 0:
		return kindSTUNRequest
	case typ&0x0110 == 0x0010:
		return kindSTUNIndication
	default:
		return kindSTUNResponse
	}
}

func stunTransaction(b []byte) transactionID { return transactionID(b[8:stunHeader]) }

// stunUsername finds USERNAME in a STUN message that classify has accepted; nil if there is none or the attributes make no sense.
func stunUsername(b []byte) []byte {
	for b = b[stunHeader:]; len(b) >= 4; {
		typ, n := binary.BigEndian.Uint16(b), int(binary.BigEndian.Uint16(b[2:]))
		if n > len(b)-4 {
			return nil
		}
		if typ == attrUsername {
			return b[4 : 4+n]
		}
		b = b[min(4+(n+3)&^3, len(b)):] // values are padded to four bytes
	}
	return nil
}

// localUfrag is the receiver's part of an ICE USERNAME, "receiver:sender" (RFC 8445 §7.2.2); nil if it is none.
func localUfrag(username []byte) []byte {
	for i, c := range username {
		if c == ':' {
			return username[:min(i, maxUfragLength)]
		}
	}
	return nil
}
