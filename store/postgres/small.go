package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/confab/confab/store"
)

// The kinds of confab_small.
const (
	values   = 0
	counters = 1
)

// sweepSmall removes a few that have expired; each new one pays for it, so they do not pile up. What another one removes is left to it.
const sweepSmall = `DELETE FROM confab_small WHERE (kind, key) IN (
	SELECT kind, key FROM confab_small WHERE expires <= clock_timestamp() ORDER BY expires LIMIT 8 FOR UPDATE SKIP LOCKED)`

// Put is in the contract.
func (s *Store) Put(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	if err := store.CheckValue(key, value); err != nil {
		return err
	}
	if value == nil {
		value = []byte{}
	}
	return s.query(ctx, "put", func(pool *pgxpool.Pool) error {
		if ttl <= 0 {
			_, err := pool.Exec(ctx, "DELETE FROM confab_small WHERE kind = $1 AND key = $2", values, []byte(key))
			return err
		}
		if _, err := pool.Exec(ctx, sweepSmall); err != nil {
			return err
		}
		_, err := pool.Exec(ctx, `INSERT INTO confab_small (kind, key, value, n, expires) VALUES ($1, $2, $3, 0, clock_timestamp() + $4::interval)
			ON CONFLICT (kind, key) DO UPDATE SET value = excluded.value, expires = excluded.expires`, values, []byte(key), value, ttl)
		return err
	})
}

// Get is in the contract.
func (s *Store) Get(ctx context.Context, key string) (value []byte, found bool, err error) {
	if err := store.CheckID(key); err != nil {
		return nil, false, err
	}
	err = s.query(ctx, "get", func(pool *pgxpool.Pool) error {
		err := pool.QueryRow(ctx, "SELECT value FROM confab_small WHERE kind = $1 AND key = $2 AND expires > clock_timestamp()", values, []byte(key)).Scan(&value)
		if isNone(err) {
			return nil
		}
		found = err == nil
		return err
	})
	return value, found, err
}

// Add is in the contract.
func (s *Store) Add(ctx context.Context, key string, delta, limit int64, ttl time.Duration) (n int64, ok bool, err error) {
	if err := store.CheckCounter(key, delta, ttl); err != nil {
		return 0, false, err
	}
	err = s.inTx(ctx, "add", func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, sweepSmall); err != nil {
			return err
		}
		// Makes the counter or begins its new life, and locks it in any case.
		var have int64
		if err := tx.QueryRow(ctx, `INSERT INTO confab_small AS c (kind, key, value, n, expires) VALUES ($1, $2, '', 0, clock_timestamp() + $3::interval)
			ON CONFLICT (kind, key) DO UPDATE SET
				n = CASE WHEN c.expires > clock_timestamp() THEN c.n ELSE 0 END,
				expires = CASE WHEN c.expires > clock_timestamp() THEN c.expires ELSE excluded.expires END
			RETURNING n`, counters, []byte(key), ttl).Scan(&have); err != nil {
			return err
		}
		if n, ok = store.Counted(have, delta, limit); !ok || delta == 0 {
			return nil
		}
		_, err := tx.Exec(ctx, "UPDATE confab_small SET n = $3 WHERE kind = $1 AND key = $2", counters, []byte(key), n)
		return err
	})
	return n, ok, err
}

// Beat is in the contract.
func (s *Store) Beat(ctx context.Context, node string, ttl time.Duration) error {
	if err := store.CheckID(node); err != nil {
		return err
	}
	return s.query(ctx, "beat", func(pool *pgxpool.Pool) error {
		if ttl <= 0 {
			_, err := pool.Exec(ctx, "DELETE FROM confab_nodes WHERE id = $1", []byte(node))
			return err
		}
		_, err := pool.Exec(ctx, `WITH dead AS (DELETE FROM confab_nodes WHERE expires <= clock_timestamp() AND id != $1)
			INSERT INTO confab_nodes (id, expires) VALUES ($1, clock_timestamp() + $2::interval)
			ON CONFLICT (id) DO UPDATE SET expires = excluded.expires`, []byte(node), ttl)
		return err
	})
}

// Nodes is in the contract.
func (s *Store) Nodes(ctx context.Context) (nodes []string, err error) {
	err = s.query(ctx, "list nodes", func(pool *pgxpool.Pool) error {
		rows, err := pool.Query(ctx, "SELECT id FROM confab_nodes WHERE expires > clock_timestamp() ORDER BY id")
		if err != nil {
			return err
		}
		ids, err := pgx.CollectRows(rows, pgx.RowTo[[]byte])
		for _, id := range ids {
			nodes = append(nodes, string(id))
		}
		return err
	})
	return nodes, err
}
