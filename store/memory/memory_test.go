package memory_test

import (
	"context"
	"testing"
	"time"

	"github.com/confab/confab/store"
	"github.com/confab/confab/store/memory"
	"github.com/confab/confab/store/storetest"
)

func TestSuite(t *testing.T) {
	storetest.Run(t, storetest.Backend{Shared: true, New: func(t *testing.T) func() store.Store {
		s := memory.New()
		t.Cleanup(func() { _ = s.Close() })
		return func() store.Store { return s.Join() }
	}})
}

// A page of a long log costs what it costs of a short one: the same allocations, which grow with what is looked at.
func TestPageDoesNotGrowWithTheLog(t *testing.T) {
	cost := func(n uint64) float64 {
		s, ctx := memory.New(), context.Background()
		r, err := s.Open(ctx, "room")
		if err != nil {
			t.Fatal(err)
		}
		for seq := uint64(1); seq <= n; seq++ {
			if err := s.Append(ctx, "room", r.Epoch, seq-1, []store.Record{{Seq: seq, Ref: seq, At: time.Unix(0, 0)}}); err != nil {
				t.Fatal(err)
			}
		}
		return testing.AllocsPerRun(10, func() {
			if page, err := s.Page(ctx, "room", r.Epoch, 0, 50); err != nil || len(page) != 50 {
				t.Fatal(len(page), err)
			}
		})
	}
	if short, long := cost(60), cost(10_000); long > short {
		t.Fatalf("%v allocations in a log of 10 000, %v in one of 60", long, short)
	}
}
