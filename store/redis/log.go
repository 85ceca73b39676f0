package redis

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/confab/confab/store"
)

// Append is in the contract.
func (s *Store) Append(ctx context.Context, id, epoch string, after uint64, records []store.Record) error {
	bytes, err := store.CheckAppend(id, after, records)
	if err != nil {
		return err
	}
	args := make([]any, 0, 5+5*len(records))
	args = append(args, epoch, id, after, bytes)
	for _, r := range records {
		args = append(args, r.Seq, r.At.UnixMicro(), r.Kind, r.Ref, r.Data)
	}
	_, err = s.run(ctx, "append", appendScript, s.keys(id), append(args, s.grown())...)
	return err
}

// Read is in the contract.
func (s *Store) Read(ctx context.Context, id, epoch string, after uint64, limit int) ([]store.Record, error) {
	if err := store.CheckID(id); err != nil {
		return nil, err
	}
	answer, err := s.run(ctx, "read", readScript, s.keys(id), epoch, min(after, store.MaxSeq), store.Limit(limit))
	if err != nil {
		return nil, err
	}
	first, last, records, err := decode(answer)
	if err == nil {
		if err = store.CheckRead(first, last, after); err == nil {
			err = store.CheckRun(after, last, records)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("redis: read: %w", err)
	}
	return records, nil
}

// Page is in the contract.
func (s *Store) Page(ctx context.Context, id, epoch string, before uint64, limit int) ([]store.Record, error) {
	if err := store.CheckID(id); err != nil {
		return nil, err
	}
	if before == 0 || before > store.MaxSeq {
		before = store.MaxSeq
	}
	answer, err := s.run(ctx, "read a page", pageScript, s.keys(id), epoch, before, store.Limit(limit))
	if err != nil {
		return nil, err
	}
	_, _, records, err := decode(answer)
	if err != nil {
		return nil, fmt.Errorf("redis: read a page: %w", err)
	}
	return records, nil
}

// decode reads the answer of readScript and pageScript: first, last, and records as XRANGE gives them, [["42-0", [name, value, …]], …].
func decode(answer any) (first, last uint64, records []store.Record, err error) {
	list, _ := answer.([]any)
	if len(list) != 3 {
		return 0, 0, nil, fmt.Errorf("%w: an answer with %d parts", store.ErrCorrupt, len(list))
	}
	low, ok1 := list[0].(int64)
	high, ok2 := list[1].(int64)
	raw, ok3 := list[2].([]any)
	if !ok1 || !ok2 || !ok3 || low < 1 || high < 0 {
		return 0, 0, nil, fmt.Errorf("%w: a room without bounds", store.ErrCorrupt)
	}
	for _, v := range raw {
		r, err := record(v)
		if err != nil {
			return 0, 0, nil, err
		}
		records = append(records, r)
	}
	return uint64(low), uint64(high), records, nil
}

func record(v any) (store.Record, error) {
	var r store.Record
	parts, _ := v.([]any)
	if len(parts) != 2 {
		return r, fmt.Errorf("%w: a record with %d parts", store.ErrCorrupt, len(parts))
	}
	id, zero := strings.CutSuffix(str(parts[0]), "-0")
	var err error
	if r.Seq, err = strconv.ParseUint(id, 10, 64); err != nil || !zero {
		return r, fmt.Errorf("%w: a record with the ID %.40q", store.ErrCorrupt, str(parts[0]))
	}
	fields, _ := parts[1].([]any)
	for i := 0; i+1 < len(fields); i += 2 {
		value := str(fields[i+1])
		switch str(fields[i]) {
		case "at":
			var at int64
			at, err = strconv.ParseInt(value, 10, 64)
			r.At = time.UnixMicro(at).UTC()
		case "kind":
			r.Kind = value
		case "ref":
			r.Ref, err = strconv.ParseUint(value, 10, 64)
		case "data":
			r.Data = []byte(value)
		}
		if err != nil {
			return r, fmt.Errorf("%w: record %d has %.40q", store.ErrCorrupt, r.Seq, value)
		}
	}
	if len(fields) != 8 {
		return r, fmt.Errorf("%w: record %d is not one of ours", store.ErrCorrupt, r.Seq)
	}
	return r, nil
}
