package codec

import (
	"bytes"
	"errors"
	"testing"
)

// parse reads one packet of a payload with a fresh parser.
func parse(t testing.TB, k Kind, payload []byte, marker bool) (Packet, error) {
	t.Helper()
	b := append(AppendHeader(nil, Out{Marker: marker, Timestamp: 9}, nil), payload...)
	var p Packet
	err := NewParser(k, Extensions{}).Parse(b, &p)
	return p, err
}

func TestPayloads(t *testing.T) {
	const key = "500000 9d012a 8002 e001" // a VP8 keyframe's start: 640×480
	for _, tc := range []struct {
		name    string
		kind    Kind
		payload string
		want    Picture
		err     error
	}{
		{"opus", Opus, "7812", Picture{Start: true, End: true, Keyframe: true}, nil},

		{"vp8 keyframe, long id", VP8, "90 e0 8123 05 20" + key, Picture{Start: true, Keyframe: true, Switch: true,
			HasID: true, ID: 0x123, HasTL0: true, TL0: 5, Descriptor: 6, Width: 640, Height: 480}, nil},
		{"vp8 keyframe without extension", VP8, "10" + key, Picture{Start: true, Keyframe: true, Width: 640, Height: 480}, nil},
		{"vp8 delta frame, short id", VP8, "90 80 23 51000000", Picture{Start: true, HasID: true, ID: 0x23, Descriptor: 3}, nil},
		{"vp8 in the middle of a frame", VP8, "80 80 23 50000000", Picture{HasID: true, ID: 0x23, Descriptor: 3}, nil},
		{"vp8 second partition", VP8, "11" + key, Picture{}, nil},
		{"vp8 layer 2, to be joined", VP8, "90 20 a0 51", Picture{Start: true, Temporal: 2, Switch: true}, nil},
		{"vp8 key index alone", VP8, "90 10 1f 51", Picture{Start: true}, nil},
		{"vp8 encrypted octets are no keyframe", VP8, "10 500000 112233 8002 e001", Picture{Start: true}, nil},
		{"vp8 cut behind the flags", VP8, "90", Picture{}, ErrPayload},
		{"vp8 cut in the id", VP8, "90 80 81", Picture{}, ErrPayload},
		{"vp8 cut before TL0PICIDX", VP8, "90 c0 01", Picture{}, ErrPayload},
		{"vp8 cut before TID", VP8, "90 20", Picture{}, ErrPayload},

		{"vp9 keyframe with structure", VP9, "aa 8123 00 07 18 0500 02d0 01 00 ff", Picture{Start: true, Keyframe: true,
			HasID: true, ID: 0x123, HasTL0: true, TL0: 7, Descriptor: 5, Width: 1280, Height: 720}, nil},
		{"vp9 upper spatial layer of a keyframe", VP9, "ac 23 03 07", Picture{Start: true, End: true, Spatial: 1,
			HasID: true, ID: 0x23, HasTL0: true, TL0: 7, Descriptor: 4}, nil},
		{"vp9 flexible, predicted", VP9, "f8 23 52 03 05 02 ff", Picture{Start: true, Temporal: 2, Switch: true, Spatial: 1,
			HasID: true, ID: 0x23, Descriptor: 3}, nil},
		{"vp9 without anything", VP9, "08 ff", Picture{Start: true, Keyframe: true}, nil},
		{"vp9 four references", VP9, "d8 01 03 05 07 09", Picture{}, ErrPayload},
		{"vp9 cut in the structure", VP9, "0a 18 0500", Picture{}, ErrPayload},
		{"vp9 cut in the group", VP9, "0a 08 02 04", Picture{}, ErrPayload},

		{"h264 IDR", H264, "65 88", Picture{Start: true, Keyframe: true}, nil},
		{"h264 slice", H264, "41 9a", Picture{Start: true}, nil},
		{"h264 parameter sets", H264, "67 42", Picture{Start: true, Keyframe: true}, nil},
		{"h264 STAP-A with parameter sets", H264, "78 0002 6742 0001 68", Picture{Start: true, Keyframe: true}, nil},
		{"h264 STAP-A of slices", H264, "78 0002 419a", Picture{Start: true}, nil},
		{"h264 first fragment of an IDR", H264, "7c 85 88", Picture{Start: true, Keyframe: true}, nil},
		{"h264 last fragment of an IDR", H264, "7c 45 88", Picture{Start: true}, nil},
		{"h264 STAP-A cut", H264, "78 0009 67", Picture{}, ErrPayload},
		{"h264 STAP-A with an empty unit", H264, "78 0000 67", Picture{}, ErrPayload},
		{"h264 fragment cut", H264, "7c", Picture{}, ErrPayload},

		{"av1 new sequence", AV1, "18 0a", Picture{Start: true, Keyframe: true}, nil},
		{"av1 other", AV1, "10 32", Picture{Start: true}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p, err := parse(t, tc.kind, octets(t, tc.payload), false)
			if !errors.Is(err, tc.err) {
				t.Fatalf("error %v, want %v", err, tc.err)
			}
			if err == nil && p.Picture != tc.want {
				t.Fatalf("\n got %+v\nwant %+v", p.Picture, tc.want)
			}
		})
	}
}

