package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/confab/confab/store"
)

// coded gives an error of PostgreSQL one of the store's codes (appendix A of its manual). The text of a failed connection may name the user
// and the database, not the password.
func (s *Store) coded(ctx context.Context, act string, err error) error {
	switch {
	case err == nil:
		return nil
	case s.hub.Err() != nil:
		return store.ErrClosed
	case ctx.Err() != nil:
		return fmt.Errorf("postgres: %s: %w", act, ctx.Err())
	case errors.Is(err, pgx.ErrNoRows):
		return store.ErrGone
	case !store.Unknown(err):
		return fmt.Errorf("postgres: %s: %w", act, err)
	}
	return fmt.Errorf("postgres: %s: %w: %w", act, code(err), err)
}

func code(err error) error {
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		return store.ErrUnavailable
	}
	switch {
	case e.Code == "53100", e.Code == "53200": // disk_full, out_of_memory
		return store.ErrFull
	case strings.HasPrefix(e.Code, "XX"), // internal: data_corrupted, index_corrupted
		strings.HasPrefix(e.Code, "42") && e.Code != "42501",             // not the tables that we made (42501: privileges)
		strings.HasPrefix(e.Code, "22"), strings.HasPrefix(e.Code, "23"): // data and constraints that we keep
		return store.ErrCorrupt
	}
	return store.ErrUnavailable
}
