package faulty

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/confab/confab/store"
)

var _ store.Store = (*Store)(nil)

// Op names a method of store.Store.
type Op string

// The methods that can be put in trouble; Any is all of them.
const (
	Any        Op = ""
	Open       Op = "Open"
	Find       Op = "Find"
	Append     Op = "Append"
	Read       Op = "Read"
	Page       Op = "Page"
	Snapshot   Op = "Snapshot"
	Trim       Op = "Trim"
	Renew      Op = "Renew"
	Delete     Op = "Delete"
	DeleteIdle Op = "DeleteIdle"
	Rooms      Op = "Rooms"
	Publish    Op = "Publish"
	Beat       Op = "Beat"
	Nodes      Op = "Nodes"
	Put        Op = "Put"
	Get        Op = "Get"
	Add        Op = "Add"
)

// writes are the methods that a full disk refuses.
var writes = map[Op]bool{Open: true, Append: true, Snapshot: true, Renew: true, Beat: true, Put: true, Add: true}

// Trouble is what happens to one call.
type Trouble int

// The kinds of trouble.
const (
	None      Trouble = iota
	Before            // ErrUnavailable, and nothing was done
	After             // it was done, and the answer is ErrUnavailable all the same
	Stalled           // nothing happens until the caller's context ends, and nothing was done
	LateStall         // it was done, and the answer does not come before the caller's context ends
)

// Chance is how likely the kinds of trouble are, for each call of the methods named, from 0 to 1 together.
type Chance struct {
	Before, After, Stalled, LateStall float64
	Ops                               []Op // none: all
}

// Store is a store in trouble. Its zero trouble is none.
type Store struct {
	store.Store // what is wrapped

	mu      sync.Mutex // guards the fields below
	random  *rand.Rand
	chance  Chance
	next    map[Op][]Trouble
	stall   chan struct{} // closed when it is over; nil: no stall
	full    bool
	doubled bool
	calls   map[Op]int
	met     map[Trouble]int
}

// New wraps inner. The seed is that of Chance.
func New(inner store.Store, seed uint64) *Store {
	return &Store{Store: inner, random: rand.New(rand.NewPCG(seed, 0x636f6e666162)), next: map[Op][]Trouble{}, calls: map[Op]int{}, met: map[Trouble]int{}}
}

// Stall makes all calls wait until it is called with false, or until their context ends.
func (s *Store) Stall(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case on && s.stall == nil:
		s.stall = make(chan struct{})
	case !on && s.stall != nil:
		close(s.stall)
		s.stall = nil
	}
}

// Full makes what needs space fail with ErrFull, until it is called with false.
func (s *Store) Full(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.full = on
}

// DoubleWatch makes watchers hear everything twice, and every now and then be told to look at all.
func (s *Store) DoubleWatch(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.doubled = on
}

// Next gives the next calls of the method these troubles, one each, after those given before.
func (s *Store) Next(op Op, troubles ...Trouble) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next[op] = append(s.next[op], troubles...)
}

// SetChance replaces the chance of trouble; Chance{} ends it.
func (s *Store) SetChance(c Chance) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.chance = c
}

// Calls returns how often the method was called; of Any, all.
func (s *Store) Calls(op Op) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[op]
}

// Met returns how many calls have met the trouble.
func (s *Store) Met(t Trouble) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.met[t]
}

// draw decides what happens to a call.
func (s *Store) draw(op Op) (t Trouble, stall <-chan struct{}, full bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls[op]++
	s.calls[Any]++
	defer func() { s.met[t]++ }()
	for _, of := range []Op{op, Any} {
		if waiting := s.next[of]; len(waiting) > 0 {
			s.next[of] = waiting[1:]
			return waiting[0], s.stall, s.full
		}
	}
	if !s.chance.of(op) {
		return None, s.stall, s.full
	}
	p := s.random.Float64()
	for _, c := range []struct {
		p float64
		t Trouble
	}{{s.chance.Before, Before}, {s.chance.After, After}, {s.chance.Stalled, Stalled}, {s.chance.LateStall, LateStall}} {
		if p < c.p {
			return c.t, s.stall, s.full
		}
		p -= c.p
	}
	return None, s.stall, s.full
}

func (c Chance) of(op Op) bool {
	for _, o := range c.Ops {
		if o == op {
			return true
		}
	}
	return len(c.Ops) == 0
}

// call does f in the trouble that is drawn.
func (s *Store) call(ctx context.Context, op Op, f func() error) error {
	trouble, stall, full := s.draw(op)
	if stall != nil {
		select {
		case <-stall:
		case <-ctx.Done():
			return fmt.Errorf("faulty: %s: %w", op, ctx.Err())
		}
	}
	if full && writes[op] {
		return fmt.Errorf("faulty: %s: %w", op, store.ErrFull)
	}
	switch trouble {
	case Before:
		return fmt.Errorf("faulty: %s: %w", op, store.ErrUnavailable)
	case Stalled:
		<-ctx.Done()
		return fmt.Errorf("faulty: %s: %w", op, ctx.Err())
	}
	err := f()
	switch {
	case err == nil && trouble == After:
		return fmt.Errorf("faulty: the answer to %s: %w", op, store.ErrUnavailable)
	case err == nil && trouble == LateStall:
		<-ctx.Done()
		return fmt.Errorf("faulty: the answer to %s: %w", op, ctx.Err())
	}
	return err
}

