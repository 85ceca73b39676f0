package relay

import (
	"net"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/confab/confab/relay/forward"
	"github.com/confab/confab/relay/policy"
	"github.com/pion/stun/v3"
	"github.com/pion/turn/v4"
)

// fiveTuple names a client's way to us (RFC 8656 §3): its transport, its address and ours.
type fiveTuple struct {
	stream         bool
	client, server netip.AddrPort
}

// client is the way back: send writes one STUN message or ChannelData, whole.
type client interface {
	send(b []byte) error
	transport() string // "udp", "tcp", "tls" or "dtls"
}

// allocation is what we know of an allocation of pion's: enough to forward its datagrams, in both directions, without asking it.
type allocation struct {
	tuple    fiveTuple // fixed at construction, like all fields up to mu
	username string
	user     string
	client   client
	relayed  *relayed
	began    time.Time
	meter    atomic.Pointer[meter] // of its bandwidth; nil: no limit. Reload stores another one
	extra    []stun.Setter         // what the answer to its Allocate has beside pion's attributes
	traffic  *traffic

	mu      sync.Mutex // guards the fields below
	forward forward.Table
}

// table holds the live allocations and the requests being handled.
type table struct {
	ports [1 << 16]atomic.Pointer[relayed] // by relayed port; read per datagram

	mu          sync.RWMutex // guards the fields below
	allocations map[fiveTuple]*allocation
	tcp         map[fiveTuple]*tcpAllocation
	handling    map[string]*request   // by the name that pion knows
	perUser     map[string]*share     // of allocations, reserved ones included, as perAddress and total
	perAddress  map[netip.Addr]*share // by site
	total       share
	bandwidth   policy.Bandwidth
}

// share is what one user, address or the whole relay holds, and what bounds its traffic.
type share struct {
	held  int // allocations
	meter *meter
}

func (t *table) init() {
	t.allocations = map[fiveTuple]*allocation{}
	t.tcp = map[fiveTuple]*tcpAllocation{}
	t.handling = map[string]*request{}
	t.perUser = map[string]*share{}
	t.perAddress = map[netip.Addr]*share{}
}

// limit sets the bandwidth, of live allocations too. Their buckets are full then, so that a change lets a burst pass.
func (t *table) limit(b policy.Bandwidth) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.bandwidth == b {
		return
	}
	t.bandwidth, t.total.meter = b, newMeter(b.Total)
	for _, s := range t.perUser {
		s.meter = newMeter(b.PerUser)
	}
	for _, s := range t.perAddress {
		s.meter = newMeter(b.PerAddress)
	}
	for _, a := range t.allocations {
		a.meter.Store(t.meterLocked(a.user, a.tuple))
	}
	for _, a := range t.tcp {
		a.meter.Store(t.meterLocked(a.user, a.tuple))
	}
}

// meterLocked makes the meter of an allocation that holds its shares.
func (t *table) meterLocked(user string, tuple fiveTuple) *meter {
	return newMeter(t.bandwidth.PerAllocation, t.perUser[user].meter, t.perAddress[site(tuple.client.Addr())].meter, t.total.meter)
}

func (t *table) live(port uint16) bool { return t.ports[port].Load() != nil }

func (t *table) lookup(tuple fiveTuple) *allocation {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.allocations[tuple]
}

func (t *table) len() int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return len(t.allocations) + len(t.tcp)
}

func (t *table) all() []*allocation {
	t.mu.RLock()
	defer t.mu.RUnlock()
	list := make([]*allocation, 0, len(t.allocations))
	for _, a := range t.allocations {
		list = append(list, a)
	}
	return list
}

// begin notes a request before pion sees it; end forgets it when pion is done, and gives back a reservation that led to nothing.
func (t *table) begin(r *request, serial uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r.name = strconv.FormatUint(serial, 36)
	t.handling[r.name] = r
}

func (t *table) end(r *request) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.handling, r.name)
	if r.reserved {
		r.reserved = false
		t.releaseLocked(r.user, r.tuple.client.Addr())
	}
}

// request finds what pion's handlers ask about.
func (t *table) request(name string) *request {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.handling[name]
}

// reserve counts one more allocation for r if the quota admits it.
func (t *table) reserve(r *request, q policy.Quota) policy.Reason {
	t.mu.Lock()
	defer t.mu.Unlock()
	addr := site(r.tuple.client.Addr())
	user, address := t.perUser[r.user], t.perAddress[addr]
	if user == nil {
		user = &share{meter: newMeter(t.bandwidth.PerUser)}
	}
	if address == nil {
		address = &share{meter: newMeter(t.bandwidth.PerAddress)}
	}
	reason := q.Admit(policy.Usage{User: user.held, Address: address.held, Total: t.total.held})
	if reason == policy.Allowed {
		r.reserved = true
		user.held++
		address.held++
		t.total.held++
		t.perUser[r.user], t.perAddress[addr] = user, address
	}
	return reason
}

func (t *table) releaseLocked(user string, addr netip.Addr) {
	addr = site(addr)
	t.total.held--
	if s := t.perUser[user]; s != nil {
		if s.held--; s.held <= 0 {
			delete(t.perUser, user)
		}
	}
	if s := t.perAddress[addr]; s != nil {
		if s.held--; s.held <= 0 {
			delete(t.perAddress, addr)
		}
	}
}

