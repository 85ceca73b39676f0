package signaling

import (
	"container/heap"
	"context"
	"sync"
	"time"
)

// wheel is the one clock of all sessions: a session says when it wants to be looked at, and has no timer of its own. Looking must not block.
type wheel struct {
	mu    sync.Mutex // guards the fields below; never held while a session is looked at
	due   dueList
	first time.Time // what run waits for; zero: nothing
	wake  chan struct{}
	once  sync.Once // starts it with the first session

	streams streams // sessions whose requests come and go
}

// alarm is a session's place on the wheel; the wheel's lock guards it.
type alarm struct {
	at    time.Time
	index int // in the heap, plus one; 0: not there
	look  func(now time.Time)
}

func newWheel() *wheel { return &wheel{wake: make(chan struct{}, 1)} }

// set has the alarm looked at then, or earlier if that was wanted before.
func (w *wheel) set(a *alarm, at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case a.index == 0:
		a.at = at
		heap.Push(&w.due, a)
	case at.Before(a.at):
		a.at = at
		heap.Fix(&w.due, a.index-1)
	default:
		return
	}
	if w.due[0] == a && (w.first.IsZero() || at.Before(w.first)) {
		select {
		case w.wake <- struct{}{}:
		default:
		}
	}
}

// remove forgets an alarm. It may be looked at once more.
func (w *wheel) remove(a *alarm) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if a.index > 0 {
		heap.Remove(&w.due, a.index-1)
	}
}

// run looks at what is due until ctx ends.
func (w *wheel) run(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		if next := w.turn(time.Now()); next.IsZero() {
			timer.Stop()
		} else {
			timer.Reset(time.Until(next))
		}
		select {
		case <-ctx.Done():
			return
		case <-w.wake:
		case <-timer.C:
		}
	}
}

// turn looks at everything due and returns when to come back; zero: nothing is on the wheel.
func (w *wheel) turn(now time.Time) time.Time {
	for {
		w.mu.Lock()
		if len(w.due) == 0 || w.due[0].at.After(now) {
			w.first = time.Time{}
			if len(w.due) > 0 {
				w.first = w.due[0].at
			}
			w.mu.Unlock()
			return w.first
		}
		a := heap.Pop(&w.due).(*alarm)
		w.mu.Unlock()
		a.look(now)
	}
}

// dueList is a heap by time.
type dueList []*alarm

func (d dueList) Len() int           { return len(d) }
func (d dueList) Less(i, j int) bool { return d[i].at.Before(d[j].at) }
func (d dueList) Swap(i, j int) {
	d[i], d[j] = d[j], d[i]
	d[i].index, d[j].index = i+1, j+1
}

// Push implements heap.Interface.
func (d *dueList) Push(x any) {
	a := x.(*alarm)
	a.index = len(*d) + 1
	*d = append(*d, a)
}

// Pop implements heap.Interface.
func (d *dueList) Pop() any {
	old := *d
	a := old[len(old)-1]
	old[len(old)-1] = nil
	*d = old[:len(old)-1]
	a.index = 0
	return a
}
