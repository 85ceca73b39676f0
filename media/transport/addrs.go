package transport

import (
	"fmt"
	"net"
	"net/netip"
)

// LocalAddrs returns the addresses, with the port of sock, that peers can reach a socket bound to sock at, best first.
//
// The rule, in this order:
//   - public addresses named by the operator replace all others of the same family, since behind a one-to-one NAT the host's own
//     are of no use to anyone (a host that is also reached from inside names its inner address too);
//   - a socket bound to one address is reached there, loopback included;
//   - else every address of an interface that is up, except link-local ones (browsers do not take them without a zone) and
//     loopback, because Firefox refuses loopback candidates, and a browser on the same machine reaches the other
//     addresses as well;
//   - else, on a host without a network, 127.0.0.1 and ::1.
func LocalAddrs(sock netip.AddrPort, public []netip.Addr) ([]netip.AddrPort, error) {
	bound := sock.Addr().Unmap()
	var found []netip.Addr
	if bound.IsValid() && !bound.IsUnspecified() {
		found = []netip.Addr{bound}
	} else {
		ifaces, err := net.Interfaces()
		if err != nil {
			return nil, fmt.Errorf("list network interfaces: %w", err)
		}
		for _, i := range ifaces {
			if i.Flags&net.FlagUp == 0 {
				continue
			}
			addrs, err := i.Addrs()
			if err != nil {
				return nil, fmt.Errorf("list addresses of %s: %w", i.Name, err)
			}
			for _, a := range addrs {
				if n, ok := a.(*net.IPNet); ok {
					if ip, ok := netip.AddrFromSlice(n.IP); ok {
						found = append(found, ip.Unmap())
					}
				}
			}
		}
	}
	return chooseAddrs(sock, public, found), nil
}

// chooseAddrs is the rule of LocalAddrs.
func chooseAddrs(sock netip.AddrPort, public, found []netip.Addr) []netip.AddrPort {
	var public4, public6 bool
	var out []netip.AddrPort
	add := func(ip netip.Addr) {
		a := netip.AddrPortFrom(ip, sock.Port())
		for _, o := range out {
			if o == a {
				return
			}
		}
		out = append(out, a)
	}
	for _, ip := range public {
		ip = ip.Unmap()
		public4, public6 = public4 || ip.Is4(), public6 || ip.Is6()
		add(ip)
	}
	bound := sock.Addr().Unmap()
	wild := !bound.IsValid() || bound.IsUnspecified()
	only4 := bound == netip.IPv4Unspecified()
	usable := func(ip netip.Addr) bool {
		return !(ip.Is4() && public4 || ip.Is6() && public6 || ip.Is6() && only4 ||
			ip.IsUnspecified() || ip.IsMulticast() || wild && ip.IsLinkLocalUnicast())
	}
	for _, ip := range found {
		if usable(ip) && !(wild && ip.IsLoopback()) {
			add(ip)
		}
	}
	if len(out) == 0 {
		for _, ip := range found {
			if usable(ip) && ip.IsLoopback() {
				add(ip)
			}
		}
	}
	return out
}
