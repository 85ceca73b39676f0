package relay

import (
	"slices"

	"github.com/pion/stun/v3"
)

// answerer writes error responses to one request.
type answerer struct {
	s   *Server
	m   *stun.Message
	to  client
	key stun.MessageIntegrity // signs the answer (RFC 8489 §9.2.4); nil before the request is known to be authentic
}

// refuse answers with an error and counts it. Its results are those of guard: pion shall not see the request.
func (a answerer) refuse(code stun.ErrorCode, reason string, more ...stun.Setter) (*request, bool) {
	a.s.metrics.refuse(reason)
	a.s.log.Debug("request refused", "method", a.m.Type.Method.String(), "code", int(code), "reason", reason)
	a.write(code, more...)
	return nil, false
}

// challenge answers 401 with our realm and the request's own nonce: never longer than what came. A nonce that is stale too is
// found by pion when the password is right.
func (a answerer) challenge() (*request, bool) {
	more := []stun.Setter{stun.NewRealm(a.s.o.Realm)}
	if nonce, err := a.m.Get(stun.AttrNonce); err == nil {
		more = append(more, stun.RawAttribute{Type: stun.AttrNonce, Length: uint16(len(nonce)), Value: nonce})
	}
	a.write(stun.CodeUnauthorized, more...)
	return nil, false
}

func (a answerer) write(code stun.ErrorCode, more ...stun.Setter) {
	setters := slices.Concat([]stun.Setter{
		stun.NewTransactionIDSetter(a.m.TransactionID),
		stun.NewType(a.m.Type.Method, stun.ClassErrorResponse),
		code,
	}, more)
	if a.key != nil {
		setters = append(setters, a.key)
	}
	if a.m.Contains(stun.AttrFingerprint) {
		setters = append(setters, stun.Fingerprint)
	}
	msg, err := stun.Build(setters...)
	if err != nil {
		a.s.log.Warn("error response not built", "error", err)
		return
	}
	if err := a.to.send(msg.Raw); err != nil {
		a.s.metrics.drop("client_gone")
	}
}

// understood are the comprehension-required attributes that mean something to us in a request, or that pion refuses itself
// (DONT-FRAGMENT).
var understood = []stun.AttrType{
	stun.AttrUsername, stun.AttrMessageIntegrity, stun.AttrRealm, stun.AttrNonce, stun.AttrChannelNumber, stun.AttrLifetime,
	stun.AttrXORPeerAddress, stun.AttrData, stun.AttrRequestedAddressFamily, stun.AttrEvenPort, stun.AttrRequestedTransport,
	stun.AttrDontFragment, stun.AttrReservationToken,
	0x0010, // BANDWIDTH of the drafts before RFC 5766, which libwebrtc and coturn's clients may send
}

// unknownAttributes lists what a 420 must name (RFC 8489 §6.3.1): attributes below 0x8000 that we don't understand.
func unknownAttributes(m *stun.Message) (unknown stun.UnknownAttributes) {
	for _, attr := range m.Attributes {
		if attr.Type.Required() && !slices.Contains(understood, attr.Type) && !slices.Contains(unknown, attr.Type) {
			unknown = append(unknown, attr.Type)
		}
	}
	return unknown
}
