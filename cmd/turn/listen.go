package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"slices"
	"syscall"

	"github.com/confab/confab/internal/config"
)

// sockets are the places where the process listens; nil where it does not.
type sockets struct {
	udp           net.PacketConn
	tcp, tls, ops net.Listener
}

// receiveBuffer is asked of the kernel, which may give less: bursts of video wait there while another packet is handled.
const receiveBuffer = 4 << 20

// listen opens all sockets, or none: its error is config.Faults with everything that was in the way.
func listen(ctx context.Context, set *config.Set, o *options) (*sockets, error) {
	var s sockets
	var faults config.Faults
	var lc net.ListenConfig
	check := func(option, address string, err error) {
		if err != nil {
			faults = append(faults, config.Fault{Where: set.Origin(option).String(), Problem: socketProblem(address, err)})
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
		conn, err := lc.ListenPacket(ctx, "udp", o.ListenUDP)
		check("listen-udp", o.ListenUDP, err)
		if udp, ok := conn.(*net.UDPConn); ok && err == nil {
			_ = udp.SetReadBuffer(receiveBuffer)
			s.udp = udp
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
	if s.udp != nil {
		_ = s.udp.Close()
	}
	for _, l := range []net.Listener{s.tcp, s.tls, s.ops} {
		if l != nil {
			_ = l.Close()
		}
	}
}

// socketProblem says what an operator can do about an address that cannot be listened on.
func socketProblem(address string, err error) string {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Sprintf("%s is taken by another program; stop it (ss -tulpn shows it), or choose another port, or port 0 for any free one", address)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Sprintf("%s: ports below 1024 need a privilege; allow it with AmbientCapabilities=CAP_NET_BIND_SERVICE in the systemd unit", address)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Sprintf("%s: this machine does not have that address; leave the host out to listen on all, and use --public-ip for the address that people see", address)
	}
	return err.Error()
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
