package signaling

import (
	"context"
	"errors"
	"fmt"

	"github.com/confab/confab/signaling/room"
	"github.com/confab/confab/store"
)

// loaded is a room as its log tells it.
type loaded struct {
	epoch string
	state *room.State
	saved uint64 // seq of the snapshot that state was made of; 0: none
}

// loadRoom reads a room from its log: the snapshot, and what came after it. each is called with the events after the snapshot,
// once state has them.
func loadRoom(ctx context.Context, log store.Store, id string, c room.Config, each func(*room.State, room.Event)) (loaded, error) {
	for attempt := 0; ; attempt++ {
		l, err := loadOnce(ctx, log, id, c, each)
		switch {
		case err == nil || attempt == 3 || ctx.Err() != nil:
			return l, err
		case errors.Is(err, store.ErrAhead): // the log lost its end: numbers that were told would be given out again
			if err := log.Renew(ctx, id, l.epoch); err != nil && !errors.Is(err, store.ErrGone) {
				return l, fmt.Errorf("renew the room's log: %w", err)
			}
		case errors.Is(err, store.ErrTrimmed), errors.Is(err, store.ErrGone): // changed between two requests
		default:
			return l, err
		}
	}
}

func loadOnce(ctx context.Context, log store.Store, id string, c room.Config, each func(*room.State, room.Event)) (loaded, error) {
	info, err := log.Open(ctx, id)
	if err != nil {
		return loaded{}, fmt.Errorf("open the room's log: %w", err)
	}
	l := loaded{epoch: info.Epoch, state: room.New(c), saved: info.SnapshotSeq}
	if info.Snapshot != nil {
		if l.state, err = room.Load(c, info.Snapshot); err != nil {
			return l, err
		}
	}
	for l.state.Seq < info.Last {
		records, err := log.Read(ctx, id, info.Epoch, l.state.Seq, readEvents)
		if err != nil {
			return l, fmt.Errorf("read the room's log: %w", err)
		}
		for _, r := range records {
			e, err := room.Decode(r.Seq, r.At, r.Kind, r.Data)
			if err != nil {
				return l, err
			}
			l.state.Evolve(e)
			each(l.state, e)
		}
	}
	return l, nil
}
