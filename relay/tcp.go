package relay

import (
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/confab/confab/relay/forward"
	"github.com/confab/confab/relay/policy"
	"github.com/pion/stun/v3"
)

// TCP allocations (RFC 6062) are ours from end to end: pion/turn v4 has none. The client's connection carries requests only; each connection
// to or from a peer is joined to another connection of the client's by ConnectionBind, and from then on carries bytes and nothing else.
//
//	client ── control: Allocate, Connect, CreatePermission, Refresh ──▶ tcpAllocation ── listener ◀── peers
//	client ── ConnectionBind, then bytes ─────────────────────────────▶ peerConn ─────────────────── peer
//
// Peers pass the same policy as those of UDP; the Services are UDP and are none.

const (
	// RFC 6062 §5.2 and §5.3: a connection to a peer that is not there after 30 s, or not bound, is given up.
	tcpPatience = 30 * time.Second
	// maxPeerConns bounds the connections of one allocation, those not yet bound included.
	maxPeerConns = 64
	// permissionLifetime is that of RFC 8656 §9.
	permissionLifetime = 5 * time.Minute
)

// tcpAllocation is one TCP allocation. It ends with its client's connection, its lifetime, or close.
type tcpAllocation struct {
	s        *Server // fixed at construction, like all fields up to mu
	tuple    fiveTuple
	username string
	user     string
	control  *streamConn
	listener net.Listener
	public   netip.AddrPort
	began    time.Time
	meter    atomic.Pointer[meter] // nil: no limit
	dial     func(ctx context.Context, network, address string) (net.Conn, error)
	ctx      context.Context // of the connections being made
	cancel   context.CancelFunc

	mu          sync.Mutex               // guards the fields below
	permissions map[netip.Addr]time.Time // until
	conns       map[uint32]*peerConn
	expiry      *time.Timer
	closed      bool
}

func (t *table) lookupTCP(tuple fiveTuple) *tcpAllocation {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.tcp[tuple]
}

func (t *table) allTCP() []*tcpAllocation {
	t.mu.RLock()
	defer t.mu.RUnlock()
	list := make([]*tcpAllocation, 0, len(t.tcp))
	for _, a := range t.tcp {
		list = append(list, a)
	}
	return list
}

// guardTCP answers the authentic requests of TCP allocations; a is that of the connection, or nil.
func (s *Server) guardTCP(m *stun.Message, r *request, a *tcpAllocation, answer answerer) {
	control, _ := r.from.(*streamConn)
	switch {
	case !r.tuple.stream: // over UDP or DTLS
		_, _ = answer.refuse(stun.CodeBadRequest, "bad_request") // RFC 6062 §5.1
	case m.Type.Method == stun.MethodConnectionBind:
		s.connectionBind(m, r, control, answer)
	case m.Type.Method == stun.MethodAllocate && a != nil:
		_, _ = answer.refuse(stun.CodeAllocMismatch, "allocation_exists")
	case m.Type.Method == stun.MethodAllocate:
		s.allocateTCP(m, r, control, answer)
	case a == nil:
		_, _ = answer.refuse(stun.CodeAllocMismatch, "no_allocation")
	case a.username != r.username:
		_, _ = answer.refuse(stun.CodeWrongCredentials, "wrong_user")
	case m.Type.Method == stun.MethodRefresh:
		lifetime := lifetimeOf(m)
		if lifetime == 0 {
			answer.succeed(lifetimeAttr(0))
			a.close()
			return
		}
		lifetime = max(s.set.Load().remaining(lifetime, a.began, time.Now()), time.Second)
		a.mu.Lock()
		a.expiry.Reset(lifetime)
		a.mu.Unlock()
		answer.succeed(lifetimeAttr(lifetime))
	case m.Type.Method == stun.MethodCreatePermission:
		a.permit(m, answer)
	case m.Type.Method == stun.MethodConnect:
		a.connect(m, answer)
	default: // RFC 6062 §4: no channels
		_, _ = answer.refuse(stun.CodeBadRequest, "bad_request")
	}
}

