package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/confab/confab/store"
)

// The kinds of the table small.
const (
	values   = 0
	counters = 1
)

// sweepSmall removes a few that have expired; each new one pays for it, so they do not pile up.
func (w *writer) sweepSmall(ctx context.Context, now int64) error {
	_, err := w.exec(ctx, "DELETE FROM small WHERE (kind, key) IN (SELECT kind, key FROM small WHERE expires <= ? LIMIT 8)", now)
	return err
}

// Put is in the contract.
func (s *Store) Put(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	if err := store.CheckValue(key, value); err != nil {
		return err
	}
	if value == nil {
		value = []byte{}
	}
	return s.submit(ctx, "put", nil, func(ctx context.Context, w *writer) error {
		now := time.Now()
		if ttl <= 0 {
			_, err := w.exec(ctx, "DELETE FROM small WHERE kind = ? AND key = ?", values, []byte(key))
			return err
		}
		if err := w.sweepSmall(ctx, now.UnixMicro()); err != nil {
			return err
		}
		_, err := w.exec(ctx, "INSERT OR REPLACE INTO small (kind, key, value, n, expires) VALUES (?, ?, ?, 0, ?)", values, []byte(key), value, now.Add(ttl).UnixMicro())
		return err
	})
}

// Get is in the contract.
func (s *Store) Get(ctx context.Context, key string) (value []byte, found bool, err error) {
	if err := store.CheckID(key); err != nil {
		return nil, false, err
	}
	err = s.read(ctx, "get", func(tx *sql.Tx) error {
		err := tx.QueryRowContext(ctx, "SELECT value FROM small WHERE kind = ? AND key = ? AND expires > ?", values, []byte(key), time.Now().UnixMicro()).Scan(&value)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		found = err == nil
		return err
	})
	return value, found, err
}

// Add is in the contract.
func (s *Store) Add(ctx context.Context, key string, delta, limit int64, ttl time.Duration) (int64, bool, error) {
	if err := store.CheckCounter(key, delta, ttl); err != nil {
		return 0, false, err
	}
	var n int64
	var ok bool
	err := s.submit(ctx, "add", nil, func(ctx context.Context, w *writer) error {
		now := time.Now()
		var have int64
		expires := now.Add(ttl).UnixMicro()
		err := w.row(ctx, "SELECT n, expires FROM small WHERE kind = ? AND key = ? AND expires > ?", []any{&have, &expires}, counters, []byte(key), now.UnixMicro())
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if n, ok = store.Counted(have, delta, limit); !ok {
			return nil
		}
		if err := w.sweepSmall(ctx, now.UnixMicro()); err != nil {
			return err
		}
		_, err = w.exec(ctx, "INSERT OR REPLACE INTO small (kind, key, value, n, expires) VALUES (?, ?, x'', ?, ?)", counters, []byte(key), n, expires)
		return err
	})
	if err != nil {
		return 0, false, err // the writer may still write n and ok
	}
	return n, ok, nil
}

// Beat is in the contract.
func (s *Store) Beat(ctx context.Context, node string, ttl time.Duration) error {
	if err := store.CheckID(node); err != nil {
		return err
	}
	return s.submit(ctx, "beat", nil, func(ctx context.Context, w *writer) error {
		now := time.Now()
		if _, err := w.exec(ctx, "DELETE FROM nodes WHERE id = ? OR expires <= ?", []byte(node), now.UnixMicro()); err != nil || ttl <= 0 {
			return err
		}
		_, err := w.exec(ctx, "INSERT INTO nodes (id, expires) VALUES (?, ?)", []byte(node), now.Add(ttl).UnixMicro())
		return err
	})
}

// Nodes is in the contract.
func (s *Store) Nodes(ctx context.Context) (nodes []string, err error) {
	err = s.read(ctx, "list nodes", func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, "SELECT id FROM nodes WHERE expires > ? ORDER BY id", time.Now().UnixMicro())
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			var id text
			if err := rows.Scan(&id); err != nil {
				return err
			}
			nodes = append(nodes, string(id))
		}
		return rows.Err()
	})
	return nodes, err
}
