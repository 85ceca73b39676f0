package session

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/confab/confab/transfer/content"
	"github.com/confab/confab/transfer/wire"
)

func TestPauseOfEitherSideStopsBytes(t *testing.T) {
	for name, who := range map[string]func(x *transfer) (pause, goOn func(), told *events){
		"sender":   func(x *transfer) (func(), func(), *events) { return x.sender.Pause, x.sender.Continue, &x.heard },
		"receiver": func(x *transfer) (func(), func(), *events) { return x.receiver.Pause, x.receiver.Continue, &x.said },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				sink := newSink(t)
				x := start(t, newRoad(&place{rate: 1e6}, &place{}, 20*time.Millisecond), &memSource{files: [][]byte{data(8*mib, 1)}}, sink)
				pause, goOn, told := who(x)
				time.Sleep(3 * time.Second)
				pause()
				time.Sleep(3 * time.Second) // what was on its way arrives
				before := x.receiver.Progress()
				if !before.Paused || before.Verified == 0 || before.Verified == before.Total || told.count(EventPaused) != 1 {
					t.Errorf("%+v, told %d times", before, told.count(EventPaused))
				}
				time.Sleep(10 * time.Minute)
				if p := x.receiver.Progress(); p.Bytes != before.Bytes {
					t.Errorf("%d bytes came in a pause", p.Bytes-before.Bytes)
				}
				x.road.cut() // a pause outlives a lane
				time.Sleep(time.Minute)
				if p := x.receiver.Progress(); p.Bytes != before.Bytes || p.Lanes != 1 {
					t.Errorf("after a cut: %+v", p)
				}
				goOn()
				x.succeeds(t)
				sink.same(x.source.files)
			})
		})
	}
}

func TestCancelOfEitherSideEndsBoth(t *testing.T) {
	for name, cancel := range map[string]func(x *transfer){
		"sender":   func(x *transfer) { x.sender.Cancel("b", "enough") },
		"receiver": func(x *transfer) { x.receiver.Cancel("enough") },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				sink := newSink(t)
				x := start(t, newRoad(&place{rate: 1e6}, &place{}, 20*time.Millisecond), &memSource{files: [][]byte{data(8*mib, 1)}}, sink)
				time.Sleep(3 * time.Second)
				began := time.Now()
				cancel(x)
				sent, got := x.end(t)
				if !errors.Is(sent, ErrCancelled) || !errors.Is(got, ErrCancelled) {
					t.Errorf("sender: %v, receiver: %v", sent, got)
				}
				if took := time.Since(began); took > 3*time.Second {
					t.Errorf("it took %v", took)
				}
				if len(sink.finished) > 0 {
					t.Error("a file is said to be whole")
				}
			})
		})
	}
}

func TestDecline(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		x := start(t, newRoad(&place{}, &place{}, time.Millisecond), &memSource{files: someFiles()}, newSink(t), func(o *ReceiveOptions) {
			o.Decide = func(_ context.Context, o *Offer) ([]int, error) {
				if o.Name != "things" || o.Count != 7 || o.Names[0] != "dir/file0" || o.Total == 0 {
					t.Errorf("%+v", o)
				}
				time.Sleep(time.Minute)
				return nil, errors.New("no, thank you")
			}
		})
		sent, got := x.end(t)
		if !errors.Is(sent, ErrDeclined) || !errors.Is(got, ErrDeclined) || sent.Error() != "the files were declined: no, thank you" {
			t.Errorf("sender: %v, receiver: %v", sent, got)
		}
	})
}

func TestSomeFilesAreTaken(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		sink := newSink(t)
		x := start(t, newRoad(&place{}, &place{}, time.Millisecond), &memSource{files: someFiles()}, sink, func(o *ReceiveOptions) {
			o.Decide = func(context.Context, *Offer) ([]int, error) { return []int{5, 0, 5}, nil }
		})
		x.succeeds(t)
		if len(sink.finished) != 2 || sink.finished[0] != 3*mib+17 || sink.finished[5] != 5*mib {
			t.Errorf("%v", sink.finished)
		}
	})
}

func TestWhatIsThereIsNotSentAgain(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		files := [][]byte{data(10*mib+5, 1), data(mib, 2)}
		sink := newSink(t)
		a := &place{rate: 2e6}
		first := start(t, newRoad(a, &place{}, 5*time.Millisecond), &memSource{files: files}, sink)
		time.Sleep(3 * time.Second)
		first.receiver.Cancel("the machine is switched off")
		first.end(t)
		had := 0
		for _, h := range sink.have {
			had += h.Count()
		}
		if had < 2 || had > 9 {
			t.Fatalf("%d blocks were there", had)
		}
		a.sent = 0
		clear(sink.finished)
		x := start(t, newRoad(a, &place{}, 5*time.Millisecond), &memSource{files: files}, sink)
		x.succeeds(t)
		sink.same(files)
		sink.once()
		if most := int64(12-had)*mib + 100_000; a.sent > most {
			t.Errorf("%d bytes were sent, when %d blocks were there", a.sent, had)
		}
	})
}

func TestNothingIsSentWhenAllIsThere(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		files := [][]byte{data(3*mib, 1)}
		sink := newSink(t)
		start(t, newRoad(&place{}, &place{}, time.Millisecond), &memSource{files: files}, sink).succeeds(t)
		clear(sink.finished)
		a := &place{}
		x := start(t, newRoad(a, &place{}, time.Millisecond), &memSource{files: files}, sink)
		x.succeeds(t)
		sink.same(files)
		if a.sent > 5000 {
			t.Errorf("%d bytes were sent", a.sent)
		}
	})
}

