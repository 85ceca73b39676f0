package policy

import (
	"net/netip"
	"slices"
)

// Peers decides which addresses and ports a client may exchange datagrams with. The zero value refuses the special ranges only.
type Peers struct {
	allow, deny []Range
	own         []netip.Addr
}

// NewPeers makes a Peers that opens allow, closes deny (which wins over allow) and refuses own, the server's own addresses.
// It keeps none of the slices. Prefixes and addresses in v4-mapped form count as the IPv4 ones they carry.
func NewPeers(allow, deny []Range, own []netip.Addr) Peers {
	p := Peers{allow: unmapRanges(allow), deny: unmapRanges(deny)}
	for _, a := range own {
		if a = a.Unmap().WithZone(""); !slices.Contains(p.own, a) {
			p.own = append(p.own, a)
		}
	}
	return p
}

// Check returns Allowed, or why peer is none. A caller that allows single ports of an own address looks at those first.
func (p Peers) Check(peer netip.AddrPort) Reason {
	if peer.Port() == 0 {
		return Unspecified
	}
	return p.check(peer.Addr(), peer.Port())
}

// CheckAddress returns Allowed when some port of addr may be a peer, which is what a permission asks (RFC 8656 §9), or why none is.
func (p Peers) CheckAddress(addr netip.Addr) Reason { return p.check(addr, 0) }

// check looks at one port, or for port 0 at whether any could pass.
func (p Peers) check(addr netip.Addr, port uint16) Reason {
	if !addr.IsValid() {
		return Unspecified
	}
	addr = addr.Unmap().WithZone("")
	denied := func(r Range) bool { return r.contains(addr, port) && (port != 0 || r.everyPort()) }
	if slices.ContainsFunc(p.deny, denied) {
		return Denied
	}
	if r := match(never, addr); r != Allowed {
		return r
	}
	for _, v4 := range embedded(addr) {
		if r := p.check(v4, port); r != Allowed {
			return r
		}
	}
	switch {
	case slices.ContainsFunc(p.allow, func(r Range) bool { return r.contains(addr, port) }):
		return Allowed
	case slices.Contains(p.own, addr):
		return Own
	}
	return match(special, addr)
}

// IsOwn reports whether addr is one of the server's own addresses.
func (p Peers) IsOwn(addr netip.Addr) bool { return slices.Contains(p.own, addr.Unmap().WithZone("")) }

func unmapRanges(in []Range) []Range {
	out := make([]Range, 0, len(in))
	for _, r := range in {
		r.Prefix = unmapPrefix(r.Prefix)
		out = append(out, r)
	}
	return out
}
