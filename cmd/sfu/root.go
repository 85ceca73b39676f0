package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/confab/confab/internal/config"
)

const long = `Confab: video calls from one program. It serves the web app, connects people directly where it can,
forwards the media of groups (SFU), and relays for those behind strict networks (TURN).

  sfu                                     a server on this machine; prints the link to open
  sfu --listen :443 --tls-cert fullchain.pem --tls-key privkey.pem --public-ip 203.0.113.7
                                          on a server: open TCP 443 and UDP 3478 in the firewall
  sfu --sfu=off                           peer-to-peer calls only
  sfu --auth=token --secret-file secrets  only people with a token; "sfu token" mints them

Every option is a flag, an environment variable (--public-ip is CONFAB_PUBLIC_IP, lists with commas) and a key of the YAML
file that --config names (public-ip: 203.0.113.7). Flags win over the environment, the environment over the file. Whatever
is wrong is reported at once, with its place.

SIGTERM and Ctrl-C let people finish for --drain-timeout; a second one ends at once.`

// newRoot builds the command line. The root command is serve, so that the bare program does the obvious thing.
func newRoot(p process) *cobra.Command {
	root := newServe(p, "sfu")
	root.Long = long
	root.SilenceErrors, root.SilenceUsage = true, true
	root.Args = func(_ *cobra.Command, args []string) error {
		if len(args) > 0 {
			return usageError{fmt.Errorf("no command %q; see sfu --help", args[0])}
		}
		return nil
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetArgs(p.args)
	root.SetOut(p.stdout)
	root.SetErr(p.stderr)
	serve := newServe(p, "serve")
	serve.Args = root.Args
	root.AddCommand(serve, newToken(p), newReference(p), &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintln(p.stdout, "confab", buildVersion())
			return err
		},
	})
	return root
}

func newServe(p process, name string) *cobra.Command {
	var o options
	set := config.New(envPrefix, &o)
	c := &cobra.Command{
		Use:   name,
		Short: "Run the server (the default command)",
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
	var faults config.Faults
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) {
		name := unknown.GetSpecifiedName()
		faults = append(faults, config.Fault{Where: "--" + name, Problem: "no such flag" + set.Suggest(name)})
	} else {
		faults = append(faults, config.Fault{Where: "command line", Problem: strings.TrimSpace(err.Error())})
	}
	var others config.Faults
	if errors.As(set.Load(environ), &others) {
		faults = append(faults, others...)
	}
	return faults
}
