package main

import (
	"crypto/rand"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/confab/confab/auth"
	"github.com/confab/confab/internal/cli"
	"github.com/confab/confab/internal/config"
)

// newTokenInvite mints invites, which are shorter than tokens and counted.
func newTokenInvite(p cli.Process) *cobra.Command {
	var (
		o         options
		i         auth.Invite
		role, url string
		grants    []string
		ttl       time.Duration
	)
	set := config.New(envPrefix, &o)
	c := &cobra.Command{
		Use:   "invite --room NAME [--role ROLE] [--uses N] [--ttl 24h]",
		Short: "Mint an invite: a short token for a link that many can use",
		Long: `Mint an invite: a short token for a link that many can use, or only as many as --uses says.

  sfu token invite --secret-file secrets --room standup --uses 10 --url https://meet.example.org`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if err := set.Load(p.Environ); err != nil {
				return cli.UsageError{Err: err}
			}
			var err error
			if i.Role, i.Grants, err = rights(role, grants); err != nil {
				return cli.UsageError{Err: err}
			}
			secrets, err := signingSecrets(o.SecretFile)
			if err != nil {
				return cli.UsageError{Err: err}
			}
			_, _ = rand.Read(i.ID[:]) // never fails (crypto/rand)
			now := time.Now()
			i.Expires = now.Add(ttl)
			invite, err := auth.MintInvite(secrets[0], i, now)
			if err != nil {
				return cli.UsageError{Err: err}
			}
			_, err = fmt.Fprintln(p.Stdout, link(url, i.Room, invite))
			return err
		},
	}
	set.AddFlags(c.Flags(), "secret-file")
	f := c.Flags()
	f.StringVar(&i.Room, "room", "", "room that the invite opens; may end with *, as in token")
	f.StringVar(&role, "role", "", "viewer, member, moderator or host (default member)")
	f.StringSliceVar(&grants, "grant", nil, "what the invite allows, instead of what its role usually has: "+strings.Join(auth.GrantNames(), ", "))
	f.IntVar(&i.Uses, "uses", 0, "how many joins it is good for; 0 is any number")
	f.DurationVar(&ttl, "ttl", 24*time.Hour, "how long it can be used")
	f.StringVar(&url, "url", "", "print the link to the room on this server instead of the bare invite")
	return c
}

// newTokenJWKS turns keys into what a JWKS URL serves.
func newTokenJWKS(p cli.Process) *cobra.Command {
	return &cobra.Command{
		Use:   "jwks FILE...",
		Short: "Print the public halves of keys as a JWK set",
		Long: `Print the public halves of keys, private or public ones in PEM, as a JWK set (RFC 7517), the document that a JWKS URL serves.

  (umask 077; openssl genpkey -algorithm ed25519 -out key.pem)
  sfu token jwks key.pem > jwks.json
  sfu token --key key.pem --room standup --name Ada

The id of a key is its thumbprint (RFC 7638), which tokens minted with --key carry.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, files []string) error {
			var keys []auth.Key
			for _, file := range files {
				content, err := os.ReadFile(file)
				if err != nil {
					return cli.UsageError{Err: err}
				}
				if signer, err := auth.ParseSigner(content); err == nil {
					keys = append(keys, signer.Key())
					continue
				}
				public, err := auth.ParseKeys(content)
				if err != nil {
					return cli.UsageError{Err: fmt.Errorf("%s: %w", file, err)}
				}
				keys = append(keys, public...)
			}
			_, err := p.Stdout.Write(auth.MarshalJWKS(keys))
			return err
		},
	}
}
