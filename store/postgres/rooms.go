package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/confab/confab/store"
)

const roomColumns = "id, epoch, first, last, bytes, snapshot_seq, created, touched"

// scan returns where roomColumns go.
func scan(r *store.Room, id *[]byte) []any {
	return []any{id, &r.Epoch, &r.First, &r.Last, &r.Bytes, &r.SnapshotSeq, &r.Created, &r.Touched}
}

// finish gives the room what scan could not.
func finish(r *store.Room, id []byte) {
	r.ID, r.Created, r.Touched = string(id), r.Created.UTC(), r.Touched.UTC()
}

// Open is in the contract.
func (s *Store) Open(ctx context.Context, id string) (store.Room, error) {
	return s.one(ctx, "open a room", id, `INSERT INTO confab_rooms (id, epoch) VALUES ($1, $2)
		ON CONFLICT (id) DO UPDATE SET touched = clock_timestamp() RETURNING `+roomColumns+", snapshot", []byte(id), store.NewEpoch())
}

// Find is in the contract.
func (s *Store) Find(ctx context.Context, id string) (store.Room, error) {
	return s.one(ctx, "find a room", id, "SELECT "+roomColumns+", snapshot FROM confab_rooms WHERE id = $1", []byte(id))
}

func (s *Store) one(ctx context.Context, act, id, query string, args ...any) (r store.Room, err error) {
	if err := store.CheckID(id); err != nil {
		return store.Room{}, err
	}
	err = s.query(ctx, act, func(pool *pgxpool.Pool) error {
		var raw []byte
		err := pool.QueryRow(ctx, query, args...).Scan(append(scan(&r, &raw), &r.Snapshot)...)
		finish(&r, raw)
		return err
	})
	return r, err
}

// Rooms is in the contract.
func (s *Store) Rooms(ctx context.Context, after string, limit int) (rooms []store.Room, err error) {
	err = s.query(ctx, "list rooms", func(pool *pgxpool.Pool) error {
		rows, err := pool.Query(ctx, "SELECT "+roomColumns+" FROM confab_rooms WHERE id > $1 ORDER BY id LIMIT $2", []byte(after), store.Limit(limit))
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var r store.Room
			var id []byte
			if err := rows.Scan(scan(&r, &id)...); err != nil {
				return err
			}
			finish(&r, id)
			rooms = append(rooms, r)
		}
		return rows.Err()
	})
	return rooms, err
}

// state is what a change looks at before it writes.
type state struct{ row, first, last, snapshotSeq uint64 }

// inRoom locks the room, looks at it, and lets f change it.
func (s *Store) inRoom(ctx context.Context, act, id, epoch string, f func(tx pgx.Tx, r state) error) error {
	if err := checkNames(id, epoch); err != nil {
		return err
	}
	return s.inTx(ctx, act, func(tx pgx.Tx) error {
		var r state
		if err := tx.QueryRow(ctx, "SELECT row, first, last, snapshot_seq FROM confab_rooms WHERE id = $1 AND epoch = $2 FOR UPDATE",
			[]byte(id), epoch).Scan(&r.row, &r.first, &r.last, &r.snapshotSeq); err != nil {
			return err // no row: coded as ErrGone
		}
		return f(tx, r)
	})
}

// Snapshot is in the contract.
func (s *Store) Snapshot(ctx context.Context, id, epoch string, seq uint64, data []byte) error {
	return s.inRoom(ctx, "put a snapshot", id, epoch, func(tx pgx.Tx, r state) error {
		if err := store.CheckSnapshot(r.last, seq, data); err != nil || seq < r.snapshotSeq {
			return err
		}
		_, err := tx.Exec(ctx, "UPDATE confab_rooms SET snapshot = $2, snapshot_seq = $3 WHERE row = $1", r.row, data, seq)
		return err
	})
}

// Trim is in the contract.
func (s *Store) Trim(ctx context.Context, id, epoch string, keepFrom uint64) error {
	return s.inRoom(ctx, "trim a room", id, epoch, func(tx pgx.Tx, r state) error {
		if err := store.CheckTrim(r.snapshotSeq, keepFrom); err != nil || keepFrom <= r.first {
			return err
		}
		_, err := tx.Exec(ctx, `WITH gone AS (DELETE FROM confab_records WHERE room = $1 AND seq < $2 RETURNING length(data) AS n)
			UPDATE confab_rooms SET first = $2, bytes = bytes - (SELECT coalesce(sum(n), 0) FROM gone) WHERE row = $1`, r.row, keepFrom)
		return err
	})
}

// Renew is in the contract.
func (s *Store) Renew(ctx context.Context, id, epoch string) error {
	return s.inRoom(ctx, "renew a room", id, epoch, func(tx pgx.Tx, r state) error {
		if _, err := tx.Exec(ctx, "UPDATE confab_rooms SET epoch = $2 WHERE row = $1", r.row, store.NewEpoch()); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "SELECT pg_notify($1, $2)", s.rooms(), growth(id, r.last))
		return err
	})
}

// Delete is in the contract.
func (s *Store) Delete(ctx context.Context, id string) error {
	_, err := s.remove(ctx, id, nil)
	return err
}

// DeleteIdle is in the contract.
func (s *Store) DeleteIdle(ctx context.Context, id string, before time.Time) (bool, error) {
	return s.remove(ctx, id, &before)
}

// remove deletes a room; with before, only one that was touched before that.
func (s *Store) remove(ctx context.Context, id string, before *time.Time) (bool, error) {
	if err := store.CheckID(id); err != nil {
		return false, err
	}
	var n int64
	err := s.query(ctx, "delete a room", func(pool *pgxpool.Pool) error {
		tag, err := pool.Exec(ctx, `WITH gone AS (DELETE FROM confab_rooms WHERE id = $1 AND ($2::timestamptz IS NULL OR touched < $2) RETURNING 1)
			SELECT pg_notify($3, $4) FROM gone`, []byte(id), before, s.rooms(), growth(id, 0))
		n = tag.RowsAffected()
		return err
	})
	return n > 0, err
}
