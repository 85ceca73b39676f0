package relay

import (
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/confab/confab/relay/forward"
	"github.com/confab/confab/relay/policy"
	"github.com/pion/stun/v3"
)

// wrongPasswordCost is what a request with wrong credentials takes from its address's bucket, above the one token of every
// request: a guesser gets five a second, and a client with a stale password is not locked out.
const wrongPasswordCost = 9

// guard looks at one STUN message from a client before pion does. It answers, drops, or passes it on: r is a request for pionSide to write, and
// to end once pion is done. Without one, pass is true when pion shall have b itself. b is not kept or changed.
func (s *Server) guard(b []byte, tuple fiveTuple, from client) (r *request, pass bool) {
	m := &stun.Message{Raw: slices.Clip(b)} // pion/stun writes behind the message when there is room: the next frame is there
	if !isSTUN(b) || m.Decode() != nil {
		s.metrics.drop("malformed")
		return nil, false
	}
	switch m.Type.Class {
	case stun.ClassRequest:
	case stun.ClassIndication:
		// A Send indication is checked where it is sent; a Binding indication only keeps a NAT open.
		if m.Type.Method != stun.MethodSend || s.table.lookup(tuple) == nil {
			return nil, false
		}
		if len(unknownAttributes(m, understood)) > 0 { // RFC 8489 §6.3.2; DONT-FRAGMENT is one
			s.metrics.drop("unknown_attribute")
			return nil, false
		}
		return nil, true
	default:
		s.metrics.drop("unexpected")
		return nil, false
	}
	if !s.limiter.take(tuple.client.Addr(), time.Now(), 1) {
		s.metrics.drop("rate_limited")
		return nil, false
	}
	switch m.Type.Method {
	case stun.MethodBinding:
		s.bind(m, tuple, from)
		return nil, false
	case stun.MethodAllocate, stun.MethodRefresh, stun.MethodCreatePermission, stun.MethodChannelBind, stun.MethodConnect, stun.MethodConnectionBind:
		return s.guardRequest(m, tuple, from)
	}
	s.metrics.drop("unexpected")
	return nil, false
}

// guardRequest authenticates a TURN request (RFC 8489 §9.2.4) and checks what can be refused without pion, in the order of RFC 8656 §5 and
// §7 to §12.
func (s *Server) guardRequest(m *stun.Message, tuple fiveTuple, from client) (*request, bool) {
	a, t := s.table.lookup(tuple), s.table.lookupTCP(tuple)
	answer := s.answerTo(m, from)
	now := time.Now()
	if !tuple.stream && s.isRelayed(tuple.client) {
		return answer.refuse(stun.CodeForbidden, "relayed_client")
	}
	needsAllocation := m.Type.Method != stun.MethodAllocate && m.Type.Method != stun.MethodConnectionBind
	if !m.Contains(stun.AttrMessageIntegrity) {
		if a == nil && t == nil && needsAllocation && m.Type.Method != stun.MethodRefresh {
			return answer.refuse(stun.CodeAllocMismatch, "no_allocation")
		}
		return answer.challenge(stun.CodeUnauthorized, tuple)
	}
	username, err1 := m.Get(stun.AttrUsername)
	_, err2 := m.Get(stun.AttrRealm)
	nonce, err3 := m.Get(stun.AttrNonce)
	if err1 != nil || err2 != nil || err3 != nil {
		return answer.refuse(stun.CodeBadRequest, "bad_request")
	}
	cred, ok := authentic(m, string(username), s.o.Realm, s.set.Load().credentials)
	if !ok {
		s.limiter.take(tuple.client.Addr(), now, wrongPasswordCost)
		s.metrics.authFailure("wrong_credentials")
		return answer.challenge(stun.CodeUnauthorized, tuple)
	}
	if !s.nonces.valid(nonce, tuple.client.Addr(), now) { // after the password: a replayed request of somebody else must not look better than a guess
		s.metrics.authFailure("stale_nonce")
		return answer.challenge(stun.CodeStaleNonce, tuple)
	}
	if s.revoked.has(cred.user, now) {
		s.metrics.authFailure("revoked")
		return answer.challenge(stun.CodeUnauthorized, tuple)
	}
	answer.key = cred.key
	s.limiter.take(tuple.client.Addr(), now, -1) // the authentic are bounded by quotas, not here
	if unknown := unknownAttributes(m, understood); len(unknown) > 0 {
		return answer.refuse(stun.CodeUnknownAttribute, "unknown_attribute", unknown)
	}
	if m.Type.Method == stun.MethodAllocate && a == nil && t == nil && cred.expired(now) {
		s.metrics.authFailure("expired")
		return answer.challenge(stun.CodeUnauthorized, tuple)
	}
	r := &request{
		credential: cred, tuple: tuple, from: from, method: m.Type.Method, id: m.TransactionID, fingerprint: answer.fingerprint,
	}
	if t != nil || m.Type.Method == stun.MethodConnect || m.Type.Method == stun.MethodConnectionBind || a == nil && m.Type.Method == stun.MethodAllocate && transport(m) == protocolTCP {
		s.guardTCP(m, r, t, answer)
		return nil, false
	}

	var code stun.ErrorCode
	var reason string
	switch {
	case m.Type.Method == stun.MethodAllocate:
		r.setters = append(r.setters, stun.RawAttribute{Type: stun.AttrRequestedTransport, Length: 4, Value: []byte{protocolUDP, 0, 0, 0}})
		if a == nil { // else a retransmission, or a 437 that pion gives
			code, reason = s.checkAllocate(m, r)
			r.setters = append(r.setters, lifetimeAttr(s.set.Load().remaining(lifetimeOf(m), now, now)))
		}
	case a == nil:
		code, reason = stun.CodeAllocMismatch, "no_allocation"
	case a.username != cred.username:
		code, reason = stun.CodeWrongCredentials, "wrong_user"
	case m.Type.Method == stun.MethodRefresh:
		code, reason = checkRefresh(m, a)
		lifetime := lifetimeOf(m)
		if lifetime != 0 {
			lifetime = s.set.Load().remaining(lifetime, a.began, now)
			if lifetime < time.Second {
				lifetime = time.Second // it ends by itself
			}
		}
		r.setters = append(r.setters, lifetimeAttr(lifetime))
	case m.Type.Method == stun.MethodCreatePermission:
		code, reason = s.checkPermission(m, a)
		r.copy(m, stun.AttrXORPeerAddress)
	case m.Type.Method == stun.MethodChannelBind:
		code, reason = s.checkChannel(m, a)
		r.copy(m, stun.AttrXORPeerAddress, stun.AttrChannelNumber)
	}
	if code != 0 {
		return answer.refuse(code, reason)
	}
	s.table.begin(r, s.pion.serial.Add(1))
	return r, true
}

