package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/confab/confab/auth"
	"github.com/confab/confab/internal/cli"
	"github.com/confab/confab/internal/config"
)

// newTokenInspect shows what a token says. What it prints can be sent to somebody who helps: neither the token nor its signature is in it.
func newTokenInspect(p cli.Process) *cobra.Command {
	var (
		o              options
		keys, audience string
	)
	set := config.New(envPrefix, &o)
	c := &cobra.Command{
		Use:   "inspect FILE",
		Short: "Show what a token or an invite says, and whether it is good",
		Long: `Show what a token or an invite says, and whether it is good.

The token is read from a file, or with - from the standard input, so that it does not stay in the shell's history. A link with a token is
fine too. With --secret-file or --keys its signature is checked, and the command fails when the token is not good.

  sfu token inspect - --secret-file secrets < token.txt`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := set.Load(p.Environ); err != nil {
				return cli.UsageError{Err: err}
			}
			ring, err := inspectionKeys(o.SecretFile, keys, audience)
			if err != nil {
				return cli.UsageError{Err: err}
			}
			token, err := readToken(args[0], c.InOrStdin())
			if err != nil {
				return cli.UsageError{Err: err}
			}
			return inspect(p.Stdout, token, ring, time.Now())
		},
	}
	set.AddFlags(c.Flags(), "secret-file")
	c.Flags().StringVar(&keys, "keys", "", "file of public keys to check the signature with: PEM, JWK or a JWK set")
	c.Flags().StringVar(&audience, "audience", auth.Audience, "whom the token should be for")
	return c
}

// inspectionKeys is nil when there is nothing to check the signature with.
func inspectionKeys(secretFile, keyFile, audience string) (*auth.Keyring, error) {
	if secretFile == "" && keyFile == "" {
		return nil, nil
	}
	ring := &auth.Keyring{Audience: audience}
	if secretFile != "" {
		secrets, err := config.ReadSecrets(secretFile)
		if err != nil {
			return nil, err
		}
		ring.Secrets = secrets
	}
	if keyFile != "" {
		content, err := os.ReadFile(keyFile)
		if err != nil {
			return nil, err
		}
		if ring.Keys, err = auth.ParseKeys(content); err != nil {
			return nil, fmt.Errorf("%s: %w", keyFile, err)
		}
	}
	return ring, nil
}

// readToken reads the token, which may stand in a link.
func readToken(file string, stdin io.Reader) (string, error) {
	var content []byte
	var err error
	if file == "-" {
		content, err = io.ReadAll(io.LimitReader(stdin, 2*auth.MaxToken))
	} else if content, err = os.ReadFile(file); os.IsNotExist(err) {
		// The argument may be the token itself, which must not appear in the error.
		return "", fmt.Errorf("there is no such file; inspect takes the name of a file with the token in it, or - for the standard input")
	}
	token := strings.TrimSpace(string(content))
	if _, fragment, ok := strings.Cut(token, "#token="); ok {
		token = fragment
	}
	return token, err
}

// inspect prints one line for each thing that the token says. Text from the token is quoted, so that it cannot play with the terminal.
func inspect(out io.Writer, token string, ring *auth.Keyring, now time.Time) error {
	u, err := auth.Inspect(token)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	line := func(name, format string, values ...any) { _, _ = fmt.Fprintf(w, name+"\t"+format+"\n", values...) } // Flush reports the error
	text := func(name, value string) {
		if value != "" {
			line(name, "%q", value)
		}
	}
	c := u.Claims
	if u.Invite {
		line("kind", "invite")
	} else {
		line("kind", "JWT, %q", u.Algorithm)
		text("key", u.KeyID)
		line("audience", "%q", u.Audience)
	}
	text("issuer", c.Issuer)
	text("room", c.Room)
	text("identity", c.Identity)
	text("name", c.Name)
	line("role", "%s", c.Role)
	line("grants", "%s", strings.Join(c.Grants.Names(), " "))
	text("id", c.ID)
	if c.Uses > 0 {
		line("uses", "%d", c.Uses)
	}
	if !c.NotBefore.IsZero() {
		line("begins", "%s (%s)", c.NotBefore.UTC().Format(time.RFC3339), from(now, c.NotBefore))
	}
	if !c.Expires.IsZero() {
		line("expires", "%s (%s)", c.Expires.UTC().Format(time.RFC3339), from(now, c.Expires))
	}
	if ring == nil {
		line("signature", "not checked: give --secret-file or --keys")
		return w.Flush()
	}
	_, refused := ring.Verify(token, now)
	if refused == nil {
		line("good", "yes")
	} else {
		line("good", "no")
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return refused
}

// from says when t is, seen from now, to the second.
func from(now, t time.Time) string {
	d := t.Sub(now).Round(time.Second)
	if d < 0 {
		return (-d).String() + " ago"
	}
	return "in " + d.String()
}
