package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/confab/confab/internal/config"
)

const long = `A TURN relay: it forwards datagrams for people whose network lets nothing else through.

On a server with the public address 203.0.113.7:

  (umask 077; openssl rand -hex 32 > secrets)
  turn serve --secret-file secrets --public-ip 203.0.113.7
                           open UDP and TCP 3478, and UDP 49152-65535, in the firewall
  turn credentials --secret-file secrets --user me --url turn:203.0.113.7
                           prints what a browser's RTCPeerConnection takes as iceServers

With a certificate (--tls-cert, --tls-key) it also speaks TURN over TLS, on 5349; --listen-tls :443 passes most firewalls.

Behind 1:1 NAT or in a container, --public-ip is the address outside. Without it, an address of the machine is taken: fine on a
public server, and in one network.

Who holds credentials can reach the internet through the relay, and nothing private: loopback, private, link-local and the
server's own addresses are refused, in every notation. --allow-peer 10.0.0.0/8 opens a network, --deny-peer closes one.

Every option is a flag, an environment variable (--public-ip is TURN_PUBLIC_IP, lists with commas) and a key of the YAML file
that --config names (public-ip: 203.0.113.7). Flags win over the environment, the environment over the file.

SIGTERM and Ctrl-C refuse new allocations and wait --drain-timeout for the others; a second one ends at once.`

// newRoot builds the command line.
func newRoot(p process) *cobra.Command {
	root := &cobra.Command{
		Use:           "turn",
		Short:         "A TURN relay, safe by default",
		Long:          long,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetArgs(p.args)
	root.SetOut(p.stdout)
	root.SetErr(p.stderr)
	root.AddCommand(newServe(p), newCredentials(p), newReference(p), &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintln(p.stdout, "confab turn", buildVersion())
			return err
		},
	})
	return root
}

func newServe(p process) *cobra.Command {
	var o options
	set := config.New(envPrefix, &o)
	c := &cobra.Command{
		Use:   "serve",
		Short: "Run the relay",
		Long:  long,
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if err := set.Load(p.environ); err != nil {
				return usageError{err}
			}
			return serve(p, set, &o)
		},
	}
	c.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{flagError(err, set, p.environ)} })
	set.AddFlags(c.Flags())
	c.Flags().SortFlags = false
	return c
}

// flagError tells what else is wrong besides a flag that could not be parsed, and what the flag should perhaps have been.
func flagError(err error, set *config.Set, environ []string) error {
	var faults, others config.Faults
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) {
		name := unknown.GetSpecifiedName()
		faults = append(faults, config.Fault{Where: "--" + name, Problem: "no such flag" + set.Suggest(name)})
	} else {
		faults = append(faults, config.Fault{Where: "command line", Problem: strings.TrimSpace(err.Error())})
	}
	if errors.As(set.Load(environ), &others) {
		faults = append(faults, others...)
	}
	return faults
}
