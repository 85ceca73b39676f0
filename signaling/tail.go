package signaling

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/confab/confab/store"
)

// growth tells those who follow a log that there may be more of it.
type growth struct {
	mu    sync.Mutex
	rooms map[string]map[chan struct{}]bool // by room; channels of capacity 1
}

// watch returns a channel that is told of a room, and what ends that.
func (g *growth) watch(id string) (told <-chan struct{}, end func()) {
	c := make(chan struct{}, 1)
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.rooms == nil {
		g.rooms = map[string]map[chan struct{}]bool{}
	}
	if g.rooms[id] == nil {
		g.rooms[id] = map[chan struct{}]bool{}
	}
	g.rooms[id][c] = true
	return c, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		if delete(g.rooms[id], c); len(g.rooms[id]) == 0 {
			delete(g.rooms, id)
		}
	}
}

// tell tells those who watch a room; all of them if id is empty.
func (g *growth) tell(id string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for watched, list := range g.rooms {
		if id != "" && id != watched {
			continue
		}
		for c := range list {
			select {
			case c <- struct{}{}:
			default:
			}
		}
	}
}

// Place is one in a room's log; the zero value is its beginning.
type Place struct {
	Epoch string
	Seq   uint64
}

// Follow calls f with what happened in a room after a place, in order, until ctx or the server ends or f fails: first what is in the log, then
// what happens, at any node. Events come as Export has them. Where the log cannot go on from the place, because it was trimmed beyond it or has
// started over, the room's state comes first, as kind "snapshot": a hole is never hidden. f is called without anything when the
// room has been found, and when nothing has happened for as long as idle, so that it may find out whether anybody listens. The error is f's, ctx's, or store.ErrGone
// when the room is deleted or its log starts over.
func (a *Admin) Follow(ctx context.Context, id string, from Place, idle time.Duration, f func(epoch string, e *Exported) error) error {
	s := a.srv
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.stopped, cancel)()
	grown, end := s.growth.watch(id) // before the first look
	defer end()
	info, err := s.store.Find(ctx, id)
	if err != nil {
		return fmt.Errorf("find the room: %w", err)
	}
	if err := f(info.Epoch, nil); err != nil {
		return err
	}
	after := from.Seq
	if from.Epoch != info.Epoch && from != (Place{}) || after+1 < info.First || after > info.Last {
		if after, err = stateFirst(info, f); err != nil {
			return err
		}
	}
	quiet := time.NewTicker(idle)
	defer quiet.Stop()
	for {
		records, err := s.store.Read(ctx, id, info.Epoch, after, readEvents)
		switch {
		case errors.Is(err, store.ErrTrimmed): // just now
			epoch := info.Epoch
			if info, err = s.store.Find(ctx, id); err != nil || info.Epoch != epoch {
				return errors.Join(store.ErrGone, err)
			}
			if after, err = stateFirst(info, f); err != nil {
				return err
			}
			continue
		case err != nil:
			return fmt.Errorf("read the room's log: %w", err)
		}
		for _, r := range records {
			if err := f(info.Epoch, &Exported{r.Seq, r.At, r.Kind, public(r.Data)}); err != nil {
				return err
			}
			after = r.Seq
		}
		if len(records) > 0 {
			quiet.Reset(idle)
			continue
		}
		select {
		case <-grown:
		case <-quiet.C: // a log is read now and then although nothing was told of it
			if err := f(info.Epoch, nil); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// stateFirst tells the state of a room whose log is not whole, and returns the number that the next event follows.
func stateFirst(info store.Room, f func(epoch string, e *Exported) error) (uint64, error) {
	if info.Snapshot == nil {
		return info.First - 1, nil
	}
	return info.SnapshotSeq, f(info.Epoch, &Exported{Seq: info.SnapshotSeq, Kind: "snapshot", Event: public(info.Snapshot)})
}
