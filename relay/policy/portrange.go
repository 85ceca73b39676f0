package policy

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Range is a network, and which ports of it: a peer that an operator opens or closes.
//
//	10.0.0.0/8                every port
//	10.1.2.3                  one address
//	10.0.0.0/8:5000-6000      ports 5000 to 6000
//	[2001:db8::/32]:443       IPv6 with a port goes in brackets
type Range struct {
	Prefix   netip.Prefix
	Min, Max uint16 // both included; both zero: every port
}

// ParseRange reads the notation above. Addresses in v4-mapped form count as the IPv4 ones they carry.
func ParseRange(s string) (Range, error) {
	var r Range
	network, ports, withPorts := s, "", false
	if rest, bracket := strings.CutPrefix(s, "["); bracket {
		inside, after, closed := strings.Cut(rest, "]")
		network = inside
		if mask, ok := strings.CutPrefix(after, "/"); ok { // [2001:db8::]/32:443 is meant the same
			mask, after, _ = cutKeeping(mask, ":")
			network += "/" + mask
		}
		ports, withPorts = strings.CutPrefix(after, ":")
		if !closed || !withPorts && after != "" {
			return r, badRange(s)
		}
	} else if strings.Count(s, ":") == 1 {
		network, ports, withPorts = strings.Cut(s, ":")
	}
	if !strings.Contains(network, "/") {
		addr, err := netip.ParseAddr(network)
		if err != nil || addr.Zone() != "" {
			return r, badRange(s)
		}
		addr = addr.Unmap()
		r.Prefix = netip.PrefixFrom(addr, addr.BitLen())
	} else {
		prefix, err := netip.ParsePrefix(network)
		if err != nil {
			return r, badRange(s)
		}
		r.Prefix = unmapPrefix(prefix)
	}
	if !withPorts {
		return r, nil
	}
	low, high, several := strings.Cut(ports, "-")
	if !several {
		high = low
	}
	first, err1 := strconv.ParseUint(low, 10, 16)
	last, err2 := strconv.ParseUint(high, 10, 16)
	if err1 != nil || err2 != nil || first == 0 || last < first {
		return Range{}, fmt.Errorf("%q: ports are one number or two with a dash, from 1 to 65535, the smaller first", s)
	}
	r.Min, r.Max = uint16(first), uint16(last)
	return r, nil
}

// cutKeeping is strings.Cut that leaves the separator at the front of after.
func cutKeeping(s, sep string) (before, after string, found bool) {
	if i := strings.Index(s, sep); i >= 0 {
		return s[:i], s[i:], true
	}
	return s, "", false
}

func badRange(s string) error {
	return fmt.Errorf("%q is no network: write 10.0.0.0/8, 10.0.0.0/8:5000-6000 or [2001:db8::/32]:443", s)
}

// UnmarshalText makes Range the type of an option; see ParseRange.
func (r *Range) UnmarshalText(text []byte) error {
	parsed, err := ParseRange(string(text))
	if err == nil {
		*r = parsed
	}
	return err
}

// MarshalText writes what ParseRange reads.
func (r Range) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

func (r Range) String() string {
	switch {
	case r.Min == 0 && r.Max == 0:
		return r.Prefix.String()
	case r.Prefix.Addr().Is4():
		return r.Prefix.String() + ":" + r.ports()
	}
	return "[" + r.Prefix.String() + "]:" + r.ports()
}

func (r Range) ports() string {
	if r.Min == r.Max {
		return strconv.Itoa(int(r.Min))
	}
	return fmt.Sprintf("%d-%d", r.Min, r.Max)
}

// everyPort reports whether the range is not bounded by ports.
func (r Range) everyPort() bool { return r.Min <= 1 && (r.Max == 0 || r.Max == 65535) }

// contains reports whether the range holds a port of an address. Port 0 stands for any: it is held when some port is.
func (r Range) contains(addr netip.Addr, port uint16) bool {
	return r.Prefix.Contains(addr) && (r.everyPort() || port == 0 || port >= r.Min && port <= r.Max)
}

func unmapPrefix(p netip.Prefix) netip.Prefix {
	if p.Addr().Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p.Masked()
}
