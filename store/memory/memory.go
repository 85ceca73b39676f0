package memory

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/confab/confab/store"
	"github.com/confab/confab/store/internal/hub"
)

var _ store.Store = (*Store)(nil)

// Store is one node's view of what all that Join it share.
type Store struct {
	shared *shared
	hub    *hub.Hub
}

type shared struct {
	mu    sync.Mutex // guards the fields below; hubs are called under it, so that what they tell is in order
	rooms map[string]*room
	order []string // the IDs of rooms, ascending
	hubs  []*hub.Hub
	nodes map[string]time.Time // when it is taken for dead
	small small
}

// New returns an empty store.
func New() *Store {
	s := &shared{rooms: map[string]*room{}, nodes: map[string]time.Time{}, small: newSmall()}
	return s.join()
}

// Join returns a store for another node that shares everything with s. Each is closed on its own.
func (s *Store) Join() *Store { return s.shared.join() }

func (s *shared) join() *Store {
	node := &Store{shared: s, hub: hub.New(true, nil)}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hubs = append(s.hubs, node.hub)
	return node
}

// lock enters the shared state, unless ctx or the store has ended.
func (s *Store) lock(ctx context.Context) (unlock func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("memory store: %w", err)
	}
	s.shared.mu.Lock()
	if err := s.hub.Err(); err != nil {
		s.shared.mu.Unlock()
		return nil, err
	}
	return s.shared.mu.Unlock, nil
}

// find returns the room if it has the epoch. The lock is held.
func (s *shared) find(id, epoch string) (*room, error) {
	r := s.rooms[id]
	if r == nil || r.epoch != epoch {
		return nil, store.ErrGone
	}
	return r, nil
}

func (s *shared) grown(id string, last uint64) {
	for _, h := range s.hubs {
		h.Grown(id, last)
	}
}

// Open is in the contract.
func (s *Store) Open(ctx context.Context, id string) (store.Room, error) {
	if err := store.CheckID(id); err != nil {
		return store.Room{}, err
	}
	unlock, err := s.lock(ctx)
	if err != nil {
		return store.Room{}, err
	}
	defer unlock()
	now := store.Time(time.Now())
	r := s.shared.rooms[id]
	if r == nil {
		r = newRoom(now)
		s.shared.rooms[id] = r
		at, _ := slices.BinarySearch(s.shared.order, id)
		s.shared.order = slices.Insert(s.shared.order, at, id)
	}
	r.touched = now
	return r.view(id), nil
}

// Find is in the contract.
func (s *Store) Find(ctx context.Context, id string) (store.Room, error) {
	if err := store.CheckID(id); err != nil {
		return store.Room{}, err
	}
	unlock, err := s.lock(ctx)
	if err != nil {
		return store.Room{}, err
	}
	defer unlock()
	r := s.shared.rooms[id]
	if r == nil {
		return store.Room{}, store.ErrGone
	}
	return r.view(id), nil
}

// Append is in the contract.
func (s *Store) Append(ctx context.Context, id, epoch string, after uint64, records []store.Record) error {
	bytes, err := store.CheckAppend(id, after, records)
	if err != nil {
		return err
	}
	return s.change(ctx, id, epoch, func(r *room) error {
		if r.last() != after {
			return store.ErrConflict
		}
		r.append(records, bytes)
		r.touched = store.Time(time.Now())
		s.shared.grown(id, r.last())
		return nil
	})
}

// change lets f change the room.
func (s *Store) change(ctx context.Context, id, epoch string, f func(*room) error) error {
	if err := store.CheckID(id); err != nil {
		return err
	}
	unlock, err := s.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	r, err := s.shared.find(id, epoch)
	if err != nil {
		return err
	}
	return f(r)
}

// Read is in the contract.
func (s *Store) Read(ctx context.Context, id, epoch string, after uint64, limit int) (records []store.Record, err error) {
	err = s.change(ctx, id, epoch, func(r *room) error {
		if err := store.CheckRead(r.first, r.last(), after); err != nil {
			return err
		}
		rest := r.records[after+1-r.first:]
		records = slices.Clone(rest[:min(store.Limit(limit), len(rest))])
		return nil
	})
	return records, err
}

