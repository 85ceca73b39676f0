package storetest

import (
	"bytes"
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"testing"

	"github.com/confab/confab/store"
)

func testOpen(t *testing.T, l *lab) {
	nodes := []store.Store{l.node(), l.node()}
	_, err := nodes[0].Find(l.ctx, "room")
	l.want("find before open", err, store.ErrGone)
	epochs := make([]string, 8)
	var all sync.WaitGroup
	for i := range epochs {
		all.Go(func() {
			r, err := nodes[i%2].Open(l.ctx, "room")
			if err != nil {
				t.Errorf("open: %v", err)
			}
			epochs[i] = r.Epoch
		})
	}
	all.Wait()
	if slices.Sort(epochs); len(epochs[0]) != 32 || epochs[0] != epochs[7] {
		t.Fatalf("epochs %q, want one of 32 digits", epochs)
	}
	r, err := nodes[1].Find(l.ctx, "room")
	l.must(err)
	if r.ID != "room" || r.Epoch != epochs[0] || r.First != 1 || r.Last != 0 || r.Bytes != 0 || r.Snapshot != nil || r.SnapshotSeq != 0 || r.Records() != 0 {
		t.Fatalf("a new room is %+v", r)
	}
	if d := time.Since(r.Created); d < -time.Minute || d > time.Hour || r.Touched.Before(r.Created) {
		t.Fatalf("created %v, touched %v", r.Created, r.Touched)
	}
	if other := l.room(nodes[0], "other"); other.Epoch == r.Epoch {
		t.Fatal("two rooms have one epoch")
	}
	l.eventually("opening again touches", func() bool { return l.room(nodes[0], "room").Touched.After(r.Touched) })
}

func testAppend(t *testing.T, l *lab) {
	a, b := l.node(), l.node()
	r := l.room(a, "room")
	l.append(a, r, 0, 2)
	l.want("append in the past", b.Append(l.ctx, r.ID, r.Epoch, 1, batch(1, 2)), store.ErrConflict)
	l.want("append at the beginning", b.Append(l.ctx, r.ID, r.Epoch, 0, batch(0, 1)), store.ErrConflict)
	l.want("append in the future", b.Append(l.ctx, r.ID, r.Epoch, 3, batch(3, 1)), store.ErrConflict)
	l.want("append in another epoch", b.Append(l.ctx, r.ID, "0123", 2, batch(2, 1)), store.ErrGone)
	l.want("append to no room", b.Append(l.ctx, "none", r.Epoch, 0, batch(0, 1)), store.ErrGone)
	l.append(b, r, 2, 1)
	got, err := a.Find(l.ctx, r.ID)
	l.must(err)
	if got.First != 1 || got.Last != 3 || got.Records() != 3 || got.Bytes != 3*int64(len(batch(0, 1)[0].Data)) {
		t.Fatalf("room %+v", got)
	}
	if have := l.log(b, r, 0); len(have) != 3 {
		t.Fatalf("the log has %d records, want 3", len(have))
	}
}

func testAppendInvalid(t *testing.T, l *lab) {
	s := l.node()
	r := l.room(s, "room")
	big := make([]byte, store.MaxData)
	with := func(change func(*store.Record)) []store.Record {
		records := batch(0, 2)
		change(&records[1])
		return records
	}
	for name, records := range map[string][]store.Record{
		"none":            nil,
		"too many":        batch(0, store.MaxBatch+1),
		"wrong number":    with(func(r *store.Record) { r.Seq = 3 }),
		"later ref":       with(func(r *store.Record) { r.Ref = 3 }),
		"big data":        with(func(r *store.Record) { r.Data = append(slices.Clone(big), 0) }),
		"long kind":       with(func(r *store.Record) { r.Kind = strings.Repeat("k", store.MaxKind+1) }),
		"kind not UTF-8":  with(func(r *store.Record) { r.Kind = "\xff" }),
		"kind with a NUL": with(func(r *store.Record) { r.Kind = "a\x00b" }),
		"no year":         with(func(r *store.Record) { r.At = time.Unix(1<<40, 0) }),
		"too much": func() []store.Record {
			records := batch(0, store.MaxBatchBytes/store.MaxData+1)
			for i := range records {
				records[i].Data = big
			}
			return records
		}(),
	} {
		l.want(name, s.Append(l.ctx, r.ID, r.Epoch, 0, records), store.ErrInvalid)
	}
	if have := l.log(s, r, 0); len(have) != 0 {
		t.Fatalf("the log has %d records, want none", len(have))
	}
	// As much as there may be.
	records := batch(0, store.MaxBatchBytes/store.MaxData)
	for i := range records {
		records[i].Data = big
	}
	l.must(s.Append(l.ctx, r.ID, r.Epoch, 0, records))
	l.append(s, r, uint64(len(records)), store.MaxBatch)
}

