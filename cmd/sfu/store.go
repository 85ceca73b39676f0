package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/confab/confab/auth"
	"github.com/confab/confab/auth/verifier"
	"github.com/confab/confab/internal/config"
	"github.com/confab/confab/store"
	"github.com/confab/confab/store/backend"
	"github.com/confab/confab/store/memory"
)

// openStore opens what --store names. Where nobody has said what, and the usual folder cannot be used (a container without a home), rooms are kept in
// memory, and the log says so: the server shall start with two commands anywhere.
func openStore(log *slog.Logger, set *config.Set, o *options) (store.Store, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	folder := o.DataDir
	if folder == "" {
		folder = dataDir()
	}
	s, err := backend.Open(ctx, o.Store, backend.Options{DataDir: folder, Warn: func(why string) { log.Warn("the store may lose what it has confirmed", "why", why) }})
	switch {
	case err == nil:
		return s, nil
	case set.Given("store") || set.Given("data-dir") || errors.Is(err, store.ErrCorrupt):
		return nil, fmt.Errorf("open the store: %w", err)
	}
	log.Warn("rooms are kept in memory and end with the process: give --data-dir a folder that can be written", "err", err)
	return memory.New(), nil
}

// dataDir is where the system wants programs to keep what they must not lose: what systemd gives (StateDirectory=), else the XDG state folder
// or its namesakes.
func dataDir() string {
	if dir := os.Getenv("STATE_DIRECTORY"); dir != "" {
		return dir
	}
	const name = "confab"
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, name)
	}
	if runtime.GOOS == "windows" || runtime.GOOS == "darwin" {
		if dir, err := os.UserConfigDir(); err == nil {
			return filepath.Join(dir, name)
		}
	}
	if home, err := os.UserHomeDir(); err == nil && filepath.IsAbs(home) {
		return filepath.Join(home, ".local", "state", name)
	}
	return filepath.Join("/var/lib", name)
}

// retention is how much of the rooms is kept.
func retention(o *options) store.Retention {
	r := store.DefaultRetention
	r.Age, r.Bytes = o.RetainAge, int64(o.RetainSize)<<20
	return r
}

// newVerifier makes what join tokens are verified with.
func newVerifier(log *slog.Logger, o *options, secrets [][]byte) (*verifier.Verifier, error) {
	v := verifier.Options{JWKS: o.JWKS, Issuer: o.JWTIssuer, Log: log}
	if o.SecretFile != "" {
		v.Secrets = secrets
	}
	for _, path := range o.JWTKeyFiles {
		keys, err := readKeys(path)
		if err != nil {
			return nil, err
		}
		v.Keys = append(v.Keys, keys...)
	}
	return verifier.New(v)
}

func readKeys(path string) ([]auth.Key, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	keys, err := auth.ParseKeys(content)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return keys, nil
}
