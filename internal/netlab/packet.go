package netlab

import (
	"bytes"
	"encoding/binary"

	"github.com/confab/confab/signaling/protocol"
)

// label names one packet of synthetic media. It is in the payload, behind the payload descriptor, where nothing on the way may look.
type label struct {
	From   string // name of the author
	Source protocol.Source
	Frame  uint32 // of the source, counted by its author
	Index  uint8  // of the packet in its frame
	Count  uint8  // of packets in the frame
	Key    bool
}

const magic = "\x00confab\x00"

// sources in the order of their numbers in labels.
var sources = []protocol.Source{protocol.Microphone, protocol.Camera, protocol.Screen}

func (l label) append(b []byte) []byte {
	key, source := byte(0), byte(0)
	if l.Key {
		key = 1
	}
	for i, s := range sources {
		if s == l.Source {
			source = byte(i)
		}
	}
	b = append(b, magic...)
	b = append(b, byte(len(l.From)))
	b = append(b, l.From...)
	b = append(b, source)
	b = binary.BigEndian.AppendUint32(b, l.Frame)
	return append(b, l.Index, l.Count, key)
}

// readLabel finds the label in a payload.
func readLabel(payload []byte) (l label, ok bool) {
	_, rest, found := bytes.Cut(payload, []byte(magic))
	if !found || len(rest) < 1 || len(rest) < 1+int(rest[0])+8 {
		return label{}, false
	}
	n := int(rest[0])
	l.From = string(rest[1 : 1+n])
	rest = rest[1+n:]
	if int(rest[0]) >= len(sources) {
		return label{}, false
	}
	l.Source = sources[rest[0]]
	l.Frame = binary.BigEndian.Uint32(rest[1:])
	l.Index, l.Count, l.Key = rest[5], rest[6], rest[7] == 1
	return l, true
}

// opusPayload is a packet of Opus, as far as its first octet goes (RFC 6716 §3.1: CELT, 20 ms, mono).
func opusPayload(l label) []byte { return l.append([]byte{0xf8}) }

// videoBytes is what a packet of a synthetic frame carries beside headers.
const videoBytes = 300

// vp8Payload is a packet of VP8: a descriptor with a 15-bit picture id (RFC 7741 §4.2), the beginning of the frame if it is
// the first packet, the label, and padding.
func vp8Payload(l label, picture uint16) []byte {
	b := make([]byte, 0, videoBytes+64)
	first := byte(0)
	if l.Index == 0 {
		first = 0x10 // S: start of the partition
	}
	b = append(b, 0x80|first, 0x80, 0x80|byte(picture>>8), byte(picture))
	switch {
	case l.Index == 0 && l.Key: // RFC 6386 §9.1: the start code, 640 by 360
		b = append(b, 0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01)
	case l.Index == 0:
		b = append(b, 0x11, 0, 0)
	}
	return append(l.append(b), make([]byte, videoBytes)...)
}
