package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/confab/confab/internal/cli"
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
func newRoot(p cli.Process) *cobra.Command {
	root := newServe(p, "sfu")
	root.Long = long
	root.Args = func(_ *cobra.Command, args []string) error {
		if len(args) > 0 {
			return cli.UsageError{Err: fmt.Errorf("no command %q; see sfu --help", args[0])}
		}
		return nil
	}
	serve := newServe(p, "serve")
	serve.Args = root.Args
	root.AddCommand(serve, newToken(p), newRoom(p), newRecord(p), newLoad(p), newDoctor(p), cli.NewReference(p, config.New(envPrefix, &options{})), cli.NewVersion(p, "confab"))
	return root
}

func newServe(p cli.Process, name string) *cobra.Command {
	var o options
	set := config.New(envPrefix, &o)
	c := &cobra.Command{
		Use:   name,
		Short: "Run the server (the default command)",
	}
	cli.Serve(c, p, set, func() error { return serve(p, set, &o) })
	return c
}
