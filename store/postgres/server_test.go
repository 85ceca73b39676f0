package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/confab/confab/store"
	"github.com/confab/confab/store/postgres"
	"github.com/confab/confab/store/storetest"
)

// A server that is killed and comes back has what it acknowledged, and watchers and subscribers find their way to it.
func TestServerRestarts(t *testing.T) {
	server := storetest.StartPostgres(t)
	storetest.Outage(t, server, func(t *testing.T) store.Store { return open(t, server.URL) })
}

// Nodes that start together make the tables once.
func TestNodesStartTogether(t *testing.T) {
	server := storetest.StartPostgres(t)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			s, err := postgres.Open(t.Context(), server.URL)
			if err != nil {
				t.Errorf("open: %v", err)
				return
			}
			if err := s.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		})
	}
	all.Wait()
}

func TestTablesOfOthersAreRefused(t *testing.T) {
	server := storetest.StartPostgres(t)
	newer, foreign, none := schema(t, server), schema(t, server), server.URL+"&search_path=none"
	if err := open(t, newer).Close(); err != nil {
		t.Fatal(err)
	}
	execute(t, newer, "UPDATE confab_schema SET version = 1000")
	execute(t, foreign, "CREATE TABLE confab_rooms (id int)")
	for at, want := range map[string]error{newer: store.ErrCorrupt, foreign: store.ErrCorrupt, none: store.ErrInvalid} {
		if _, err := postgres.Open(t.Context(), at); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", at, err, want)
		}
	}
}

// A hole is found by who reads it.
func TestDamageIsFound(t *testing.T) {
	server := storetest.StartPostgres(t)
	s := open(t, server.URL)
	defer func() { _ = s.Close() }()
	r, err := s.Open(t.Context(), "room")
	if err != nil {
		t.Fatal(err)
	}
	var records []store.Record
	for seq := uint64(1); seq <= 10; seq++ {
		records = append(records, store.Record{Seq: seq, At: time.Unix(0, 0)})
	}
	if err := s.Append(t.Context(), "room", r.Epoch, 0, records); err != nil {
		t.Fatal(err)
	}
	execute(t, server.URL, "DELETE FROM confab_records WHERE seq = 5 OR seq > 8")
	for _, after := range []uint64{0, 4, 8} {
		if _, err := s.Read(t.Context(), "room", r.Epoch, after, 0); !errors.Is(err, store.ErrCorrupt) {
			t.Errorf("read after %d: %v, want ErrCorrupt", after, err)
		}
	}
	execute(t, server.URL, "DROP TABLE confab_records")
	if _, err := s.Read(t.Context(), "room", r.Epoch, 0, 0); !errors.Is(err, store.ErrCorrupt) {
		t.Errorf("read without a table: %v, want ErrCorrupt", err)
	}
}

// A page is found through the index, and the rows that are looked at do not grow with the log.
func TestPagePlan(t *testing.T) {
	server := storetest.StartPostgres(t)
	s := open(t, server.URL)
	defer func() { _ = s.Close() }()
	ctx := t.Context()
	r, err := s.Open(ctx, "room")
	if err != nil {
		t.Fatal(err)
	}
	for after := uint64(0); after < 10_000; after += 1000 {
		var records []store.Record
		for i := range uint64(1000) {
			seq := after + 1 + i
			records = append(records, store.Record{Seq: seq, Ref: seq - seq%2, At: time.Unix(0, 0), Data: []byte("message")})
		}
		if err := s.Append(ctx, "room", r.Epoch, after, records); err != nil {
			t.Fatal(err)
		}
	}
	execute(t, server.URL, "ANALYZE")
	conn, err := pgx.Connect(ctx, server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	rows, err := conn.Query(ctx, "EXPLAIN (ANALYZE, TIMING OFF, SUMMARY OFF, COSTS OFF) "+postgres.PageSQL, []byte("room"), r.Epoch, int64(store.MaxSeq), 50)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	plan := strings.Join(lines, "\n")
	indexes := 0
	for _, line := range lines {
		var n, loops int
		_, counts, _ := strings.Cut(line, "(actual ")
		if _, err := fmt.Sscanf(counts, "rows=%d loops=%d", &n, &loops); err == nil && n*loops > 150 {
			t.Errorf("%d rows are looked at for a page of 50 messages", n*loops)
		}
		if strings.Contains(line, "confab_records_refs") {
			indexes++
		}
	}
	if indexes != 2 || strings.Contains(plan, "Seq Scan on confab_records") {
		t.Errorf("the index is used %d times, want 2", indexes)
	}
	if t.Failed() {
		t.Log(plan)
	}
}
