package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/confab/confab/store"
)

const roomColumns = "r.id, r.epoch, r.first, r.last, r.bytes, r.snapshot_seq, r.created, r.touched"

// Open is in the contract.
func (s *Store) Open(ctx context.Context, id string) (store.Room, error) {
	if err := store.CheckID(id); err != nil {
		return store.Room{}, err
	}
	var room store.Room
	err := s.submit(ctx, "open a room", nil, func(ctx context.Context, w *writer) error {
		now := time.Now().UnixMicro()
		if _, err := w.exec(ctx, `INSERT INTO rooms (id, epoch, created, touched) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET touched = excluded.touched`,
			[]byte(id), store.NewEpoch(), now, now); err != nil {
			return err
		}
		r, err := find(func(query string, into []any, args ...any) error { return w.row(ctx, query, into, args...) }, id)
		room = r
		return err
	})
	if err != nil {
		return store.Room{}, err // room may still be written by the writer
	}
	return room, nil
}

// Find is in the contract.
func (s *Store) Find(ctx context.Context, id string) (room store.Room, err error) {
	if err := store.CheckID(id); err != nil {
		return store.Room{}, err
	}
	err = s.read(ctx, "find a room", func(tx *sql.Tx) (err error) {
		room, err = find(func(query string, into []any, args ...any) error {
			return tx.QueryRowContext(ctx, query, args...).Scan(into...)
		}, id)
		return err
	})
	return room, err
}

func find(row func(query string, into []any, args ...any) error, id string) (store.Room, error) {
	var r store.Room
	err := row("SELECT "+roomColumns+", s.data FROM rooms r LEFT JOIN snapshots s ON s.room = r.row WHERE r.id = ?", append(scan(&r), &r.Snapshot), []byte(id))
	if errors.Is(err, sql.ErrNoRows) {
		return r, store.ErrGone
	}
	return r, err
}

// scan returns where roomColumns go.
func scan(r *store.Room) []any {
	return []any{(*text)(&r.ID), &r.Epoch, &r.First, &r.Last, &r.Bytes, &r.SnapshotSeq, (*micros)(&r.Created), (*micros)(&r.Touched)}
}

// Rooms is in the contract.
func (s *Store) Rooms(ctx context.Context, after string, limit int) (rooms []store.Room, err error) {
	err = s.read(ctx, "list rooms", func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, "SELECT "+roomColumns+" FROM rooms r WHERE r.id > ? ORDER BY r.id LIMIT ?", []byte(after), store.Limit(limit))
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			var r store.Room
			if err := rows.Scan(scan(&r)...); err != nil {
				return err
			}
			rooms = append(rooms, r)
		}
		return rows.Err()
	})
	return rooms, err
}

// state is what a change looks at before it writes.
type state struct{ row, first, last, snapshotSeq uint64 }

// look returns the room's state, or ErrGone.
func (w *writer) look(ctx context.Context, id, epoch string) (s state, err error) {
	err = w.row(ctx, "SELECT row, first, last, snapshot_seq FROM rooms WHERE id = ? AND epoch = ?", []any{&s.row, &s.first, &s.last, &s.snapshotSeq}, []byte(id), epoch)
	if errors.Is(err, sql.ErrNoRows) {
		err = store.ErrGone
	}
	return s, err
}

// Snapshot is in the contract.
func (s *Store) Snapshot(ctx context.Context, id, epoch string, seq uint64, data []byte) error {
	if err := store.CheckID(id); err != nil {
		return err
	}
	return s.submit(ctx, "put a snapshot", nil, func(ctx context.Context, w *writer) error {
		r, err := w.look(ctx, id, epoch)
		if err != nil {
			return err
		}
		if err := store.CheckSnapshot(r.last, seq, data); err != nil || seq < r.snapshotSeq {
			return err
		}
		if _, err := w.exec(ctx, "INSERT INTO snapshots (room, data) VALUES (?, ?) ON CONFLICT (room) DO UPDATE SET data = excluded.data", r.row, data); err != nil {
			return err
		}
		_, err = w.exec(ctx, "UPDATE rooms SET snapshot_seq = ? WHERE row = ?", seq, r.row)
		return err
	})
}

// Trim is in the contract.
func (s *Store) Trim(ctx context.Context, id, epoch string, keepFrom uint64) error {
	if err := store.CheckID(id); err != nil {
		return err
	}
	return s.submit(ctx, "trim a room", nil, func(ctx context.Context, w *writer) error {
		r, err := w.look(ctx, id, epoch)
		if err != nil {
			return err
		}
		if err := store.CheckTrim(r.snapshotSeq, keepFrom); err != nil || keepFrom <= r.first {
			return err
		}
		if _, err := w.exec(ctx, `UPDATE rooms SET first = ?1, bytes = bytes - (SELECT coalesce(sum(length(data)), 0) FROM records WHERE room = ?2 AND seq < ?1)
			WHERE row = ?2`, keepFrom, r.row); err != nil {
			return err
		}
		if _, err = w.exec(ctx, "DELETE FROM records WHERE room = ? AND seq < ?", r.row, keepFrom); err != nil {
			return err
		}
		return w.shrink(ctx)
	})
}

// Renew is in the contract.
func (s *Store) Renew(ctx context.Context, id, epoch string) error {
	if err := store.CheckID(id); err != nil {
		return err
	}
	var last uint64
	return s.submit(ctx, "renew a room", func() { s.hub.Grown(id, last) }, func(ctx context.Context, w *writer) error {
		r, err := w.look(ctx, id, epoch)
		if err != nil {
			return err
		}
		last = r.last
		_, err = w.exec(ctx, "UPDATE rooms SET epoch = ? WHERE row = ?", store.NewEpoch(), r.row)
		return err
	})
}

// Delete is in the contract.
func (s *Store) Delete(ctx context.Context, id string) error {
	_, err := s.remove(ctx, id, 1<<62)
	return err
}

// DeleteIdle is in the contract.
func (s *Store) DeleteIdle(ctx context.Context, id string, before time.Time) (bool, error) {
	return s.remove(ctx, id, before.UnixMicro())
}

// remove deletes a room that was touched before `before`, in microseconds.
func (s *Store) remove(ctx context.Context, id string, before int64) (bool, error) {
	if err := store.CheckID(id); err != nil {
		return false, err
	}
	var removed bool // the writer's until it has answered
	err := s.submit(ctx, "delete a room", func() {
		if removed {
			s.hub.Grown(id, 0)
		}
	}, func(ctx context.Context, w *writer) error {
		removed = false
		var row uint64
		err := w.row(ctx, "DELETE FROM rooms WHERE id = ? AND touched < ? RETURNING row", []any{&row}, []byte(id), before)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		removed = true
		if _, err := w.exec(ctx, "DELETE FROM records WHERE room = ?", row); err != nil {
			return err
		}
		if _, err = w.exec(ctx, "DELETE FROM snapshots WHERE room = ?", row); err != nil {
			return err
		}
		return w.shrink(ctx)
	})
	return err == nil && removed, err
}

// shrink gives pages that are free back to the file system, as many as a room of the default size has, so that it stays short.
func (w *writer) shrink(ctx context.Context) error {
	_, err := w.exec(ctx, "PRAGMA incremental_vacuum(4096)")
	return err
}
