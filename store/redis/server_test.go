package redis_test

import (
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	client "github.com/redis/go-redis/v9"

	"github.com/confab/confab/store"
	"github.com/confab/confab/store/redis"
	"github.com/confab/confab/store/storetest"
)

// A server that is killed and comes back has what it acknowledged (its log was written, if not yet on the disk), and watchers and subscribers find
// their way to it.
func TestServerRestarts(t *testing.T) {
	server := storetest.StartRedis(t)
	storetest.Outage(t, server, func(t *testing.T) store.Store { return open(t, server.URL) })
}

// direct returns a connection behind the store's back.
func direct(t *testing.T, server *storetest.Server) *client.Client {
	t.Helper()
	options, err := client.ParseURL(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	c := client.NewClient(options)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// filled opens a room with n records, of which each two make one message.
func filled(t *testing.T, s store.Store, id string, n uint64) store.Room {
	t.Helper()
	r, err := s.Open(t.Context(), id)
	for after := uint64(0); err == nil && after < n; after += 100 {
		var records []store.Record
		for i := range uint64(100) {
			seq := after + 1 + i
			records = append(records, store.Record{Seq: seq, Ref: seq - seq%2, At: time.Unix(0, 0), Data: []byte("message")})
		}
		err = s.Append(t.Context(), id, r.Epoch, after, records)
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestDamageIsFound(t *testing.T) {
	server := storetest.StartRedis(t)
	s, c, ctx := open(t, server.URL), direct(t, server), t.Context()
	defer func() { _ = s.Close() }()
	read := func(id, epoch string) error { _, err := s.Read(ctx, id, epoch, 0, 0); return err }
	for name, damage := range map[string]func(id string) error{
		"a hole":            func(id string) error { return c.XDel(ctx, "confab:log:"+id, "5-0").Err() },
		"no log":            func(id string) error { return c.Del(ctx, "confab:log:"+id).Err() },
		"another type":      func(id string) error { return c.Set(ctx, "confab:log:"+id, "x", 0).Err() },
		"no bounds":         func(id string) error { return c.HDel(ctx, "confab:room:"+id, "last").Err() },
		"bounds of another": func(id string) error { return c.HSet(ctx, "confab:room:"+id, "last", "x").Err() },
		"a foreign record": func(id string) error {
			c.Del(ctx, "confab:log:"+id)
			return c.XAdd(ctx, &client.XAddArgs{Stream: "confab:log:" + id, ID: "1-0", Values: []string{"a", "b"}}).Err()
		},
		"a foreign number": func(id string) error {
			return c.XAdd(ctx, &client.XAddArgs{Stream: "confab:log:" + id, ID: "101-1", Values: []string{"a", "b"}}).Err()
		},
	} {
		r := filled(t, s, name, 100)
		if err := read(name, r.Epoch); err != nil {
			t.Fatal(err)
		}
		if err := damage(name); err != nil {
			t.Fatal(err)
		}
		if err := read(name, r.Epoch); !errors.Is(err, store.ErrCorrupt) {
			t.Errorf("%s: %v, want ErrCorrupt", name, err)
		}
	}
	c.Set(ctx, "confab:version", "1000", 0)
	if _, err := redis.Open(ctx, server.URL, func(string) {}); !errors.Is(err, store.ErrCorrupt) {
		t.Errorf("keys of a newer program: %v, want ErrCorrupt", err)
	}
}

// The work of a page does not grow with the log: what the server counts as calls and as answers is the same.
func TestPageDoesNotGrowWithTheLog(t *testing.T) {
	server := storetest.StartRedis(t)
	s, c, ctx := open(t, server.URL), direct(t, server), t.Context()
	defer func() { _ = s.Close() }()
	cost := func(id string, n uint64) string {
		r := filled(t, s, id, n)
		if err := c.Do(ctx, "CONFIG", "RESETSTAT").Err(); err != nil {
			t.Fatal(err)
		}
		page, err := s.Page(ctx, id, r.Epoch, 0, 50)
		if err != nil || len(page) < 99 || len(page) > 101 {
			t.Fatalf("a page of %d: %v", len(page), err)
		}
		info, err := c.Info(ctx, "commandstats").Result()
		if err != nil {
			t.Fatal(err)
		}
		var calls []string
		for line := range strings.Lines(info) {
			name, rest, _ := strings.Cut(line, ":")
			count, _, _ := strings.Cut(rest, ",")
			if name == "cmdstat_xrange" || name == "cmdstat_zrevrangebyscore" || name == "cmdstat_xrevrange" {
				calls = append(calls, name+" "+count)
			}
		}
		return strings.Join(calls, ", ")
	}
	if short, long := cost("short", 200), cost("long", 10_000); short != long || !strings.Contains(long, "xrange calls=") {
		t.Fatalf("%s in a log of 10 000, %s in one of 200", long, short)
	}
}

// A server without memory says so before it changes anything, and takes up again when there is some.
func TestFullMemory(t *testing.T) {
	server := storetest.StartRedis(t)
	s, c, ctx := open(t, server.URL), direct(t, server), t.Context()
	defer func() { _ = s.Close() }()
	r := filled(t, s, "room", 100)
	next := []store.Record{{Seq: 101, At: time.Unix(0, 0)}}
	c.ConfigSet(ctx, "maxmemory", "1")
	if err := s.Append(ctx, "room", r.Epoch, 100, next); !errors.Is(err, store.ErrFull) {
		t.Errorf("append: %v, want ErrFull", err)
	}
	if records, err := s.Read(ctx, "room", r.Epoch, 99, 0); err != nil || len(records) != 1 {
		t.Errorf("read: %v", err)
	}
	c.ConfigSet(ctx, "maxmemory", "0")
	if err := s.Append(ctx, "room", r.Epoch, 100, next); err != nil {
		t.Errorf("append with memory again: %v", err)
	}
}

// A password works, and a wrong one is not repeated by the error.
func TestPassword(t *testing.T) {
	server := storetest.StartRedis(t, "--requirepass", "hunter2")
	at, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	at.User = url.UserPassword("", "hunter2")
	if err := open(t, at.String()).Close(); err != nil {
		t.Fatal(err)
	}
	at.User = url.UserPassword("", "wrongpass")
	if _, err := redis.Open(t.Context(), at.String(), func(string) {}); !errors.Is(err, store.ErrUnavailable) || strings.Contains(err.Error(), "wrongpass") && !strings.Contains(err.Error(), "WRONGPASS") {
		t.Fatalf("a wrong password: %v", err)
	}
}
