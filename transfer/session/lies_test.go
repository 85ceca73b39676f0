package session

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/confab/confab/transfer/content"
	"github.com/confab/confab/transfer/wire"
)

// said reads messages of a lane until it is closed, and returns the code of the error that was told.
func said(l Lane) chan wire.Code {
	out := make(chan wire.Code, 1)
	go func() {
		var code wire.Code
		buf := make([]byte, 1<<20)
		for {
			n, text, err := l.Read(buf)
			if err != nil {
				out <- code
				return
			}
			if text {
				if c, _ := wire.Decode(buf[:n]); c != nil {
					if f, is := c.(*wire.Failed); is {
						code = f.Code
						_ = l.Close()
					}
				}
			}
		}
	}()
	return out
}

// lie says something on a lane and checks that it is refused by the code, at both ends.
func lie(t *testing.T, l Lane, says []any, code wire.Code, ended chan error) {
	t.Helper()
	told := said(l)
	for _, m := range says {
		raw(t, l, m)
	}
	if got := <-told; got != code {
		t.Errorf("told %q, want %q", got, code)
	}
	if err := <-ended; !isPeerError(err, code) {
		t.Errorf("the other side ended with %v, want %q", err, code)
	}
}

// raw is a message that a stranger sends: text of a string, else a frame or bytes.
func raw(t *testing.T, l Lane, m any) {
	t.Helper()
	switch m := m.(type) {
	case string:
		_ = l.Write([]byte(m), true)
	case wire.Control:
		_ = l.Write(wire.Encode(m), true)
	case wire.Frame:
		_ = l.Write(wire.Append(nil, m), false)
	case []byte:
		_ = l.Write(m, false)
	case time.Duration:
		time.Sleep(m)
	default:
		t.Fatalf("%T", m)
	}
}

func TestReceiversThatLieAreRefused(t *testing.T) {
	many := func(m any, n int) (out []any) {
		for range n {
			out = append(out, m)
		}
		return out
	}
	ask := wire.Request{File: 0, Offset: 0, Length: mib}
	for name, tt := range map[string]struct {
		says []any
		code wire.Code
	}{
		"no JSON":                     {[]any{"{"}, wire.BadMessage},
		"no frame":                    {[]any{[]byte{9, 9}}, wire.BadMessage},
		"asks before it accepts":      {[]any{ask}, wire.BadMessage},
		"accepts what is not there":   {[]any{&wire.Accept{Files: []int{9}}}, wire.BadMessage},
		"asks for what it left out":   {[]any{&wire.Accept{Files: []int{1}}, ask}, wire.BadMessage},
		"asks beyond the end":         {[]any{&wire.Accept{}, wire.Request{File: 0, Offset: 2 * mib, Length: 6}}, wire.BadMessage},
		"asks for a file too many":    {[]any{&wire.Accept{}, wire.Request{File: 7, Offset: 0, Length: 6}}, wire.BadMessage},
		"leaves beyond the end":       {[]any{&wire.Accept{}, wire.Ask{File: 0, First: 2, Count: 2}}, wire.BadMessage},
		"sends data":                  {[]any{&wire.Accept{}, wire.Data{File: 0, Payload: []byte("x")}}, wire.BadMessage},
		"asks for too much":           {append([]any{&wire.Accept{}}, many(ask, 100)...), wire.TooMuch},
		"asks too often":              {append([]any{&wire.Accept{}}, many(wire.Request{Length: 1}, 6000)...), wire.TooMuch},
		"is done with something else": {[]any{&wire.Accept{}, &wire.Done{Root: content.Empty}}, wire.BadMessage},
		"never answers":               {[]any{11 * time.Minute}, wire.Timeout},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				r := newRoad(&place{rate: 1e5}, &place{}, time.Millisecond)
				source := &memSource{files: [][]byte{data(2*mib+5, 1), data(10, 2)}}
				sender := NewSender(SendOptions{Entries: source.entries(), Source: source})
				sender.Pause() // so that what is asked for stays asked for
				served := make(chan error, 1)
				go func() { served <- sender.Serve(t.Context(), "x", opener{r}) }()
				l, err := taker{r}.Dial(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				lie(t, l, tt.says, tt.code, served)
			})
		})
	}
}

