package memory

import (
	"context"
	"slices"
	"time"

	"github.com/confab/confab/store"
)

// maxEntries bounds the values, and the counters. At a few hundred bytes each that is some tens of megabytes.
const maxEntries = 100_000

// small is what expires: values and counters. The lock of shared guards it.
type small struct {
	values   map[string]entry
	counters map[string]entry
}

type entry struct {
	value   []byte
	n       int64
	expires time.Time
}

func newSmall() small { return small{values: map[string]entry{}, counters: map[string]entry{}} }

// makeRoom makes place for one entry more. What has expired goes a few at a time, found by the random order of maps, so that nobody waits long.
func makeRoom(entries map[string]entry, now time.Time) error {
	looked := 0
	for key, e := range entries {
		if !now.Before(e.expires) {
			delete(entries, key)
		}
		if looked++; looked >= 8 {
			break
		}
	}
	if len(entries) >= maxEntries {
		return store.ErrFull
	}
	return nil
}

// Put is in the contract.
func (s *Store) Put(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	if err := store.CheckValue(key, value); err != nil {
		return err
	}
	unlock, err := s.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	now, values := time.Now(), s.shared.small.values
	if ttl <= 0 {
		delete(values, key)
		return nil
	}
	if err := makeRoom(values, now); err != nil {
		return err
	}
	values[key] = entry{value: value, expires: now.Add(ttl)}
	return nil
}

// Get is in the contract.
func (s *Store) Get(ctx context.Context, key string) ([]byte, bool, error) {
	if err := store.CheckID(key); err != nil {
		return nil, false, err
	}
	unlock, err := s.lock(ctx)
	if err != nil {
		return nil, false, err
	}
	defer unlock()
	e, found := s.shared.small.values[key]
	if !found || !time.Now().Before(e.expires) {
		return nil, false, nil
	}
	return e.value, true, nil
}

// Add is in the contract.
func (s *Store) Add(ctx context.Context, key string, delta, limit int64, ttl time.Duration) (int64, bool, error) {
	if err := store.CheckCounter(key, delta, ttl); err != nil {
		return 0, false, err
	}
	unlock, err := s.lock(ctx)
	if err != nil {
		return 0, false, err
	}
	defer unlock()
	now, counters := time.Now(), s.shared.small.counters
	e, found := counters[key]
	if !found || !now.Before(e.expires) {
		e = entry{expires: now.Add(ttl)}
		if err := makeRoom(counters, now); err != nil {
			return 0, false, err
		}
	}
	n, ok := store.Counted(e.n, delta, limit)
	if ok {
		e.n = n
		counters[key] = e
	}
	return n, ok, nil
}

// Beat is in the contract.
func (s *Store) Beat(ctx context.Context, node string, ttl time.Duration) error {
	if err := store.CheckID(node); err != nil {
		return err
	}
	unlock, err := s.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if ttl <= 0 {
		delete(s.shared.nodes, node)
		return nil
	}
	s.shared.nodes[node] = time.Now().Add(ttl)
	return nil
}

// Nodes is in the contract.
func (s *Store) Nodes(ctx context.Context) ([]string, error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	now := time.Now()
	var alive []string
	for node, until := range s.shared.nodes {
		if now.Before(until) {
			alive = append(alive, node)
		} else {
			delete(s.shared.nodes, node)
		}
	}
	slices.Sort(alive)
	return alive, nil
}