func testRead(t *testing.T, l *lab) {
	s := l.node()
	r := l.room(s, "room")
	l.append(s, r, 0, 10)
	for _, c := range []struct {
		after uint64
		limit int
		want  []uint64
	}{
		{0, 3, []uint64{1, 2, 3}},
		{3, 3, []uint64{4, 5, 6}},
		{8, 3, []uint64{9, 10}},
		{8, 0, []uint64{9, 10}},
		{10, 3, []uint64{}},
	} {
		got, err := s.Read(l.ctx, r.ID, r.Epoch, c.after, c.limit)
		l.must(err)
		if !slices.Equal(seqs(got), c.want) {
			t.Errorf("%d after %d: %v, want %v", c.limit, c.after, seqs(got), c.want)
		}
	}
	_, err := s.Read(l.ctx, r.ID, r.Epoch, 11, 1)
	l.want("read beyond the end", err, store.ErrAhead)
	_, err = s.Read(l.ctx, r.ID, "0123", 0, 1)
	l.want("read another epoch", err, store.ErrGone)
	_, err = s.Read(l.ctx, "none", r.Epoch, 0, 1)
	l.want("read no room", err, store.ErrGone)
}

func testRoundTrip(t *testing.T, l *lab) {
	s := l.node()
	r := l.room(s, "room")
	records := []store.Record{
		{Seq: 1, At: time.Date(2026, 11, 23, 23, 59, 59, 999_999_999, time.FixedZone("", 7200)), Kind: "grüße.🎉", Ref: 1, Data: []byte(`{"text":"שלום \u0000 🎉"}`)},
		{Seq: 2, At: time.Unix(0, 0), Data: nil},
		{Seq: 3, At: time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), Kind: strings.Repeat("k", store.MaxKind), Ref: 1, Data: []byte{0, 1, 0xff, '\n', 0}},
		{Seq: 4, At: time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC), Ref: 4, Data: bytes.Repeat([]byte("0123456789abcdef"), store.MaxData/16)},
	}
	l.must(s.Append(l.ctx, r.ID, r.Epoch, 0, records))
	got, err := s.Read(l.ctx, r.ID, r.Epoch, 0, 0)
	l.must(err)
	paged, err := s.Page(l.ctx, r.ID, r.Epoch, 0, 0)
	l.must(err)
	if len(got) != 4 || len(paged) != 3 {
		t.Fatalf("%d records and %d in a page, want 4 and 3", len(got), len(paged))
	}
	for i, want := range records {
		want.At = store.Time(want.At)
		if !same(got[i], want) {
			t.Errorf("record %d came back as %.200v, want %.200v", i+1, got[i], want)
		}
	}
	for i, j := range []int{0, 2, 3} {
		if !same(paged[i], got[j]) {
			t.Errorf("record %d is %.200v in a page", j+1, paged[i])
		}
	}
}

// same compares what is kept; no Data and empty Data are the same.
func same(a, b store.Record) bool {
	if !a.At.Equal(b.At) || !bytes.Equal(a.Data, b.Data) {
		return false
	}
	a.At, b.At, a.Data, b.Data = time.Time{}, time.Time{}, nil, nil
	return reflect.DeepEqual(a, b)
}