// copy hands attributes of the client's request to pion. XOR-PEER-ADDRESS is masked with the transaction id, which is the same.
func (r *request) copy(m *stun.Message, types ...stun.AttrType) {
	for _, attr := range m.Attributes {
		if slices.Contains(types, attr.Type) {
			r.setters = append(r.setters, attr)
		}
	}
}

// family returns the address family a request asks for (RFC 8656 §18.9), 0 when it doesn't say.
func family(m *stun.Message) byte {
	if v, err := m.Get(stun.AttrRequestedAddressFamily); err == nil && len(v) == 4 {
		return v[0]
	}
	return 0
}

// transport returns the transport protocol an Allocate asks for, 0 when it doesn't say.
func transport(m *stun.Message) byte {
	if v, err := m.Get(stun.AttrRequestedTransport); err == nil && len(v) == 4 {
		return v[0]
	}
	return 0
}

const (
	familyIPv4  = 1
	familyIPv6  = 2
	protocolTCP = 6
	protocolUDP = 17

	attrAdditionalAddressFamily stun.AttrType = 0x8000 // RFC 8656 §18.11
	attrAddressErrorCode        stun.AttrType = 0x8001 // RFC 8656 §18.12
)

// checkAllocate refuses what can't be had (RFC 8656 §7.2), and notes what is wanted.
func (s *Server) checkAllocate(m *stun.Message, r *request) (stun.ErrorCode, string) {
	n := s.set.Load()
	even, evenErr := m.Get(stun.AttrEvenPort)
	token, tokenErr := m.Get(stun.AttrReservationToken)
	both, bothErr := m.Get(attrAdditionalAddressFamily)
	if evenErr == nil {
		r.want.even, r.want.reserve = true, len(even) == 1 && even[0]&0x80 != 0
	}
	r.want.ipv6, r.want.both = family(m) == familyIPv6, bothErr == nil
	switch {
	case s.draining.Load():
		return stun.CodeInsufficientCapacity, "draining"
	case transport(m) == 0, evenErr == nil && len(even) != 1,
		tokenErr == nil && (evenErr == nil || family(m) != 0 || len(token) != tokenSize),
		bothErr == nil && (len(both) != 4 || both[0] != familyIPv6 || family(m) != 0 || tokenErr == nil || r.want.reserve):
		return stun.CodeBadRequest, "bad_request"
	case transport(m) != protocolUDP:
		return stun.CodeUnsupportedTransProto, "transport"
	case m.Contains(stun.AttrRequestedAddressFamily) && family(m) != familyIPv4 && !r.want.ipv6,
		r.want.ipv6 && !n.public6.IsValid(), !r.want.ipv6 && tokenErr != nil && !n.public.IsValid():
		return stun.CodeAddrFamilyNotSupported, "address_family"
	}
	if tokenErr == nil {
		kept, ok := s.reservations.redeem([tokenSize]byte(token), r.user)
		if !ok {
			return stun.CodeInsufficientCapacity, "reservation_token"
		}
		r.want.port, r.want.ipv6 = kept.port, kept.ipv6
	}
	return 0, ""
}

