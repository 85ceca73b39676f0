package main

import (
	"context"
	"net"
	"net/netip"
	"slices"

	"github.com/confab/confab/internal/cli"
	"github.com/confab/confab/internal/config"
	"github.com/confab/confab/relay"
)

// sockets are the places where the process listens; nil where it does not.
type sockets struct {
	udp           []net.PacketConn // one address, shared between processors
	dtls          net.PacketConn
	tcp, tls, ops net.Listener
}

// receiveBuffer is asked of the kernel, which may give less: bursts of video wait there while another packet is handled.
const receiveBuffer = 4 << 20

// privilege is how an operator allows ports below 1024.
const privilege = "with AmbientCapabilities=CAP_NET_BIND_SERVICE in the systemd unit"

// listen opens all sockets, or none: its error is config.Faults with everything that was in the way.
func listen(ctx context.Context, set *config.Set, o *options) (*sockets, error) {
	var s sockets
	var faults config.Faults
	var lc net.ListenConfig
	check := func(option, address string, err error) {
		if err != nil {
			faults = append(faults, config.Fault{Where: set.Origin(option).String(), Problem: cli.SocketProblem(address, err, privilege)})
		}
	}
	stream := func(option, address string, wanted bool) net.Listener {
		if address == off || !wanted {
			return nil
		}
		l, err := lc.Listen(ctx, "tcp", address)
		check(option, address, err)
		if err != nil {
			return nil // and not an interface around a nil pointer
		}
		return l
	}
	if o.ListenUDP != off {
		var err error
		s.udp, err = relay.ListenUDP(ctx, o.ListenUDP, receiveBuffer)
		check("listen-udp", o.ListenUDP, err)
	}
	if o.ListenDTLS != off && o.TLSCert != "" {
		c, err := lc.ListenPacket(ctx, "udp", o.ListenDTLS)
		check("listen-dtls", o.ListenDTLS, err)
		if u, ok := c.(*net.UDPConn); ok {
			_ = u.SetReadBuffer(receiveBuffer) // the kernel takes what it allows
			s.dtls = u
		}
	}
	s.tcp = stream("listen-tcp", o.ListenTCP, true)
	s.tls = stream("listen-tls", o.ListenTLS, o.TLSCert != "")
	s.ops = stream("ops-listen", o.OpsListen, true)
	if len(faults) > 0 {
		s.close()
		return nil, faults
	}
	return &s, nil
}

// close closes what is open. Errors are of no use to anyone then.
func (s *sockets) close() {
	for _, c := range s.udp {
		_ = c.Close()
	}
	if s.dtls != nil {
		_ = s.dtls.Close()
	}
	for _, l := range []net.Listener{s.tcp, s.tls, s.ops} {
		if l != nil {
			_ = l.Close()
		}
	}
}

// detectPublic chooses among the addresses of the machine when none was given: a public IPv4 one, else a private one, else loopback.
func detectPublic(interfaces []net.Addr) netip.Addr {
	var addrs []netip.Addr
	for _, a := range interfaces {
		if prefix, err := netip.ParsePrefix(a.String()); err == nil && prefix.Addr().Unmap().Is4() {
			addrs = append(addrs, prefix.Addr().Unmap())
		}
	}
	public := func(a netip.Addr) bool { return a.IsGlobalUnicast() && !a.IsPrivate() }
	for _, good := range []func(netip.Addr) bool{public, netip.Addr.IsGlobalUnicast} {
		if i := slices.IndexFunc(addrs, good); i >= 0 {
			return addrs[i]
		}
	}
	return netip.AddrFrom4([4]byte{127, 0, 0, 1})
}