func testPage(t *testing.T, l *lab) {
	s := l.node()
	r := l.room(s, "room")
	//              seq 1  2  3  4  5  6  7  8  9 10 11 12
	refs := []uint64{0, 2, 3, 0, 2, 6, 3, 0, 9, 2, 9, 12}
	records := batch(0, len(refs))
	for i, ref := range refs {
		records[i].Ref = ref
	}
	l.must(s.Append(l.ctx, r.ID, r.Epoch, 0, records))
	page := func(before uint64, limit int) []uint64 {
		t.Helper()
		got, err := s.Page(l.ctx, r.ID, r.Epoch, before, limit)
		l.must(err)
		for _, rec := range got {
			if !same(rec, records[rec.Seq-1]) {
				t.Errorf("record %d in a page is %v, want %v", rec.Seq, rec, records[rec.Seq-1])
			}
		}
		return seqs(got)
	}
	for _, c := range []struct {
		before uint64
		limit  int
		want   []uint64
	}{
		{0, 1, []uint64{12}},
		{0, 2, []uint64{9, 11, 12}},
		{9, 2, []uint64{3, 6, 7}},
		{3, 2, []uint64{2, 5, 10}},
		{2, 2, []uint64{}},
		{0, 0, []uint64{2, 3, 5, 6, 7, 9, 10, 11, 12}},
		{100, 1, []uint64{12}},
		{1 << 63, 1, []uint64{12}},
	} {
		if got := page(c.before, c.limit); !slices.Equal(got, c.want) {
			t.Errorf("%d before %d: %v, want %v", c.limit, c.before, got, c.want)
		}
	}
	l.must(s.Snapshot(l.ctx, r.ID, r.Epoch, 5, []byte("state")))
	l.must(s.Trim(l.ctx, r.ID, r.Epoch, 5))
	if got, want := page(9, 9), []uint64{5, 6, 7, 10}; !slices.Equal(got, want) {
		t.Errorf("after a trim: %v, want %v", got, want)
	}
	if got, want := page(3, 1), []uint64{5, 10}; !slices.Equal(got, want) {
		t.Errorf("of a trimmed message: %v, want %v", got, want)
	}
	_, err := s.Page(l.ctx, r.ID, "0123", 0, 1)
	l.want("page of another epoch", err, store.ErrGone)
}

