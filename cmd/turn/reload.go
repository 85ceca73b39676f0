package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/confab/confab/internal/config"
	"github.com/confab/confab/relay"
)

// lookEvery is how often the files are looked at, as certificates are.
const lookEvery = 10 * time.Second

// access are the files that say who may relay; "" for one that is not used.
type access struct {
	log            *slog.Logger
	secrets, users string
	seen           [2]os.FileInfo
}

// readSecrets reads a file of secrets; without one there is none.
func readSecrets(path string) ([][]byte, error) {
	if path == "" {
		return nil, nil
	}
	return config.ReadSecrets(path)
}

// read takes what the files hold into o; on an error o is as before.
func (a *access) read(o *relay.Options) error {
	a.changed()
	secrets, err := readSecrets(a.secrets)
	if err != nil {
		return err
	}
	if a.users != "" {
		users, err := relay.ReadUsers(a.users, a.log)
		if err != nil {
			return err
		}
		o.Users = users
	}
	o.Secrets = secrets
	return nil
}

// changed reports whether a file is another one, or newer, than at the last call.
func (a *access) changed() (changed bool) {
	for i, path := range []string{a.secrets, a.users} {
		info, err := os.Stat(path)
		if err != nil {
			continue // none, or just being replaced: the next look finds it
		}
		if was := a.seen[i]; was == nil || !os.SameFile(was, info) || was.ModTime() != info.ModTime() || was.Size() != info.Size() {
			changed = true
		}
		a.seen[i] = info
	}
	return changed
}

// follow takes changed files without dropping an allocation, at SIGHUP and when they change, until ctx ends.
func (a *access) follow(ctx context.Context, o relay.Options, server *relay.Server) error {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if !a.changed() {
				continue
			}
		case <-hangup:
		}
		next := o
		err := a.read(&next)
		if err == nil {
			err = server.Reload(next)
		}
		if err != nil {
			a.log.Warn("secrets and users stay as they were", "err", err)
			continue
		}
		o = next
		a.log.Info("secrets and users read anew", "secrets", len(next.Secrets))
	}
}
