package store_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/confab/confab/store"
	"github.com/confab/confab/store/faulty"
	"github.com/confab/confab/store/memory"
)

func TestCut(t *testing.T) {
	room := func(first, last uint64, bytes int64) store.Room {
		return store.Room{First: first, Last: last, Bytes: bytes}
	}
	for _, c := range []struct {
		name string
		keep store.Retention
		room store.Room
		from uint64
		cut  bool
	}{
		{"no bounds", store.Retention{}, room(1, 1_000_000, 1<<40), 1, false},
		{"empty", store.Retention{Records: 10, Bytes: 10}, room(1, 0, 0), 1, false},
		{"whole log trimmed", store.Retention{Records: 10, Bytes: 10}, room(101, 100, 0), 101, false},
		{"at the bound", store.Retention{Records: 100, Bytes: 1000}, room(1, 100, 1000), 1, false},
		{"one more record", store.Retention{Records: 100}, room(1, 101, 0), 27, true},
		{"one more record, trimmed before", store.Retention{Records: 100}, room(1001, 1101, 0), 1027, true},
		{"twice the bytes", store.Retention{Bytes: 1000}, room(1, 100, 2000), 64, true}, // 37 are three eighths
		{"both: the stricter one", store.Retention{Records: 10, Bytes: 1000}, room(1, 100, 2000), 94, true},
		{"one record beyond all bounds", store.Retention{Records: 10, Bytes: 10}, room(5, 5, 1000), 6, true},
		{"default", store.DefaultRetention, room(1, 20_001, 1<<20), 5002, true},
	} {
		from, cut := c.keep.Cut(c.room)
		if from != c.from || cut != c.cut {
			t.Errorf("%s: %d %v, want %d %v", c.name, from, cut, c.from, c.cut)
		}
	}
}

// In virtual time: a room that is used stays, one that is not goes when its week is over.
func TestSweepAfterAWeek(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := memory.New()
		for _, id := range []string{"used", "idle"} {
			if _, err := s.Open(t.Context(), id); err != nil {
				t.Fatal(err)
			}
		}
		for day := range 10 {
			time.Sleep(24 * time.Hour)
			if _, err := s.Open(t.Context(), "used"); err != nil {
				t.Fatal(err)
			}
			n, err := store.Sweep(t.Context(), s, store.DefaultRetention, time.Now())
			if want := map[int]int{7: 1}[day]; n != want || err != nil { // on the eighth day, after more than seven
				t.Errorf("day %d: %d rooms were swept, want %d: %v", day+1, n, want, err)
			}
		}
		if _, err := s.Find(t.Context(), "used"); err != nil {
			t.Errorf("the room that was used: %v", err)
		}
	})
}

// A sweep goes on after a failure, and not for ever in a store that only fails.
func TestSweepInTrouble(t *testing.T) {
	inner := memory.New()
	for i := range 100 {
		if _, err := inner.Open(context.Background(), fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	s := faulty.New(inner, 1)
	later := time.Now().Add(30 * 24 * time.Hour)
	s.Next(faulty.DeleteIdle, faulty.Before)
	if n, err := store.Sweep(t.Context(), s, store.DefaultRetention, later); n != 99 || !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("%d rooms were swept, want 99: %v", n, err)
	}
	for i := range 100 {
		if _, err := inner.Open(context.Background(), fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	s.SetChance(faulty.Chance{Before: 1, Ops: []faulty.Op{faulty.DeleteIdle}})
	tried := s.Calls(faulty.DeleteIdle)
	if n, err := store.Sweep(t.Context(), s, store.DefaultRetention, later); n != 0 || err == nil || s.Calls(faulty.DeleteIdle)-tried != 10 {
		t.Errorf("%d rooms were swept after %d tries, want 0 after 10: %v", n, s.Calls(faulty.DeleteIdle)-tried, err)
	}
	if n, err := store.Sweep(t.Context(), s, store.Retention{}, later); n != 0 || err != nil {
		t.Errorf("without an age: %d %v", n, err)
	}
}

func TestUnknown(t *testing.T) {
	for _, err := range []error{store.ErrUnavailable, context.Canceled, context.DeadlineExceeded, errors.New("x"), fmt.Errorf("a: %w", store.ErrUnavailable)} {
		if !store.Unknown(err) {
			t.Errorf("%v is taken for an answer", err)
		}
	}
	for _, err := range []error{nil, store.ErrConflict, store.ErrGone, store.ErrTrimmed, store.ErrAhead, store.ErrInvalid, store.ErrFull, store.ErrCorrupt, store.ErrClosed} {
		if store.Unknown(err) {
			t.Errorf("%v is not taken for an answer", err)
		}
	}
}

func FuzzCounted(f *testing.F) {
	f.Add(int64(0), int64(1), int64(10))
	f.Add(int64(1<<62), int64(1<<62), int64(1<<62))
	f.Fuzz(func(t *testing.T, n, delta, limit int64) {
		if n < 0 || delta < -store.MaxSeq || delta > store.MaxSeq {
			return // a counter is never below 0; Add refuses such a delta
		}
		after, ok := store.Counted(n, delta, limit)
		switch {
		case after < 0, !ok && after != n, delta <= 0 && !ok, ok && delta > 0 && (after > limit || after != n+delta):
			t.Fatalf("%d + %d up to %d: %d %v", n, delta, limit, after, ok)
		}
	})
}
