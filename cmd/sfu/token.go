package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/confab/confab/auth"
	"github.com/confab/confab/internal/cli"
	"github.com/confab/confab/internal/config"
)

// newToken mints join tokens, so that an operator can invite people, and a developer try, without writing code.
func newToken(p cli.Process) *cobra.Command {
	var (
		o      options
		claims = auth.Participant("", "")
		ttl    time.Duration
		watch  bool
		url    string
	)
	set := config.New(envPrefix, &o)
	c := &cobra.Command{
		Use:   "token --room NAME [--name NAME] [--identity ID] [--ttl 6h]",
		Short: "Mint a token that lets its bearer join",
		Long: `Mint a token that lets its bearer join a server run with --auth=token.

The server and this command share the file of secrets (--secret-file, CONFAB_SECRET_FILE, or secret-file in the YAML file):

  (umask 077; openssl rand -hex 32 > secrets)
  sfu serve --auth=token --secret-file secrets
  sfu token --secret-file secrets --room standup --name Ada --url https://meet.example.org

The token is a JWT (HS256, audience "confab"): any program that has the secret can mint one, see docs/protocol.md.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if err := set.Load(p.Environ); err != nil {
				return cli.UsageError{Err: err}
			}
			if claims.Room == "" {
				return cli.UsageError{Err: errors.New("which room? give --room")}
			}
			if o.SecretFile == "" {
				return cli.UsageError{Err: errors.New("no secret to sign with: give --secret-file, the one that the server has")}
			}
			if ttl <= 0 {
				return cli.UsageError{Err: fmt.Errorf("--ttl %s: must be positive", ttl)}
			}
			secrets, err := config.ReadSecrets(o.SecretFile)
			if err != nil {
				return cli.UsageError{Err: err}
			}
			if watch {
				claims.Grants = auth.Grants{Subscribe: true}
			}
			if claims.Admin {
				claims.Role = auth.RoleHost
			}
			now := time.Now()
			claims.Expires = now.Add(ttl)
			token, err := auth.Sign(secrets[0], claims, now)
			if err != nil {
				return err
			}
			if url != "" {
				token = fmt.Sprintf("%s/r/%s#token=%s", url, claims.Room, token)
			}
			_, err = fmt.Fprintln(p.Stdout, token)
			return err
		},
	}
	c.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return cli.UsageError{Err: err} })
	set.AddFlags(c.Flags(), "secret-file")
	f := c.Flags()
	f.StringVar(&claims.Room, "room", "", "room that the token opens")
	f.StringVar(&claims.Name, "name", "", "name shown to the others; replaces what the person types")
	f.StringVar(&claims.Identity, "identity", "", "who the bearer is for you, the same in every session")
	f.DurationVar(&ttl, "ttl", auth.DefaultLifetime, "how long the token can be used to join")
	f.BoolVar(&claims.Admin, "admin", false, "may moderate the room")
	f.BoolVar(&watch, "watch", false, "may see and hear only")
	f.StringVar(&url, "url", "", "print the link to the room on this server instead of the bare token")
	return c
}
