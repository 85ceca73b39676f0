package sqlite

import (
	"context"
	"errors"
	"fmt"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"github.com/confab/confab/store"
)

// coded gives an error of SQLite one of the store's codes.
func coded(act string, err error) error {
	if err == nil {
		return nil
	}
	var e *sqlite.Error
	code := error(nil)
	if errors.As(err, &e) {
		switch e.Code() & 0xff { // the low byte is the primary result code
		case lib.SQLITE_FULL:
			code = store.ErrFull
		case lib.SQLITE_CORRUPT, lib.SQLITE_NOTADB, lib.SQLITE_MISMATCH, lib.SQLITE_CONSTRAINT:
			code = store.ErrCorrupt
		default: // BUSY, LOCKED, IOERR, CANTOPEN, READONLY, INTERRUPT and what a later SQLite may add
			code = store.ErrUnavailable
		}
	}
	switch {
	case code != nil:
		return fmt.Errorf("sqlite: %s: %w: %w", act, code, err)
	case isCoded(err):
		return fmt.Errorf("sqlite: %s: %w", act, err)
	}
	return fmt.Errorf("sqlite: %s: %w: %w", act, store.ErrUnavailable, err)
}

// isCoded reports whether err has a code already, or is that of a context.
func isCoded(err error) bool {
	return !store.Unknown(err) || errors.Is(err, store.ErrUnavailable) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
