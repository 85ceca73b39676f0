package relay

import (
	"net"
	"slices"
	"time"

	"github.com/pion/stun/v3"
)

// answerer writes the answers to one request.
type answerer struct {
	s           *Server
	method      stun.Method
	id          [stun.TransactionIDSize]byte
	fingerprint bool // the request had one
	to          client
	key         stun.MessageIntegrity // signs the answer (RFC 8489 §9.2.4); nil before the request is known to be authentic
}

func (s *Server) answerTo(m *stun.Message, to client) answerer {
	return answerer{s: s, method: m.Type.Method, id: m.TransactionID, fingerprint: m.Contains(stun.AttrFingerprint), to: to}
}

// refuse answers with an error and counts it. Its results are those of guard: pion shall not see the request.
func (a answerer) refuse(code stun.ErrorCode, reason string, more ...stun.Setter) (*request, bool) {
	a.s.metrics.refuse(reason)
	a.s.log.Debug("request refused", "method", a.method.String(), "code", int(code), "reason", reason)
	a.write(stun.ClassErrorResponse, slices.Concat([]stun.Setter{code}, more)...)
	return nil, false
}

// challenge answers 401 or 438 with our realm and a nonce for this client.
func (a answerer) challenge(code stun.ErrorCode, tuple fiveTuple) (*request, bool) {
	nonce := a.s.nonces.mint(tuple.client.Addr(), time.Now())
	a.write(stun.ClassErrorResponse, code, stun.NewRealm(a.s.o.Realm), stun.Nonce(nonce))
	return nil, false
}

func (a answerer) succeed(more ...stun.Setter) { a.write(stun.ClassSuccessResponse, more...) }

func (a answerer) write(class stun.MessageClass, more ...stun.Setter) {
	setters := slices.Concat([]stun.Setter{stun.NewTransactionIDSetter(a.id), stun.NewType(a.method, class)}, more)
	if a.key != nil {
		setters = append(setters, a.key)
	}
	if a.fingerprint {
		setters = append(setters, stun.Fingerprint)
	}
	msg, err := stun.Build(setters...)
	if err != nil {
		a.s.log.Warn("answer not built", "error", err)
		return
	}
	if err := a.to.send(msg.Raw); err != nil {
		a.s.metrics.drop("client_gone")
	}
}

// bind answers a Binding request (RFC 8489 §12).
func (s *Server) bind(m *stun.Message, tuple fiveTuple, from client) {
	if m.Contains(stun.AttrUsername) { // an ICE check for an agent that is gone: a success would be a lie
		s.metrics.drop("ice_check")
		return
	}
	answer := s.answerTo(m, from)
	if unknown := unknownAttributes(m, nil); len(unknown) > 0 {
		_, _ = answer.refuse(stun.CodeUnknownAttribute, "unknown_attribute", unknown)
		return
	}
	answer.fingerprint = true // RFC 7983: the port may be shared with other protocols
	answer.succeed(&stun.XORMappedAddress{IP: net.IP(tuple.client.Addr().Unmap().AsSlice()), Port: int(tuple.client.Port())})
}

// understood are the comprehension-required attributes that mean something to us in a TURN request. DONT-FRAGMENT is none of them: Go
// can't set the bit on one datagram, so it is answered as RFC 8656 §7.2 has it for such servers.
var understood = []stun.AttrType{
	stun.AttrUsername, stun.AttrMessageIntegrity, stun.AttrRealm, stun.AttrNonce, stun.AttrChannelNumber, stun.AttrLifetime,
	stun.AttrXORPeerAddress, stun.AttrData, stun.AttrRequestedAddressFamily, stun.AttrEvenPort, stun.AttrRequestedTransport,
	stun.AttrReservationToken, stun.AttrConnectionID,
	0x0010, // BANDWIDTH of the drafts before RFC 5766, which libwebrtc and coturn's clients may send
}

// unknownAttributes lists what a 420 must name (RFC 8489 §6.3.1): attributes below 0x8000 that are not understood.
func unknownAttributes(m *stun.Message, understood []stun.AttrType) (unknown stun.UnknownAttributes) {
	for _, attr := range m.Attributes {
		if attr.Type.Required() && !slices.Contains(understood, attr.Type) && !slices.Contains(unknown, attr.Type) {
			unknown = append(unknown, attr.Type)
		}
	}
	return unknown
}
