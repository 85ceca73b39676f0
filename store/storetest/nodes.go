package storetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/confab/confab/store"
)

// testWriters: of all who append after the same record exactly one succeeds, whatever the order, and the log has what succeeded, in its place.
func testWriters(t *testing.T, l *lab) {
	nodes := []store.Store{l.node(), l.node()}
	for _, seed := range []uint64{1, 2, 3} {
		r := l.room(nodes[0], fmt.Sprint("room ", seed))
		const writers, each = 4, 25
		won := make([]map[uint64]string, writers) // what each has appended, by number
		var all sync.WaitGroup
		for w := range writers {
			won[w] = map[uint64]string{}
			random := rand.New(rand.NewPCG(seed, uint64(w)))
			all.Go(func() {
				s, after := nodes[w%2], uint64(0)
				for turn := 0; turn < each; {
					records := batch(after, 1+random.IntN(3))
					for i := range records {
						records[i].Data = fmt.Appendf(nil, "%d/%d/%d", w, turn, i)
					}
					err := s.Append(l.ctx, r.ID, r.Epoch, after, records)
					if err == nil {
						for _, rec := range records {
							won[w][rec.Seq] = string(rec.Data)
						}
						after += uint64(len(records))
						turn++
						continue
					}
					if !errors.Is(err, store.ErrConflict) {
						t.Errorf("append: %v", err)
						return
					}
					missed, err := s.Read(l.ctx, r.ID, r.Epoch, after, 1+random.IntN(5))
					if err != nil || len(missed) == 0 {
						t.Errorf("read after a conflict: %d records, %v", len(missed), err)
						return
					}
					after += uint64(len(missed))
				}
			})
		}
		all.Wait()
		have := l.log(nodes[1], r, 0)
		total := 0
		for w := range won {
			total += len(won[w])
			for seq, data := range won[w] {
				if seq > uint64(len(have)) || string(have[seq-1].Data) != data {
					t.Fatalf("seed %d: writer %d was told that record %d is %q", seed, w, seq, data)
				}
			}
		}
		if total != len(have) {
			t.Fatalf("seed %d: %d records were acknowledged, the log has %d", seed, total, len(have))
		}
	}
}

// testRepeat: who does not know whether an append has happened repeats it, and it is there once.
func testRepeat(t *testing.T, l *lab) {
	s := l.node()
	r := l.room(s, "room")
	for i := range 40 {
		after := uint64(i)
		records := batch(after, 1)
		records[0].Data = fmt.Appendf(nil, "batch %d", i)
		short, cancel := context.WithTimeout(l.ctx, time.Duration(i*i)*2*time.Microsecond)
		err := s.Append(short, r.ID, r.Epoch, after, records)
		cancel()
		if err == nil {
			continue
		}
		if !store.Unknown(err) {
			t.Fatalf("append: %v", err)
		}
		if err := s.Append(l.ctx, r.ID, r.Epoch, after, records); err != nil {
			l.want("repeat", err, store.ErrConflict)
			there, err := s.Read(l.ctx, r.ID, r.Epoch, after, 1)
			l.must(err)
			if len(there) != 1 || string(there[0].Data) != string(records[0].Data) {
				t.Fatalf("a conflict with %v", there)
			}
		}
	}
	if have := l.log(s, r, 0); len(have) != 40 {
		t.Fatalf("%d records, want 40", len(have))
	}
}

type change struct {
	room string
	last uint64
}

func testWatch(t *testing.T, l *lab) {
	a, b := l.node(), l.node()
	r := l.room(a, "room")
	told := make(chan change, 1000)
	watch := func(s store.Store) func() {
		return l.background(func(ctx context.Context) error {
			return s.Watch(ctx, func(room string, last uint64) { told <- change{room, last} })
		})
	}
	// until waits for a change that satisfies, and lets others pass.
	until := func(what string, ok func(change) bool) {
		t.Helper()
		for {
			if c := receive(l, what, told); ok(c) {
				return
			}
		}
	}
	stop := watch(a)
	if first := receive(l, "first call", told); first != (change{}) {
		t.Fatalf("a watch begins with %v, not with everything", first)
	}
	for i, s := range []store.Store{a, b, a, b} {
		l.append(s, r, uint64(i), 1)
		until("change", func(c change) bool { return c == change{"room", uint64(i) + 1} || c == change{} })
	}
	// What happened while nobody watched is in the first look.
	stop()
	l.append(b, r, 4, 1)
	watch(a)
	until("look at all", func(c change) bool { return c == change{} })
	l.must(b.Renew(l.ctx, "room", r.Epoch))
	until("renewal", func(c change) bool { return c == change{"room", 5} || c == change{} })
	l.must(b.Delete(l.ctx, "room"))
	until("deletion", func(c change) bool { return c == change{"room", 0} || c == change{} })
}

