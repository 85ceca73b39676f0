package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/confab/confab/store"
)

func testValues(t *testing.T, l *lab) {
	a, b := l.node(), l.node()
	get := func(key string) string {
		t.Helper()
		value, found, err := b.Get(l.ctx, key)
		l.must(err)
		if !found {
			return "none"
		}
		return string(value)
	}
	if got := get("key"); got != "none" {
		t.Fatalf("got %q, want none", got)
	}
	for _, value := range []string{"value", "other \x00\xff", "", strings.Repeat("x", store.MaxValue)} {
		l.must(a.Put(l.ctx, "key\x00\xff", []byte(value), time.Hour))
		if got := get("key\x00\xff"); got != value {
			t.Fatalf("got %.40q, want %.40q", got, value)
		}
	}
	l.must(a.Put(l.ctx, "key\x00\xff", nil, 0))
	l.must(a.Put(l.ctx, "short", []byte("x"), 20*time.Millisecond))
	l.must(a.Put(l.ctx, "kept", []byte("x"), time.Hour))
	l.eventually("expiry", func() bool { return get("short") == "none" })
	if get("key\x00\xff") != "none" || get("kept") != "x" {
		t.Fatal("what was removed is there, or what was kept is not")
	}
	l.want("a large value", a.Put(l.ctx, "key", make([]byte, store.MaxValue+1), time.Hour), store.ErrInvalid)
	l.want("a long key", a.Put(l.ctx, strings.Repeat("k", store.MaxID+1), nil, time.Hour), store.ErrInvalid)
}

func testCounters(t *testing.T, l *lab) {
	nodes := []store.Store{l.node(), l.node()}
	for _, c := range []struct {
		delta, limit, n int64
		ok              bool
	}{
		{0, 3, 0, true},
		{2, 3, 2, true},
		{2, 3, 2, false},
		{1, 3, 3, true},
		{0, 1, 3, true},
		{1, 1, 3, false},
		{-1, 0, 2, true},
		{-5, 0, 0, true},
		{3, 3, 3, true},
	} {
		n, ok, err := nodes[0].Add(l.ctx, "counter", c.delta, c.limit, time.Hour)
		if err != nil || n != c.n || ok != c.ok {
			t.Fatalf("add %d up to %d: %d %v %v, want %d %v", c.delta, c.limit, n, ok, err, c.n, c.ok)
		}
	}
	if _, found, err := nodes[0].Get(l.ctx, "counter"); found || err != nil {
		t.Fatalf("a counter is a value: %v %v", found, err)
	}
	// An invite for ten, and fifty who try.
	var took atomic.Int64
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			_, ok, err := nodes[i%2].Add(l.ctx, "invite", 1, 10, time.Hour)
			if err != nil {
				t.Errorf("add: %v", err)
			}
			if ok {
				took.Add(1)
			}
		})
	}
	all.Wait()
	if took.Load() != 10 {
		t.Fatalf("%d of 10 were taken", took.Load())
	}
	// It lives from its first use on, whatever is added later.
	before := int64(0)
	l.eventually("a new life of a counter", func() bool {
		n, _, err := nodes[1].Add(l.ctx, "window", 1, 1<<40, 200*time.Millisecond)
		l.must(err)
		again := n < before
		before = n
		return again
	})
	_, _, err := nodes[0].Add(l.ctx, "counter", 1, 1, 0)
	l.want("a counter that does not live", err, store.ErrInvalid)
}

func testRooms(t *testing.T, l *lab) {
	s := l.node()
	ids := []string{"a", "a\x00", "aa", "b", "\xff", "ä", "B", "日本"}
	for _, id := range ids {
		r := l.room(s, id)
		l.append(s, r, 0, 2)
		l.must(s.Snapshot(l.ctx, id, r.Epoch, 1, []byte("state")))
	}
	slices.Sort(ids)
	for _, limit := range []int{1, 3, 100} {
		var got []string
		for after := ""; ; {
			rooms, err := s.Rooms(l.ctx, after, limit)
			l.must(err)
			if len(rooms) == 0 {
				break
			}
			if len(rooms) > limit {
				t.Fatalf("%d rooms, more than %d", len(rooms), limit)
			}
			for _, r := range rooms {
				if r.Last != 2 || r.First != 1 || r.Bytes == 0 || r.SnapshotSeq != 1 || r.Snapshot != nil || len(r.Epoch) != 32 || r.Touched.IsZero() || r.Created.IsZero() {
					t.Fatalf("listed as %+v", r)
				}
				after = r.ID
				got = append(got, r.ID)
			}
		}
		if !slices.Equal(got, ids) {
			t.Fatalf("%d at a time: %q, want %q", limit, got, ids)
		}
	}
}