func TestTextsAndFolders(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		hello := content.Leaf([]byte("hello"))
		r := newRoad(&place{}, &place{}, time.Millisecond)
		sender := NewSender(SendOptions{Entries: []content.Entry{
			{Path: "text.txt", Size: 5, Root: &hello, Type: "text/plain", Inline: "hello"}, {Path: "a/b/"}, {Path: "none", Root: &content.Empty},
		}, Source: &memSource{}, Name: "hello"})
		sink := newSink(t)
		receiver := NewReceiver(ReceiveOptions{Dialer: taker{r}, Sink: sink})
		sent := make(chan error, 1)
		go func() { sent <- sender.Serve(t.Context(), "b", opener{r}) }()
		if err := receiver.Run(t.Context()); err != nil {
			t.Error(err)
		}
		if err := <-sent; err != nil {
			t.Error(err)
		}
		if len(sink.finished) != 3 || sink.finished[0] != 5 || string(sink.files[0]) != "hello" {
			t.Errorf("%v", sink.finished)
		}
	})
}

func TestAFileThatChangesIsLeftOut(t *testing.T) {
	for name, spoil := range map[string]func(s *memSource){
		"other bytes":   func(s *memSource) { s.files[1] = data(5*mib, 77) },
		"shorter":       func(s *memSource) { s.files[1] = s.files[1][:4*mib+10] },
		"gone":          func(s *memSource) { s.fail = map[int]error{1: ErrGone} },
		"not permitted": func(s *memSource) { s.fail = map[int]error{1: ErrPermission} },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				source := &frozen{memSource: memSource{files: [][]byte{data(2*mib, 1), data(5*mib, 2), data(3*mib, 3)}}}
				source.freeze()
				sink := newSink(t)
				r := newRoad(&place{rate: 2e6}, &place{}, 5*time.Millisecond)
				x := &transfer{road: r, sent: make(chan error, 1), got: make(chan error, 1)}
				x.sender = NewSender(SendOptions{Entries: source.entries(), Source: source, Events: x.said.add})
				x.receiver = NewReceiver(ReceiveOptions{Dialer: taker{r}, Sink: sink, Events: x.heard.add})
				time.AfterFunc(2*time.Second, func() {
					source.mu.Lock()
					spoil(&source.memSource)
					source.mu.Unlock()
				})
				go func() { x.sent <- x.sender.Serve(t.Context(), "b", opener{r}) }()
				go func() { x.got <- x.receiver.Run(t.Context()) }()
				sent, got := x.end(t)
				if !isPeerError(sent, wire.FileChanged) || !isPeerError(got, wire.FileChanged) {
					t.Errorf("sender: %v, receiver: %v", sent, got)
				}
				if _, whole := sink.finished[1]; whole || len(sink.finished) != 2 {
					t.Errorf("finished: %v", sink.finished)
				}
				if x.said.count(EventChanged) != 1 || x.heard.count(EventChanged) != 1 {
					t.Errorf("%v", x.heard.list)
				}
			})
		})
	}
}

// frozen is a source whose leaves are those of before.
type frozen struct {
	memSource
	leaves [][]content.Hash
}

func (f *frozen) freeze() {
	for i := range f.files {
		l, _ := f.memSource.Leaves(i)
		f.leaves = append(f.leaves, l)
	}
}

func (f *frozen) Leaves(i int) ([]content.Hash, error) { return f.leaves[i], nil }

func TestADiskThatIsFullEndsBoth(t *testing.T) {
	for code, fault := range map[wire.Code]error{wire.NoSpace: ErrNoSpace, wire.Permission: ErrPermission, wire.Gone: ErrGone, wire.Internal: errors.New("broken")} {
		inBubble(t, func(t *testing.T) {
			sink := newSink(t)
			x := start(t, newRoad(&place{rate: 2e6}, &place{}, 5*time.Millisecond), &memSource{files: [][]byte{data(8*mib, 1)}}, sink)
			time.Sleep(2 * time.Second)
			sink.mu.Lock()
			sink.fail = fault
			sink.mu.Unlock()
			sent, got := x.end(t)
			if !isPeerError(sent, code) || !isPeerError(got, code) {
				t.Errorf("sender: %v, receiver: %v, want %s", sent, got, code)
			}
			if len(sink.finished) > 0 {
				t.Error("a file is said to be whole")
			}
		})
	}
}

func TestWhoLeavesForGoodEndsIt(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRoad(&place{rate: 1e6}, &place{}, time.Millisecond)
		ctx, vanish := context.WithCancel(t.Context())
		sender := NewSender(SendOptions{Entries: (&memSource{files: someFiles()}).entries(), Source: &memSource{files: someFiles()}})
		receiver := NewReceiver(ReceiveOptions{Dialer: taker{r}, Sink: newSink(t)})
		got := make(chan error, 1)
		go func() { got <- receiver.Run(ctx) }()
		time.AfterFunc(2*time.Second, func() {
			r.mu.Lock()
			r.shut = true
			r.mu.Unlock()
			vanish()
		})
		if err := sender.Serve(t.Context(), "b", opener{r}); !errors.Is(err, ErrGaveUp) || !errors.Is(err, errLeft) {
			t.Errorf("sender: %v", err)
		}
		if err := <-got; !errors.Is(err, context.Canceled) {
			t.Errorf("receiver: %v", err)
		}
	})
}
