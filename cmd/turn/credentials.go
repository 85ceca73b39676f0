package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/confab/confab/auth"
	"github.com/confab/confab/internal/cli"
	"github.com/confab/confab/internal/config"
	"github.com/confab/confab/relay"
)

// iceServer is what RTCPeerConnection takes as one of its iceServers.
type iceServer struct {
	URLs       []string `json:"urls"`
	Username   string   `json:"username"`
	Credential string   `json:"credential"`
}

// newCredentials mints credentials, for a test and for applications that ask a program rather than do an HMAC.
func newCredentials(p cli.Process) *cobra.Command {
	var (
		o    options
		user string
		ttl  time.Duration
		urls []string
		last string
	)
	set := config.New(envPrefix, &o)
	c := &cobra.Command{
		Use:   "credentials --secret-file FILE [--user NAME] [--ttl 24h] [--url turn:HOST]...",
		Short: "Mint a user name and password that the relay accepts for a while",
		Long: `Mint a user name and password for a relay that has the same file of secrets.

The user name is "<unix expiry>:<user>", the password base64(HMAC-SHA1(secret, user name)): any program can make them. An
expired one opens nothing new; allocations made in time go on.

Without --url it prints the name on one line and the password on the next; with it, one of the iceServers of RTCPeerConnection.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			err := set.Load(p.Environ)
			var faults config.Faults
			if errors.As(err, &faults) && last != "" && o.SecretFile == "" { // a lasting password needs no secret
				missing := set.Origin("secret-file").String()
				faults = slices.DeleteFunc(faults, func(f config.Fault) bool { return f.Where == missing })
			}
			if len(faults) > 0 {
				return cli.UsageError{Err: faults}
			}
			if last != "" {
				line, err := relay.UserLine(user, o.Realm, last)
				if err != nil {
					return cli.UsageError{Err: err}
				}
				_, err = fmt.Fprintln(p.Stdout, line)
				return err
			}
			if ttl <= 0 {
				return cli.UsageError{Err: fmt.Errorf("--ttl %s: must be positive", ttl)}
			}
			secrets, err := config.ReadSecrets(o.SecretFile)
			if err != nil {
				return cli.UsageError{Err: err}
			}
			name, password := auth.TURNCredentials(secrets[0], user, time.Now().Add(ttl))
			if len(urls) > 0 {
				encoder := json.NewEncoder(p.Stdout)
				encoder.SetIndent("", "  ")
				return encoder.Encode(iceServer{urls, name, password})
			}
			_, err = fmt.Fprintf(p.Stdout, "%s\n%s\n", name, password)
			return err
		},
	}
	set.AddFlags(c.Flags(), "secret-file", "realm")
	c.Flags().StringVar(&user, "user", "user", "name that quotas and logs know the bearer by")
	c.Flags().DurationVar(&ttl, "ttl", 24*time.Hour, "how long it opens new allocations")
	c.Flags().StringVar(&last, "static", "", "print a line of --users-file instead, for --user with this lasting password")
	c.Flags().StringArrayVar(&urls, "url", nil, "address of the relay, such as turn:turn.example.org?transport=tcp; repeatable")
	return c
}
