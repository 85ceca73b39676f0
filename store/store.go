package store

import (
	"context"
	"time"
)

// Record is one event of a room's log.
type Record struct {
	Seq  uint64    // 1, 2, 3, … in its epoch
	At   time.Time // when it was decided, by the clock of the node that did; kept to the microsecond, in UTC
	Kind string    // of the event; not more than MaxKind bytes of UTF-8 without NUL
	Ref  uint64    // 0, or the number of the chat message that this record makes (its own Seq) or changes (a lower one)
	Data []byte    // the event, versioned by its writer; not more than MaxData bytes, may be empty
}

// Room is what a store knows of one room without reading its log.
type Room struct {
	ID    string
	Epoch string // 32 hexadecimal digits

	First uint64 // number of the oldest record kept; Last+1 when none is
	Last  uint64 // number of the newest record ever appended in this epoch, kept or trimmed; 0: none
	Bytes int64  // of Data in the records kept

	Snapshot    []byte // state of the room after record SnapshotSeq, opaque; nil when there is none, and from Rooms always
	SnapshotSeq uint64 // 0: no snapshot

	Created time.Time // by the store's clock, like Touched
	Touched time.Time // when it was last opened or appended to
}

// Records returns how many records the room keeps.
func (r Room) Records() int { return int(r.Last + 1 - r.First) }

