package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// ErrAtOnce says that a second signal ended the process although people were still there.
var ErrAtOnce = errors.New("ended at once by a second signal")

// Part is one of the things that run: it returns when ctx has ended and everything it started has too.
type Part struct {
	Name string // in logs and errors
	Run  func(ctx context.Context) error
}

// Lifecycle runs parts until a signal, lets people finish, and ends the parts. It runs once.
type Lifecycle struct {
	Log       *slog.Logger
	Signals   <-chan os.Signal
	Timeout   time.Duration                   // for people to leave by themselves
	Drain     func(ctx context.Context) error // returns nil when nobody is left, else an error when ctx ends
	Remaining func() []any                    // log attributes: who is still there; nil for none
	Late      string                          // what the log says when somebody still was at the timeout

	state atomic.Value // string: why nobody new should come, "" when ready
}

// Ready is what /readyz says: nil, or why nobody new should come. It may be called from any goroutine.
func (l *Lifecycle) Ready() error {
	if why, _ := l.state.Load().(string); why != "" {
		return errors.New(why)
	}
	return nil
}

// Run starts the parts and returns when all have ended: after a signal and draining, or because one of them failed. What the
// others stand on (base) ends after them. The first signal drains; people who are still there at the timeout are cut off, which is
// no error. The second signal ends at once, with ErrAtOnce.
func (l *Lifecycle) Run(base, parts []Part) error {
	baseCtx, stopBase := context.WithCancel(context.Background())
	defer stopBase()
	ctx, stop := context.WithCancel(baseCtx)
	defer stop()
	var below, above sync.WaitGroup
	failures := make(chan error, len(base)+len(parts))
	start := func(ctx context.Context, wg *sync.WaitGroup, p Part) {
		wg.Go(func() {
			defer stop() // whichever ends, the others have no use
			if err := p.until(ctx); err != nil {
				l.Log.Error("part failed", "part", p.Name, "err", err)
				failures <- fmt.Errorf("%s: %w", p.Name, err)
			}
		})
	}
	for _, p := range base {
		start(baseCtx, &below, p)
	}
	for _, p := range parts {
		start(ctx, &above, p)
	}
	var errs []error
	select {
	case <-ctx.Done(): // a part failed
	case first := <-l.Signals:
		errs = append(errs, l.leave(ctx, first))
	}
	stop()
	above.Wait()
	stopBase()
	below.Wait()
	close(failures)
	for err := range failures {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// until runs the part. An end that nobody asked for is an error too.
func (p Part) until(ctx context.Context) error {
	err := p.Run(ctx)
	switch {
	case ctx.Err() == nil && err == nil:
		return errors.New("ended by itself")
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		return nil
	}
	return err
}

// leave waits until everybody has left, the timeout, or one more signal.
func (l *Lifecycle) leave(ctx context.Context, first os.Signal) error {
	l.state.Store("draining")
	l.Log.Info("draining", append(append([]any{"signal", first.String()}, l.remaining()...), "timeout", l.Timeout)...)
	ctx, cancel := context.WithTimeout(ctx, l.Timeout)
	defer cancel()
	drained := make(chan error, 1)
	go func() { drained <- l.Drain(ctx) }()
	select {
	case err := <-drained:
		if err != nil {
			l.Log.Warn(l.Late, append(l.remaining(), "err", err)...)
		} else {
			l.Log.Info("drained")
		}
		return nil
	case second := <-l.Signals:
		l.Log.Warn("ending at once", "signal", second.String())
		cancel()
		<-drained
		return ErrAtOnce
	}
}

func (l *Lifecycle) remaining() []any {
	if l.Remaining == nil {
		return nil
	}
	return l.Remaining()
}
