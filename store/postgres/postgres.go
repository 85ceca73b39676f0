package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/confab/confab/store"
	"github.com/confab/confab/store/internal/hub"
)

var _ store.Store = (*Store)(nil)

// Store is one node's connections to the database.
type Store struct {
	hub      *hub.Hub
	pool     *pgxpool.Pool
	schema   string // that the tables are in; part of the names of channels, which are the database's
	listener *listener
	stop     context.CancelFunc // ends the listener
	done     sync.WaitGroup     // the listener
}

// Open connects to the database, and makes or updates the tables. The URL is libpq's (its manual, 34.1.1.2), with the parameters of pgxpool beside it,
// such as pool_max_conns.
func Open(ctx context.Context, url string) (*Store, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		// The error quotes the URL, and hides only a password that it could find.
		return nil, fmt.Errorf("postgres: %w: the URL cannot be read: use postgres://user:password@host:5432/database", store.ErrInvalid)
	}
	config.ConnConfig.RuntimeParams["application_name"] = "confab"
	config.ConnConfig.RuntimeParams["timezone"] = "UTC"
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("postgres: connect: %w: %w", store.ErrUnavailable, err)
	}
	s := &Store{pool: pool}
	s.listener = newListener(s, config.ConnConfig)
	s.hub = hub.New(false, s.listener.want)
	if err := s.start(ctx); err != nil {
		pool.Close()
		return nil, s.coded(ctx, "connect", err)
	}
	// The listener ends with Close, not with the context of Open.
	listening, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stop = stop
	s.done.Go(func() { s.listener.run(listening) })
	return s, nil
}

func (s *Store) start(ctx context.Context) error {
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	var schema *string
	if err := conn.QueryRow(ctx, "SELECT current_schema()").Scan(&schema); err != nil {
		return err
	}
	if schema == nil {
		return fmt.Errorf("%w: the search_path names no schema that exists", store.ErrInvalid)
	}
	s.schema = *schema
	return migrate(ctx, conn.Conn())
}

// Close is in the contract.
func (s *Store) Close() error {
	if !s.hub.Close() {
		return nil
	}
	s.stop()
	s.done.Wait()
	s.pool.Close()
	return nil
}

// channel names the channel of a topic, or with a prefix of its own that of all rooms. An identifier has at most 63 bytes, so it is a hash.
func (s *Store) channel(kind, name string) string {
	sum := sha256.Sum256([]byte(kind + "\x00" + s.schema + "\x00" + name))
	return "confab_" + strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:]))
}

// rooms is the channel on which rooms grow.
func (s *Store) rooms() string { return s.channel("rooms", "") }

// query lets f use the pool, and codes its error. After a lost server the pool is full of connections that are dead: what could not even be
// sent is tried on the next one.
func (s *Store) query(ctx context.Context, act string, f func(pool *pgxpool.Pool) error) error {
	if err := s.hub.Err(); err != nil {
		return err
	}
	err := f(s.pool)
	for range s.pool.Config().MaxConns {
		if err == nil || ctx.Err() != nil || !pgconn.SafeToRetry(err) {
			break
		}
		err = f(s.pool)
	}
	return s.coded(ctx, act, err)
}

// inTx lets f write in one transaction.
func (s *Store) inTx(ctx context.Context, act string, f func(tx pgx.Tx) error) error {
	return s.query(ctx, act, func(pool *pgxpool.Pool) error { return pgx.BeginFunc(ctx, pool, f) })
}

// isNone reports that a query had no row.
func isNone(err error) bool { return errors.Is(err, pgx.ErrNoRows) }

// Watch is in the contract.
func (s *Store) Watch(ctx context.Context, f func(room string, last uint64)) error {
	return s.hub.Watch(ctx, f)
}

// Subscribe is in the contract.
func (s *Store) Subscribe(ctx context.Context, topic string, f func(data []byte)) error {
	if err := store.CheckID(topic); err != nil {
		return err
	}
	return s.hub.Subscribe(ctx, topic, false, f)
}