// Page is in the contract.
func (s *Store) Page(ctx context.Context, id, epoch string, before uint64, limit int) (records []store.Record, err error) {
	err = s.change(ctx, id, epoch, func(r *room) error {
		records = r.page(before, store.Limit(limit))
		return nil
	})
	return records, err
}

// Snapshot is in the contract.
func (s *Store) Snapshot(ctx context.Context, id, epoch string, seq uint64, data []byte) error {
	return s.change(ctx, id, epoch, func(r *room) error {
		if err := store.CheckSnapshot(r.last(), seq, data); err != nil {
			return err
		}
		if seq >= r.snapshotSeq {
			r.snapshot, r.snapshotSeq = data, seq
		}
		return nil
	})
}

// Trim is in the contract.
func (s *Store) Trim(ctx context.Context, id, epoch string, keepFrom uint64) error {
	return s.change(ctx, id, epoch, func(r *room) error {
		if err := store.CheckTrim(r.snapshotSeq, keepFrom); err != nil {
			return err
		}
		r.trim(keepFrom)
		return nil
	})
}

// Renew is in the contract.
func (s *Store) Renew(ctx context.Context, id, epoch string) error {
	return s.change(ctx, id, epoch, func(r *room) error {
		r.epoch = store.NewEpoch()
		s.shared.grown(id, r.last())
		return nil
	})
}

// Delete is in the contract.
func (s *Store) Delete(ctx context.Context, id string) error {
	_, err := s.remove(ctx, id, func(*room) bool { return true })
	return err
}

// DeleteIdle is in the contract.
func (s *Store) DeleteIdle(ctx context.Context, id string, before time.Time) (bool, error) {
	return s.remove(ctx, id, func(r *room) bool { return r.touched.Before(before) })
}

func (s *Store) remove(ctx context.Context, id string, when func(*room) bool) (bool, error) {
	if err := store.CheckID(id); err != nil {
		return false, err
	}
	unlock, err := s.lock(ctx)
	if err != nil {
		return false, err
	}
	defer unlock()
	r := s.shared.rooms[id]
	if r == nil || !when(r) {
		return false, nil
	}
	delete(s.shared.rooms, id)
	if at, found := slices.BinarySearch(s.shared.order, id); found {
		s.shared.order = slices.Delete(s.shared.order, at, at+1)
	}
	s.shared.grown(id, 0)
	return true, nil
}

// Rooms is in the contract.
func (s *Store) Rooms(ctx context.Context, after string, limit int) ([]store.Room, error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	at, found := slices.BinarySearch(s.shared.order, after)
	if found {
		at++
	}
	var rooms []store.Room
	for _, id := range s.shared.order[at:min(at+store.Limit(limit), len(s.shared.order))] {
		r := s.shared.rooms[id].view(id)
		r.Snapshot = nil
		rooms = append(rooms, r)
	}
	return rooms, nil
}

// Watch is in the contract.
func (s *Store) Watch(ctx context.Context, f func(room string, last uint64)) error {
	return s.hub.Watch(ctx, f)
}

// Subscribe is in the contract.
func (s *Store) Subscribe(ctx context.Context, topic string, f func(data []byte)) error {
	if err := store.CheckID(topic); err != nil {
		return err
	}
	return s.hub.Subscribe(ctx, topic, true, f)
}

// Publish is in the contract.
func (s *Store) Publish(ctx context.Context, topic string, data []byte) error {
	if err := store.CheckMessage(topic, data); err != nil {
		return err
	}
	unlock, err := s.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	for _, h := range s.shared.hubs {
		h.Deliver(topic, hub.Message{Data: data})
	}
	return nil
}

// Close is in the contract. What is shared lives on as long as somebody shares it.
func (s *Store) Close() error {
	s.shared.mu.Lock()
	defer s.shared.mu.Unlock()
	if s.hub.Close() {
		s.shared.hubs = slices.DeleteFunc(s.shared.hubs, func(h *hub.Hub) bool { return h == s.hub })
	}
	return nil
}
