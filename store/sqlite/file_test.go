package sqlite_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/confab/confab/store"
	"github.com/confab/confab/store/sqlite"
)

func open(t *testing.T, path string) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// alter changes the file behind the store's back.
func alter(t *testing.T, path, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if _, err := db.Exec(statement); err != nil {
		t.Fatal(err)
	}
}

func TestFilesOfOthersAreRefused(t *testing.T) {
	dir := t.TempDir()
	text, foreign, newer := filepath.Join(dir, "text"), filepath.Join(dir, "foreign"), filepath.Join(dir, "newer")
	if err := os.WriteFile(text, []byte(strings.Repeat("not a database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	alter(t, foreign, "CREATE TABLE photos (id INTEGER)")
	if err := open(t, newer).Close(); err != nil {
		t.Fatal(err)
	}
	alter(t, newer, "PRAGMA user_version=1000")
	for _, path := range []string{text, foreign, newer} {
		before, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := sqlite.Open(t.Context(), path); !errors.Is(err, store.ErrCorrupt) {
			t.Errorf("%s: %v, want ErrCorrupt", path, err)
		}
		after, err := os.ReadFile(path)
		if err != nil || string(after) != string(before) {
			t.Errorf("%s was changed: %v", path, err)
		}
	}
}

// A hole is found by who reads it, and by Check; nobody is handed a log with a hole.
func TestDamageIsFound(t *testing.T) {
	for name, damage := range map[string]string{
		"a hole":      "DELETE FROM records WHERE seq = 5",
		"a lost end":  "DELETE FROM records WHERE seq > 5",
		"other bytes": "UPDATE rooms SET bytes = 1",
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "rooms.db")
			s := open(t, path)
			r, err := s.Open(t.Context(), "room")
			if err != nil {
				t.Fatal(err)
			}
			for last := uint64(0); last < 10; last += 2 {
				if err := s.Append(t.Context(), "room", r.Epoch, last, []store.Record{record(last + 1), record(last + 2)}); err != nil {
					t.Fatal(err)
				}
			}
			if err := s.Check(t.Context()); err != nil {
				t.Fatalf("sound, and yet: %v", err)
			}
			alter(t, path, damage)
			if err := s.Check(t.Context()); !errors.Is(err, store.ErrCorrupt) {
				t.Errorf("check: %v, want ErrCorrupt", err)
			}
			if _, err := s.Read(t.Context(), "room", r.Epoch, 5, 0); name != "other bytes" && name != "a hole" && !errors.Is(err, store.ErrCorrupt) {
				t.Errorf("read after the end: %v, want ErrCorrupt", err)
			}
			if _, err := s.Read(t.Context(), "room", r.Epoch, 3, 0); name == "a hole" && !errors.Is(err, store.ErrCorrupt) {
				t.Errorf("read over the hole: %v, want ErrCorrupt", err)
			}
		})
	}
}

// A page is found through the index, in the order that needs no look at the rest of the log.
func TestPagePlan(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rooms.db")
	_ = open(t, path)
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	for query, want := range map[string]string{
		sqlite.PageRefs:    "USING COVERING INDEX records_refs (room=? AND ref>? AND ref<?)",
		sqlite.PageRecords: "USING INDEX records_refs (room=? AND ref>? AND ref<?)",
	} {
		rows, err := db.Query("EXPLAIN QUERY PLAN "+query, 1, 2, 3)
		if err != nil {
			t.Fatal(err)
		}
		var plan []string
		for rows.Next() {
			var id, parent, unused int
			var detail string
			if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
				t.Fatal(err)
			}
			plan = append(plan, detail)
		}
		all := strings.Join(plan, "\n")
		if rows.Err() != nil || !strings.Contains(all, want) || query == sqlite.PageRefs && strings.Contains(all, "TEMP B-TREE") {
			t.Errorf("%s\nplan:\n%s\nwant %s, and no sorting to find the messages", query, all, want)
		}
	}
}

// What another process writes is seen by the watchers of this one.
func TestAnotherProcessWakesWatchers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rooms.db")
	one, other := open(t, path), open(t, path)
	r, err := one.Open(t.Context(), "room")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	told := 0
	if err := one.Watch(ctx, func(room string, _ uint64) {
		if told++; told == 1 {
			// A moment later, so that it is no part of the first look.
			time.AfterFunc(10*time.Millisecond, func() {
				if err := other.Append(ctx, "room", r.Epoch, 0, []store.Record{record(1)}); err != nil {
					t.Errorf("append: %v", err)
				}
			})
			return
		}
		if got, err := one.Find(ctx, "room"); err != nil {
			t.Errorf("find: %v", err)
		} else if got.Last == 1 && room == "" {
			cancel()
		}
	}); !errors.Is(err, context.Canceled) {
		t.Fatalf("nobody was told: %v", err)
	}
}

// Many who write at once share commits: there are far fewer than changes.
func TestWritersShareCommits(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "rooms.db"))
	const writers, each = 64, 5
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			r, err := s.Open(t.Context(), fmt.Sprint("room", w))
			for last := uint64(0); err == nil && last < each; last++ {
				err = s.Append(t.Context(), r.ID, r.Epoch, last, []store.Record{record(last + 1)})
			}
			if err != nil {
				t.Errorf("writer %d: %v", w, err)
			}
		})
	}
	all.Wait()
	if commits := s.Commits(); commits > writers*(each+1)/2 {
		t.Errorf("%d commits for %d changes: they are not shared", commits, writers*(each+1))
	}
}

// A deleted room gives its space back to the file system, and WAL with FULL is what the file is in.
func TestDeletedRoomsGiveSpaceBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rooms.db")
	s := open(t, path)
	pages := func(pragma string) (n string) {
		t.Helper()
		db, err := sql.Open("sqlite", path)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = db.Close() }()
		if err := db.QueryRow("PRAGMA " + pragma).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	before := pages("page_count")
	r, err := s.Open(t.Context(), "room")
	if err != nil {
		t.Fatal(err)
	}
	var batch []store.Record
	for seq := uint64(1); seq <= 1000; seq++ {
		batch = append(batch, record(seq))
	}
	if err := s.Append(t.Context(), "room", r.Epoch, 0, batch); err != nil {
		t.Fatal(err)
	}
	full := pages("page_count")
	if err := s.Delete(t.Context(), "room"); err != nil {
		t.Fatal(err)
	}
	if after := pages("page_count"); full == before || after != before || pages("freelist_count") != "0" {
		t.Errorf("%s pages, %s with the room, %s after it was deleted", before, full, after)
	}
	if mode := pages("journal_mode"); mode != "wal" {
		t.Errorf("journal mode %s", mode)
	}
}
