package wire

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/confab/confab/transfer/content"
)

func FuzzParse(f *testing.F) {
	for _, frame := range []Frame{Data{1, 65536, []byte("x")}, Request{1, 0, 65536}, Cancel{1, 0, 9}, Have{1, 8, []byte{1}}, Ask{1, 0, 3}, Hashes{1, 0, make([]content.Hash, 2)}} {
		f.Add(Append(nil, frame))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		frame, err := Parse(b)
		if err != nil {
			if !errors.Is(err, ErrFrame) {
				t.Fatal(err)
			}
			return
		}
		if again := Append(nil, frame); !bytes.Equal(again, b) {
			t.Fatalf("%x became %+v, which is %x", b, frame, again)
		}
		switch x := frame.(type) {
		case Data:
			inBlock(t, x.Offset, len(x.Payload))
		case Request:
			inBlock(t, x.Offset, x.Length)
		case Cancel:
			inBlock(t, x.Offset, x.Length)
		}
	})
}

func inBlock(t *testing.T, offset int64, length int) {
	t.Helper()
	if offset < 0 || length < 1 || offset/content.BlockSize != (offset+int64(length)-1)/content.BlockSize || offset >= content.MaxSize {
		t.Fatalf("%d bytes from %d", length, offset)
	}
}

func FuzzDecode(f *testing.F) {
	root := content.Leaf(nil)
	for _, c := range []Control{
		&Offer{Root: root, Count: 1, Name: "a"}, &Entries{Entries: []content.Entry{{Path: "a/", Type: "x"}}}, &Accept{}, &Accept{Files: []int{}}, &Accept{Files: []int{3}}, &Decline{"no"},
		&Pause{}, &Continue{}, &CancelAll{"m"}, &Lanes{3}, &Verified{1}, &Ended{1, 5, root}, &Done{root}, &Changed{File: 1}, &Failed{NoSpace, "m"},
		&Swarm{Secret: "AAAAAAAAAAAAAAAAAAAAAA", Of: 2, Peers: []string{"b"}},
	} {
		text := Encode(c)
		back, err := Decode(text)
		if err != nil || !reflect.DeepEqual(back, c) {
			f.Fatalf("%s became %+v, %v", text, back, err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := Decode(text)
		if err != nil {
			if !errors.Is(err, ErrControl) && !errors.Is(err, ErrUnknown) {
				t.Fatal(err)
			}
			return
		}
		back, err := Decode(Encode(c))
		if err != nil && len(Encode(c)) <= MaxText || err == nil && !reflect.DeepEqual(back, c) {
			t.Fatalf("%s became %s: %v", text, Encode(c), err)
		}
	})
}

func TestTextsTooLong(t *testing.T) {
	for _, text := range []string{
		`{"t":"cancel","message":"` + strings.Repeat("x", MaxMessage+1) + `"}`, `{"t":"pause","x":"` + strings.Repeat("x", MaxText) + `"}`, "{\"t\":\"cancel\",\"message\":\"\xff\"}",
		`{"t":"error","code":"` + strings.Repeat("x", 41) + `"}`,
	} {
		if _, err := Decode([]byte(text)); !errors.Is(err, ErrControl) {
			t.Errorf("%.40s: %v", text, err)
		}
	}
}