// add puts in an allocation that pion has made for r.
func (t *table) add(a *allocation, r *request) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.allocations[a.tuple] = a
	a.meter.Store(t.meterLocked(a.user, a.tuple))
	r.reserved = false // the allocation holds it now
}

// remove takes out an allocation. Its five-tuple may be in use again.
func (t *table) remove(a *allocation) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.allocations[a.tuple] == a {
		delete(t.allocations, a.tuple)
	}
	t.releaseLocked(a.user, a.tuple.client.Addr())
}

// events keeps the table in step with pion. Relayed ports tell allocations apart: a five-tuple may be reused before the last
// event about its old allocation has come.
func (s *Server) events() turn.EventHandler {
	byRelayed := func(relayAddr net.Addr) *allocation {
		if r := s.table.ports[addrPort(relayAddr).Port()].Load(); r != nil {
			return r.allocation.Load()
		}
		return nil
	}
	with := func(relayAddr net.Addr, f func(*forward.Table)) {
		if a := byRelayed(relayAddr); a != nil {
			a.mu.Lock()
			defer a.mu.Unlock()
			f(&a.forward)
		}
	}
	return turn.EventHandler{
		OnAllocationCreated: func(src, dst net.Addr, _, username, _ string, relayAddr net.Addr, _ int) {
			s.allocated(src, dst, username, relayAddr)
		},
		OnPermissionCreated: func(_, _ net.Addr, _, _, _ string, relayAddr net.Addr, peer net.IP) {
			addr, _ := netip.AddrFromSlice(peer)
			with(relayAddr, func(t *forward.Table) { t.Permit(addr.Unmap()) })
		},
		OnPermissionDeleted: func(_, _ net.Addr, _, _, _ string, relayAddr net.Addr, peer net.IP) {
			addr, _ := netip.AddrFromSlice(peer)
			with(relayAddr, func(t *forward.Table) { t.Revoke(addr.Unmap()) })
		},
		OnChannelCreated: func(_, _ net.Addr, _, _, _ string, relayAddr, peer net.Addr, number uint16) {
			with(relayAddr, func(t *forward.Table) { t.Bind(number, addrPort(peer)) })
		},
		OnChannelDeleted: func(_, _ net.Addr, _, _, _ string, relayAddr, peer net.Addr, number uint16) {
			with(relayAddr, func(t *forward.Table) { t.Unbind(number, addrPort(peer)) })
		},
	}
}

// allocated joins what pion has made with the request it came from. pion calls it before the first datagram is read from the relay
// socket and before the client hears of it.
func (s *Server) allocated(src, dst net.Addr, username string, relayAddr net.Addr) {
	_, stream := src.(*net.TCPAddr)
	tuple := fiveTuple{stream, addrPort(src), addrPort(dst)}
	r := s.table.request(username)
	socket := s.table.ports[addrPort(relayAddr).Port()].Load()
	c := s.clientOf(r, tuple)
	if r == nil || socket == nil || c == nil { // the connection or the server is closing
		if socket != nil {
			_ = socket.Close()
		}
		return
	}
	a := &allocation{
		tuple: tuple, username: r.username, user: r.user, client: c, relayed: socket, began: time.Now(), extra: s.extras(r, socket.public), traffic: s.metrics.trafficOf(c.transport()),
	}
	s.table.add(a, r)
	socket.allocation.Store(a)
	socket.sock.attach(a)
	if sc, ok := c.(*streamConn); ok {
		sc.setAllocated(true)
	}
	s.metrics.allocations.WithLabelValues(c.transport()).Inc()
	s.metrics.allocationsTotal.WithLabelValues(c.transport()).Inc()
	if s.revoked.has(r.user, time.Now()) { // while pion made it
		_ = socket.Close()
	}
	s.log.Info("allocation made", "user", r.user, "client", tuple.client, "transport", c.transport(), "relayed", socket.public)
}

// ended is allocated backwards; the relay socket calls it once, when it is closed.
func (s *Server) ended(a *allocation) {
	s.table.remove(a)
	if sc, ok := a.client.(*streamConn); ok {
		sc.setAllocated(false)
	}
	s.metrics.allocations.WithLabelValues(a.client.transport()).Dec()
	s.log.Info("allocation ended", "user", a.user, "client", a.tuple.client, "relayed", a.relayed.public, "age", time.Since(a.began).Round(time.Millisecond))
}

// clientOf finds the way back for a five-tuple, which r came from, or nil when it is gone.
func (s *Server) clientOf(r *request, tuple fiveTuple) client {
	for _, l := range s.streams {
		if c := l.conn(tuple); c != nil {
			return c
		}
	}
	if r != nil {
		if u, ok := r.from.(udpClient); ok {
			return u
		}
	}
	return nil
}

// addrPort is the netip form of a UDP or TCP address; IPv4 is plain.
func addrPort(a net.Addr) netip.AddrPort {
	var ap netip.AddrPort
	switch a := a.(type) {
	case *net.UDPAddr:
		ap = a.AddrPort()
	case *net.TCPAddr:
		ap = a.AddrPort()
	}
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}
