package main

import (
	"context"
	"log/slog"
	"math"
	"os"
	"os/signal"
	"reflect"
	"slices"
	"syscall"
	"time"

	"github.com/confab/confab/internal/config"
	"github.com/confab/confab/relay"
	"github.com/confab/confab/relay/policy"
)

// lookEvery is how often the files are looked at, as certificates are.
const lookEvery = 10 * time.Second

// settings are the options, and where they come from.
type settings struct {
	log     *slog.Logger
	set     *config.Set
	environ []string
	first   *options               // of the start
	now     *options               // read last
	seen    map[string]os.FileInfo // by path
}

// reloaded are the options that a running relay takes, by the fields of relay.Options that rules fills. The certificate is none of them: its files are
// looked at with every handshake.
var reloaded = []string{
	"public-ip", "secret-file", "users-file", "quota", "quota-per-address", "quota-total", "max-bitrate-per-user", "max-bitrate-total", "max-age",
	"allow-peer", "deny-peer",
}

// rules reads the files and makes of o what relay.Server.Reload looks at.
func (s *settings) rules(o *options) (relay.Options, error) {
	public, err := publicIPs(s.log, o)
	if err != nil {
		return relay.Options{}, err
	}
	rules := relay.Options{
		PublicIPs: public, AllowPeers: o.AllowPeers, DenyPeers: o.DenyPeers,
		Quota:     policy.Quota{PerUser: o.Quota, PerAddress: o.QuotaHost, Total: o.QuotaTotal},
		Bandwidth: policy.Bandwidth{PerUser: int64(o.UserRate), Total: int64(o.TotalRate)},
		MaxAge:    o.MaxAge,
	}
	if rules.Quota == (policy.Quota{}) {
		rules.Quota.Total = math.MaxInt // the zero value would be the relay's default
	}
	if rules.MaxAge == 0 {
		rules.MaxAge = -1 // the same
	}
	s.changed(o) // before they are read: what is written from here on is seen as a change
	if rules.Secrets, err = readSecrets(o.SecretFile); err != nil {
		return relay.Options{}, err
	}
	if o.UsersFile != "" {
		if rules.Users, err = relay.ReadUsers(o.UsersFile, s.log); err != nil {
			return relay.Options{}, err
		}
	}
	return rules, nil
}

// readSecrets reads a file of secrets; without one there is none.
func readSecrets(path string) ([][]byte, error) {
	if path == "" {
		return nil, nil
	}
	return config.ReadSecrets(path)
}

// changed reports whether one of the files that o is made of is another one, or newer, than at the last call.
func (s *settings) changed(o *options) (changed bool) {
	if s.seen == nil {
		s.seen = map[string]os.FileInfo{}
	}
	for _, path := range []string{s.set.File(), o.SecretFile, o.UsersFile} {
		info, err := os.Stat(path)
		if err != nil {
			continue // none, or just being replaced: the next look finds it
		}
		if was := s.seen[path]; was == nil || !os.SameFile(was, info) || was.ModTime() != info.ModTime() || was.Size() != info.Size() {
			changed = true
		}
		s.seen[path] = info
	}
	return changed
}

// follow takes changed options and files without dropping an allocation, at SIGHUP and when a file changes, until ctx ends.
func (s *settings) follow(ctx context.Context, server *relay.Server) error {
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
			if !s.changed(s.now) {
				continue
			}
		case <-hangup:
		}
		s.reload(server)
	}
}

// reload reads everything anew. What is wrong in any of it leaves all of it as it was.
func (s *settings) reload(server *relay.Server) {
	next := new(options)
	set := s.set.Copy(next)
	err := set.Load(s.environ)
	var rules relay.Options
	if err == nil {
		rules, err = s.rules(next)
	}
	if err == nil {
		err = server.Reload(rules)
	}
	if err != nil {
		s.log.Warn("the configuration stays as it was", "err", err)
		return
	}
	if names := differing(s.first, next); len(names) > 0 {
		s.log.Warn("options that have changed and are taken at the next start only", "options", names)
	}
	s.now = next
	s.log.Info("configuration read anew", "secrets", len(rules.Secrets), "public_ips", rules.PublicIPs, "allow_peers", len(rules.AllowPeers), "deny_peers", len(rules.DenyPeers))
}

// differing names the options that differ and are not reloaded.
func differing(was, is *options) (names []string) {
	a, b := reflect.ValueOf(was).Elem(), reflect.ValueOf(is).Elem()
	for i := range a.NumField() {
		name := a.Type().Field(i).Tag.Get("name")
		if !slices.Contains(reloaded, name) && !reflect.DeepEqual(a.Field(i).Interface(), b.Field(i).Interface()) {
			names = append(names, name)
		}
	}
	return names
}
