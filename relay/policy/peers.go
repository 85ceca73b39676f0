package policy

import (
	"net/netip"
	"slices"
)

// Peers decides which addresses a client may exchange datagrams with. The zero value refuses the special ranges only.
type Peers struct {
	allow, deny []netip.Prefix
	own         []netip.Addr
}

// NewPeers makes a Peers that opens allow, closes deny (which wins over allow) and refuses own, the server's own addresses.
// It keeps none of the slices. Prefixes and addresses in v4-mapped form count as the IPv4 ones they carry.
func NewPeers(allow, deny []netip.Prefix, own []netip.Addr) Peers {
	p := Peers{allow: unmapPrefixes(allow), deny: unmapPrefixes(deny)}
	for _, a := range own {
		if a = a.Unmap().WithZone(""); !slices.Contains(p.own, a) {
			p.own = append(p.own, a)
		}
	}
	return p
}

// Check returns Allowed, or why addr is no peer. It does not know ports: a caller that allows single ports of an own address
// looks at those first.
func (p Peers) Check(addr netip.Addr) Reason {
	if !addr.IsValid() {
		return Unspecified
	}
	addr = addr.Unmap().WithZone("")
	if contains(p.deny, addr) {
		return Denied
	}
	if r := match(never, addr); r != Allowed {
		return r
	}
	inner := embedded(addr)
	for _, v4 := range inner {
		if r := p.Check(v4); r != Allowed {
			return r
		}
	}
	switch {
	case contains(p.allow, addr):
		return Allowed
	case slices.Contains(p.own, addr):
		return Own
	}
	return match(special, addr)
}

// IsOwn reports whether addr is one of the server's own addresses.
func (p Peers) IsOwn(addr netip.Addr) bool { return slices.Contains(p.own, addr.Unmap().WithZone("")) }

func contains(prefixes []netip.Prefix, addr netip.Addr) bool {
	return slices.ContainsFunc(prefixes, func(p netip.Prefix) bool { return p.Contains(addr) })
}

func unmapPrefixes(in []netip.Prefix) []netip.Prefix {
	out := make([]netip.Prefix, 0, len(in))
	for _, p := range in {
		if p.Addr().Is4In6() && p.Bits() >= 96 {
			p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
		}
		out = append(out, p.Masked())
	}
	return out
}
