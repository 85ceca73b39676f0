package faulty_test

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
	"github.com/confab/confab/store/storetest"
)

// Without trouble it is what it wraps.
func TestSuite(t *testing.T) {
	storetest.Run(t, storetest.Backend{Shared: true, New: func(t *testing.T) func() store.Store {
		s := memory.New()
		t.Cleanup(func() { _ = s.Close() })
		return func() store.Store { return faulty.New(s.Join(), 1) }
	}})
}

func one(seq uint64, data string) []store.Record {
	return []store.Record{{Seq: seq, At: time.Unix(0, 0), Data: []byte(data)}}
}

func TestTroubles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := memory.New()
		s := faulty.New(inner, 1)
		r, err := s.Open(t.Context(), "room")
		if err != nil {
			t.Fatal(err)
		}
		last := func() uint64 {
			r, err := inner.Find(t.Context(), "room")
			if err != nil {
				t.Fatal(err)
			}
			return r.Last
		}
		for _, c := range []struct {
			trouble faulty.Trouble
			want    error
			took    time.Duration
			done    bool
		}{
			{faulty.None, nil, 0, true},
			{faulty.Before, store.ErrUnavailable, 0, false},
			{faulty.After, store.ErrUnavailable, 0, true},
			{faulty.Stalled, context.DeadlineExceeded, time.Second, false},
			{faulty.LateStall, context.DeadlineExceeded, time.Second, true},
		} {
			before, began := last(), time.Now()
			s.Next(faulty.Append, c.trouble)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			err := s.Append(ctx, "room", r.Epoch, before, one(before+1, "x"))
			cancel()
			if !errors.Is(err, c.want) || time.Since(began) != c.took || (last() > before) != c.done || s.Met(c.trouble) == 0 {
				t.Errorf("trouble %d: %v after %v, done %v", c.trouble, err, time.Since(began), last() > before)
			}
		}
		s.Full(true)
		if err := s.Append(t.Context(), "room", r.Epoch, last(), one(last()+1, "x")); !errors.Is(err, store.ErrFull) {
			t.Errorf("full: %v", err)
		}
		if _, err := s.Read(t.Context(), "room", r.Epoch, 0, 1); err != nil {
			t.Errorf("a full disk can be read: %v", err)
		}
		s.Full(false)
		s.Stall(true)
		go func() { time.Sleep(time.Minute); s.Stall(false) }()
		began := time.Now()
		if _, err := s.Read(t.Context(), "room", r.Epoch, 0, 1); err != nil || time.Since(began) != time.Minute {
			t.Errorf("a stall: %v after %v", err, time.Since(began))
		}
		var told []string
		s.DoubleWatch(true)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		go func() { time.Sleep(time.Millisecond); _ = inner.Delete(ctx, "room") }()
		_ = s.Watch(ctx, func(room string, _ uint64) { told = append(told, room) })
		if fmt.Sprint(told) != "[  room room]" {
			t.Errorf("told %q, want everything twice", told)
		}
	})
}

// A writer that follows the contract of Append loses and doubles nothing, whatever trouble there is, in a hundred schedules.
func TestAppendIsSafeToRepeat(t *testing.T) {
	for seed := range uint64(100) {
		synctest.Test(t, func(t *testing.T) {
			inner := memory.New()
			s := faulty.New(inner, seed)
			s.SetChance(faulty.Chance{Before: 0.1, After: 0.1, Stalled: 0.1, LateStall: 0.1, Ops: []faulty.Op{faulty.Append, faulty.Read}})
			r, err := s.Open(t.Context(), "room")
			if err != nil {
				t.Fatal(err)
			}
			done := make(chan struct{})
			for w := range 3 {
				go func() {
					defer func() { done <- struct{}{} }()
					after := uint64(0)
					for i := range 20 {
						after = insist(t, s, r, after, fmt.Sprintf("%d/%d", w, i))
					}
				}()
			}
			for range 3 {
				<-done
			}
			records, err := inner.Read(t.Context(), "room", r.Epoch, 0, 0)
			if err != nil {
				t.Fatal(err)
			}
			next := map[byte]int{}
			for _, rec := range records {
				w := rec.Data[0]
				if want := fmt.Sprintf("%c/%d", w, next[w]); string(rec.Data) != want {
					t.Fatalf("seed %d: record %d is %s, want %s", seed, rec.Seq, rec.Data, want)
				}
				next[w]++
			}
			if len(records) != 60 || s.Met(faulty.After) == 0 || s.Met(faulty.LateStall) == 0 {
				t.Fatalf("seed %d: %d records, want 60; met %d and %d", seed, len(records), s.Met(faulty.After), s.Met(faulty.LateStall))
			}
		})
	}
}

// insist appends what is unique until it knows that it is there, and returns the number that it has read up to.
func insist(t *testing.T, s store.Store, r store.Room, after uint64, data string) uint64 {
	try := func(f func(ctx context.Context) error) error {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		return f(ctx)
	}
	for {
		err := try(func(ctx context.Context) error { return s.Append(ctx, r.ID, r.Epoch, after, one(after+1, data)) })
		if err == nil {
			return after + 1
		}
		var missed []store.Record
		err = try(func(ctx context.Context) (err error) { missed, err = s.Read(ctx, r.ID, r.Epoch, after, 0); return err })
		if err != nil {
			continue
		}
		there := false
		for _, rec := range missed {
			after = rec.Seq
			there = there || string(rec.Data) == data
		}
		if there {
			return after
		}
	}
}
