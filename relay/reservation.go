package relay

import (
	"crypto/rand"
	"sync"
	"time"

	"github.com/pion/stun/v3"
	"net/netip"
)

// tokenSize is that of a RESERVATION-TOKEN (RFC 8656 §18.10).
const tokenSize = 8

// reservationLifetime is how long a port waits for its Allocate: RFC 8656 §7.2 asks for 30 seconds at least.
const reservationLifetime = 30 * time.Second

// reservations keeps the ports above even ones that clients have asked for with EVEN-PORT, for RTCP beside RTP. They are taken in the Server's
// ports, so there are never more of them than allocations with EVEN-PORT within half a minute.
type reservations struct {
	ports *ports

	mu   sync.Mutex // guards kept
	kept map[[tokenSize]byte]reservation
}

type reservation struct {
	port  uint16
	ipv6  bool
	user  string
	timer *time.Timer
}

// keep takes charge of a port that is taken, for a user.
func (r *reservations) keep(port uint16, ipv6 bool, user string) (token [tokenSize]byte) {
	_, _ = rand.Read(token[:]) // never fails (crypto/rand)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.kept == nil {
		r.kept = map[[tokenSize]byte]reservation{}
	}
	r.kept[token] = reservation{port, ipv6, user, time.AfterFunc(reservationLifetime, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if _, ok := r.kept[token]; ok {
			delete(r.kept, token)
			r.ports.give(port)
		}
	})}
	return token
}

// redeem gives the port of a token to its user: taken, and the caller's to give back.
func (r *reservations) redeem(token [tokenSize]byte, user string) (reservation, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	kept, ok := r.kept[token]
	if !ok || kept.user != user {
		return reservation{}, false
	}
	kept.timer.Stop()
	delete(r.kept, token)
	return kept, true
}

// end gives every port back.
func (r *reservations) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for token, kept := range r.kept {
		kept.timer.Stop()
		r.ports.give(kept.port)
		delete(r.kept, token)
	}
}

// extras is what the answer to r has beside the attributes that pion gives: the token of a port reserved above public, and why there is no second
// address.
func (s *Server) extras(r *request, public netip.AddrPort) (more []stun.Setter) {
	if r.want.reserve {
		token := s.reservations.keep(public.Port()+1, r.want.ipv6, r.user)
		more = append(more, stun.RawAttribute{Type: stun.AttrReservationToken, Length: tokenSize, Value: token[:]})
	}
	if r.want.both { // RFC 8656 §7.2: one of the two families is enough
		code := stun.CodeInsufficientCapacity
		if !s.set.Load().public6.IsValid() {
			code = stun.CodeAddrFamilyNotSupported
		}
		v := []byte{familyIPv6, 0, byte(code / 100), byte(code % 100)}
		more = append(more, stun.RawAttribute{Type: attrAddressErrorCode, Length: 4, Value: v})
	}
	return more
}
