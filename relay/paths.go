package relay

import (
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/confab/confab/relay/policy"
)

// paths says how datagrams reach our own addresses, and who they come from. It never changes; lookAtInterfaces makes a new one.
type paths struct {
	v4, v6   way
	services map[netip.AddrPort]netip.AddrPort // public to local
	faces    map[netip.AddrPort]netip.AddrPort // local to public
	local    []netip.Addr                      // of this host's interfaces
}

// way is how relayed addresses of one family are made.
type way struct {
	public netip.Addr // of relayed addresses; zero: none
	bind   netip.Addr // what their sockets are bound to
	inside netip.Addr // where this host reaches them: the public address itself, or a local one
}

// lookAtInterfaces takes the addresses this host has now as its own, and finds the paths to them.
func (s *Server) lookAtInterfaces() error {
	local, err := s.o.Interfaces()
	if err != nil {
		return fmt.Errorf("relay: list own addresses: %w", err)
	}
	n := s.set.Load()
	own := slices.Concat(n.own, local)
	for _, service := range n.services {
		own = append(own, service.Public.Addr())
	}
	peers := policy.NewPeers(n.allow, n.deny, own)
	s.peers.Store(&peers)
	s.paths.Store(findPaths(n, local))
	s.changed()
	return nil
}

// changed makes every answer of route and origin be worked out again. Call it after a change of what they look at.
func (s *Server) changed() { s.generation.Add(1) }

// rules are the Server's answers for the forwarding tables.
type rules struct{ s *Server }

func (r rules) Generation() uint64 { return r.s.generation.Load() }

func (r rules) Route(peer netip.AddrPort) (netip.AddrPort, policy.Reason) { return r.s.route(peer) }

func (r rules) Origin(from netip.AddrPort) (netip.AddrPort, policy.Reason) { return r.s.origin(from) }

func findPaths(n *settings, local []netip.Addr) *paths {
	p := &paths{services: map[netip.AddrPort]netip.AddrPort{}, faces: map[netip.AddrPort]netip.AddrPort{}, local: local}
	onInterface := func(a netip.Addr) bool { return slices.Contains(local, a.Unmap()) || a.IsLoopback() }
	find := func(public, localIP, loopback, all netip.Addr) way {
		switch {
		case localIP.IsValid():
			return way{public, localIP, localIP}
		case onInterface(public):
			return way{public, public, public}
		}
		return way{public, all, loopback} // loopback reaches every socket bound to all addresses
	}
	p.v4 = find(n.public, n.localIP, netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv4Unspecified())
	p.v6 = find(n.public6, n.local6, netip.IPv6Loopback(), netip.IPv6Unspecified())
	ours := map[bool]netip.Addr{true: netip.AddrFrom4([4]byte{127, 0, 0, 1}), false: netip.IPv6Loopback()}
	if n.localIP.IsValid() {
		ours[true] = n.localIP
	}
	if n.local6.IsValid() {
		ours[false] = n.local6
	}
	for _, s := range n.services {
		face := netip.AddrPortFrom(s.Public.Addr().Unmap(), s.Public.Port())
		to := netip.AddrPortFrom(s.Local.Addr().Unmap(), s.Local.Port())
		if !s.Local.IsValid() {
			to = face
			if !onInterface(face.Addr()) {
				to = netip.AddrPortFrom(ours[face.Addr().Is4()], face.Port())
			}
		}
		p.services[face] = to
		if _, taken := p.faces[to]; !taken { // of several public addresses of one socket, the first is shown
			p.faces[to] = face
		}
	}
	return p
}

// route says where a datagram for peer goes, or why it goes nowhere.
func (s *Server) route(peer netip.AddrPort) (netip.AddrPort, policy.Reason) {
	peer = netip.AddrPortFrom(peer.Addr().Unmap(), peer.Port())
	p := s.paths.Load()
	if to, ok := p.services[peer]; ok {
		return to, policy.Allowed
	}
	if r := s.table.ports[peer.Port()].Load(); r != nil && r.public == peer {
		return r.inside, policy.Allowed
	}
	if reason := s.peers.Load().Check(peer); reason != policy.Allowed {
		return netip.AddrPort{}, reason
	}
	return peer, policy.Allowed
}

// origin says as whom the sender of a received datagram is shown to the client, or why the datagram is dropped. It is route backwards:
// what can't be sent to can't be heard from.
func (s *Server) origin(from netip.AddrPort) (netip.AddrPort, policy.Reason) {
	from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
	p := s.paths.Load()
	if face, ok := p.faces[from]; ok {
		return face, policy.Allowed
	}
	if r := s.table.ports[from.Port()].Load(); r != nil && r.inside == from {
		return r.public, policy.Allowed
	}
	return from, s.peers.Load().Check(from)
}

// isRelayed reports whether a datagram from there left one of our relay sockets. The SFU's media address may be our own, so that
// a client could have allocations made through allocations, each of which sends its datagrams once more through this host.
func (s *Server) isRelayed(from netip.AddrPort) bool {
	r, addr := s.table.ports[from.Port()].Load(), from.Addr().Unmap()
	if r == nil || addr.Is4() != r.bind.Is4() {
		return false
	}
	return addr == r.bind || r.bind.IsUnspecified() && (addr.IsLoopback() || slices.Contains(s.paths.Load().local, addr))
}

// mayPermit says whether a permission for addr makes sense: that it is a peer, or has a port that is one.
func (s *Server) mayPermit(addr netip.Addr) policy.Reason {
	addr = addr.Unmap()
	if p := s.paths.Load(); addr == p.v4.public || addr == p.v6.public || s.ownRelayed(addr) {
		return policy.Allowed // route looks at the port
	}
	for service := range s.paths.Load().services {
		if service.Addr() == addr {
			return policy.Allowed
		}
	}
	return s.peers.Load().CheckAddress(addr)
}

// ownRelayed reports whether a live relayed address is at addr: of before a Reload, too.
func (s *Server) ownRelayed(addr netip.Addr) bool {
	return slices.ContainsFunc(s.table.all(), func(a *allocation) bool { return a.relayed.public.Addr() == addr })
}

func interfaceAddrs() ([]netip.Addr, error) {
	list, err := net.InterfaceAddrs()
	if err != nil {
		return nil, err
	}
	var out []netip.Addr
	for _, a := range list {
		if prefix, err := netip.ParsePrefix(a.String()); err == nil { // always: it is a *net.IPNet
			out = append(out, prefix.Addr().Unmap())
		}
	}
	return out, nil
}
