package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"syscall"

	"github.com/confab/confab/internal/config"
	"github.com/confab/confab/media/udp"
)

// sockets are the three places where the process listens.
type sockets struct {
	tcp net.Listener
	udp *udp.Socket
	ops net.Listener // nil when off
}

// listen opens all sockets, or none: its error is config.Faults with everything that was in the way.
func listen(ctx context.Context, set *config.Set, o *options) (*sockets, error) {
	var s sockets
	var faults config.Faults
	check := func(option, address string, err error) {
		if err != nil {
			faults = append(faults, config.Fault{Where: set.Origin(option).String(), Problem: socketProblem(address, err)})
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

// socketProblem says what an operator can do about an address that cannot be listened on.
func socketProblem(address string, err error) string {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Sprintf("%s is taken by another program; stop it (ss -tulpn shows it), or choose another port, or port 0 for any free one", address)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Sprintf("%s: ports below 1024 need a privilege; allow it with: setcap cap_net_bind_service=+ep PATH-TO-SFU, or AmbientCapabilities=CAP_NET_BIND_SERVICE in the systemd unit", address)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Sprintf("%s: this machine does not have that address; leave the host out to listen on all, and use --public-ip for the address that people see", address)
	}
	return err.Error()
}