func testSnapshotTrim(t *testing.T, l *lab) {
	s := l.node()
	r := l.room(s, "room")
	l.append(s, r, 0, 10)
	l.want("trim without a snapshot", s.Trim(l.ctx, r.ID, r.Epoch, 2), store.ErrInvalid)
	l.must(s.Trim(l.ctx, r.ID, r.Epoch, 1))
	l.want("snapshot of nothing", s.Snapshot(l.ctx, r.ID, r.Epoch, 0, []byte("s")), store.ErrInvalid)
	l.want("snapshot of the future", s.Snapshot(l.ctx, r.ID, r.Epoch, 11, []byte("s")), store.ErrInvalid)
	l.want("empty snapshot", s.Snapshot(l.ctx, r.ID, r.Epoch, 1, nil), store.ErrInvalid)
	l.want("snapshot in another epoch", s.Snapshot(l.ctx, r.ID, "0123", 1, []byte("s")), store.ErrGone)
	l.want("trim in another epoch", s.Trim(l.ctx, r.ID, "0123", 1), store.ErrGone)

	seven := []byte("seven \x00\xff")
	l.must(s.Snapshot(l.ctx, r.ID, r.Epoch, 7, seven))
	l.must(s.Snapshot(l.ctx, r.ID, r.Epoch, 6, []byte("six"))) // came late
	l.want("trim beyond the snapshot", s.Trim(l.ctx, r.ID, r.Epoch, 9), store.ErrInvalid)
	l.must(s.Trim(l.ctx, r.ID, r.Epoch, 5))
	l.must(s.Trim(l.ctx, r.ID, r.Epoch, 3)) // came late

	kept := func(first, last uint64) {
		t.Helper()
		got, err := s.Find(l.ctx, r.ID)
		l.must(err)
		if got.First != first || got.Last != last || string(got.Snapshot) != string(seven) || got.SnapshotSeq != 7 {
			t.Fatalf("room %+v, want %d to %d and the snapshot of 7", got, first, last)
		}
		var bytes int64
		for _, rec := range l.log(s, r, first-1) {
			bytes += int64(len(rec.Data))
		}
		if got.Bytes != bytes {
			t.Fatalf("the room says %d bytes and has %d", got.Bytes, bytes)
		}
	}
	kept(5, 10)
	_, err := s.Read(l.ctx, r.ID, r.Epoch, 3, 1)
	l.want("read what was trimmed", err, store.ErrTrimmed)
	l.must(s.Trim(l.ctx, r.ID, r.Epoch, 8))
	kept(8, 10)

	// All of it: numbers go on where they were.
	seven = bytes.Repeat([]byte("state"), 1<<20)
	l.must(s.Snapshot(l.ctx, r.ID, r.Epoch, 10, seven))
	l.must(s.Trim(l.ctx, r.ID, r.Epoch, 11))
	got, err := s.Open(l.ctx, r.ID)
	l.must(err)
	if got.First != 11 || got.Last != 10 || got.Records() != 0 || got.Bytes != 0 || !bytes.Equal(got.Snapshot, seven) {
		t.Fatalf("an empty log is %d to %d, %d bytes", got.First, got.Last, got.Bytes)
	}
	if have := l.log(s, r, 10); len(have) != 0 {
		t.Fatalf("an empty log has %v", seqs(have))
	}
	l.want("append at the beginning of a trimmed log", s.Append(l.ctx, r.ID, r.Epoch, 0, batch(0, 1)), store.ErrConflict)
	l.append(s, r, 10, 2)
	if have := seqs(l.log(s, r, 10)); !slices.Equal(have, []uint64{11, 12}) {
		t.Fatalf("after a whole trim: %v", have)
	}
}

func testRenew(t *testing.T, l *lab) {
	a, b := l.node(), l.node()
	r := l.room(a, "room")
	l.append(a, r, 0, 3)
	l.must(a.Renew(l.ctx, r.ID, r.Epoch))
	l.want("renew again", b.Renew(l.ctx, r.ID, r.Epoch), store.ErrGone)
	l.want("append to the old epoch", b.Append(l.ctx, r.ID, r.Epoch, 3, batch(3, 1)), store.ErrGone)
	renewed := l.room(b, "room")
	if renewed.Epoch == r.Epoch || renewed.Last != 3 {
		t.Fatalf("renewed: %+v", renewed)
	}
	l.append(b, renewed, 3, 1)
	if have := l.log(a, renewed, 0); len(have) != 4 {
		t.Fatalf("%d records, want 4", len(have))
	}
}

func testDelete(t *testing.T, l *lab) {
	a, b := l.node(), l.node()
	r := l.room(a, "room")
	l.append(a, r, 0, 3)
	l.must(a.Snapshot(l.ctx, r.ID, r.Epoch, 2, []byte("secret")))
	l.must(b.Delete(l.ctx, r.ID))
	l.must(b.Delete(l.ctx, r.ID))
	_, err := a.Find(l.ctx, r.ID)
	l.want("find", err, store.ErrGone)
	l.want("append", a.Append(l.ctx, r.ID, r.Epoch, 3, batch(3, 1)), store.ErrGone)
	_, err = a.Read(l.ctx, r.ID, r.Epoch, 0, 1)
	l.want("read", err, store.ErrGone)
	again := l.room(a, "room")
	if again.Epoch == r.Epoch || again.Last != 0 || again.Snapshot != nil || again.Bytes != 0 {
		t.Fatalf("made again: %+v", again)
	}
	if page, err := a.Page(l.ctx, r.ID, again.Epoch, 0, 0); err != nil || len(page) != 0 {
		t.Fatalf("a page of the new room: %v, %v", seqs(page), err)
	}
	l.append(a, again, 0, 1)
	if have := l.log(b, again, 0); len(have) != 1 {
		t.Fatalf("%d records, want 1", len(have))
	}
}

