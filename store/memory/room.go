package memory

import (
	"slices"
	"time"

	"github.com/confab/confab/store"
)

// room is one log. The lock of shared guards it.
type room struct {
	epoch       string
	first       uint64         // number of records[0], or of what comes next
	records     []store.Record // without a hole
	refs        []uint64       // different Refs of the records, ascending
	byRef       map[uint64][]uint64
	bytes       int64
	snapshot    []byte
	snapshotSeq uint64
	created     time.Time
	touched     time.Time
}

func newRoom(now time.Time) *room {
	return &room{epoch: store.NewEpoch(), first: 1, byRef: map[uint64][]uint64{}, created: now}
}

func (r *room) last() uint64 { return r.first + uint64(len(r.records)) - 1 }

func (r *room) view(id string) store.Room {
	return store.Room{
		ID: id, Epoch: r.epoch, First: r.first, Last: r.last(), Bytes: r.bytes,
		Snapshot: r.snapshot, SnapshotSeq: r.snapshotSeq, Created: r.created, Touched: r.touched,
	}
}

func (r *room) append(records []store.Record, bytes int64) {
	for _, rec := range records {
		rec.At = store.Time(rec.At)
		r.records = append(r.records, rec)
		if rec.Ref == 0 {
			continue
		}
		if at, found := slices.BinarySearch(r.refs, rec.Ref); !found {
			r.refs = slices.Insert(r.refs, at, rec.Ref)
		}
		r.byRef[rec.Ref] = append(r.byRef[rec.Ref], rec.Seq)
	}
	r.bytes += bytes
}

func (r *room) page(before uint64, limit int) []store.Record {
	end := len(r.refs)
	if before > 0 {
		end, _ = slices.BinarySearch(r.refs, before)
	}
	var seqs []uint64
	for _, ref := range r.refs[max(0, end-limit):end] {
		seqs = append(seqs, r.byRef[ref]...)
	}
	slices.Sort(seqs)
	var records []store.Record
	for _, seq := range seqs {
		records = append(records, r.records[seq-r.first])
	}
	return records
}

func (r *room) trim(keepFrom uint64) {
	if keepFrom <= r.first {
		return
	}
	n := keepFrom - r.first
	for _, rec := range r.records[:n] {
		r.bytes -= int64(len(rec.Data))
		if rec.Ref == 0 {
			continue
		}
		rest := slices.DeleteFunc(r.byRef[rec.Ref], func(seq uint64) bool { return seq < keepFrom })
		if len(rest) > 0 {
			r.byRef[rec.Ref] = rest
			continue
		}
		delete(r.byRef, rec.Ref)
		if at, found := slices.BinarySearch(r.refs, rec.Ref); found {
			r.refs = slices.Delete(r.refs, at, at+1)
		}
	}
	r.records = slices.Clone(r.records[n:]) // gives the memory back
	r.first = keepFrom
}
