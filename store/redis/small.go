package redis

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/confab/confab/store"
)

// millis is a time to live as Redis counts it; one that is positive is at least 1.
func millis(ttl time.Duration) int64 { return int64((ttl + time.Millisecond - 1) / time.Millisecond) }

// Put is in the contract.
func (s *Store) Put(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	if err := store.CheckValue(key, value); err != nil {
		return err
	}
	if err := s.hub.Err(); err != nil {
		return err
	}
	key = s.prefix + "value:" + key
	if ttl <= 0 {
		return s.coded(ctx, "put", s.client.Del(ctx, key).Err())
	}
	return s.coded(ctx, "put", s.client.Do(ctx, "SET", key, value, "PX", millis(ttl)).Err())
}

// Get is in the contract.
func (s *Store) Get(ctx context.Context, key string) ([]byte, bool, error) {
	if err := store.CheckID(key); err != nil {
		return nil, false, err
	}
	if err := s.hub.Err(); err != nil {
		return nil, false, err
	}
	value, err := s.client.Get(ctx, s.prefix+"value:"+key).Bytes()
	if errors.Is(err, redis.Nil) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, s.coded(ctx, "get", err)
	}
	return value, true, nil
}

// Add is in the contract.
func (s *Store) Add(ctx context.Context, key string, delta, limit int64, ttl time.Duration) (int64, bool, error) {
	if err := store.CheckCounter(key, delta, ttl); err != nil {
		return 0, false, err
	}
	answer, err := s.run(ctx, "add", addScript, []string{s.prefix + "count:" + key}, delta, limit, millis(ttl))
	if err != nil {
		return 0, false, err
	}
	list, _ := answer.([]any)
	if len(list) != 2 {
		return 0, false, fmt.Errorf("redis: add: %w: an answer with %d parts", store.ErrCorrupt, len(list))
	}
	n, _ := list[0].(int64)
	return n, list[1] == int64(1), nil
}

// Beat is in the contract.
func (s *Store) Beat(ctx context.Context, node string, ttl time.Duration) error {
	if err := store.CheckID(node); err != nil {
		return err
	}
	_, err := s.run(ctx, "beat", nodesScript, []string{s.prefix + "nodes"}, node, max(millis(ttl), 0))
	return err
}

// Nodes is in the contract.
func (s *Store) Nodes(ctx context.Context) ([]string, error) {
	answer, err := s.run(ctx, "list nodes", nodesScript, []string{s.prefix + "nodes"}, "", -1)
	if err != nil {
		return nil, err
	}
	list, _ := answer.([]any)
	var nodes []string
	for _, v := range list {
		nodes = append(nodes, str(v))
	}
	slices.Sort(nodes)
	return nodes, nil
}
