package forward

import (
	"encoding/binary"
	"net/netip"
)

// Indications, as RFC 8656 §11 has them, byte by byte:
//
//	00|type:14  length:16  cookie:32  transaction:96
//	  XOR-PEER-ADDRESS  0x0012  length:16  0  family:8  port:16 ^ cookie  address:32 or 128 ^ cookie, transaction
//	  DATA              0x0013  length:16  the datagram, and zero to three bytes of padding
const (
	sendIndication = 0x0016
	dataIndication = 0x0017
	xorPeerAddress = 0x0012
	attributeData  = 0x0013
	magicCookie    = 0x2112A442

	header     = 20
	familyIPv4 = 1
	familyIPv6 = 2

	// MaxHead is the longest that AppendDataHead writes: the header, an IPv6 XOR-PEER-ADDRESS and the head of DATA.
	MaxHead = header + 4 + 20 + 4
)

// ParseSend reads a Send indication of the plain kind: one XOR-PEER-ADDRESS, one DATA and nothing else. Anything else, right or
// wrong, is not ok. data is a part of b; peer is as the client wrote it.
func ParseSend(b []byte) (peer netip.AddrPort, data []byte, ok bool) {
	if len(b) < header || binary.BigEndian.Uint16(b) != sendIndication || binary.BigEndian.Uint32(b[4:]) != magicCookie ||
		int(binary.BigEndian.Uint16(b[2:]))+header != len(b) {
		return netip.AddrPort{}, nil, false
	}
	for p := b[header:]; len(p) > 0; {
		if len(p) < 4 {
			return netip.AddrPort{}, nil, false
		}
		n := int(binary.BigEndian.Uint16(p[2:]))
		padded := (n + 3) &^ 3
		if 4+padded > len(p) {
			return netip.AddrPort{}, nil, false
		}
		switch binary.BigEndian.Uint16(p) {
		case xorPeerAddress:
			if peer.IsValid() {
				return netip.AddrPort{}, nil, false
			}
			if peer, ok = parsePeer(p[4:4+n], b[4:header]); !ok {
				return netip.AddrPort{}, nil, false
			}
		case attributeData:
			if data != nil {
				return netip.AddrPort{}, nil, false
			}
			data = p[4 : 4+n : 4+n]
		default:
			return netip.AddrPort{}, nil, false
		}
		p = p[4+padded:]
	}
	return peer, data, peer.IsValid() && data != nil
}

// parsePeer reads the value of an XOR-PEER-ADDRESS; mask is the cookie and the transaction.
func parsePeer(v, mask []byte) (netip.AddrPort, bool) {
	if len(v) < 4 {
		return netip.AddrPort{}, false
	}
	port := binary.BigEndian.Uint16(v[2:]) ^ magicCookie>>16
	switch {
	case v[1] == familyIPv4 && len(v) == 8:
		var ip [4]byte
		binary.BigEndian.PutUint32(ip[:], binary.BigEndian.Uint32(v[4:])^magicCookie)
		return netip.AddrPortFrom(netip.AddrFrom4(ip), port), true
	case v[1] == familyIPv6 && len(v) == 20:
		var ip [16]byte
		for i := range ip {
			ip[i] = v[4+i] ^ mask[i]
		}
		return netip.AddrPortFrom(netip.AddrFrom16(ip), port), true
	}
	return netip.AddrPort{}, false
}

// Padding is the number of zero bytes that follow n bytes of DATA, or of ChannelData on a stream.
func Padding(n int) int { return -n & 3 }

// AppendDataHead appends to b what comes before the n bytes of data, and their padding, in a Data indication: the data is from peer.
// transaction is 96 bits that nobody can guess.
func AppendDataHead(b []byte, peer netip.AddrPort, n int, hi uint64, lo uint32) []byte {
	addr := peer.Addr().Unmap()
	size := 8
	if addr.Is6() {
		size = 20
	}
	start := len(b)
	b = binary.BigEndian.AppendUint16(b, dataIndication)
	b = binary.BigEndian.AppendUint16(b, uint16(4+size+4+n+Padding(n)))
	b = binary.BigEndian.AppendUint32(b, magicCookie)
	b = binary.BigEndian.AppendUint64(b, hi)
	b = binary.BigEndian.AppendUint32(b, lo)
	b = binary.BigEndian.AppendUint16(b, xorPeerAddress)
	b = binary.BigEndian.AppendUint16(b, uint16(size))
	if addr.Is6() {
		b = append(b, 0, familyIPv6)
	} else {
		b = append(b, 0, familyIPv4)
	}
	b = binary.BigEndian.AppendUint16(b, peer.Port()^magicCookie>>16)
	if addr.Is6() {
		ip, mask := addr.As16(), b[start+4:start+header]
		for i := range ip {
			b = append(b, ip[i]^mask[i])
		}
	} else {
		ip := addr.As4()
		b = binary.BigEndian.AppendUint32(b, binary.BigEndian.Uint32(ip[:])^magicCookie)
	}
	b = binary.BigEndian.AppendUint16(b, attributeData)
	return binary.BigEndian.AppendUint16(b, uint16(n))
}