func TestSendersThatLieAreRefused(t *testing.T) {
	file := data(2*mib, 1)
	var h content.Hasher
	_, _ = h.Write(file)
	leaves, root, size := h.Sum()
	entry := content.Entry{Path: "a", Size: size, Root: &root}
	offer := func(total int64, entries ...content.Entry) []any {
		return []any{&wire.Offer{Root: content.RootOf(entries), Count: len(entries), Total: total}, &wire.Entries{Entries: entries}}
	}
	good := offer(size, entry)
	with := func(more ...any) []any { return append(append([]any{}, good...), more...) }
	junk := []any{}
	for range 70 * 16 {
		junk = append(junk, wire.Data{File: 0, Offset: 0, Payload: bytes.Repeat([]byte("x"), wire.MaxPayload)})
	}
	climbing := entry
	climbing.Path = "../a"
	for name, tt := range map[string]struct {
		says []any
		code wire.Code
	}{
		"entries without an offer":    {[]any{&wire.Entries{Entries: []content.Entry{entry}}}, wire.BadMessage},
		"two contents":                {[]any{good[0], &wire.Offer{Root: content.Empty, Count: 3}}, wire.BadMessage},
		"more entries than offered":   {[]any{good[0], &wire.Entries{Entries: []content.Entry{entry, entry}}}, wire.BadMessage},
		"entries with a hole":         {[]any{good[0], &wire.Entries{First: 1, Entries: []content.Entry{entry}}}, wire.BadMessage},
		"a root of something else":    {[]any{&wire.Offer{Root: content.Empty, Count: 1, Total: size}, good[1]}, wire.BadMessage},
		"a total that lies":           {offer(size+1, entry), wire.BadMessage},
		"a path out of the folder":    {offer(size, climbing), wire.BadMessage},
		"entries that never come":     {[]any{good[0], 2 * time.Minute}, wire.Timeout},
		"asks a receiver":             {with(time.Second, wire.Request{File: 0, Length: 5}), wire.BadMessage},
		"other leaves, always":        {with(time.Second, wrong(leaves), time.Second, wrong(leaves), time.Second, wrong(leaves)), wire.BadBlock},
		"too many leaves":             {with(time.Second, wire.Hashes{File: 0, Leaves: append(leaves, leaves...)}), wire.BadMessage},
		"bytes that nobody asked for": {with(append([]any{time.Second}, junk...)...), wire.TooMuch},
		"a message that is too long":  {[]any{`{"t":"pause","x":"` + strings.Repeat("x", wire.MaxText) + `"}`}, wire.BadMessage},
		"a frame that is too long":    {[]any{append(wire.Append(nil, wire.Data{Payload: bytes.Repeat([]byte("x"), wire.MaxPayload)}), 1)}, wire.BadMessage},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				r := newRoad(&place{}, &place{}, time.Millisecond)
				receiver := NewReceiver(ReceiveOptions{Dialer: taker{r}, Sink: newSink(t)})
				got := make(chan error, 1)
				go func() { got <- receiver.Run(t.Context()) }()
				l, err := opener{r}.Dial(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				lie(t, l, tt.says, tt.code, got)
			})
		})
	}
}

func wrong(leaves []content.Hash) wire.Hashes {
	return wire.Hashes{File: 0, Leaves: make([]content.Hash, len(leaves))}
}

// TestASenderThatNeverSendsIsGivenTime is no error: the lane is made anew again and again, until somebody ends it.
func TestASenderThatNeverSendsIsGivenTime(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRoad(&place{}, &place{}, time.Millisecond)
		r.onLane = func(_ int, ab, _ *pipe) {
			ab.tap = func(b []byte, text bool) ([]byte, bool) { return b, text } // no data ever
		}
		x := start(t, r, &memSource{files: [][]byte{data(mib, 1)}}, newSink(t))
		time.Sleep(2 * time.Minute)
		if x.heard.count(EventLost) < 3 {
			t.Errorf("%v", x.heard.list)
		}
		x.receiver.Cancel("it never came")
		if sent, got := x.end(t); !errors.Is(sent, ErrCancelled) || !errors.Is(got, ErrCancelled) {
			t.Errorf("sender: %v, receiver: %v", sent, got)
		}
	})
}