func testRestart(t *testing.T, l *lab) {
	if !l.backend.Durable {
		t.Skip("what it keeps ends with the process")
	}
	first := l.open()
	r := l.room(first, "room")
	l.append(first, r, 0, 100)
	l.must(first.Snapshot(l.ctx, r.ID, r.Epoch, 50, []byte("state")))
	l.must(first.Trim(l.ctx, r.ID, r.Epoch, 20))
	l.must(first.Put(l.ctx, "key", []byte("value"), time.Hour))
	l.must(first.Close())
	second := l.node()
	got := l.room(second, "room")
	if got.Epoch != r.Epoch || got.First != 20 || got.Last != 100 || string(got.Snapshot) != "state" {
		t.Fatalf("after a restart: %+v", got)
	}
	for _, rec := range l.log(second, r, 19) {
		if want := batch(rec.Seq-1, 1)[0]; !same(rec, want) {
			t.Fatalf("after a restart: %v, want %v", rec, want)
		}
	}
	value, found, err := second.Get(l.ctx, "key")
	if err != nil || !found || string(value) != "value" {
		t.Fatalf("after a restart: %q %v %v", value, found, err)
	}
}

func testContext(t *testing.T, l *lab) {
	s := l.node()
	r := l.room(s, "room")
	l.append(s, r, 0, 1)
	ended, cancel := context.WithCancel(l.ctx)
	cancel()
	for name, call := range map[string]func() error{
		"open":   func() error { _, err := s.Open(ended, "new"); return err },
		"find":   func() error { _, err := s.Find(ended, "room"); return err },
		"append": func() error { return s.Append(ended, r.ID, r.Epoch, 1, batch(1, 1)) },
		"read":   func() error { _, err := s.Read(ended, r.ID, r.Epoch, 0, 1); return err },
		"page":   func() error { _, err := s.Page(ended, r.ID, r.Epoch, 0, 1); return err },
		"delete": func() error { return s.Delete(ended, r.ID) },
		"rooms":  func() error { _, err := s.Rooms(ended, "", 1); return err },
		"watch": func() error {
			return s.Watch(ended, func(string, uint64) { t.Error("a watch that has ended was told") })
		},
		"publish": func() error { return s.Publish(ended, "topic", []byte("x")) },
		"put":     func() error { return s.Put(ended, "key", nil, time.Hour) },
		"add":     func() error { _, _, err := s.Add(ended, "key", 1, 1, time.Hour); return err },
	} {
		err := call()
		l.want(name, err, context.Canceled)
		if !store.Unknown(err) {
			t.Errorf("%s: %v is taken for an answer", name, err)
		}
	}
	got, err := s.Find(l.ctx, "room")
	if err != nil || got.Last != 1 {
		t.Fatalf("%+v %v", got, err)
	}
}

func testLarge(t *testing.T, l *lab) {
	s := l.node()
	r := l.room(s, "room")
	const n = 10_000
	for after := uint64(0); after < n; after += 1000 {
		records := batch(after, 1000)
		for i := range records {
			records[i].Ref = records[i].Seq - records[i].Seq%2 // odd ones change the message before
		}
		l.must(s.Append(l.ctx, r.ID, r.Epoch, after, records))
	}
	before, seen := uint64(0), 0
	for {
		page, err := s.Page(l.ctx, r.ID, r.Epoch, before, 500)
		l.must(err)
		if len(page) == 0 {
			break
		}
		seen += len(page)
		before = page[0].Ref
		if len(page) > 1001 || !slices.IsSorted(seqs(page)) {
			t.Fatalf("a page of %d records", len(page))
		}
	}
	if seen != n-1 { // the first has Ref 0
		t.Fatalf("pages had %d records, want %d", seen, n-1)
	}
	l.must(s.Snapshot(l.ctx, r.ID, r.Epoch, n, fmt.Appendf(nil, "state")))
	l.must(s.Trim(l.ctx, r.ID, r.Epoch, n-99))
	if have := l.log(s, r, n-100); len(have) != 100 {
		t.Fatalf("%d records left, want 100", len(have))
	}
}
