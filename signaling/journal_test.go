package signaling

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/confab/confab/auth"
	"github.com/confab/confab/signaling/protocol"
	"github.com/confab/confab/signaling/room"
	"github.com/confab/confab/store"
	"github.com/confab/confab/store/memory"
)

// troubled is a store whose appends go as the test says.
type troubled struct {
	store.Store
	mu      sync.Mutex
	appends int
	trouble func(ctx context.Context, n int, apply func() error) error // n counts from 1
}

func (s *troubled) Append(ctx context.Context, id, epoch string, after uint64, r []store.Record) error {
	s.mu.Lock()
	s.appends++
	n := s.appends
	s.mu.Unlock()
	return s.trouble(ctx, n, func() error { return s.Store.Append(ctx, id, epoch, after, r) })
}

// desk owns a journal as an actor does.
type desk struct {
	*journal
	inbox chan func()
	told  []uint64
}

func newDesk(t *testing.T, s store.Store) *desk {
	t.Helper()
	c := room.Config{Node: "n", People: 100, Hold: time.Minute, HoldClosed: time.Second, Linger: time.Second, Timeout: time.Second}
	l, err := loadRoom(t.Context(), s, "r", c, func(*room.State, room.Event) {})
	if err != nil {
		t.Fatal(err)
	}
	d := &desk{inbox: make(chan func(), 100)}
	d.journal = &journal{
		log: s, room: "r", epoch: l.epoch, slog: slog.New(slog.DiscardHandler), count: newJournalMetrics(promauto.With(prometheus.NewRegistry())),
		limits: journalLimits{Waiting: 4, WaitingBytes: 1 << 20, Patience: 10 * time.Second, Try: 3 * time.Second},
		ctx:    t.Context(), spawn: func(f func()) { go f() }, post: func(f func()) { d.inbox <- f },
		commit: func(e room.Event) { d.told = append(d.told, e.Head().Seq) }, lost: func(err error) { t.Errorf("lost: %v", err) },
		committed: l.state, ahead: l.state.Clone(),
	}
	return d
}

// run serves the journal for a time.
func (d *desk) run(d0 time.Duration) {
	end := time.After(d0)
	for {
		select {
		case f := <-d.inbox:
			f()
		case <-end:
			return
		}
	}
}

func (d *desk) seat(id string) {
	d.propose(&proposal{command: room.Join{Seat: room.Seat{ID: id, Name: id, Kind: protocol.KindPerson, Role: auth.RoleMember, Grants: auth.AllGrants(), Node: "n"}}})
}

// say proposes a message and returns where its outcome will be.
func (d *desk) say(from, cmd string) *outcome {
	o := &outcome{err: errors.New("none yet")}
	d.propose(&proposal{command: room.Say{ID: from, Cmd: cmd, Text: cmd}, client: true, done: func(got outcome) { *o = got }})
	return o
}

// logOf returns how often each message is in the log.
func logOf(t *testing.T, s store.Store) map[string]int {
	t.Helper()
	n := map[string]int{}
	info, err := s.Find(t.Context(), "r")
	if err != nil {
		t.Fatal(err)
	}
	records, err := s.Read(t.Context(), "r", info.Epoch, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		e, err := room.Decode(r.Seq, r.At, r.Kind, r.Data)
		if err != nil {
			t.Fatal(err)
		}
		if said, ok := e.(*room.Said); ok {
			n[said.Text]++
		}
	}
	return n
}

