package postgres

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/confab/confab/store"
)

// checkNames refuses a room that cannot be one, and an epoch that PostgreSQL would not take for text: no room has it.
func checkNames(id, epoch string) error {
	if err := store.CheckID(id); err != nil {
		return err
	}
	if !utf8.ValidString(epoch) || strings.ContainsRune(epoch, 0) {
		return store.ErrGone
	}
	return nil
}

// appendSQL is a compare-and-set: the update takes the room's lock and finds it only with the last number that the caller has seen. Of two at once, the second
// waits for the first, looks again, and finds nothing.
const appendSQL = `WITH r AS (
	UPDATE confab_rooms SET last = $4, bytes = bytes + $5, touched = clock_timestamp() WHERE id = $1 AND epoch = $2 AND last = $3 RETURNING row
), i AS (
	INSERT INTO confab_records (room, seq, at, kind, ref, data)
	SELECT r.row, n.* FROM r, unnest($6::bigint[], $7::timestamptz[], $8::text[], $9::bigint[], $10::bytea[]) n
)
SELECT pg_notify($11, $12) FROM r`

// Append is in the contract.
func (s *Store) Append(ctx context.Context, id, epoch string, after uint64, records []store.Record) error {
	bytes, err := store.CheckAppend(id, after, records)
	if err != nil {
		return err
	}
	if err := checkNames(id, epoch); err != nil {
		return err
	}
	var (
		seqs  = make([]int64, len(records))
		times = make([]time.Time, len(records))
		kinds = make([]string, len(records))
		refs  = make([]int64, len(records))
		datas = make([][]byte, len(records))
	)
	for i, r := range records {
		seqs[i], times[i], kinds[i], refs[i], datas[i] = int64(r.Seq), store.Time(r.At), r.Kind, int64(r.Ref), r.Data
		if r.Data == nil {
			datas[i] = []byte{} // NULL otherwise
		}
	}
	last := after + uint64(len(records))
	return s.query(ctx, "append", func(pool *pgxpool.Pool) error {
		tag, err := pool.Exec(ctx, appendSQL, []byte(id), epoch, after, last, bytes, seqs, times, kinds, refs, datas, s.rooms(), growth(id, last))
		if err != nil || tag.RowsAffected() == 1 {
			return err
		}
		var there bool
		if err := pool.QueryRow(ctx, "SELECT true FROM confab_rooms WHERE id = $1 AND epoch = $2", []byte(id), epoch).Scan(&there); err != nil {
			return err // no row: coded as ErrGone
		}
		return store.ErrConflict
	})
}

// Read is in the contract.
func (s *Store) Read(ctx context.Context, id, epoch string, after uint64, limit int) (records []store.Record, err error) {
	if err := checkNames(id, epoch); err != nil {
		return nil, err
	}
	if after > store.MaxSeq {
		after = store.MaxSeq // beyond every log
	}
	var first, last uint64
	if err := s.records(ctx, "read", &records, &first, &last, `SELECT r.first, r.last, n.* FROM confab_rooms r LEFT JOIN LATERAL (
		SELECT seq, at, kind, ref, data FROM confab_records WHERE room = r.row AND seq > $3 ORDER BY seq LIMIT $4
	) n ON true WHERE r.id = $1 AND r.epoch = $2 ORDER BY n.seq`, []byte(id), epoch, after, store.Limit(limit)); err != nil {
		return nil, err
	}
	if err := store.CheckRead(first, last, after); err != nil {
		return nil, fmt.Errorf("postgres: read: %w", err)
	}
	if err := store.CheckRun(after, last, records); err != nil {
		return nil, fmt.Errorf("postgres: read: %w", err)
	}
	return records, nil
}

// pageSQL finds the messages of the page through confab_records_refs, from the newest down, and then all that is about them. The inner DISTINCT stops at the limit.
const pageSQL = `SELECT r.first, r.last, n.* FROM confab_rooms r LEFT JOIN LATERAL (
	SELECT min(ref) AS lowest FROM (SELECT DISTINCT ref FROM confab_records WHERE room = r.row AND ref > 0 AND ref < $3 ORDER BY ref DESC LIMIT $4) d
) p ON true LEFT JOIN LATERAL (
	SELECT seq, at, kind, ref, data FROM confab_records WHERE room = r.row AND ref > 0 AND ref >= p.lowest AND ref < $3
) n ON true WHERE r.id = $1 AND r.epoch = $2 ORDER BY n.seq`

// Page is in the contract.
func (s *Store) Page(ctx context.Context, id, epoch string, before uint64, limit int) (records []store.Record, err error) {
	if err := checkNames(id, epoch); err != nil {
		return nil, err
	}
	if before == 0 || before > store.MaxSeq {
		before = store.MaxSeq + 1
	}
	var first, last uint64
	err = s.records(ctx, "read a page", &records, &first, &last, pageSQL, []byte(id), epoch, before, store.Limit(limit))
	return records, err
}

// records runs a query for a room's bounds and records in one statement, which sees one moment: one row at least when the room is there.
func (s *Store) records(ctx context.Context, act string, records *[]store.Record, first, last *uint64, query string, args ...any) error {
	return s.query(ctx, act, func(pool *pgxpool.Pool) error {
		rows, err := pool.Query(ctx, query, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		there := false
		for rows.Next() {
			there = true
			var seq, ref *uint64
			var at *time.Time
			var kind *string
			var data []byte
			if err := rows.Scan(first, last, &seq, &at, &kind, &ref, &data); err != nil {
				return err
			}
			if seq != nil {
				*records = append(*records, store.Record{Seq: *seq, At: at.UTC(), Kind: *kind, Ref: *ref, Data: data})
			}
		}
		if err := rows.Err(); err != nil {
			return err
		}
		if !there {
			return pgx.ErrNoRows
		}
		return nil
	})
}
