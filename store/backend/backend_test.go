package backend_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/confab/confab/store"
	"github.com/confab/confab/store/backend"
	"github.com/confab/confab/store/storetest"
)

func TestOpensWhatTheURLNames(t *testing.T) {
	dir := t.TempDir()
	for location, file := range map[string]string{
		"memory:":                             "",
		"sqlite:":                             "rooms.db",
		"sqlite:below/other.db":               "below/other.db",
		"sqlite:" + filepath.Join(dir, "abs"): "abs",
		"sqlite://" + filepath.Join(dir, "slashes"): "slashes",
	} {
		s, err := backend.Open(t.Context(), location, backend.Options{DataDir: dir})
		if err != nil {
			t.Errorf("%s: %v", location, err)
			continue
		}
		if _, err := s.Open(t.Context(), "room"); err != nil {
			t.Errorf("%s: %v", location, err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("%s: %v", location, err)
		}
		if file == "" {
			continue
		}
		info, err := os.Stat(filepath.Join(dir, file))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, want %s, readable by its owner alone", location, err, file)
		}
	}
}

func TestOpensServers(t *testing.T) {
	for name, start := range map[string]func(*testing.T) *storetest.Server{
		"postgres": storetest.StartPostgres,
		"redis":    func(t *testing.T) *storetest.Server { return storetest.StartRedis(t) },
	} {
		t.Run(name, func(t *testing.T) {
			s, err := backend.Open(t.Context(), start(t).URL, backend.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// Redis that keeps nothing is said so.
func TestWarnsOfRedisInMemory(t *testing.T) {
	server := storetest.StartRedis(t, "--appendonly", "no", "--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru")
	var warned []string
	s, err := backend.Open(t.Context(), server.URL, backend.Options{Warn: func(why string) { warned = append(warned, why) }})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if len(warned) != 2 || !strings.Contains(warned[0], "appendonly") || !strings.Contains(warned[1], "noeviction") {
		t.Fatalf("warned %q", warned)
	}
}

// No error repeats a password, wherever it stands, and none is without a code.
func TestErrorsNameNoPassword(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for location, want := range map[string]error{
		"":                                   store.ErrInvalid,
		"hunter2":                            store.ErrInvalid,
		"memory:hunter2":                     store.ErrInvalid,
		"mysql://me:hunter2@host/db":         store.ErrInvalid,
		"me:hunter2@host":                    store.ErrInvalid,
		"postgres://me:hunter2@host:port/db": store.ErrInvalid,
		"postgres://me:hunter2@[::1/db":      store.ErrInvalid,
		"postgres://me:hunter2@host/db?sslmode=x":                store.ErrInvalid,
		"redis://me:hunter2@host:port/x":                         store.ErrInvalid,
		"redis://me:hunter2@127.0.0.1:1/x":                       store.ErrInvalid,
		"redis://me:hunter2@127.0.0.1:1/0?z=hunter2":             store.ErrInvalid,
		"postgres://me:hunter2@127.0.0.1:1/db?connect_timeout=2": store.ErrUnavailable,
		"redis://me:hunter2@127.0.0.1:1/0":                       store.ErrUnavailable,
		"rediss://me:hunter2@127.0.0.1:1/0":                      store.ErrUnavailable,
		"sqlite:/dev/null/hunter3/x":                             store.ErrUnavailable,
	} {
		s, err := backend.Open(ctx, location, backend.Options{DataDir: t.TempDir()})
		if err == nil {
			_ = s.Close()
		}
		if !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", location, err, want)
			continue
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: the error repeats the password: %v", location, err)
		}
		if name := backend.Name(location); strings.Contains(name, "hunter2") {
			t.Errorf("%q: the name repeats the password: %s", location, name)
		}
	}
}