// Watch is in the contract.
func (s *Store) Watch(ctx context.Context, f func(room string, last uint64)) error {
	told := 0
	return s.Store.Watch(ctx, func(room string, last uint64) {
		f(room, last)
		s.mu.Lock()
		doubled := s.doubled
		s.mu.Unlock()
		if !doubled {
			return
		}
		f(room, last)
		if told++; told%5 == 0 {
			f("", 0)
		}
	})
}

// Open is in the contract.
func (s *Store) Open(ctx context.Context, room string) (r store.Room, err error) {
	err = s.call(ctx, Open, func() error { r, err = s.Store.Open(ctx, room); return err })
	return r, err
}

// Find is in the contract.
func (s *Store) Find(ctx context.Context, room string) (r store.Room, err error) {
	err = s.call(ctx, Find, func() error { r, err = s.Store.Find(ctx, room); return err })
	return r, err
}

// Append is in the contract.
func (s *Store) Append(ctx context.Context, room, epoch string, after uint64, records []store.Record) error {
	return s.call(ctx, Append, func() error { return s.Store.Append(ctx, room, epoch, after, records) })
}

// Read is in the contract.
func (s *Store) Read(ctx context.Context, room, epoch string, after uint64, limit int) (records []store.Record, err error) {
	err = s.call(ctx, Read, func() error { records, err = s.Store.Read(ctx, room, epoch, after, limit); return err })
	return records, err
}

// Page is in the contract.
func (s *Store) Page(ctx context.Context, room, epoch string, before uint64, limit int) (records []store.Record, err error) {
	err = s.call(ctx, Page, func() error { records, err = s.Store.Page(ctx, room, epoch, before, limit); return err })
	return records, err
}

// Snapshot is in the contract.
func (s *Store) Snapshot(ctx context.Context, room, epoch string, seq uint64, data []byte) error {
	return s.call(ctx, Snapshot, func() error { return s.Store.Snapshot(ctx, room, epoch, seq, data) })
}

// Trim is in the contract.
func (s *Store) Trim(ctx context.Context, room, epoch string, keepFrom uint64) error {
	return s.call(ctx, Trim, func() error { return s.Store.Trim(ctx, room, epoch, keepFrom) })
}

// Renew is in the contract.
func (s *Store) Renew(ctx context.Context, room, epoch string) error {
	return s.call(ctx, Renew, func() error { return s.Store.Renew(ctx, room, epoch) })
}

// Delete is in the contract.
func (s *Store) Delete(ctx context.Context, room string) error {
	return s.call(ctx, Delete, func() error { return s.Store.Delete(ctx, room) })
}

// DeleteIdle is in the contract.
func (s *Store) DeleteIdle(ctx context.Context, room string, before time.Time) (gone bool, err error) {
	err = s.call(ctx, DeleteIdle, func() error { gone, err = s.Store.DeleteIdle(ctx, room, before); return err })
	return gone, err
}

// Rooms is in the contract.
func (s *Store) Rooms(ctx context.Context, after string, limit int) (rooms []store.Room, err error) {
	err = s.call(ctx, Rooms, func() error { rooms, err = s.Store.Rooms(ctx, after, limit); return err })
	return rooms, err
}

// Publish is in the contract.
func (s *Store) Publish(ctx context.Context, topic string, data []byte) error {
	return s.call(ctx, Publish, func() error { return s.Store.Publish(ctx, topic, data) })
}

// Beat is in the contract.
func (s *Store) Beat(ctx context.Context, node string, ttl time.Duration) error {
	return s.call(ctx, Beat, func() error { return s.Store.Beat(ctx, node, ttl) })
}

// Nodes is in the contract.
func (s *Store) Nodes(ctx context.Context) (nodes []string, err error) {
	err = s.call(ctx, Nodes, func() error { nodes, err = s.Store.Nodes(ctx); return err })
	return nodes, err
}

// Put is in the contract.
func (s *Store) Put(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	return s.call(ctx, Put, func() error { return s.Store.Put(ctx, key, value, ttl) })
}

// Get is in the contract.
func (s *Store) Get(ctx context.Context, key string) (value []byte, found bool, err error) {
	err = s.call(ctx, Get, func() error { value, found, err = s.Store.Get(ctx, key); return err })
	return value, found, err
}

// Add is in the contract.
func (s *Store) Add(ctx context.Context, key string, delta, limit int64, ttl time.Duration) (n int64, ok bool, err error) {
	err = s.call(ctx, Add, func() error { n, ok, err = s.Store.Add(ctx, key, delta, limit, ttl); return err })
	return n, ok, err
}
