package redis_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/confab/confab/store"
	"github.com/confab/confab/store/redis"
	"github.com/confab/confab/store/storetest"
)

var prefixes atomic.Int64

// prefix returns the URL of a store with nothing in it.
func prefix(server *storetest.Server) string {
	return fmt.Sprintf("%s?prefix=p%d:", server.URL, prefixes.Add(1))
}

func open(t *testing.T, at string) store.Store {
	t.Helper()
	s, err := redis.Open(t.Context(), at, func(why string) { t.Errorf("warned: %s", why) })
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSuite(t *testing.T) {
	server := storetest.StartRedis(t)
	storetest.Run(t, storetest.Backend{Durable: true, Shared: true, New: func(t *testing.T) func() store.Store {
		at := prefix(server)
		return func() store.Store { return open(t, at) }
	}})
}