// allocateTCP is RFC 6062 §5.1.
func (s *Server) allocateTCP(m *stun.Message, r *request, control *streamConn, answer answerer) {
	if s.o.NoTCPRelay {
		_, _ = answer.refuse(stun.CodeUnsupportedTransProto, "transport")
		return
	}
	for _, attr := range []stun.AttrType{stun.AttrEvenPort, stun.AttrReservationToken} {
		if m.Contains(attr) {
			_, _ = answer.refuse(stun.CodeBadRequest, "bad_request")
			return
		}
	}
	way := s.paths.Load().v4
	if family(m) == familyIPv6 {
		way = s.paths.Load().v6
	}
	switch {
	case s.draining.Load():
		_, _ = answer.refuse(stun.CodeInsufficientCapacity, "draining")
		return
	case !way.public.IsValid() || m.Contains(stun.AttrRequestedAddressFamily) && family(m) != familyIPv4 && family(m) != familyIPv6:
		_, _ = answer.refuse(stun.CodeAddrFamilyNotSupported, "address_family")
		return
	case !s.admit(r):
		_, _ = answer.refuse(stun.CodeAllocQuotaReached, "quota")
		return
	}
	listener, port := s.listenTCP(way.bind)
	if listener == nil {
		s.table.end(r)
		_, _ = answer.refuse(stun.CodeInsufficientCapacity, "no_port")
		return
	}
	a := &tcpAllocation{
		s: s, tuple: r.tuple, username: r.username, user: r.user, control: control, listener: listener, public: netip.AddrPortFrom(way.public, port),
		began: time.Now(), permissions: map[netip.Addr]time.Time{}, conns: map[uint32]*peerConn{},
	}
	a.dial = (&net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(addrPort(listener.Addr())), Control: sharePort}).DialContext // RFC 6062 §5.2: from the relayed address
	a.ctx, a.cancel = context.WithCancel(context.Background())
	lifetime := s.set.Load().remaining(lifetimeOf(m), a.began, a.began)
	a.expiry = time.AfterFunc(lifetime, a.close)
	s.table.mu.Lock()
	s.table.tcp[a.tuple] = a
	a.meter.Store(s.table.meterLocked(a.user, a.tuple))
	r.reserved = false // the allocation holds it now
	s.table.mu.Unlock()
	control.setAllocated(true)
	s.metrics.allocations.WithLabelValues(control.kind).Inc()
	s.metrics.allocationsTotal.WithLabelValues(control.kind).Inc()
	s.log.Info("TCP allocation made", "user", a.user, "client", a.tuple.client, "relayed", a.public)
	s.running.Add(1)
	go a.accept()
	client := a.tuple.client
	answer.succeed(
		xorAddress{stun.AttrXORRelayedAddress, a.public}, lifetimeAttr(lifetime), xorAddress{stun.AttrXORMappedAddress, client})
	if s.revoked.has(r.user, time.Now()) {
		a.close()
	}
}

// listenTCP opens a relayed address on a free port; nil when there is none.
func (s *Server) listenTCP(bind netip.Addr) (net.Listener, uint16) {
	config := net.ListenConfig{Control: sharePort}
	for range bindTries {
		port, ok := s.ports.take()
		if !ok {
			return nil, 0
		}
		if l, err := config.Listen(context.Background(), "tcp", netip.AddrPortFrom(bind, port).String()); err == nil {
			return l, port
		}
		s.ports.give(port)
	}
	return nil, 0
}

// xorAddress is an address attribute of the XOR kind.
type xorAddress struct {
	kind stun.AttrType
	addr netip.AddrPort
}

func (x xorAddress) AddTo(m *stun.Message) error {
	addr := stun.XORMappedAddress{IP: net.IP(x.addr.Addr().Unmap().AsSlice()), Port: int(x.addr.Port())}
	return addr.AddToAs(m, x.kind)
}

func connectionID(id uint32) stun.Setter {
	return stun.RawAttribute{Type: stun.AttrConnectionID, Length: 4, Value: binary.BigEndian.AppendUint32(nil, id)}
}

// mayReach says whether a peer may be connected to, and where it is.
func (a *tcpAllocation) mayReach(peer netip.AddrPort) (netip.AddrPort, policy.Reason) {
	for _, other := range a.s.table.allTCP() {
		if other.public == peer { // as with UDP, our own relayed addresses are peers
			return addrPort(other.listener.Addr()), policy.Allowed
		}
	}
	return peer, a.s.peers.Load().Check(peer)
}