func testTopics(t *testing.T, l *lab) {
	a := l.node()
	b := a
	if l.backend.Shared {
		b = l.node()
	}
	const topic = "node.ünï\x00 \xff*?[x]"
	inbox := make(chan string, 100)
	stop := l.background(func(ctx context.Context) error {
		return a.Subscribe(ctx, topic, func(data []byte) { inbox <- string(data) })
	})
	if first := receive(l, "first call", inbox); first != "" {
		t.Fatalf("a subscription begins with %q", first)
	}
	big := strings.Repeat("big \x00\xff", 10_000)
	var want []string
	for i := range 20 {
		want = append(want, fmt.Sprint("message ", i))
		if i%7 == 3 {
			want = append(want, big)
		}
	}
	l.must(b.Publish(l.ctx, "node.other", []byte("not for us")))
	for _, m := range want {
		l.must(b.Publish(l.ctx, topic, []byte(m)))
	}
	for i, m := range want {
		if got := receive(l, "message", inbox); got != m {
			t.Fatalf("message %d is %.40q, want %.40q", i, got, m)
		}
	}
	l.want("publish nothing", b.Publish(l.ctx, topic, nil), store.ErrInvalid)
	l.want("publish too much", b.Publish(l.ctx, topic, make([]byte, store.MaxMessage+1)), store.ErrInvalid)
	l.must(b.Publish(l.ctx, topic, make([]byte, store.MaxMessage)))
	if got := receive(l, "largest message", inbox); len(got) != store.MaxMessage {
		t.Fatalf("the largest message came with %d bytes", len(got))
	}
	stop()
	l.must(b.Publish(l.ctx, topic, []byte("to nobody")))

	// A second subscriber after the first has gone, and one beside it.
	others := []chan string{make(chan string, 10), make(chan string, 10)}
	for _, inbox := range others {
		l.background(func(ctx context.Context) error {
			return a.Subscribe(ctx, topic, func(data []byte) {
				if data != nil {
					inbox <- string(data)
				} else {
					inbox <- "gap"
				}
			})
		})
		if first := receive(l, "first call", inbox); first != "gap" {
			t.Fatalf("a subscription begins with %q", first)
		}
	}
	l.must(b.Publish(l.ctx, topic, []byte("to both")))
	for _, inbox := range others {
		got := "gap" // the other's subscription may have announced one
		for got == "gap" {
			got = receive(l, "message", inbox)
		}
		if got != "to both" {
			t.Fatalf("got %q", got)
		}
	}
}

// testSlowSubscriber: nobody waits for who does not listen, and he is told that he has missed something.
func testSlowSubscriber(t *testing.T, l *lab) {
	s := l.node()
	listening, listen, got := make(chan struct{}), make(chan struct{}), make(chan string, 10*store.MaxBacklog)
	var once sync.Once
	l.background(func(ctx context.Context) error {
		return s.Subscribe(ctx, "topic", func(data []byte) {
			once.Do(func() { close(listening); <-listen })
			if data == nil {
				got <- "gap"
			} else {
				got <- string(data)
			}
		})
	})
	receive(l, "first call", listening)
	for i := range store.MaxBacklog + 10 {
		l.must(s.Publish(l.ctx, "topic", fmt.Append(nil, i)))
	}
	close(listen)
	last, seen := "", []string{}
	for last != fmt.Sprint(store.MaxBacklog+9) {
		last = receive(l, "message", got)
		seen = append(seen, last)
		if len(seen)%100 == 0 { // for a backend that delivers in its own time: the end may be in the gap
			l.must(s.Publish(l.ctx, "topic", fmt.Append(nil, store.MaxBacklog+9)))
		}
		if last == "gap" && len(seen) > 1 {
			l.must(s.Publish(l.ctx, "topic", fmt.Append(nil, store.MaxBacklog+9)))
		}
	}
	if n := len(seen); n < store.MaxBacklog && !slices.Contains(seen[1:], "gap") {
		t.Fatalf("%d of %d messages came and no gap was announced", n, store.MaxBacklog+10)
	}
}

func testNodes(t *testing.T, l *lab) {
	a, b := l.node(), l.node()
	nodes := func() []string {
		t.Helper()
		got, err := a.Nodes(l.ctx)
		l.must(err)
		return got
	}
	if got := nodes(); len(got) != 0 {
		t.Fatalf("nodes %q, want none", got)
	}
	l.must(b.Beat(l.ctx, "node\xff b", time.Hour))
	l.must(a.Beat(l.ctx, "node a", time.Hour))
	l.must(a.Beat(l.ctx, "node a", time.Hour))
	l.must(a.Beat(l.ctx, "shortly", 20*time.Millisecond))
	l.eventually("the end of a node", func() bool { return slices.Equal(nodes(), []string{"node a", "node\xff b"}) })
	l.must(b.Beat(l.ctx, "node a", 0))
	if got := nodes(); !slices.Equal(got, []string{"node\xff b"}) {
		t.Fatalf("nodes %q, want one", got)
	}
	l.want("beat of nobody", a.Beat(l.ctx, "", time.Hour), store.ErrInvalid)
}

func testClose(t *testing.T, l *lab) {
	s, other := l.open(), l.node()
	r := l.room(s, "room")
	ended := make(chan error, 2)
	started := make(chan struct{}, 2)
	var all sync.WaitGroup
	all.Go(func() { ended <- s.Watch(l.ctx, func(string, uint64) { started <- struct{}{} }) })
	all.Go(func() { ended <- s.Subscribe(l.ctx, "topic", func([]byte) { started <- struct{}{} }) })
	receive(l, "watch or subscription", started)
	receive(l, "watch or subscription", started)
	l.must(s.Close())
	l.must(s.Close())
	all.Wait()
	for range 2 {
		l.want("watch and subscribe", <-ended, store.ErrClosed)
	}
	_, err := s.Open(l.ctx, "room")
	l.want("open", err, store.ErrClosed)
	_, err = s.Read(l.ctx, r.ID, r.Epoch, 0, 1)
	l.want("read", err, store.ErrClosed)
	l.want("append", s.Append(l.ctx, r.ID, r.Epoch, 0, batch(0, 1)), store.ErrClosed)
	l.want("publish", s.Publish(l.ctx, "topic", []byte("x")), store.ErrClosed)
	l.append(other, r, 0, 1) // the others go on
}
