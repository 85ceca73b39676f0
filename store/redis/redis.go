package redis

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"

	"github.com/confab/confab/store"
	"github.com/confab/confab/store/internal/hub"
)

var _ store.Store = (*Store)(nil)

// timeout of one request on a connection: a server that is silent for longer is not there. Requests have their own context beside it.
const timeout = 5 * time.Second

// schema is the version of the keys; it is kept under confab:version.
const schema = "1"

// Store is one node's connections to the server.
type Store struct {
	hub      *hub.Hub
	client   *redis.Client
	prefix   string // of all keys and channels
	listener *listener
	stop     context.CancelFunc // ends the listener
	done     sync.WaitGroup     // the listener
}

// Open connects to the server. The URL is that of go-redis (redis.ParseURL), with the parameter prefix beside its own: what all keys begin with,
// "confab:" by default. warn is told when the server may lose what it acknowledges.
func Open(ctx context.Context, location string, warn func(why string)) (*Store, error) {
	options, prefix, err := parse(location)
	if err != nil {
		// The error quotes the URL, password and all.
		return nil, fmt.Errorf("redis: %w: the URL cannot be read: use redis://user:password@host:6379/0", store.ErrInvalid)
	}
	s := &Store{client: redis.NewClient(options), prefix: prefix}
	s.listener = &listener{store: s, wanted: map[string]bool{}, wake: make(chan struct{}, 1)}
	s.hub = hub.New(false, s.listener.want)
	if err := s.start(ctx, warn); err != nil {
		return nil, errors.Join(s.coded(ctx, "connect", err), s.client.Close())
	}
	// The listener ends with Close, not with the context of Open.
	listening, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stop = stop
	s.done.Go(func() { s.listener.run(listening) })
	return s, nil
}

// quiet keeps go-redis from writing to standard error: what it says there is in the errors that we return.
var quiet = sync.OnceFunc(logging.Disable)

func parse(location string) (*redis.Options, string, error) {
	u, err := url.Parse(location)
	if err != nil {
		return nil, "", err
	}
	prefix, query := "confab:", u.Query()
	if query.Has("prefix") {
		prefix = query.Get("prefix")
		query.Del("prefix")
		u.RawQuery = query.Encode()
	}
	options, err := redis.ParseURL(u.String())
	if err != nil {
		return nil, "", err
	}
	quiet()
	options.ClientName = "confab"
	options.ContextTimeoutEnabled = true
	options.ReadTimeout, options.WriteTimeout, options.DialTimeout = timeout, timeout, timeout
	// A repeated request is for the caller to decide: an append may have happened.
	options.MaxRetries = -1
	return options, prefix, nil
}

// start checks whose keys these are and what the server is told to keep.
func (s *Store) start(ctx context.Context, warn func(why string)) error {
	if _, err := s.client.SetNX(ctx, s.prefix+"version", schema, 0).Result(); err != nil {
		return err
	}
	version, err := s.client.Get(ctx, s.prefix+"version").Result()
	if err != nil {
		return err
	}
	if version != schema {
		return fmt.Errorf("%w: the keys have version %q, this program knows %s; use a newer program, or another prefix", store.ErrCorrupt, version, schema)
	}
	// INFO says of both, and is not refused where CONFIG is.
	info, err := s.client.Info(ctx, "persistence", "memory").Result()
	if err != nil {
		return err
	}
	if strings.Contains(info, "aof_enabled:0") {
		warn("redis: appendonly is off: rooms are lost when Redis ends; set appendonly yes")
	}
	if !strings.Contains(info, "maxmemory:0\r") && !strings.Contains(info, "maxmemory_policy:noeviction") {
		warn("redis: maxmemory-policy may evict rooms; set it to noeviction")
	}
	return nil
}

// Close is in the contract.
func (s *Store) Close() error {
	if !s.hub.Close() {
		return nil
	}
	s.stop()
	s.done.Wait()
	if err := s.client.Close(); err != nil {
		return fmt.Errorf("redis: close: %w", err)
	}
	return nil
}

// keys are those that scripts on a room take.
func (s *Store) keys(id string) []string {
	return []string{s.prefix + "room:" + id, s.prefix + "log:" + id, s.prefix + "refs:" + id, s.prefix + "snap:" + id, s.prefix + "rooms"}
}

// grown is the channel on which rooms grow.
func (s *Store) grown() string { return s.prefix + "grown" }

// run runs a script and returns what it answers; a word is a refusal.
func (s *Store) run(ctx context.Context, act string, script *redis.Script, keys []string, args ...any) (any, error) {
	if err := s.hub.Err(); err != nil {
		return nil, err
	}
	answer, err := script.Run(ctx, s.client, keys, args...).Result()
	if err != nil {
		return nil, s.coded(ctx, act, err)
	}
	if word, is := answer.(string); is {
		return nil, s.coded(ctx, act, refused[word])
	}
	return answer, nil
}

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

// Publish is in the contract.
func (s *Store) Publish(ctx context.Context, topic string, data []byte) error {
	if err := store.CheckMessage(topic, data); err != nil {
		return err
	}
	if err := s.hub.Err(); err != nil {
		return err
	}
	return s.coded(ctx, "publish", s.client.Publish(ctx, s.prefix+"topic:"+topic, data).Err())
}
