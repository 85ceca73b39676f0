package doctorcmd

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/spf13/cobra"

	"github.com/confab/confab/internal/cli"
	"github.com/confab/confab/internal/config"
	"github.com/confab/confab/relay/doctor"
)

// PasswordVariable may hold the password, which a command line would show to every user of the machine.
const PasswordVariable = "TURN_PASSWORD"

const long = `Look at a STUN or TURN server, this one or any other, from where you stand, and say how to mend what is wrong.

It tries each transport over IPv4 and IPv6: does the server answer, is its certificate good, does it ask for a password and refuse a wrong
one, does it make allocations, do datagrams come through it unchanged, there and back, can others reach its relayed addresses, does it
refuse to send to private addresses, do the clocks agree, and which kind of NAT is before you, when the server can tell.

  turn doctor turn:turn.example.org --secret-file secrets     a relay whose secret you have
  turn doctor turns:turn.example.org:443 --username u         and with a user's password, in ` + PasswordVariable + `
  turn doctor stun:stun.example.org                           only what needs no credentials

turn:HOST:PORT stands for UDP and TCP on that port, and TLS on it (on 5349 beside 3478) if there is any; ?transport=udp or ?transport=tcp names one,
turns: is TLS, and turns:HOST?transport=udp is DTLS.

The exit code is 0 when nothing failed, 1 when something did, 2 when the command line is wrong.`

// New returns the command of a program of that name.
func New(p cli.Process, program string) *cobra.Command {
	var (
		o          doctor.Options
		secretFile string
		allow      []string
		asJSON     bool
	)
	c := &cobra.Command{
		Use:   "doctor URI... [--secret-file FILE | --username NAME --password PASSWORD]",
		Short: "Find out what is wrong with a STUN or TURN server",
		Long:  long,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage("name the server to look at, such as: %s doctor turn:turn.example.org:3478", program)
			}
			return nil
		},
		RunE: func(c *cobra.Command, servers []string) error {
			if err := credentials(&o, secretFile, p.Environ); err != nil {
				return err
			}
			for _, text := range allow {
				prefix, err := netip.ParsePrefix(text)
				if err != nil {
					return usage("--allow-peer %q is no network such as 10.0.0.0/8", text)
				}
				o.AllowPeers = append(o.AllowPeers, prefix)
			}
			if o.Burst < 1 || o.Burst > 10_000 || o.Timeout <= 0 {
				return usage("--burst must be from 1 to 10000, and --timeout positive")
			}
			return examine(p, o, servers, asJSON)
		},
	}
	c.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return cli.UsageError{Err: err} })
	f := c.Flags()
	f.StringVar(&o.Username, "username", "", "user name at the server")
	f.StringVar(&o.Password, "password", "", "the user's password; better in the environment: "+PasswordVariable)
	f.StringVar(&secretFile, "secret-file", "", "file of secrets of the server, to mint credentials with; the first one is used")
	f.BoolVar(&o.DTLS, "dtls", false, "look at DTLS too")
	f.StringArrayVar(&allow, "allow-peer", nil, "private network that the relay is meant to reach, such as 10.0.0.0/8; repeatable")
	f.IntVar(&o.Burst, "burst", 50, "datagrams that go through the relay and back, per transport")
	f.DurationVar(&o.Timeout, "timeout", 3*time.Second, "how long to wait for one answer")
	f.BoolVar(&asJSON, "json", false, "print JSON, one object per server")
	f.SortFlags = false
	return c
}

func usage(format string, args ...any) error { return cli.UsageError{Err: fmt.Errorf(format, args...)} }

// credentials takes those of the flags and the environment into o.
func credentials(o *doctor.Options, secretFile string, environ []string) error {
	if o.Password == "" {
		o.Password = variable(environ, PasswordVariable)
	}
	switch {
	case secretFile != "" && o.Username != "":
		return usage("--secret-file mints the credentials: give it, or --username")
	case o.Username != "" && o.Password == "":
		return usage("--username needs --password, or %s in the environment", PasswordVariable)
	case secretFile != "":
		secrets, err := config.ReadSecrets(secretFile)
		if err != nil {
			return cli.UsageError{Err: err}
		}
		o.Secret = secrets[0]
	}
	return nil
}

func variable(environ []string, name string) (value string) {
	for _, pair := range environ {
		if len(pair) > len(name) && pair[:len(name)+1] == name+"=" {
			value = pair[len(name)+1:]
		}
	}
	return value
}

// errFailed ends the program with code 1. What failed has been printed.
var errFailed = errors.New("something failed; see above")

func examine(p cli.Process, o doctor.Options, servers []string, asJSON bool) error {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	defer func() { cancel(); <-ended }()
	go func() { // Ctrl-C ends the checks, not the program: the report of what was seen is printed
		defer close(ended)
		select {
		case <-p.Signals:
			cancel()
		case <-ctx.Done():
		}
	}()
	var failed bool
	for _, server := range servers {
		o.Server = server
		report, err := doctor.Run(ctx, o)
		if err != nil {
			return cli.UsageError{Err: err}
		}
		write := report.WriteTable
		if asJSON {
			write = report.WriteJSON
		}
		if err := write(p.Stdout); err != nil {
			return fmt.Errorf("print the report: %w", err)
		}
		failed = failed || report.Failed()
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("ended before everything was looked at: %w", err)
	}
	if failed {
		return errFailed
	}
	return nil
}
