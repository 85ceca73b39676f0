package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/confab/confab/auth"
	"github.com/confab/confab/internal/cli"
	"github.com/confab/confab/internal/config"
)

// minting is what the flags of a new token say.
type minting struct {
	claims    auth.Claims
	role      string
	grants    []string
	ttl       time.Duration
	notBefore string
	admin     bool
	watch     bool
	key       string
	audience  string
	url       string
}

// newToken mints join tokens, so that an operator can invite people, and a developer try, without writing code.
func newToken(p cli.Process) *cobra.Command {
	var (
		o options
		m minting
	)
	set := config.New(envPrefix, &o)
	c := &cobra.Command{
		Use:   "token --room NAME [--name NAME] [--identity ID] [--role ROLE] [--ttl 6h]",
		Short: "Mint a token that lets its bearer join",
		Long: `Mint a token that lets its bearer join a server run with --auth=token.

The server and this command share the file of secrets (--secret-file, CONFAB_SECRET_FILE, or secret-file in the YAML file):

  (umask 077; openssl rand -hex 32 > secrets)
  sfu serve --auth=token --secret-file secrets
  sfu token --secret-file secrets --room standup --name Ada --url https://meet.example.org

With --key the token is signed with a private key instead, which no server needs to have.

The token is a JWT: any program that has the secret or the key can mint one, see docs/tokens.md.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if err := set.Load(p.Environ); err != nil {
				return cli.UsageError{Err: err}
			}
			now := time.Now()
			if err := m.complete(now); err != nil {
				return cli.UsageError{Err: err}
			}
			token, err := m.sign(o.SecretFile, now)
			if err != nil {
				return cli.UsageError{Err: err}
			}
			_, err = fmt.Fprintln(p.Stdout, link(m.url, m.claims.Room, token))
			return err
		},
	}
	c.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return cli.UsageError{Err: err} })
	set.AddFlags(c.Flags(), "secret-file")
	f := c.Flags()
	f.StringVar(&m.claims.Room, "room", "", "room that the token opens; team-* is every room whose name begins with team-, and * is every room")
	f.StringVar(&m.claims.Name, "name", "", "name shown to the others; replaces what the person types")
	f.StringVar(&m.claims.Identity, "identity", "", "who the bearer is for you, the same in every session")
	f.StringVar(&m.claims.ID, "id", "", "id of the token")
	f.StringVar(&m.claims.Issuer, "issuer", "", "who mints the token, when the server asks for that")
	f.StringVar(&m.audience, "audience", auth.Audience, "whom a token signed with --key is for, when the server asks for another")
	f.StringVar(&m.role, "role", "", "viewer, member, moderator or host (default member)")
	f.StringSliceVar(&m.grants, "grant", nil, "what the token allows, instead of what its role usually has: "+strings.Join(auth.GrantNames(), ", "))
	f.DurationVar(&m.ttl, "ttl", auth.DefaultLifetime, "how long the token can be used to join")
	f.StringVar(&m.notBefore, "not-before", "", "when it begins: a time such as 2030-01-31T09:00:00Z, or from now, such as 30m; ttl counts from there")
	f.StringVar(&m.key, "key", "", "PEM file of a private key (RSA, EC P-256 or Ed25519) to sign with, instead of the secret")
	f.BoolVar(&m.admin, "admin", false, "may use the admin API for the room; a host if no role is said")
	f.BoolVar(&m.watch, "watch", false, "may see and hear only")
	f.StringVar(&m.url, "url", "", "print the link to the room on this server instead of the bare token")
	c.AddCommand(newTokenInspect(p), newTokenInvite(p), newTokenJWKS(p))
	return c
}

// complete turns the flags into claims, and says all that is wrong with them.
func (m *minting) complete(now time.Time) error {
	var errs []error
	if m.claims.Room == "" {
		errs = append(errs, errors.New("which room? give --room"))
	}
	if m.ttl <= 0 {
		errs = append(errs, fmt.Errorf("--ttl %s: must be positive", m.ttl))
	}
	if m.role == "" && m.admin {
		m.role = string(auth.RoleHost)
	}
	role, grants, err := rights(m.role, m.grants)
	if err != nil {
		errs = append(errs, err)
	}
	if m.watch {
		grants = auth.Grants{Subscribe: true}
	}
	grants.Admin = grants.Admin || m.admin
	m.claims.Role, m.claims.Grants = role, grants

	begin := now
	if m.notBefore != "" {
		if begin, err = moment(m.notBefore, now); err != nil {
			errs = append(errs, err)
		}
		m.claims.NotBefore = begin
	}
	m.claims.Expires = begin.Add(m.ttl)
	return errors.Join(errs...)
}

// rights reads a role, member when it is empty, and the names of grants; none are those of the role.
func rights(name string, grants []string) (auth.Role, auth.Grants, error) {
	role := auth.RoleMember
	if name != "" {
		role = auth.Role(name)
	}
	if !role.Valid() {
		return "", auth.Grants{}, fmt.Errorf("--role %s: want one of %v", name, auth.Roles)
	}
	if len(grants) == 0 {
		return role, auth.GrantsOf(role), nil
	}
	g, unknown := auth.ParseGrants(grants)
	if len(unknown) > 0 {
		return "", auth.Grants{}, fmt.Errorf("--grant %s: want some of %s", unknown[0], strings.Join(auth.GrantNames(), ", "))
	}
	return role, g, nil
}

// moment reads a time, or a duration from now.
func moment(text string, now time.Time) (time.Time, error) {
	if d, err := time.ParseDuration(text); err == nil {
		return now.Add(d), nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return now, fmt.Errorf("--not-before %s: want a time such as 2030-01-31T09:00:00Z, or a duration such as 30m", text)
	}
	return t, nil
}

// sign uses the key if there is one, and the first secret otherwise.
func (m *minting) sign(secretFile string, now time.Time) (string, error) {
	if m.key != "" {
		signer, err := readSigner(m.key)
		if err != nil {
			return "", err
		}
		return signer.Sign(m.claims, m.audience, now)
	}
	if m.audience != auth.Audience {
		return "", fmt.Errorf("--audience goes with --key: a token signed with the secret is for %q", auth.Audience)
	}
	secrets, err := signingSecrets(secretFile)
	if err != nil {
		return "", err
	}
	return auth.Sign(secrets[0], m.claims, now)
}

func signingSecrets(file string) ([][]byte, error) {
	if file == "" {
		return nil, errors.New("no secret to sign with: give --secret-file, the one that the server has")
	}
	return config.ReadSecrets(file)
}

func readSigner(file string) (*auth.Signer, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	signer, err := auth.ParseSigner(content)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return signer, nil
}

// link is where the token leads on a server, or the bare token. It stands in the fragment, which browsers do not send.
func link(server, room, token string) string {
	if server == "" {
		return token
	}
	if strings.HasSuffix(room, "*") {
		room = "" // the person chooses
	} else {
		room = "r/" + room
	}
	return fmt.Sprintf("%s/%s#token=%s", strings.TrimRight(server, "/"), room, token)
}
