package main

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

// errAtOnce says that a second signal ended the process although people were still there.
var errAtOnce = errors.New("ended at once by a second signal")

// part is one of the things that run: it returns when ctx has ended and everything it started has too.
type part struct {
	name string
	run  func(ctx context.Context) error
}

// lifecycle runs parts until a signal, lets people finish, and ends the parts.
type lifecycle struct {
	log     *slog.Logger
	signals <-chan os.Signal
	timeout time.Duration                   // for people to leave by themselves
	drain   func(ctx context.Context) error // returns nil when nobody is left
	state   atomic.Value                    // string: why nobody new should come, "" when ready
}

// ready is what /readyz says.
func (l *lifecycle) ready() error {
	if why, _ := l.state.Load().(string); why != "" {
		return errors.New(why)
	}
	return nil
}

// run starts the parts and returns when all have ended: after a signal and draining, or because one of them failed. What the
// others stand on (base) ends after them. The first signal drains; people who are still there at the timeout are cut off, which is
// no error. The second signal ends at once, with errAtOnce.
func (l *lifecycle) run(base, parts []part) error {
	baseCtx, stopBase := context.WithCancel(context.Background())
	defer stopBase()
	ctx, stop := context.WithCancel(baseCtx)
	defer stop()
	var below, above sync.WaitGroup
	failures := make(chan error, len(base)+len(parts))
	start := func(ctx context.Context, wg *sync.WaitGroup, p part) {
		wg.Go(func() {
			defer stop() // whichever ends, the others have no use
			if err := p.until(ctx); err != nil {
				l.log.Error("part failed", "part", p.name, "err", err)
				failures <- fmt.Errorf("%s: %w", p.name, err)
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
	case first := <-l.signals:
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
func (p part) until(ctx context.Context) error {
	err := p.run(ctx)
	switch {
	case ctx.Err() == nil && err == nil:
		return errors.New("ended by itself")
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		return nil
	}
	return err
}

// leave waits until everybody has left, the timeout, or one more signal.
func (l *lifecycle) leave(ctx context.Context, first os.Signal) error {
	l.state.Store("draining")
	l.log.Info("draining", "signal", first.String(), "timeout", l.timeout)
	ctx, cancel := context.WithTimeout(ctx, l.timeout)
	defer cancel()
	drained := make(chan error, 1)
	go func() { drained <- l.drain(ctx) }()
	select {
	case err := <-drained:
		if err != nil {
			l.log.Warn("people were still there at the deadline", "err", err)
		} else {
			l.log.Info("drained")
		}
		return nil
	case second := <-l.signals:
		l.log.Warn("ending at once", "signal", second.String())
		cancel()
		<-drained
		return errAtOnce
	}
}
