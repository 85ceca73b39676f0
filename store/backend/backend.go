package backend

import (
	"context"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/confab/confab/store"
	"github.com/confab/confab/store/memory"
	"github.com/confab/confab/store/postgres"
	"github.com/confab/confab/store/redis"
	"github.com/confab/confab/store/sqlite"
)

// Options is what a URL does not say.
type Options struct {
	DataDir string           // the folder of "sqlite:" and of relative paths; "": the current one
	Warn    func(why string) // told once about a store that may lose what it acknowledges; may be nil
}

// file is the name of the database in the data folder.
const file = "rooms.db"

// Open opens the store that the URL names. ErrInvalid: it names none, and the error says what would; ErrUnavailable: it does not answer now.
func Open(ctx context.Context, location string, o Options) (store.Store, error) {
	warn := o.Warn
	if warn == nil {
		warn = func(string) {}
	}
	scheme, rest, found := strings.Cut(location, ":")
	switch {
	case !found:
	case scheme == "memory" && rest == "":
		return memory.New(), nil
	case scheme == "sqlite":
		return opened(sqlite.Open(ctx, sqlitePath(rest, o.DataDir)))
	case scheme == "postgres" || scheme == "postgresql":
		return opened(postgres.Open(ctx, location))
	case scheme == "redis" || scheme == "rediss":
		return opened(redis.Open(ctx, location, warn))
	}
	return nil, fmt.Errorf("%w: %s is no store: use memory:, sqlite:, sqlite:PATH, postgres://… or redis://…", store.ErrInvalid, Name(location))
}

// opened makes no interface of a nil pointer.
func opened[S store.Store](s S, err error) (store.Store, error) {
	if err != nil {
		return nil, err
	}
	return s, nil
}

func sqlitePath(path, dataDir string) string {
	path = strings.TrimPrefix(path, "//") // sqlite:///var/lib/rooms.db is meant by some as sqlite:/var/lib/rooms.db
	if path == "" {
		path = file
	}
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dataDir, path)
}

// Name is the URL of a store as logs may show it: without user, password and parameters.
func Name(location string) string {
	scheme, rest, found := strings.Cut(location, ":")
	switch scheme {
	case "sqlite":
		return location
	case "postgres", "postgresql", "redis", "rediss":
		if u, err := url.Parse(location); err == nil {
			return (&url.URL{Scheme: scheme, Host: u.Host, Path: u.Path}).String()
		}
		return scheme + ":(not a URL)"
	}
	// Perhaps a password in the wrong place: it is not repeated.
	if !found || strings.Contains(rest, "@") || len(scheme) > 20 {
		return "what was given"
	}
	return scheme + ":"
}