func testRetention(t *testing.T, l *lab) {
	s := l.node()
	r := l.room(s, "room")
	l.append(s, r, 0, 100)
	for i := range 5 {
		l.room(s, fmt.Sprint("idle ", i))
	}
	keep := store.Retention{Age: time.Hour, Records: 40}
	if n, err := store.Sweep(l.ctx, s, keep, time.Now()); n != 0 || err != nil {
		t.Fatalf("%d rooms were swept that are in use: %v", n, err)
	}
	r, err := s.Find(l.ctx, "room")
	l.must(err)
	from, cut := keep.Cut(r)
	if !cut || from != 71 {
		t.Fatalf("cut from %d %v, want 71", from, cut)
	}
	l.must(s.Snapshot(l.ctx, r.ID, r.Epoch, from-1, []byte("state")))
	l.must(s.Trim(l.ctx, r.ID, r.Epoch, from))
	r, err = s.Find(l.ctx, "room")
	l.must(err)
	if _, cut := keep.Cut(r); cut || r.Records() != 30 {
		t.Fatalf("%d records are kept, and cut again %v", r.Records(), cut)
	}
	if gone, err := s.DeleteIdle(l.ctx, "room", r.Touched); gone || err != nil {
		t.Fatalf("deleted a room that was used since: %v %v", gone, err)
	}
	if n, err := store.Sweep(l.ctx, s, keep, time.Now().Add(2*time.Hour)); n != 6 || err != nil {
		t.Fatalf("%d rooms were swept, want 6: %v", n, err)
	}
	if rooms, err := s.Rooms(l.ctx, "", 0); len(rooms) != 0 || err != nil {
		t.Fatalf("left: %v %v", rooms, err)
	}
}

func testHostileNames(t *testing.T, l *lab) {
	s := l.node()
	names := []string{
		"'; DROP TABLE rooms; --", "\x00", "a\x00b", "\xff\xfe", "%s%d", "*", "room:*", "{a}", "..", "../../etc/passwd", "a/b", " ", "\n", "\r\n+OK",
		"🎉", "é", "e\u0301", "\u202e", `"quoted"`, "$1", "?", strings.Repeat("\U0001F389", store.MaxID/4), "rooms", "room", "small",
	}
	rooms := map[string]store.Room{}
	for _, name := range names {
		rooms[name] = l.room(s, name)
		if rooms[name].ID != name {
			t.Fatalf("opened %q, got %q", name, rooms[name].ID)
		}
	}
	for i, name := range names {
		l.append(s, rooms[name], 0, i+1)
	}
	for i, name := range names {
		if have := l.log(s, rooms[name], 0); len(have) != i+1 {
			t.Errorf("%q has %d records, want %d", name, len(have), i+1)
		}
		if got, err := s.Find(l.ctx, name); err != nil || got.Epoch != rooms[name].Epoch {
			t.Errorf("%q: %+v %v", name, got, err)
		}
	}
	for _, bad := range []string{"", strings.Repeat("x", store.MaxID+1)} {
		_, err := s.Open(l.ctx, bad)
		l.want("open", err, store.ErrInvalid)
		_, err = s.Find(l.ctx, bad)
		l.want("find", err, store.ErrInvalid)
		l.want("append", s.Append(l.ctx, bad, "", 0, batch(0, 1)), store.ErrInvalid)
		l.want("delete", s.Delete(l.ctx, bad), store.ErrInvalid)
		l.want("publish", s.Publish(l.ctx, bad, []byte("x")), store.ErrInvalid)
	}
	for _, epoch := range []string{"", "'", "\x00", "\xff", strings.Repeat("e", 10_000)} {
		if _, err := s.Read(l.ctx, "room", epoch, 0, 1); !errors.Is(err, store.ErrGone) {
			t.Errorf("epoch %.20q: %v", epoch, err)
		}
	}
}
