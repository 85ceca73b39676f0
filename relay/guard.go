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

// guard looks at one STUN message from a client before pion does. It answers, drops, or passes it on: pass is true when pion
// shall have it. r is then the request to end once pion is done, or nil. b is not kept or changed.
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
		return nil, m.Type.Method == stun.MethodSend && s.table.lookup(tuple) != nil
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
		if m.Contains(stun.AttrUsername) { // an ICE check for an agent that is gone: a success would be a lie
			s.metrics.drop("ice_check")
			return nil, false
		}
		return nil, true
	case stun.MethodAllocate, stun.MethodRefresh, stun.MethodCreatePermission, stun.MethodChannelBind:
		return s.guardRequest(m, tuple, from)
	}
	s.metrics.drop("unexpected")
	return nil, false
}

// guardRequest authenticates a TURN request and checks what can be refused without pion, in the order of RFC 8656 §5 and §7 to §12.
func (s *Server) guardRequest(m *stun.Message, tuple fiveTuple, from client) (*request, bool) {
	a := s.table.lookup(tuple)
	answer := answerer{s: s, m: m, to: from}
	if !tuple.stream && s.isRelayed(tuple.client) {
		return answer.refuse(stun.CodeForbidden, "relayed_client")
	}
	if !m.Contains(stun.AttrMessageIntegrity) {
		if a == nil && m.Type.Method != stun.MethodAllocate && m.Type.Method != stun.MethodRefresh {
			return answer.refuse(stun.CodeAllocMismatch, "no_allocation") // pion would be silent
		}
		return nil, true // pion sends the challenge: 401 with realm and nonce
	}
	username, _ := m.Get(stun.AttrUsername)
	cred, ok := authentic(m, string(username), s.o.Realm, s.o.Secrets)
	if !ok {
		s.limiter.take(tuple.client.Addr(), time.Now(), wrongPasswordCost)
		s.metrics.authFailure("wrong_credentials")
		return answer.challenge()
	}
	answer.key = cred.key
	s.limiter.take(tuple.client.Addr(), time.Now(), -1) // the authentic are bounded by quotas, not here
	if unknown := unknownAttributes(m); len(unknown) > 0 {
		return answer.refuse(stun.CodeUnknownAttribute, "unknown_attribute", unknown)
	}

	var code stun.ErrorCode
	var reason string
	switch {
	case m.Type.Method == stun.MethodAllocate:
		if a == nil && !time.Now().Before(cred.expires) {
			s.metrics.authFailure("expired")
			return answer.challenge()
		}
		if a == nil { // else a retransmission, or a 437 that pion gives
			code, reason = s.checkAllocate(m)
		}
	case a == nil:
		code, reason = stun.CodeAllocMismatch, "no_allocation"
	case a.username != cred.username:
		code, reason = stun.CodeWrongCredentials, "wrong_user"
	case m.Type.Method == stun.MethodRefresh:
		code, reason = checkRefresh(m)
	case m.Type.Method == stun.MethodCreatePermission:
		code, reason = s.checkPermission(m, a)
	case m.Type.Method == stun.MethodChannelBind:
		code, reason = s.checkChannel(m, a)
	}
	if code != 0 {
		return answer.refuse(code, reason)
	}
	r := &request{caller: caller{tuple.stream, tuple.client, cred.username}, credential: cred}
	s.table.begin(r)
	return r, true
}

// family returns the address family a request asks for (RFC 8656 §18.9), 0 when it doesn't say.
func family(m *stun.Message) byte {
	if v, err := m.Get(stun.AttrRequestedAddressFamily); err == nil && len(v) == 4 {
		return v[0]
	}
	return 0
}

const (
	familyIPv4  = 1
	protocolUDP = 17
)

// checkAllocate refuses what would be answered with something else than asked for (RFC 8656 §7.2).
func (s *Server) checkAllocate(m *stun.Message) (stun.ErrorCode, string) {
	transport, err := m.Get(stun.AttrRequestedTransport)
	switch {
	case s.draining.Load():
		return stun.CodeInsufficientCapacity, "draining"
	case err == nil && len(transport) == 4 && transport[0] != protocolUDP:
		return stun.CodeUnsupportedTransProto, "transport"
	case !s.public.IsValid() || m.Contains(stun.AttrRequestedAddressFamily) && family(m) != familyIPv4:
		return stun.CodeAddrFamilyNotSupported, "address_family"
	case m.Contains(stun.AttrReservationToken):
		return stun.CodeInsufficientCapacity, "reservation_token" // none is kept, so none is valid
	}
	return 0, ""
}

func checkRefresh(m *stun.Message) (stun.ErrorCode, string) {
	if m.Contains(stun.AttrRequestedAddressFamily) && family(m) != familyIPv4 {
		return stun.CodePeerAddrFamilyMismatch, "address_family" // RFC 8656 §8.2
	}
	return 0, ""
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
		if !peer.Addr().Is4() {
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
	if !peer.Addr().Is4() {
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
func (s *Server) keyOf(username, _ string, src net.Addr) ([]byte, bool) {
	_, stream := src.(*net.TCPAddr)
	if r := s.table.request(caller{stream, addrPort(src), username}); r != nil {
		return r.key, true
	}
	return nil, false
}

// reserve is pion's QuotaHandler; false becomes a 486. pion asks right before it makes an allocation.
func (s *Server) reserve(username, _ string, src net.Addr) bool {
	_, stream := src.(*net.TCPAddr)
	r := s.table.request(caller{stream, addrPort(src), username})
	if r == nil {
		return false
	}
	if reason := s.table.reserve(r, s.o.Quota); reason != policy.Allowed {
		s.metrics.refuse(string(reason))
		s.log.Info("allocation refused", "reason", reason, "user", r.user, "client", r.client)
		return false
	}
	return true
}
