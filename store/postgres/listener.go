package postgres

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/confab/confab/store"
	"github.com/confab/confab/store/internal/hub"
)

const (
	// maxPayload is less than the 8000 bytes that a notification may have (NOTIFY, in PostgreSQL's manual).
	maxPayload = 7900
	// firstRetry and lastRetry bound the pause before the listening connection is made again; it doubles, and half of it is chance.
	firstRetry, lastRetry = 100 * time.Millisecond, 10 * time.Second
	// probe is how often a silent listening connection is asked whether it lives.
	probe = 15 * time.Second
	// messageLife is how long a large message waits for who is told of it.
	messageLife = "1 minute"
)

// listener owns the connection that hears of rooms and topics.
type listener struct {
	store  *Store
	config *pgx.ConnConfig

	mu      sync.Mutex      // guards the fields below
	wanted  map[string]bool // topics, as subscribers come (true) and go (false), not yet told to the server
	wake    context.CancelFunc
	channel map[string]string // topics by their channel, of the connection of the moment
}

func newListener(s *Store, config *pgx.ConnConfig) *listener {
	return &listener{store: s, config: config.Copy(), wanted: map[string]bool{}}
}

// want is called by the hub, under its lock: it only remembers.
func (l *listener) want(topic string, wanted bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wanted[topic] = wanted
	if l.wake != nil {
		l.wake()
	}
}

// run listens until ctx ends.
func (l *listener) run(ctx context.Context) {
	pause := firstRetry
	for ctx.Err() == nil {
		began := time.Now()
		l.listen(ctx)
		l.store.hub.Disconnected()
		if time.Since(began) > lastRetry {
			pause = firstRetry
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause/2 + rand.N(pause/2)):
		}
		pause = min(2*pause, lastRetry)
	}
}

// listen makes a connection and serves it until it is lost. Why does not matter: it is made again.
func (l *listener) listen(ctx context.Context) {
	trying, cancel := context.WithTimeout(ctx, lastRetry)
	conn, err := pgx.ConnectConfig(trying, l.config)
	cancel()
	if err != nil {
		return
	}
	defer func() {
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = conn.Close(ending) // it may be lost already
	}()
	if _, err := conn.Exec(ctx, "LISTEN "+l.store.rooms()); err != nil {
		return
	}
	l.mu.Lock()
	l.channel = map[string]string{}
	l.mu.Unlock()
	for _, topic := range l.store.hub.Topics() {
		l.want(topic, true)
	}
	l.store.hub.Connected()
	for ctx.Err() == nil {
		if err := l.follow(ctx, conn); err != nil {
			return
		}
		if err := l.hear(ctx, conn); err != nil {
			return
		}
	}
}

// follow listens to the topics that are wanted now.
func (l *listener) follow(ctx context.Context, conn *pgx.Conn) error {
	l.mu.Lock()
	wanted := l.wanted
	l.wanted = map[string]bool{}
	l.mu.Unlock()
	for topic, on := range wanted {
		name := l.store.channel("topic", topic)
		act := "UNLISTEN "
		if on {
			act = "LISTEN "
		}
		if _, err := conn.Exec(ctx, act+name); err != nil {
			return err
		}
		if on {
			l.channel[name] = topic
			l.store.hub.TopicReady(topic)
		} else {
			delete(l.channel, name)
		}
	}
	return nil
}

// hear waits for notifications until another topic is wanted, or the connection has been silent for long and proves that it lives.
func (l *listener) hear(ctx context.Context, conn *pgx.Conn) error {
	waiting, wake := context.WithTimeout(ctx, probe)
	defer wake()
	l.mu.Lock()
	l.wake = wake
	if len(l.wanted) > 0 {
		wake()
	}
	l.mu.Unlock()
	for {
		n, err := conn.WaitForNotification(waiting)
		switch {
		case err == nil:
			l.take(n)
			continue
		case waiting.Err() == nil || conn.IsClosed():
			return err
		case ctx.Err() == nil && waiting.Err() == context.DeadlineExceeded:
			proof, cancel := context.WithTimeout(ctx, lastRetry)
			defer cancel()
			return conn.Ping(proof)
		}
		return nil
	}
}

// take hands a notification on. One that cannot be read is nobody's of ours.
func (l *listener) take(n *pgconn.Notification) {
	if n.Channel == l.store.rooms() {
		last, name, _ := strings.Cut(n.Payload, " ")
		seq, err := strconv.ParseUint(last, 10, 64)
		id, err2 := hex.DecodeString(name)
		if err == nil && err2 == nil {
			l.store.hub.Grown(string(id), seq)
		}
		return
	}
	topic, known := l.channel[n.Channel]
	if !known {
		return
	}
	if row, large := strings.CutPrefix(n.Payload, "#"); large {
		if id, err := strconv.ParseInt(row, 10, 64); err == nil {
			l.store.hub.Deliver(topic, hub.Message{Fetch: func(ctx context.Context) ([]byte, error) { return l.store.fetch(ctx, id) }})
		}
		return
	}
	if data, err := base64.StdEncoding.DecodeString(n.Payload); err == nil {
		l.store.hub.Deliver(topic, hub.Message{Data: data})
	}
}

// fetch reads a large message.
func (s *Store) fetch(ctx context.Context, id int64) (data []byte, err error) {
	err = s.query(ctx, "fetch a message", func(pool *pgxpool.Pool) error {
		return pool.QueryRow(ctx, "SELECT data FROM confab_messages WHERE id = $1", id).Scan(&data)
	})
	return data, err
}

// Publish is in the contract.
func (s *Store) Publish(ctx context.Context, topic string, data []byte) error {
	if err := store.CheckMessage(topic, data); err != nil {
		return err
	}
	channel := s.channel("topic", topic)
	if payload := base64.StdEncoding.EncodeToString(data); len(payload) <= maxPayload {
		return s.query(ctx, "publish", func(pool *pgxpool.Pool) error {
			_, err := pool.Exec(ctx, "SELECT pg_notify($1, $2)", channel, payload)
			return err
		})
	}
	return s.query(ctx, "publish", func(pool *pgxpool.Pool) error {
		_, err := pool.Exec(ctx, `WITH old AS (DELETE FROM confab_messages WHERE at < clock_timestamp() - interval '`+messageLife+`'),
			new AS (INSERT INTO confab_messages (data) VALUES ($2) RETURNING id)
			SELECT pg_notify($1, '#' || id) FROM new`, channel, data)
		return err
	})
}

// growth is what the rooms' channel says of a room.
func growth(room string, last uint64) string { return fmt.Sprintf("%d %x", last, room) }
