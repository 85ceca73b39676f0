package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/confab/confab/store"
	"github.com/confab/confab/store/internal/hub"
)

var (
	_ store.Store   = (*Store)(nil)
	_ store.Checker = (*Store)(nil)
)

// maxReaders is how many reads go on at once; each has a connection with a cache of 2 MB at most, SQLite's default.
const maxReaders = 4

// Parameters of the connections. busy_timeout is for the moment in which another process writes. Those of readers change nothing, so
// that a full disk can be read.
const (
	reading = "?_pragma=busy_timeout(5000)&_pragma=query_only(1)"
	writing = "?_pragma=busy_timeout(5000)&_pragma=synchronous(FULL)&_pragma=journal_size_limit(16777216)"
)

// Store is one file.
type Store struct {
	hub     *hub.Hub
	readers *sql.DB
	db      *sql.DB // the writer's
	queue   chan *change
	stop    context.CancelFunc // ends the writer
	done    sync.WaitGroup     // the writer
	commits atomic.Int64       // of the writer
}

// Open opens the file, and makes it and its folder when they aren't there, readable by the user alone.
func Open(ctx context.Context, path string) (*Store, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("sqlite: %w: %w", store.ErrUnavailable, err)
	}
	// SQLite gives its -wal and -shm files the mode of the file.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("sqlite: %w: %w", store.ErrUnavailable, err)
	}
	if err := f.Close(); err != nil {
		return nil, fmt.Errorf("sqlite: %w: %w", store.ErrUnavailable, err)
	}
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("sqlite: %w: %w", store.ErrUnavailable, err)
	}
	dsn := (&url.URL{Scheme: "file", Path: absolute}).String()
	s := &Store{hub: hub.New(true, nil), queue: make(chan *change, maxQueue)}
	if s.db, err = sql.Open("sqlite", dsn+writing); err != nil {
		return nil, coded("open", err)
	}
	if s.readers, err = sql.Open("sqlite", dsn+reading); err != nil {
		return nil, errors.Join(coded("open", err), s.db.Close())
	}
	s.db.SetMaxOpenConns(1)
	s.readers.SetMaxOpenConns(maxReaders)
	s.readers.SetMaxIdleConns(maxReaders)
	conn, err := s.db.Conn(ctx)
	if err == nil {
		if err = migrate(ctx, conn); err != nil {
			_ = conn.Close() // the error that matters is the other one
		}
	}
	if err != nil {
		return nil, errors.Join(coded("open "+path, err), s.db.Close(), s.readers.Close())
	}
	// The writer ends with Close, not with the context of Open.
	life, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stop = stop
	s.done.Go(func() { s.write(life, conn) })
	return s, nil
}

// Close is in the contract.
func (s *Store) Close() error {
	if !s.hub.Close() {
		return nil
	}
	s.stop()
	s.done.Wait()
	if err := errors.Join(s.readers.Close(), s.db.Close()); err != nil {
		return coded("close", err)
	}
	return nil
}

// Check is in the contract of store.Checker.
func (s *Store) Check(ctx context.Context) error {
	return s.read(ctx, "check", func(tx *sql.Tx) error {
		var says string
		if err := tx.QueryRowContext(ctx, "PRAGMA integrity_check(1)").Scan(&says); err != nil {
			return err
		}
		if says != "ok" {
			return fmt.Errorf("%w: %s", store.ErrCorrupt, says)
		}
		var wrong int
		if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM rooms r WHERE
			(SELECT count(*) FROM records WHERE room = r.row) != last + 1 - first OR
			(SELECT coalesce(sum(length(data)), 0) FROM records WHERE room = r.row) != bytes OR
			(SELECT coalesce(max(seq), last) FROM records WHERE room = r.row) != last`).Scan(&wrong); err != nil {
			return err
		}
		if wrong > 0 {
			return fmt.Errorf("%w: %d rooms do not have the records that they say", store.ErrCorrupt, wrong)
		}
		return nil
	})
}

// read lets f see one moment of the file.
func (s *Store) read(ctx context.Context, act string, f func(tx *sql.Tx) error) error {
	if err := s.hub.Err(); err != nil {
		return err
	}
	tx, err := s.readers.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err == nil {
		err = f(tx)
		_ = tx.Rollback() // it has changed nothing
	}
	switch {
	case err == nil:
		return nil
	case s.hub.Err() != nil:
		return store.ErrClosed
	case ctx.Err() != nil:
		return fmt.Errorf("sqlite: %s: %w", act, ctx.Err())
	}
	return coded(act, err)
}

// Watch is in the contract.
func (s *Store) Watch(ctx context.Context, f func(room string, last uint64)) error {
	return s.hub.Watch(ctx, f)
}

// Subscribe is in the contract. Topics do not leave the process.
func (s *Store) Subscribe(ctx context.Context, topic string, f func(data []byte)) error {
	if err := store.CheckID(topic); err != nil {
		return err
	}
	return s.hub.Subscribe(ctx, topic, true, f)
}

// Publish is in the contract. Topics do not leave the process.
func (s *Store) Publish(ctx context.Context, topic string, data []byte) error {
	if err := store.CheckMessage(topic, data); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("sqlite: publish: %w", err)
	}
	if err := s.hub.Err(); err != nil {
		return err
	}
	s.hub.Deliver(topic, hub.Message{Data: data})
	return nil
}