func checkRefresh(m *stun.Message, a *allocation) (stun.ErrorCode, string) {
	if m.Contains(stun.AttrRequestedAddressFamily) && family(m) != a.family() {
		return stun.CodePeerAddrFamilyMismatch, "address_family" // RFC 8656 §8.2
	}
	return 0, ""
}

// family is that of the relayed address.
func (a *allocation) family() byte { return familyOf(a.relayed.public.Addr()) }

func familyOf(addr netip.Addr) byte {
	if addr.Is4() {
		return familyIPv4
	}
	return familyIPv6
}

// lifetimeOf is what a request asks for: the default when it doesn't say.
func lifetimeOf(m *stun.Message) time.Duration {
	if v, err := m.Get(stun.AttrLifetime); err == nil && len(v) == 4 {
		return time.Duration(uint32(v[0])<<24|uint32(v[1])<<16|uint32(v[2])<<8|uint32(v[3])) * time.Second
	}
	return defaultLifetime
}

func lifetimeAttr(d time.Duration) stun.Setter {
	n := uint32(d / time.Second)
	return stun.RawAttribute{Type: stun.AttrLifetime, Length: 4, Value: []byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}}
}

// checkPermission refuses a CreatePermission whole when one of its peers is refused (RFC 8656 §10.2).
func (s *Server) checkPermission(m *stun.Message, a *allocation) (stun.ErrorCode, string) {
	peers, ok := peerAddresses(m)
	if !ok || len(peers) == 0 {
		return stun.CodeBadRequest, "bad_request"
	}
	for _, peer := range peers {
		if reason := s.mayPermit(peer.Addr()); reason != policy.Allowed {
			return stun.CodeForbidden, string(reason)
		}
		if familyOf(peer.Addr()) != a.family() {
			return stun.CodePeerAddrFamilyMismatch, "address_family"
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.forward.Permissions()+len(peers) > forward.MaxPermissions {
		return stun.CodeInsufficientCapacity, "permissions"
	}
	return 0, ""
}

// checkChannel refuses a ChannelBind to a number or a peer that can't be (RFC 8656 §12.2).
func (s *Server) checkChannel(m *stun.Message, a *allocation) (stun.ErrorCode, string) {
	peers, ok := peerAddresses(m)
	number, err := m.Get(stun.AttrChannelNumber)
	if !ok || len(peers) != 1 || err != nil || len(number) != 4 || !s.mayBind(number[0]) {
		return stun.CodeBadRequest, "bad_request"
	}
	peer := peers[0]
	if _, reason := s.route(peer); reason != policy.Allowed {
		return stun.CodeForbidden, string(reason)
	}
	if familyOf(peer.Addr()) != a.family() {
		return stun.CodePeerAddrFamilyMismatch, "address_family"
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.forward.Bound(peer) && (a.forward.Channels() >= forward.MaxChannels || a.forward.Permissions() >= forward.MaxPermissions) {
		return stun.CodeInsufficientCapacity, "channels"
	}
	return 0, ""
}

// mayBind tells by the first byte of a channel number whether it can be bound.
func (s *Server) mayBind(first byte) bool {
	return isChannelData(first) && (first < 0x50 || s.o.WideChannels)
}

// peerAddresses returns every XOR-PEER-ADDRESS; ok is false when one can't be read. IPv6 ones keep their notation.
func peerAddresses(m *stun.Message) (peers []netip.AddrPort, ok bool) {
	err := m.ForEach(stun.AttrXORPeerAddress, func(m *stun.Message) error {
		var a stun.XORMappedAddress
		if err := a.GetFromAs(m, stun.AttrXORPeerAddress); err != nil {
			return err
		}
		addr, _ := netip.AddrFromSlice(a.IP)
		peers = append(peers, netip.AddrPortFrom(addr, uint16(a.Port)))
		return nil
	})
	return peers, err == nil
}

// keyOf is pion's AuthHandler: it knows who guard has let through, and nobody else.
func (s *Server) keyOf(name, _ string, _ net.Addr) ([]byte, bool) {
	return s.pion.key, s.table.request(name) != nil
}

// reserve is pion's QuotaHandler; false becomes a 486. pion asks right before it makes an allocation.
func (s *Server) reserve(name, _ string, _ net.Addr) bool {
	r := s.table.request(name)
	return r != nil && s.admit(r)
}

// admit counts one more allocation, if the quota has room.
func (s *Server) admit(r *request) bool {
	if reason := s.table.reserve(r, s.set.Load().quota); reason != policy.Allowed {
		s.metrics.refuse(string(reason))
		s.log.Info("allocation refused", "reason", reason, "user", r.user, "client", r.tuple.client)
		return false
	}
	return true
}