// Store keeps rooms. Its methods are for any number of goroutines and nodes at once, and each is atomic.
//
// Slices are handed over: neither the caller nor the store changes what was given to the other.
//
// Every method returns ErrInvalid for arguments beyond the limits of this package, ErrUnavailable when the store does not answer, ErrCorrupt when
// what it holds cannot be, and the error of ctx when that ends first. ErrFull means that nothing was changed for want of space. After ErrUnavailable or the
// error of ctx, a change may or may not have happened, or may yet happen: see Append for what to do.
type Store interface {
	// Open returns the room, touches it, and makes it with a new epoch when it isn't there. Concurrent calls get the same epoch.
	// A node that serves a room for long opens it again from time to time, so that Sweep does not take it for abandoned.
	Open(ctx context.Context, room string) (Room, error)

	// Find returns the room like Open, but neither makes nor touches it: ErrGone when it isn't there.
	Find(ctx context.Context, room string) (Room, error)

	// Append adds the records after record `after`, all or none. They must have the numbers after+1, after+2, …, and be
	// between 1 and MaxBatch with at most MaxBatchBytes of Data together. ErrConflict: Last isn't `after`, nothing was appended. ErrGone: the
	// epoch isn't the room's.
	//
	// An Append that failed with ErrUnavailable or with its context may or may not have happened, now or a moment later. It is safe to repeat the same
	// call, since at most one succeeds; on ErrConflict the caller Reads after `after` and looks whether the records there are
	// its own, by something unique in their Data: if so, the first try succeeded.
	Append(ctx context.Context, room, epoch string, after uint64, records []Record) error

	// Read returns the records after `after`, ascending, without a hole, at most limit (capped at MaxPage). Empty: there are none yet. Fewer than limit does not mean the
	// end. ErrTrimmed: some record after `after` isn't kept any more; start from the snapshot that Find returns. ErrAhead: `after` is higher than Last. ErrGone: as in Append.
	Read(ctx context.Context, room, epoch string, after uint64, limit int) ([]Record, error)

	// Page returns every record kept whose Ref is among the limit (capped at MaxPage) highest different Refs that are below `before` (0: no bound), in ascending
	// order of Seq: a page of messages with all that became of them until now. Empty: there are no older ones. The next page is before the lowest Ref in
	// this one. The cost grows with what is returned, not with the log. When the record that makes a message was trimmed, the kept ones that change
	// it are returned all the same. ErrGone: as in Append.
	Page(ctx context.Context, room, epoch string, before uint64, limit int) ([]Record, error)

	// Snapshot puts the state after record seq beside the log, in place of an older one; when there is a newer one it does nothing.
	// ErrInvalid: seq is 0 or higher than Last, or data is empty or exceeds MaxSnapshot. ErrGone: as in Append.
	Snapshot(ctx context.Context, room, epoch string, seq uint64, data []byte) error

	// Trim drops the records below keepFrom. ErrInvalid: keepFrom is higher than the snapshot's seq+1, since what is dropped must be
	// in the snapshot. ErrGone: as in Append.
	Trim(ctx context.Context, room, epoch string, keepFrom uint64) error

	// Renew gives the room a new epoch and keeps its log, so that everybody starts over from it. It is for who meets ErrAhead: the log lost its
	// end (a power cut, a failover), and numbers that were told already would be given out again. ErrGone: as in Append; somebody else was first.
	Renew(ctx context.Context, room, epoch string) error

	// Delete removes the room with its log and snapshot, whatever its epoch. It is no error when it isn't there.
	Delete(ctx context.Context, room string) error

	// DeleteIdle is Delete for a room that was last touched before `before`, and reports whether it was. See Sweep.
	DeleteIdle(ctx context.Context, room string, before time.Time) (bool, error)

	// Rooms lists rooms by ID, bytewise ascending, from after `after` ("": from the first), at most limit (capped at MaxPage).
	Rooms(ctx context.Context, after string, limit int) ([]Room, error)

	// Watch calls f with a room and its Last when a room has grown, was renewed or was deleted (last is 0 then), by any node and this one too. Changes are coalesced: what matters is
	// that f is called at least once after every change. f("", 0) means "look at all": it is the first call, made when the watch is in place, and comes after every
	// gap. Watch calls f from one goroutine, blocks until ctx ends, and returns the error of ctx, or ErrClosed.
	Watch(ctx context.Context, f func(room string, last uint64)) error

	// Publish sends data (1 to MaxMessage bytes) to all who subscribe to the topic at the moment, on all nodes: at most once, and in order for calls
	// that follow each other.
	Publish(ctx context.Context, topic string, data []byte) error

	// Subscribe calls f with what is published on the topic. f(nil) means "you may have missed some": it is the first call, made when the
	// subscription is in place, and comes after every gap, also that of a subscriber who is slower than MaxBacklog messages or MaxBacklogBytes. Subscribe calls f from one goroutine,
	// blocks until ctx ends, and returns the error of ctx, or ErrClosed.
	Subscribe(ctx context.Context, topic string, f func(data []byte)) error

	// Beat says that the node lives for the next ttl; 0: that it has left.
	Beat(ctx context.Context, node string, ttl time.Duration) error

	// Nodes returns the nodes that live, in ascending order.
	Nodes(ctx context.Context) ([]string, error)

	// Put keeps a value of at most MaxValue bytes under key until ttl has passed, in place of an older one; ttl 0 removes it.
	Put(ctx context.Context, key string, value []byte, ttl time.Duration) error

	// Get returns the value that Put has kept under key, and whether there is one.
	Get(ctx context.Context, key string) ([]byte, bool, error)

	// Add adds delta to the counter under key, unless that would take it above limit; ok says which, n is the counter afterwards. A
	// counter is made with 0 and lives for ttl (positive) from then on, whatever is added later. delta may be negative, to give back what was taken: below 0 it
	// does not go; and 0, to look. Counters and values have keys of their own.
	Add(ctx context.Context, key string, delta, limit int64, ttl time.Duration) (n int64, ok bool, err error)

	// Close ends every Watch and Subscribe with ErrClosed, waits for the store's own goroutines, and makes later calls fail with ErrClosed. What was acknowledged is kept.
	Close() error
}

// Checker is a Store that can look for damage in what it holds.
type Checker interface {
	// Check reads everything; it returns ErrCorrupt with what is wrong. It is slow, and meant for tests and for `doctor`.
	Check(ctx context.Context) error
}
