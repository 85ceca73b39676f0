package signaling

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/confab/confab/signaling/room"
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

// tailCheck is how often a log is read although nothing was told of it.
const tailCheck = time.Minute

// Tail calls f with each event of a room after seq `after`, in order, until ctx or the server ends or f fails: those of the log first, then
// those that happen, at any node. The error is f's, ctx's, store.ErrTrimmed when what follows after is not kept any more, or store.ErrGone when
// the room is deleted or the log starts over.
func (a *Admin) Tail(ctx context.Context, id string, after uint64, f func(room.Event) error) error {
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
	check := time.NewTicker(tailCheck)
	defer check.Stop()
	for {
		records, err := s.store.Read(ctx, id, info.Epoch, after, readEvents)
		if err != nil {
			return fmt.Errorf("read the room's log: %w", err)
		}
		for _, r := range records {
			e, err := room.Decode(r.Seq, r.At, r.Kind, r.Data)
			if err != nil {
				return err
			}
			if err := f(e); err != nil {
				return err
			}
			after = r.Seq
		}
		if len(records) > 0 {
			continue
		}
		select {
		case <-grown:
		case <-check.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
