package store

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"math"
	"strings"
	"time"
	"unicode/utf8"
)

// Limits of what a store takes, the same for all backends, so that what works on a laptop works in a cluster.
const (
	MaxID         = 512       // bytes of a room's or node's ID, a topic or a key: any bytes but none
	MaxKind       = 64        // bytes of a Record's Kind
	MaxData       = 256 << 10 // bytes of a Record's Data
	MaxBatch      = 1024      // records of one Append
	MaxBatchBytes = 4 << 20   // bytes of Data in one Append
	MaxSnapshot   = 16 << 20  // bytes
	MaxPage       = 1024      // records of one Read, messages of one Page, rooms of one Rooms
	MaxMessage    = 256 << 10 // bytes of one Publish
	MaxBacklog    = 1024      // messages that wait for a subscriber

	MaxBacklogBytes = 16 << 20 // of messages that wait for a subscriber

	MaxValue = 64 << 10 // bytes of one Put
	MaxSeq   = 1 << 53  // highest number of a record: Redis scripts count in float64
)

// CheckID returns ErrInvalid unless id can name a room, a node, a topic or a key.
func CheckID(id string) error {
	if id == "" || len(id) > MaxID {
		return fmt.Errorf("%w: an ID has 1 to %d bytes, not %d", ErrInvalid, MaxID, len(id))
	}
	return nil
}

// CheckAppend returns ErrInvalid unless the arguments are ones that Store.Append takes, and the bytes of Data in the records.
func CheckAppend(room string, after uint64, records []Record) (int64, error) {
	if err := CheckID(room); err != nil {
		return 0, err
	}
	if len(records) == 0 || len(records) > MaxBatch {
		return 0, fmt.Errorf("%w: 1 to %d records are appended at once, not %d", ErrInvalid, MaxBatch, len(records))
	}
	if after > MaxSeq-MaxBatch {
		return 0, fmt.Errorf("%w: a log ends at record %d", ErrInvalid, MaxSeq)
	}
	var bytes int64
	for i, r := range records {
		switch {
		case r.Seq != after+1+uint64(i):
			return 0, fmt.Errorf("%w: record %d after %d has the number %d", ErrInvalid, i+1, after, r.Seq)
		case r.Ref > r.Seq:
			return 0, fmt.Errorf("%w: record %d refers to the later record %d", ErrInvalid, r.Seq, r.Ref)
		case len(r.Kind) > MaxKind || !utf8.ValidString(r.Kind) || strings.ContainsRune(r.Kind, 0):
			return 0, fmt.Errorf("%w: the kind of record %d is not UTF-8 of at most %d bytes without NUL", ErrInvalid, r.Seq, MaxKind)
		case len(r.Data) > MaxData:
			return 0, fmt.Errorf("%w: record %d has %d bytes, more than %d", ErrInvalid, r.Seq, len(r.Data), MaxData)
		case r.At.Year() < 1 || r.At.Year() > 9999:
			return 0, fmt.Errorf("%w: record %d is of the year %d", ErrInvalid, r.Seq, r.At.Year())
		}
		bytes += int64(len(r.Data))
	}
	if bytes > MaxBatchBytes {
		return 0, fmt.Errorf("%w: %d bytes are appended at once, more than %d", ErrInvalid, bytes, MaxBatchBytes)
	}
	return bytes, nil
}

// CheckSnapshot returns ErrInvalid unless the arguments are ones that Store.Snapshot takes in a log that ends at last.
func CheckSnapshot(last, seq uint64, data []byte) error {
	switch {
	case seq == 0 || seq > last:
		return fmt.Errorf("%w: a snapshot of record %d, where the log ends at %d", ErrInvalid, seq, last)
	case len(data) == 0 || len(data) > MaxSnapshot:
		return fmt.Errorf("%w: a snapshot has 1 to %d bytes, not %d", ErrInvalid, MaxSnapshot, len(data))
	}
	return nil
}

// CheckTrim returns ErrInvalid unless the records below keepFrom are in a snapshot of record snapshotSeq.
func CheckTrim(snapshotSeq, keepFrom uint64) error {
	if keepFrom > snapshotSeq+1 {
		return fmt.Errorf("%w: records below %d would be dropped, and the snapshot is of %d", ErrInvalid, keepFrom, snapshotSeq)
	}
	return nil
}

// CheckRead returns what Read answers when a log whose records first to last are kept is read from after `after`: nil, ErrTrimmed or ErrAhead.
func CheckRead(first, last, after uint64) error {
	switch {
	case after > last:
		return fmt.Errorf("%w: asked for what follows %d, it ends at %d", ErrAhead, after, last)
	case after+1 < first:
		return fmt.Errorf("%w: asked for what follows %d, kept are %d to %d", ErrTrimmed, after, first, last)
	}
	return nil
}

// CheckRun returns ErrCorrupt unless the records have the numbers after+1, after+2, … without a hole, and are there at all when the log ends
// at a higher number than `after`. Backends call it on what they read: a hole is never handed out.
func CheckRun(after, last uint64, records []Record) error {
	if len(records) == 0 && after < last {
		return fmt.Errorf("%w: the log ends at %d and has no record after %d", ErrCorrupt, last, after)
	}
	for i, r := range records {
		if want := after + 1 + uint64(i); r.Seq != want {
			return fmt.Errorf("%w: record %d is missing, found %d", ErrCorrupt, want, r.Seq)
		}
	}
	return nil
}

// CheckMessage returns ErrInvalid unless the arguments are ones that Store.Publish takes.
func CheckMessage(topic string, data []byte) error {
	if err := CheckID(topic); err != nil {
		return err
	}
	if len(data) == 0 || len(data) > MaxMessage {
		return fmt.Errorf("%w: a message has 1 to %d bytes, not %d", ErrInvalid, MaxMessage, len(data))
	}
	return nil
}

// CheckValue returns ErrInvalid unless the arguments are ones that Store.Put takes.
func CheckValue(key string, value []byte) error {
	if err := CheckID(key); err != nil {
		return err
	}
	if len(value) > MaxValue {
		return fmt.Errorf("%w: a value has at most %d bytes, not %d", ErrInvalid, MaxValue, len(value))
	}
	return nil
}

// CheckCounter returns ErrInvalid unless the arguments are ones that Store.Add takes.
func CheckCounter(key string, delta int64, ttl time.Duration) error {
	if err := CheckID(key); err != nil {
		return err
	}
	// Redis scripts count in float64.
	if delta < -MaxSeq || delta > MaxSeq || ttl <= 0 {
		return fmt.Errorf("%w: a counter moves by at most %d at once and has a positive time to live", ErrInvalid, int64(MaxSeq))
	}
	return nil
}

// Limit caps the limit of a Read, Page or Rooms at MaxPage; what is not positive means MaxPage.
func Limit(limit int) int {
	if limit <= 0 || limit > MaxPage {
		return MaxPage
	}
	return limit
}

// Counted returns the counter n after Add with delta and limit, and whether it was added.
func Counted(n, delta, limit int64) (int64, bool) {
	if delta > 0 && (n > limit || delta > limit-n) {
		return n, false
	}
	return min(max(n+delta, 0), math.MaxInt64), true
}

// NewEpoch returns a random epoch: 128 bits, so that no two lives of any log share one.
func NewEpoch() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return hex.EncodeToString(b[:])
}

// Time is t as stores keep it: in UTC, without what is below a microsecond.
func Time(t time.Time) time.Time { return t.UTC().Round(0).Truncate(time.Microsecond) }
