package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/confab/confab/store"
)

const (
	maxQueue = 1024 // changes that wait for the writer; who comes then waits with its context
	maxGroup = 256  // changes in one transaction
	// foreign is how often the writer looks whether another process has written.
	foreign = time.Second
)

// change is one thing to write.
type change struct {
	ctx  context.Context // of the caller: who has left before it began is not served
	do   func(ctx context.Context, w *writer) error
	told func() // after the commit, in order
	done chan error
}

// writer owns the connection that writes.
type writer struct {
	conn       *sql.Conn
	statements map[string]*sql.Stmt
	version    int64 // of the file, as of the last look at what other processes wrote
	commits    *atomic.Int64
}

// write is the writer's goroutine.
func (s *Store) write(ctx context.Context, conn *sql.Conn) {
	w := &writer{conn: conn, statements: map[string]*sql.Stmt{}, commits: &s.commits}
	defer w.close()
	look := time.NewTicker(foreign)
	defer look.Stop()
	_, _ = w.foreignWrites(ctx) // the first look only remembers
	for {
		var group []*change
		select {
		case <-ctx.Done():
			s.refuse()
			return
		case <-look.C:
			if wrote, err := w.foreignWrites(ctx); wrote || err != nil {
				s.hub.Connected()
			}
			continue
		case c := <-s.queue:
			group = append(group, c)
		}
		for len(group) < maxGroup && len(s.queue) > 0 {
			group = append(group, <-s.queue)
		}
		w.commit(group)
	}
}

// refuse answers what nobody will write any more.
func (s *Store) refuse() {
	for {
		select {
		case c := <-s.queue:
			c.done <- store.ErrClosed
		default:
			return
		}
	}
}

// submit queues a change and waits for its end or that of ctx. told is called after the commit.
func (s *Store) submit(ctx context.Context, act string, told func(), do func(ctx context.Context, w *writer) error) error {
	if err := s.hub.Err(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("sqlite: %s: %w", act, err)
	}
	c := &change{ctx: ctx, do: do, told: told, done: make(chan error, 1)}
	select {
	case s.queue <- c:
	case <-ctx.Done():
		return fmt.Errorf("sqlite: %s: %w", act, ctx.Err())
	case <-s.hub.Closed():
		return store.ErrClosed
	}
	select {
	case err := <-c.done:
		if err == nil {
			return nil
		}
		return coded(act, err)
	case <-ctx.Done():
		return fmt.Errorf("sqlite: %s: %w", act, ctx.Err())
	case <-s.hub.Closed():
		// The writer may have taken it, or have gone before it came.
		s.done.Wait()
		select {
		case err := <-c.done:
			if err == nil {
				return nil
			}
			return coded(act, err)
		default:
			return store.ErrClosed
		}
	}
}

// commit writes a group of changes in one transaction, and each alone when that fails.
func (w *writer) commit(group []*change) {
	errs, err := w.transaction(group)
	if err != nil && len(group) > 1 {
		for _, c := range group {
			w.commit([]*change{c})
		}
		return
	}
	for i, c := range group {
		switch {
		case errs[i] != nil:
			err = errs[i]
		case err == nil && c.told != nil:
			c.told()
		}
		c.done <- err
		err = nil
	}
}

// transaction returns the refusals of the changes, and an error when nothing was written. Its statements are not interrupted: a caller who
// leaves must not take the others' changes along.
func (w *writer) transaction(group []*change) (refused []error, err error) {
	refused = make([]error, len(group))
	ctx := context.Background()
	if _, err := w.conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return refused, err
	}
	for i, c := range group {
		if err := c.ctx.Err(); err != nil {
			refused[i] = err
			continue
		}
		err := c.do(ctx, w)
		if err != nil && store.Unknown(err) || errors.Is(err, store.ErrCorrupt) {
			return refused, w.rollback(ctx, err)
		}
		refused[i] = err // before it has written anything
	}
	if _, err := w.conn.ExecContext(ctx, "COMMIT"); err != nil {
		return refused, w.rollback(ctx, err)
	}
	w.commits.Add(1)
	return refused, nil
}

// rollback returns err. SQLite has rolled back by itself after some errors; then there is no transaction to end.
func (w *writer) rollback(ctx context.Context, err error) error {
	_, _ = w.conn.ExecContext(ctx, "ROLLBACK")
	return err
}

// foreignWrites reports whether another connection has written since the last look (PRAGMA data_version sees only others' commits).
func (w *writer) foreignWrites(ctx context.Context) (bool, error) {
	var version int64
	if err := w.row(ctx, "PRAGMA data_version", []any{&version}); err != nil {
		return false, err
	}
	changed := version != w.version
	w.version = version
	return changed, nil
}

// exec runs a statement and returns how many rows it has changed.
func (w *writer) exec(ctx context.Context, query string, args ...any) (int64, error) {
	st, err := w.prepare(ctx, query)
	if err != nil {
		return 0, err
	}
	res, err := st.ExecContext(ctx, args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// row runs a query for one row; sql.ErrNoRows when there is none.
func (w *writer) row(ctx context.Context, query string, into []any, args ...any) error {
	st, err := w.prepare(ctx, query)
	if err != nil {
		return err
	}
	return st.QueryRowContext(ctx, args...).Scan(into...)
}

func (w *writer) prepare(ctx context.Context, query string) (*sql.Stmt, error) {
	if st := w.statements[query]; st != nil {
		return st, nil
	}
	st, err := w.conn.PrepareContext(ctx, query)
	if err == nil {
		w.statements[query] = st
	}
	return st, err
}

// close gives the connection back. Errors would be about what is committed already.
func (w *writer) close() {
	for _, st := range w.statements {
		_ = st.Close()
	}
	_ = w.conn.Close()
}
