package cli

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestLifecycle(t *testing.T) {
	boom := errors.New("boom")
	untilEnd := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	leaveAfter := func(d time.Duration) func(context.Context) error {
		return func(ctx context.Context) error {
			select {
			case <-time.After(d):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	for _, tt := range []struct {
		name    string
		signals []time.Duration // when
		drain   func(context.Context) error
		part    func(context.Context) error
		want    error
		took    time.Duration
	}{
		{"everybody leaves", []time.Duration{time.Second}, leaveAfter(5 * time.Second), untilEnd, nil, 6 * time.Second},
		{"somebody stays", []time.Duration{time.Second}, leaveAfter(time.Hour), untilEnd, nil, 31 * time.Second},
		{"second signal", []time.Duration{time.Second, 3 * time.Second}, leaveAfter(time.Hour), untilEnd, ErrAtOnce, 3 * time.Second},
		{"a part fails", nil, leaveAfter(0), func(context.Context) error { time.Sleep(2 * time.Second); return boom }, boom, 2 * time.Second},
		{"a part fails while draining", []time.Duration{time.Second}, leaveAfter(time.Hour), func(context.Context) error { time.Sleep(2 * time.Second); return boom }, boom, 2 * time.Second},
		{"a part ends without a reason", nil, leaveAfter(0), func(context.Context) error { return nil }, nil, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				signals := make(chan os.Signal, 2)
				for _, at := range tt.signals {
					time.AfterFunc(at, func() { signals <- syscall.SIGTERM })
				}
				l := Lifecycle{Log: slog.New(slog.DiscardHandler), Signals: signals, Timeout: 30 * time.Second, Drain: tt.drain}
				start := time.Now()
				above := true
				err := l.Run(
					[]Part{{"base", func(ctx context.Context) error { <-ctx.Done(); above = false; return nil }}},
					[]Part{{"this", tt.part}, {"other", func(ctx context.Context) error {
						<-ctx.Done()
						if time.Sleep(time.Millisecond); !above {
							t.Error("the base ended before what stands on it")
						}
						return nil
					}}})
				if tt.signals == nil && err == nil {
					t.Fatal("no error although a part ended")
				}
				if tt.want != nil && !errors.Is(err, tt.want) || len(tt.signals) > 0 && tt.want == nil && err != nil {
					t.Errorf("error %v, want %v", err, tt.want)
				}
				if took := time.Since(start).Truncate(time.Second); took != tt.took {
					t.Errorf("took %s, want %s", took, tt.took)
				}
				if draining := l.Ready() != nil; draining != (len(tt.signals) > 0) {
					t.Errorf("not ready: %v", draining)
				}
			})
		})
	}
}
