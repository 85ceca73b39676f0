package codec

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
)

// octets reads hexadecimal with spaces.
func octets(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

const fixed = "006f 0001 00000002 00000003" // PT 111, sequence 1, timestamp 2, SSRC 3; the first octet comes before

func packet(t testing.TB, first string, rest ...string) []byte {
	return octets(t, first+fixed[2:]+strings.Join(rest, ""))
}

func TestHeaderParse(t *testing.T) {
	for _, tc := range []struct {
		name    string
		packet  []byte
		payload string // hex
		err     error
	}{
		{"plain", packet(t, "80", "aabb"), "aabb", nil},
		{"empty", packet(t, "80"), "", nil},
		{"contributing sources", packet(t, "82", "00000009 00000008 aa"), "aa", nil},
		{"extension", packet(t, "90", "bede0001 10050000 aa"), "aa", nil},
		{"padding", packet(t, "a0", "aabb 000002"), "aabb00", nil},
		{"padding alone", packet(t, "a0", "000003"), "", nil},
		{"eleven octets", packet(t, "80")[:11], "", ErrShort},
		{"version 1", packet(t, "40"), "", ErrVersion},
		{"sources beyond", packet(t, "82", "00000009"), "", ErrShort},
		{"extension header beyond", packet(t, "90", "bede"), "", ErrExtension},
		{"extension beyond", packet(t, "90", "bede0002 10050000"), "", ErrExtension},
		{"padding of nothing", packet(t, "a0", "aa00"), "", ErrPadding},
		{"padding beyond", packet(t, "a0", "aa03"), "", ErrPadding},
		{"padding in the header", packet(t, "a0"), "", ErrPadding},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var h Header
			err := h.Parse(tc.packet)
			if !errors.Is(err, tc.err) {
				t.Fatalf("error %v, want %v", err, tc.err)
			}
			if err != nil {
				return
			}
			if got := hex.EncodeToString(tc.packet[h.Payload:h.End]); got != tc.payload {
				t.Fatalf("payload %s, want %s", got, tc.payload)
			}
			if h.SSRC != 3 || h.Timestamp != 2 || h.Sequence != 1 || h.PayloadType != 0x6F || h.Marker {
				t.Fatalf("header %+v", h)
			}
			if h.PaddingOnly() != (tc.payload == "") {
				t.Fatal("padding only")
			}
		})
	}
}

func TestExtension(t *testing.T) {
	for _, tc := range []struct {
		name, block string
		id          uint8
		want        string // hex; "nil"
	}{
		{"one-byte", "bede0002 10aa 22010203 00 00", 2, "010203"},
		{"one-byte, behind padding", "bede0002 10aa 0000 22010203", 2, "010203"},
		{"one-byte, absent", "bede0001 10aa0000", 2, "nil"},
		{"one-byte, id 0 is padding", "bede0001 10aa0000", 0, "nil"},
		{"one-byte, 15 ends the block", "bede0002 f0000000 10aa0000", 1, "nil"},
		{"one-byte, element beyond", "bede0001 1faa0000", 1, "nil"},
		{"two-byte", "10000002 0101aa 200201 0200", 32, "0102"},
		{"two-byte with application bits", "100f0001 0101aa00", 1, "aa"},
		{"two-byte, empty", "10000001 01000000", 1, ""},
		{"two-byte, element beyond", "10000001 01050000", 1, "nil"},
		{"unknown profile", "12340001 10aa0000", 1, "nil"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := packet(t, "90", tc.block)
			var h Header
			if err := h.Parse(b); err != nil {
				t.Fatal(err)
			}
			got := "nil"
			if e := h.Extension(b, tc.id); e != nil {
				got = hex.EncodeToString(e)
			}
			if got != tc.want {
				t.Fatalf("element %s, want %s", got, tc.want)
			}
		})
	}
}

func TestAppendHeader(t *testing.T) {
	long := bytes.Repeat([]byte{7}, 17)
	for _, tc := range []struct {
		name     string
		elements []Element
		profile  uint16
		octets   int
	}{
		{"no elements", nil, 0, 12},
		{"elements without data", []Element{{ID: 1}}, 0, 12},
		{"one-byte form", []Element{{1, []byte{1}}, {14, []byte{1, 2, 3}}}, oneByteProfile, 24},
		{"two-byte form for a long one", []Element{{1, []byte{1}}, {2, long}}, twoByteProfile, 40},
		{"two-byte form for a high id", []Element{{15, []byte{1}}}, twoByteProfile, 20},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := Out{SSRC: 0xFFFFFFFE, Timestamp: 7, Sequence: 65535, PayloadType: 127, Marker: true}
			b := AppendHeader(nil, o, tc.elements)
			var h Header
			if err := h.Parse(append(b, 0xAA)); err != nil {
				t.Fatal(err)
			}
			if len(b) != tc.octets || int(h.Payload) != len(b) || h.profile != tc.profile {
				t.Fatalf("%d octets, payload at %d, profile %x", len(b), h.Payload, h.profile)
			}
			if got := (Out{h.SSRC, h.Timestamp, h.Sequence, h.PayloadType, h.Marker}); got != o {
				t.Fatalf("%+v, want %+v", got, o)
			}
			for _, e := range tc.elements {
				if got := h.Extension(b, e.ID); !bytes.Equal(got, e.Data) {
					t.Fatalf("element %d is %x", e.ID, got)
				}
			}
		})
	}
}

func TestRestoreRTX(t *testing.T) {
	b := packet(t, "90", "bede0001 10050000 1234 aabb")
	var h Header
	if err := h.Parse(b); err != nil {
		t.Fatal(err)
	}
	b, ok := RestoreRTX(b, &h, 0x77, 96)
	if !ok {
		t.Fatal("refused")
	}
	if err := h.Parse(b); err != nil {
		t.Fatal(err)
	}
	if h.Sequence != 0x1234 || h.SSRC != 0x77 || h.PayloadType != 96 || h.Timestamp != 2 ||
		!bytes.Equal(b[h.Payload:h.End], []byte{0xAA, 0xBB}) || !bytes.Equal(h.Extension(b, 1), []byte{5}) {
		t.Fatalf("restored %+v %x", h, b)
	}
	probe := packet(t, "a0", "000003")
	if err := h.Parse(probe); err != nil {
		t.Fatal(err)
	}
	if _, ok := RestoreRTX(probe, &h, 1, 96); ok {
		t.Fatal("padding was restored")
	}
}
