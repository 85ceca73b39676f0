package main

import (
	"context"
	"net"

	"github.com/confab/confab/internal/cli"
	"github.com/confab/confab/internal/config"
	"github.com/confab/confab/media/udp"
)

// sockets are the three places where the process listens.
type sockets struct {
	tcp net.Listener
	udp *udp.Socket
	ops net.Listener // nil when off
}

// privilege is how an operator allows ports below 1024.
const privilege = "with: setcap cap_net_bind_service=+ep PATH-TO-SFU, or AmbientCapabilities=CAP_NET_BIND_SERVICE in the systemd unit"

// listen opens all sockets, or none: its error is config.Faults with everything that was in the way.
func listen(ctx context.Context, set *config.Set, o *options) (*sockets, error) {
	var s sockets
	var faults config.Faults
	check := func(option, address string, err error) {
		if err != nil {
			faults = append(faults, config.Fault{Where: set.Origin(option).String(), Problem: cli.SocketProblem(address, err, privilege)})
		}
	}
	var lc net.ListenConfig
	var err error
	s.tcp, err = lc.Listen(ctx, "tcp", o.Listen)
	check("listen", o.Listen, err)
	s.udp, err = udp.Listen(o.UDP, udp.Options{})
	check("udp", o.UDP, err)
	if o.OpsListen != off {
		s.ops, err = lc.Listen(ctx, "tcp", o.OpsListen)
		check("ops-listen", o.OpsListen, err)
	}
	if len(faults) > 0 {
		s.close()
		return nil, faults
	}
	return &s, nil
}

// close closes what is open. Errors are of no use to anyone then.
func (s *sockets) close() {
	if s.tcp != nil {
		_ = s.tcp.Close()
	}
	if s.udp != nil {
		_ = s.udp.Close()
	}
	if s.ops != nil {
		_ = s.ops.Close()
	}
}
