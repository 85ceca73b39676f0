package postgres_test

import (
	"context"
	"fmt"
	"net/url"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/confab/confab/store"
	"github.com/confab/confab/store/postgres"
	"github.com/confab/confab/store/storetest"
)

var schemas atomic.Int64

// schema makes a schema with nothing in it, and returns the URL of a store in it.
func schema(t *testing.T, server *storetest.Server) string {
	t.Helper()
	name := fmt.Sprintf("Schema %d", schemas.Add(1)) // to be quoted
	execute(t, server.URL, fmt.Sprintf("CREATE SCHEMA %q", name))
	return server.URL + "&search_path=" + url.PathEscape(fmt.Sprintf("%q", name))
}

func execute(t *testing.T, at, sql string) {
	t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, at)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	if _, err := conn.Exec(ctx, sql); err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, at string) store.Store {
	t.Helper()
	s, err := postgres.Open(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSuite(t *testing.T) {
	server := storetest.StartPostgres(t)
	storetest.Run(t, storetest.Backend{Durable: true, Shared: true, New: func(t *testing.T) func() store.Store {
		at := schema(t, server)
		return func() store.Store { return open(t, at) }
	}})
}
