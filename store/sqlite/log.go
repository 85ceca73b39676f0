package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/confab/confab/store"
)

// Append is in the contract.
func (s *Store) Append(ctx context.Context, id, epoch string, after uint64, records []store.Record) error {
	bytes, err := store.CheckAppend(id, after, records)
	if err != nil {
		return err
	}
	last := after + uint64(len(records))
	return s.submit(ctx, "append", func() { s.hub.Grown(id, last) }, func(ctx context.Context, w *writer) error {
		r, err := w.look(ctx, id, epoch)
		if err != nil {
			return err
		}
		if r.last != after {
			return store.ErrConflict
		}
		for _, rec := range records {
			data := rec.Data
			if data == nil {
				data = []byte{} // NULL otherwise
			}
			if _, err := w.exec(ctx, "INSERT INTO records (room, seq, at, kind, ref, data) VALUES (?, ?, ?, ?, ?, ?)",
				r.row, rec.Seq, rec.At.UnixMicro(), rec.Kind, rec.Ref, data); err != nil {
				return err
			}
		}
		_, err = w.exec(ctx, "UPDATE rooms SET last = ?, bytes = bytes + ?, touched = ? WHERE row = ?", last, bytes, time.Now().UnixMicro(), r.row)
		return err
	})
}

// Read is in the contract.
func (s *Store) Read(ctx context.Context, id, epoch string, after uint64, limit int) (records []store.Record, err error) {
	err = s.inRoom(ctx, "read", id, epoch, func(tx *sql.Tx, r state) error {
		if err := store.CheckRead(r.first, r.last, after); err != nil {
			return err
		}
		records, err = collect(tx.QueryContext(ctx, "SELECT seq, at, kind, ref, data FROM records WHERE room = ? AND seq > ? ORDER BY seq LIMIT ?", r.row, after, store.Limit(limit)))
		if err != nil {
			return err
		}
		return store.CheckRun(after, r.last, records)
	})
	if err != nil {
		return nil, err
	}
	return records, nil
}

// pageRefs finds the page's messages, pageRecords all that is about them; both go through records_refs, from the newest down. The +seq keeps SQLite
// from walking the whole log in the order of seq instead.
const (
	pageRefs = `SELECT min(ref) FROM (SELECT DISTINCT ref FROM records INDEXED BY records_refs WHERE room = ? AND ref > 0 AND ref < ? ORDER BY ref DESC LIMIT ?)`

	pageRecords = `SELECT seq, at, kind, ref, data FROM records INDEXED BY records_refs WHERE room = ? AND ref > 0 AND ref >= ? AND ref < ? ORDER BY +seq`
)

// Page is in the contract.
func (s *Store) Page(ctx context.Context, id, epoch string, before uint64, limit int) (records []store.Record, err error) {
	if before == 0 || before > store.MaxSeq {
		before = store.MaxSeq + 1
	}
	err = s.inRoom(ctx, "read a page", id, epoch, func(tx *sql.Tx, r state) error {
		var lowest sql.NullInt64
		if err := tx.QueryRowContext(ctx, pageRefs, r.row, before, store.Limit(limit)).Scan(&lowest); err != nil || !lowest.Valid {
			return err
		}
		records, err = collect(tx.QueryContext(ctx, pageRecords, r.row, lowest.Int64, before))
		return err
	})
	if err != nil {
		return nil, err
	}
	return records, nil
}

// inRoom lets f see one moment of the room.
func (s *Store) inRoom(ctx context.Context, act, id, epoch string, f func(tx *sql.Tx, r state) error) error {
	if err := store.CheckID(id); err != nil {
		return err
	}
	return s.read(ctx, act, func(tx *sql.Tx) error {
		var r state
		err := tx.QueryRowContext(ctx, "SELECT row, first, last FROM rooms WHERE id = ? AND epoch = ?", []byte(id), epoch).Scan(&r.row, &r.first, &r.last)
		if errors.Is(err, sql.ErrNoRows) {
			return store.ErrGone
		}
		if err != nil {
			return err
		}
		return f(tx, r)
	})
}

func collect(rows *sql.Rows, err error) ([]store.Record, error) {
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var records []store.Record
	for rows.Next() {
		var r store.Record
		if err := rows.Scan(&r.Seq, (*micros)(&r.At), &r.Kind, &r.Ref, &r.Data); err != nil {
			return nil, err
		}
		records = append(records, r)
	}
	return records, rows.Err()
}

// micros scans microseconds since 1970 into a time.
type micros time.Time

// Scan implements sql.Scanner.
func (m *micros) Scan(v any) error {
	n, ok := v.(int64)
	if !ok {
		return fmt.Errorf("%w: a time is a %T", store.ErrCorrupt, v)
	}
	*m = micros(time.UnixMicro(n).UTC())
	return nil
}

// text scans a blob into a string.
type text string

// Scan implements sql.Scanner.
func (t *text) Scan(v any) error {
	b, ok := v.([]byte)
	if !ok {
		return fmt.Errorf("%w: an ID is a %T", store.ErrCorrupt, v)
	}
	*t = text(b)
	return nil
}
