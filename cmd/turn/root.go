package main

import (
	"github.com/spf13/cobra"

	"github.com/confab/confab/internal/cli"
	"github.com/confab/confab/internal/config"
	"github.com/confab/confab/internal/doctorcmd"
)

const long = `A TURN relay: it forwards datagrams for people whose network lets nothing else through.

On a server with the public address 203.0.113.7:

  (umask 077; openssl rand -hex 32 > secrets)
  turn serve --secret-file secrets --public-ip 203.0.113.7
                           open UDP and TCP 3478, and UDP 49152-65535, in the firewall
  turn credentials --secret-file secrets --user me --url turn:203.0.113.7
                           prints what a browser's RTCPeerConnection takes as iceServers
  turn doctor turn:203.0.113.7 --secret-file secrets
                           tries it from where you stand, and says how to mend what is wrong

With a certificate (--tls-cert, --tls-key) it also speaks TURN over TLS and DTLS, on 5349; --listen-tls :443 passes most firewalls.

Behind 1:1 NAT or in a container, --public-ip is the address outside. Without it, an address of the machine is taken: fine on a
public server, and in one network.

Who holds credentials can reach the internet through the relay, and nothing private: loopback, private, link-local and the
server's own addresses are refused, in every notation. --allow-peer 10.0.0.0/8 opens a network, --deny-peer closes one.

Every option is a flag, an environment variable (--public-ip is TURN_PUBLIC_IP, lists with commas) and a key of the YAML file
that --config names (public-ip: 203.0.113.7). Flags win over the environment, the environment over the file.

SIGHUP, and a change of the files, takes new secrets, users, peers, quotas and public addresses, and drops nobody.

SIGTERM and Ctrl-C refuse new allocations and wait --drain-timeout for the others; a second one ends at once.`

// newRoot builds the command line.
func newRoot(p cli.Process) *cobra.Command {
	root := &cobra.Command{
		Use:   "turn",
		Short: "A TURN relay, safe by default",
		Long:  long,
	}
	root.AddCommand(newServe(p), newCredentials(p), doctorcmd.New(p, "turn"), cli.NewReference(p, config.New(envPrefix, &options{})), cli.NewVersion(p, "confab turn"))
	return root
}

func newServe(p cli.Process) *cobra.Command {
	var o options
	set := config.New(envPrefix, &o)
	c := &cobra.Command{
		Use:   "serve",
		Short: "Run the relay",
		Long:  long,
		Args:  cobra.NoArgs,
	}
	cli.Serve(c, p, set, func() error { return serve(p, set, &o) })
	return c
}