func (a *tcpAllocation) permit(m *stun.Message, answer answerer) {
	peers, ok := peerAddresses(m)
	if !ok || len(peers) == 0 {
		_, _ = answer.refuse(stun.CodeBadRequest, "bad_request")
		return
	}
	for _, peer := range peers {
		if reason := a.s.mayPermit(peer.Addr()); reason != policy.Allowed {
			_, _ = answer.refuse(stun.CodeForbidden, string(reason))
			return
		}
		if familyOf(peer.Addr()) != familyOf(a.public.Addr()) {
			_, _ = answer.refuse(stun.CodePeerAddrFamilyMismatch, "address_family")
			return
		}
	}
	now := time.Now()
	a.mu.Lock()
	for addr, until := range a.permissions {
		if !now.Before(until) {
			delete(a.permissions, addr)
		}
	}
	full := len(a.permissions)+len(peers) > forward.MaxPermissions
	if !full {
		for _, peer := range peers {
			a.permissions[peer.Addr().Unmap()] = now.Add(permissionLifetime)
		}
	}
	a.mu.Unlock()
	if full {
		_, _ = answer.refuse(stun.CodeInsufficientCapacity, "permissions")
		return
	}
	answer.succeed()
}

// connect is RFC 6062 §5.2. It answers when the connection is there, or is not.
func (a *tcpAllocation) connect(m *stun.Message, answer answerer) {
	peers, ok := peerAddresses(m)
	if !ok || len(peers) != 1 {
		_, _ = answer.refuse(stun.CodeBadRequest, "bad_request")
		return
	}
	peer := netip.AddrPortFrom(peers[0].Addr().Unmap(), peers[0].Port())
	to, reason := a.mayReach(peer)
	switch {
	case reason != policy.Allowed:
		_, _ = answer.refuse(stun.CodeForbidden, string(reason))
		return
	case familyOf(peers[0].Addr()) != familyOf(a.public.Addr()):
		_, _ = answer.refuse(stun.CodePeerAddrFamilyMismatch, "address_family")
		return
	}
	c, code := a.begin(peer)
	if c == nil {
		_, _ = answer.refuse(code, "connections")
		return
	}
	a.s.running.Add(1)
	go func() {
		defer a.s.running.Done()
		ctx, cancel := context.WithTimeout(a.ctx, tcpPatience)
		defer cancel()
		conn, err := a.dial(ctx, "tcp", to.String())
		if err != nil || !a.made(c, conn) {
			a.drop(c)
			_, _ = answer.refuse(stun.CodeConnTimeoutOrFailure, "connect_failed")
			return
		}
		answer.succeed(connectionID(c.id))
	}()
}

// accept takes the connections of peers with a permission, and tells the client (RFC 6062 §5.3).
func (a *tcpAllocation) accept() {
	defer a.s.running.Done()
	for {
		conn, err := a.listener.Accept()
		if err != nil {
			a.close()
			return
		}
		from := addrPort(conn.RemoteAddr())
		for _, other := range a.s.table.allTCP() {
			if addrPort(other.listener.Addr()) == from {
				from = other.public
			}
		}
		a.mu.Lock()
		permitted := time.Now().Before(a.permissions[from.Addr()])
		a.mu.Unlock()
		if _, reason := a.mayReach(from); !permitted || reason != policy.Allowed {
			a.s.metrics.drop("no_permission")
			_ = conn.Close()
			continue
		}
		c, _ := a.begin(from)
		if c == nil || !a.made(c, conn) {
			a.s.metrics.drop("connections")
			_ = conn.Close()
			continue
		}
		m := stun.MustBuild(stun.TransactionID, stun.NewType(stun.MethodConnectionAttempt, stun.ClassIndication),
			connectionID(c.id), xorAddress{stun.AttrXORPeerAddress, from})
		if a.control.send(m.Raw) != nil {
			a.s.metrics.drop("client_gone")
		}
	}
}

// close ends the allocation and its connections.
func (a *tcpAllocation) close() {
	a.mu.Lock()
	if a.closed {
		a.mu.Unlock()
		return
	}
	a.closed = true
	a.expiry.Stop()
	for _, c := range a.conns {
		c.closeLocked()
	}
	a.mu.Unlock()
	a.cancel()
	_ = a.listener.Close()
	a.s.ports.give(a.public.Port())
	t := &a.s.table
	t.mu.Lock()
	if t.tcp[a.tuple] == a {
		delete(t.tcp, a.tuple)
	}
	t.releaseLocked(a.user, a.tuple.client.Addr())
	t.mu.Unlock()
	a.control.setAllocated(false)
	a.s.metrics.allocations.WithLabelValues(a.control.kind).Dec()
	a.s.log.Info("TCP allocation ended", "user", a.user, "client", a.tuple.client, "relayed", a.public)
}
