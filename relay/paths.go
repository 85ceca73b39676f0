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
	bind     netip.Addr                        // what relay sockets are bound to
	inside   netip.Addr                        // where a live relayed address is reached: the public address itself, or a local one
	services map[netip.AddrPort]netip.AddrPort // public to local
	faces    map[netip.AddrPort]netip.AddrPort // local to public
	local    []netip.Addr                      // of this host's interfaces
}

// lookAtInterfaces takes the addresses this host has now as its own, and finds the paths to them.
func (s *Server) lookAtInterfaces() error {
	local, err := s.o.Interfaces()
	if err != nil {
		return fmt.Errorf("relay: list own addresses: %w", err)
	}
	own := slices.Concat(s.o.PublicIPs, local)
	for _, service := range s.o.Services {
		own = append(own, service.Public.Addr())
	}
	peers := policy.NewPeers(s.o.AllowPeers, s.o.DenyPeers, own)
	s.peers.Store(&peers)
	s.paths.Store(findPaths(s.public, s.o.LocalIP, s.o.Services, local))
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

func findPaths(public, localIP netip.Addr, services []Service, local []netip.Addr) *paths {
	p := &paths{services: map[netip.AddrPort]netip.AddrPort{}, faces: map[netip.AddrPort]netip.AddrPort{}, local: local}
	ours := netip.AddrFrom4([4]byte{127, 0, 0, 1}) // reaches every socket bound to all addresses
	if localIP.IsValid() {
		ours = localIP.Unmap()
	}
	onInterface := func(a netip.Addr) bool { return slices.Contains(local, a.Unmap()) || a.IsLoopback() }
	switch {
	case localIP.IsValid():
		p.bind, p.inside = ours, ours
	case onInterface(public):
		p.bind, p.inside = public, public
	default:
		p.bind, p.inside = netip.IPv4Unspecified(), ours
	}
	for _, s := range services {
		face := netip.AddrPortFrom(s.Public.Addr().Unmap(), s.Public.Port())
		to := netip.AddrPortFrom(s.Local.Addr().Unmap(), s.Local.Port())
		if !s.Local.IsValid() {
			to = face
			if !onInterface(face.Addr()) {
				to = netip.AddrPortFrom(ours, face.Port())
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
	if peer.Addr() == s.public && s.table.live(peer.Port()) {
		return netip.AddrPortFrom(p.inside, peer.Port()), policy.Allowed
	}
	if reason := s.peers.Load().Check(peer); reason != policy.Allowed {
		return netip.AddrPort{}, reason
	}
	if peer.Port() == 0 || !peer.Addr().Is4() {
		return netip.AddrPort{}, policy.Unspecified
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
	if from.Addr() == p.inside && s.table.live(from.Port()) {
		return netip.AddrPortFrom(s.public, from.Port()), policy.Allowed
	}
	return from, s.peers.Load().Check(from)
}

// isRelayed reports whether a datagram from there left one of our relay sockets. The SFU's media address may be our own, so that
// a client could have allocations made through allocations, each of which sends its datagrams once more through this host.
func (s *Server) isRelayed(from netip.AddrPort) bool {
	if !s.table.live(from.Port()) {
		return false
	}
	p, addr := s.paths.Load(), from.Addr().Unmap()
	return addr == p.bind || p.bind.IsUnspecified() && (addr.IsLoopback() || slices.Contains(p.local, addr))
}

// mayPermit says whether a permission for addr makes sense: that it is a peer, or has a port that is one.
func (s *Server) mayPermit(addr netip.Addr) policy.Reason {
	addr = addr.Unmap()
	if addr == s.public {
		return policy.Allowed // route looks at the port
	}
	for service := range s.paths.Load().services {
		if service.Addr() == addr {
			return policy.Allowed
		}
	}
	return s.peers.Load().CheckAddress(addr)
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
