package redis

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/confab/confab/store"
)

// refused is what a script's word means.
var refused = map[string]error{
	"GONE":     store.ErrGone,
	"CONFLICT": store.ErrConflict,
	"INVALID":  fmt.Errorf("%w: beyond the end of the log, or of the snapshot", store.ErrInvalid),
	"CORRUPT":  fmt.Errorf("%w: a record is missing", store.ErrCorrupt),
}

// coded gives an error of Redis one of the store's codes, by the word that it begins with (redis.io/docs: RESP simple errors).
func (s *Store) coded(ctx context.Context, act string, err error) error {
	switch {
	case err == nil:
		return nil
	case s.hub.Err() != nil:
		return store.ErrClosed
	case ctx.Err() != nil:
		return fmt.Errorf("redis: %s: %w", act, ctx.Err())
	case !store.Unknown(err):
		return fmt.Errorf("redis: %s: %w", act, err)
	}
	return fmt.Errorf("redis: %s: %w: %w", act, code(err), err)
}

func code(err error) error {
	var answer redis.Error
	if !errors.As(err, &answer) {
		return store.ErrUnavailable
	}
	says := answer.Error()
	switch {
	case strings.Contains(says, "OOM command not allowed"), strings.Contains(says, "MISCONF"): // memory is full, or the disk is
		return store.ErrFull
	case strings.Contains(says, "WRONGTYPE"), strings.Contains(says, "value is not a"), strings.Contains(says, "equal or smaller"), // somebody else's keys
		strings.Contains(says, "attempt to"): // a script found nil where a number belongs
		return store.ErrCorrupt
	}
	return store.ErrUnavailable
}