func TestFramesWithoutAMark(t *testing.T) {
	p := NewParser(H264, Extensions{})
	for i, tc := range []struct {
		timestamp       uint32
		payload         string
		start, keyframe bool
	}{
		{1000, "67 42", true, true},
		{1000, "65 88", false, false}, // the keyframe has started with its parameter sets
		{4000, "41 9a", true, false},
		{1000, "65 88", false, false},         // late
		{7000, "65 88", true, true},           // parameter sets came out of band
		{7000, "65 88", false, false},         // second slice
		{4_291_974_296, "41 9a", true, false}, // the clock was set
	} {
		b := append(AppendHeader(nil, Out{Timestamp: tc.timestamp}, nil), octets(t, tc.payload)...)
		var out Packet
		if err := p.Parse(b, &out); err != nil {
			t.Fatal(err)
		}
		if out.Picture.Start != tc.start || out.Picture.Keyframe != tc.keyframe {
			t.Errorf("packet %d: %+v", i, out.Picture)
		}
	}
}

func TestShortIDsAreWidened(t *testing.T) {
	p := NewParser(VP8, Extensions{})
	for i, tc := range []struct {
		id   uint8
		want uint16
	}{
		{10, 10},
		{70, 70},
		{127, 127},
		{1, 129},
		{126, 126}, // late
		{2, 130},
	} {
		b := append(AppendHeader(nil, Out{}, nil), 0x90, 0x80, tc.id, 0x51)
		var out Packet
		if err := p.Parse(b, &out); err != nil {
			t.Fatal(err)
		}
		if out.Picture.ID != tc.want {
			t.Errorf("id %d: %d became %d, want %d", i, tc.id, out.Picture.ID, tc.want)
		}
	}
}

func TestAppendDescriptor(t *testing.T) {
	for _, tc := range []struct {
		name          string
		kind          Kind
		payload, want string // want: the payload with id 0x4567 and TL0PICIDX 0x99
	}{
		{"vp8 long id", VP8, "90 e0 8123 05 20 51aa", "90 e0 c567 99 20 51aa"},
		{"vp8 short id is widened", VP8, "90 e0 23 05 20 51aa", "90 e0 c567 99 20 51aa"},
		{"vp8 without TL0PICIDX", VP8, "90 80 8123 51aa", "90 80 c567 51aa"},
		{"vp8 without id", VP8, "90 40 05 51aa", "90 40 99 51aa"},
		{"vp8 with nothing to rewrite", VP8, "90 20 20 51aa", "90 20 20 51aa"},
		{"vp8 plain", VP8, "10 51aa", "10 51aa"},
		{"vp9 long id", VP9, "a8 8123 00 07 ff", "a8 c567 00 99 ff"},
		{"vp9 short id stays short", VP9, "a8 23 00 07 ff", "a8 67 00 99 ff"},
		{"vp9 flexible", VP9, "f8 8123 52 04 ff", "f8 c567 52 04 ff"},
		{"h264", H264, "41 9a", "41 9a"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			payload := octets(t, tc.payload)
			p, err := parse(t, tc.kind, payload, false)
			if err != nil {
				t.Fatal(err)
			}
			got := AppendDescriptor(nil, tc.kind, payload, &p.Picture, 0x4567, 0x99)
			got = append(got, payload[p.Picture.Descriptor:]...)
			if want := octets(t, tc.want); !bytes.Equal(got, want) {
				t.Fatalf("\n got %x\nwant %x", got, want)
			}
		})
	}
}

func TestLevel(t *testing.T) {
	p := NewParser(Opus, Extensions{AudioLevel: 3})
	b := AppendHeader(nil, Out{}, []Element{{3, []byte{0x80 | 42}}})
	var out Packet
	if err := p.Parse(append(b, 1), &out); err != nil || out.Level != (Level{OK: true, Voice: true, Value: 42}) {
		t.Fatalf("%+v %v", out.Level, err)
	}
	if err := p.Parse(append(AppendHeader(nil, Out{}, nil), 1), &out); err != nil || out.Level.OK {
		t.Fatalf("%+v %v", out.Level, err)
	}
}