func TestTheJournalTellsOnlyWhatIsSafe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kept := memory.New()
		defer kept.Close()
		s := &troubled{Store: kept, trouble: func(_ context.Context, _ int, apply func() error) error { time.Sleep(time.Second); return apply() }}
		d := newDesk(t, s)
		d.seat("a")
		first, second, again := d.say("a", "1"), d.say("a", "2"), d.say("a", "1")
		d.run(900 * time.Millisecond)
		if len(d.told) != 0 || first.err == nil {
			t.Errorf("told %v before it was safe", d.told)
		}
		d.run(1200 * time.Millisecond)
		if first.err != nil || second.err != nil || again.err != nil || len(again.events) != 0 {
			t.Errorf("outcomes %+v %+v %+v", first, second, again)
		}
		if s.appends != 2 { // the seat, and all that was decided meanwhile
			t.Errorf("%d appends", s.appends)
		}
		if n := logOf(t, kept); n["1"] != 1 || n["2"] != 1 {
			t.Errorf("the log has %v", n)
		}
	})
}

func TestAnAppendThatCameThroughUnheard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kept := memory.New()
		defer kept.Close()
		s := &troubled{Store: kept, trouble: func(_ context.Context, n int, apply func() error) error {
			err := apply()
			if n%2 == 1 && err == nil {
				return store.ErrUnavailable
			}
			return err
		}}
		d := newDesk(t, s)
		d.seat("a")
		one := d.say("a", "1")
		d.run(2 * time.Second)
		if one.err != nil || len(d.told) != 2+len(one.events)-1 {
			t.Errorf("outcome %+v, told %v", one, d.told)
		}
		if n := logOf(t, kept); n["1"] != 1 {
			t.Errorf("the log has %v", n)
		}
	})
}

func TestTwoJournalsAgree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kept := memory.New()
		defer kept.Close()
		slow := &troubled{Store: kept, trouble: func(_ context.Context, _ int, apply func() error) error {
			time.Sleep(10 * time.Millisecond)
			return apply()
		}}
		x, y := newDesk(t, slow), newDesk(t, slow)
		x.seat("a")
		x.run(time.Second)
		y.wake(0)
		y.run(time.Second)
		one, two := x.say("a", "1"), y.say("a", "1")
		three := y.say("a", "3")
		for range 20 {
			x.run(20 * time.Millisecond)
			y.run(20 * time.Millisecond)
		}
		x.wake(0)
		x.run(time.Second)
		if one.err != nil || two.err != nil || three.err != nil {
			t.Errorf("outcomes %+v %+v %+v", one, two, three)
		}
		if n := logOf(t, kept); n["1"] != 1 || n["3"] != 1 || x.committed.Seq != y.committed.Seq {
			t.Errorf("the log has %v; %d and %d", n, x.committed.Seq, y.committed.Seq)
		}
	})
}

func TestAStalledLogDelaysAndRefusesWithoutLoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kept := memory.New()
		defer kept.Close()
		var stalled atomic.Bool
		stalled.Store(true)
		s := &troubled{Store: kept, trouble: func(ctx context.Context, n int, apply func() error) error {
			if n > 1 && stalled.Load() {
				<-ctx.Done()
				return ctx.Err()
			}
			return apply()
		}}
		d := newDesk(t, s)
		d.seat("a")
		d.run(time.Second)
		inflight, waiting := d.say("a", "1"), d.say("a", "2")
		var over *outcome
		for range 6 {
			over = d.say("a", "x")
		}
		if !errors.Is(over.err, errUnavailable) {
			t.Errorf("beyond the bound: %v", over.err)
		}
		d.run(5 * time.Second)
		if at := d.deadline(); time.Until(at) > 6*time.Second || at.IsZero() {
			t.Errorf("deadline %v", at)
		}
		d.run(6 * time.Second)
		d.expire(time.Now())
		if !errors.Is(inflight.err, errUnavailable) || !errors.Is(waiting.err, errUnavailable) || len(d.waiting) != 0 {
			t.Errorf("outcomes %v, %v; %d wait", inflight.err, waiting.err, len(d.waiting))
		}
		stalled.Store(false)
		d.run(20 * time.Second)
		again := d.say("a", "1")
		d.run(time.Second)
		if again.err != nil {
			t.Errorf("again: %v", again.err)
		}
		if n := logOf(t, kept); n["1"] != 1 || n["2"] != 0 {
			t.Errorf("the log has %v", n)
		}
	})
}
