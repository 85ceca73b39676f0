package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/confab/confab/store"
)

// Backend is a store to test.
type Backend struct {
	// New starts with nothing in it, and returns what opens a node on that: each call gives one more that shares the data. The
	// suite closes them.
	New func(t *testing.T) (open func() store.Store)
	// Durable: what was acknowledged is there after all nodes were closed.
	Durable bool
	// Shared: topics reach other nodes.
	Shared bool
}

// patience is how long something that must happen may take on a busy machine. Nothing waits for it in vain when all is well.
const patience = 30 * time.Second

// Run runs the suite.
func Run(t *testing.T, b Backend) {
	for _, c := range []struct {
		name string
		test func(t *testing.T, l *lab)
	}{
		{"open makes a room once", testOpen},
		{"append is a compare-and-set", testAppend},
		{"append is all or nothing and bounded", testAppendInvalid},
		{"read", testRead},
		{"records come back as they were", testRoundTrip},
		{"pages with amendments", testPage},
		{"snapshot and trim", testSnapshotTrim},
		{"renew", testRenew},
		{"delete", testDelete},
		{"rooms are listed in order", testRooms},
		{"retention", testRetention},
		{"hostile names", testHostileNames},
		{"contexts that have ended", testContext},
		{"four writers, seeded", testWriters},
		{"a repeated append is found", testRepeat},
		{"watch", testWatch},
		{"topics", testTopics},
		{"slow subscriber", testSlowSubscriber},
		{"nodes", testNodes},
		{"values", testValues},
		{"counters", testCounters},
		{"close", testClose},
		{"restart", testRestart},
		{"ten thousand records", testLarge},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 4*patience)
			defer cancel()
			c.test(t, &lab{T: t, backend: b, ctx: ctx, open: b.New(t)})
		})
	}
}

// lab is what one test has.
type lab struct {
	*testing.T
	backend Backend
	ctx     context.Context
	open    func() store.Store
}

// node opens a node that is closed when the test ends.
func (l *lab) node() store.Store {
	l.Helper()
	s := l.open()
	l.Cleanup(func() {
		if err := s.Close(); err != nil {
			l.Errorf("close: %v", err)
		}
	})
	return s
}

// must fails the test when err is not nil.
func (l *lab) must(err error) {
	l.Helper()
	if err != nil {
		l.Fatal(err)
	}
}

// want fails the test unless err is want.
func (l *lab) want(what string, err, want error) {
	l.Helper()
	if !errors.Is(err, want) {
		l.Fatalf("%s: %v, want %v", what, err, want)
	}
}

// room opens a room.
func (l *lab) room(s store.Store, id string) store.Room {
	l.Helper()
	r, err := s.Open(l.ctx, id)
	l.must(err)
	return r
}

// batch makes n records after `after` without Ref.
func batch(after uint64, n int) []store.Record {
	records := make([]store.Record, n)
	for i := range records {
		seq := after + 1 + uint64(i)
		records[i] = store.Record{Seq: seq, At: epochTime.Add(time.Duration(seq) * time.Second), Kind: "test", Data: fmt.Appendf(nil, `{"v":1,"n":%d}`, seq)}
	}
	return records
}

// epochTime is when the records of tests begin.
var epochTime = time.Date(2026, 1, 2, 3, 4, 5, 678_000, time.UTC)

// append appends n records after `after` and returns the number of the last.
func (l *lab) append(s store.Store, r store.Room, after uint64, n int) uint64 {
	l.Helper()
	for n > 0 {
		m := min(n, store.MaxBatch)
		l.must(s.Append(l.ctx, r.ID, r.Epoch, after, batch(after, m)))
		after, n = after+uint64(m), n-m
	}
	return after
}

// log reads all that the room keeps.
func (l *lab) log(s store.Store, r store.Room, after uint64) []store.Record {
	l.Helper()
	var all []store.Record
	for {
		records, err := s.Read(l.ctx, r.ID, r.Epoch, after, 0)
		l.must(err)
		if len(records) == 0 {
			return all
		}
		for _, rec := range records {
			if after++; rec.Seq != after {
				l.Fatalf("record %d where %d was expected", rec.Seq, after)
			}
		}
		all = append(all, records...)
	}
}

func seqs(records []store.Record) []uint64 {
	out := []uint64{}
	for _, r := range records {
		out = append(out, r.Seq)
	}
	return out
}

// background runs f until the test ends, and fails the test when it ends with anything but the end of its context or of the store.
func (l *lab) background(f func(ctx context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(l.ctx)
	var done sync.WaitGroup
	done.Go(func() {
		if err := f(ctx); !errors.Is(err, context.Canceled) && !errors.Is(err, store.ErrClosed) {
			l.Errorf("ended with %v", err)
		}
	})
	stop = func() { cancel(); done.Wait() }
	l.Cleanup(stop)
	return stop
}

// receive waits for a value.
func receive[T any](l *lab, what string, from <-chan T) T {
	l.Helper()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case v := <-from:
		return v
	case <-timer.C:
		l.Fatalf("no %s came", what)
		panic("unreachable")
	}
}

// eventually waits until ok; it is for what the store does in its own time.
func (l *lab) eventually(what string, ok func() bool) {
	l.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			l.Fatalf("%s: did not happen", what)
		}
	}
}
