package redis

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/confab/confab/store"
)

// Open is in the contract.
func (s *Store) Open(ctx context.Context, id string) (store.Room, error) {
	return s.one(ctx, "open a room", openScript, id, id, store.NewEpoch())
}

// Find is in the contract.
func (s *Store) Find(ctx context.Context, id string) (store.Room, error) {
	return s.one(ctx, "find a room", findScript, id)
}

func (s *Store) one(ctx context.Context, act string, script *redis.Script, id string, args ...any) (store.Room, error) {
	if err := store.CheckID(id); err != nil {
		return store.Room{}, err
	}
	answer, err := s.run(ctx, act, script, s.keys(id), args...)
	if err != nil {
		return store.Room{}, err
	}
	list, _ := answer.([]any)
	if len(list) == 0 {
		return store.Room{}, fmt.Errorf("redis: %s: %w: an answer that is no room", act, store.ErrCorrupt)
	}
	pairs, _ := list[0].([]any)
	fields := map[string]string{}
	for i := 0; i+1 < len(pairs); i += 2 {
		fields[str(pairs[i])] = str(pairs[i+1])
	}
	r, err := roomOf(id, fields)
	if err == nil && len(list) > 1 && list[1] != nil {
		r.Snapshot = []byte(str(list[1]))
	}
	return r, err
}

// roomOf reads the hash of a room.
func roomOf(id string, fields map[string]string) (store.Room, error) {
	var bad error
	number := func(name string) int64 {
		n, err := strconv.ParseInt(fields[name], 10, 64)
		if err != nil || n < 0 {
			bad = fmt.Errorf("redis: %w: %s of a room is %.40q", store.ErrCorrupt, name, fields[name])
		}
		return n
	}
	r := store.Room{
		ID: id, Epoch: fields["epoch"], First: uint64(number("first")), Last: uint64(number("last")), Bytes: number("bytes"), SnapshotSeq: uint64(number("snapshot_seq")),
		Created: time.UnixMicro(number("created")).UTC(), Touched: time.UnixMicro(number("touched")).UTC(),
	}
	return r, bad
}

// str is a bulk string of an answer, and "" for anything else.
func str(v any) string {
	s, _ := v.(string)
	return s
}

// Rooms is in the contract.
func (s *Store) Rooms(ctx context.Context, after string, limit int) ([]store.Room, error) {
	if err := s.hub.Err(); err != nil {
		return nil, err
	}
	from := "-"
	if after != "" {
		from = "(" + after
	}
	for {
		ids, err := s.client.ZRangeArgs(ctx, redis.ZRangeArgs{Key: s.prefix + "rooms", Start: from, Stop: "+", ByLex: true, Count: int64(store.Limit(limit))}).Result()
		if err != nil || len(ids) == 0 {
			return nil, s.coded(ctx, "list rooms", err)
		}
		asked := make([]*redis.MapStringStringCmd, len(ids))
		if _, err := s.client.Pipelined(ctx, func(p redis.Pipeliner) error {
			for i, id := range ids {
				asked[i] = p.HGetAll(ctx, s.keys(id)[0])
			}
			return nil
		}); err != nil {
			return nil, s.coded(ctx, "list rooms", err)
		}
		var rooms []store.Room
		for i, id := range ids {
			if len(asked[i].Val()) == 0 {
				continue // deleted since
			}
			r, err := roomOf(id, asked[i].Val())
			if err != nil {
				return nil, err
			}
			rooms = append(rooms, r)
		}
		if len(rooms) > 0 {
			return rooms, nil
		}
		from = "(" + ids[len(ids)-1] // an empty answer would mean that there are no more
	}
}

// Snapshot is in the contract.
func (s *Store) Snapshot(ctx context.Context, id, epoch string, seq uint64, data []byte) error {
	if err := store.CheckID(id); err != nil {
		return err
	}
	if err := store.CheckSnapshot(store.MaxSeq, seq, data); err != nil {
		return err
	}
	_, err := s.run(ctx, "put a snapshot", snapshotScript, s.keys(id), epoch, seq, data)
	return err
}

// Trim is in the contract. It goes in steps, each whole in itself: others come between them, and who reads then sees a log that is trimmed less.
func (s *Store) Trim(ctx context.Context, id, epoch string, keepFrom uint64) error {
	if err := store.CheckID(id); err != nil {
		return err
	}
	if keepFrom > store.MaxSeq {
		return store.CheckTrim(store.MaxSeq-1, keepFrom)
	}
	for {
		left, err := s.run(ctx, "trim a room", trimScript, s.keys(id), epoch, keepFrom)
		if n, _ := left.(int64); err != nil || n <= 0 {
			return err
		}
	}
}

// Renew is in the contract.
func (s *Store) Renew(ctx context.Context, id, epoch string) error {
	if err := store.CheckID(id); err != nil {
		return err
	}
	_, err := s.run(ctx, "renew a room", renewScript, s.keys(id), epoch, id, store.NewEpoch(), s.grown())
	return err
}

// Delete is in the contract.
func (s *Store) Delete(ctx context.Context, id string) error {
	_, err := s.remove(ctx, id, store.MaxSeq) // microseconds: in the year 2255
	return err
}

// DeleteIdle is in the contract.
func (s *Store) DeleteIdle(ctx context.Context, id string, before time.Time) (bool, error) {
	return s.remove(ctx, id, before.UnixMicro())
}

func (s *Store) remove(ctx context.Context, id string, before int64) (bool, error) {
	if err := store.CheckID(id); err != nil {
		return false, err
	}
	n, err := s.run(ctx, "delete a room", deleteScript, s.keys(id), id, before, s.grown())
	return n == int64(1), err
}
