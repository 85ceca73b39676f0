package relay

import (
	"crypto/rand"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/stun/v3"
)

// This is the seam to pion/turn. The guard has authenticated a request before pion sees it, and pion sees another one in its place: of the
// same method and transaction, signed with a key that only the two of us know, with what pion can do and nothing else. pion's answers are
// written anew too, signed with the client's key. So nonces, errors and attributes are ours; lifetimes, permission and channel timers are pion's.
//
//	client ──request──▶ guard ──written anew──▶ pion ──answer──▶ pionSide ──written anew──▶ client
//
// pion's loops handle one message at a time, and read again when they are done: that tells which request an answer, a relay socket or
// an event belongs to.

// request is an authentic request that pion is working on.
type request struct {
	credential
	tuple       fiveTuple
	from        client // nil: nobody waits for the answer
	method      stun.Method
	id          [stun.TransactionIDSize]byte
	fingerprint bool          // the client's answers carry one
	setters     []stun.Setter // what pion is told, beside who it is from
	name        string        // as pion knows its user: unique, so that pion's handlers find the request
	want        wanted        // of an Allocate
	reserved    bool          // counts in the quota, and has no allocation yet
	opening     bool          // has Server.opening
	primer      bool          // is no client's: it fetches a nonce of pion
}

// wanted is what an Allocate asks of its relayed address.
type wanted struct {
	ipv6    bool
	both    bool   // an IPv6 one beside (ADDITIONAL-ADDRESS-FAMILY): answered with an ADDRESS-ERROR-CODE
	even    bool   // EVEN-PORT
	reserve bool   // and the port above, for later
	port    uint16 // reserved earlier; 0: any
}

// pionState is what the Server keeps for all its loops of pion.
type pionState struct {
	key    stun.MessageIntegrity // signs what we tell pion
	nonce  atomic.Pointer[pionNonce]
	serial atomic.Uint64

	// mu is held from an Allocate's way to pion until pion has made its relay socket or has answered: pion does not tell the generator which
	// request it asks for.
	mu  sync.Mutex
	now *request // guarded by mu
}

type pionNonce struct {
	nonce stun.Nonce
	at    time.Time
}

// pionNonceLifetime is well below pion's hour.
const pionNonceLifetime = 30 * time.Minute

func (p *pionState) init() {
	p.key = make([]byte, 20)
	_, _ = rand.Read(p.key) // never fails (crypto/rand)
}

// pionSide is one of pion's connections, as its loop sees it; used by that loop only.
type pionSide struct {
	s    *Server
	now  *request // what pion is handling
	next *request // what waits for a nonce of pion
}

// done ends what pion was handling: it reads again, or is gone.
func (p *pionSide) done() {
	if r := p.now; r != nil {
		p.s.opened(r)
		p.s.table.end(r)
		p.now = nil
	}
}

// waiting returns a request that could not be given to pion at once.
func (p *pionSide) waiting() *request {
	r := p.next
	p.next = nil
	return r
}

// give writes r as pion shall see it, or a request for a nonce in front of it. The five-tuple is r's in both cases.
func (p *pionSide) give(r *request, b []byte) int {
	n := p.s.pion.nonce.Load()
	if n == nil || time.Since(n.at) > pionNonceLifetime {
		p.now, p.next = &request{primer: true, tuple: r.tuple}, r
		return copy(b, stun.MustBuild(stun.TransactionID, stun.NewType(stun.MethodAllocate, stun.ClassRequest)).Raw)
	}
	setters := append([]stun.Setter{stun.NewTransactionIDSetter(r.id), stun.NewType(r.method, stun.ClassRequest)}, r.setters...)
	setters = append(setters, stun.NewUsername(r.name), stun.NewRealm(p.s.o.Realm), n.nonce, p.s.pion.key)
	m, err := stun.Build(setters...)
	if err != nil || len(m.Raw) > len(b) { // it came in one message of this size: a broken setter is our own fault
		p.s.log.Warn("request not written for pion", "error", err)
		p.s.table.end(r)
		return 0
	}
	p.now = r
	if r.method == stun.MethodAllocate {
		p.s.pion.mu.Lock()
		p.s.pion.now, r.opening = r, true
	}
	return copy(b, m.Raw)
}

// opened ends the time in which relay sockets are made for r.
func (s *Server) opened(r *request) {
	if r.opening {
		r.opening = false
		s.pion.now = nil
		s.pion.mu.Unlock()
	}
}

// answer takes pion's answer, and sends the client ours.
func (p *pionSide) answer(b []byte) {
	r := p.now
	if r == nil {
		return // Data indications do not come from pion
	}
	m := &stun.Message{Raw: append([]byte(nil), b...)}
	if m.Decode() != nil {
		return
	}
	if r.primer {
		n := &pionNonce{at: time.Now()}
		if n.nonce.GetFrom(m) == nil {
			p.s.pion.nonce.Store(n)
		}
		return
	}
	p.s.opened(r)
	if r.from == nil {
		return
	}
	to := answerer{s: p.s, method: r.method, id: r.id, fingerprint: r.fingerprint, to: r.from, key: r.key}
	if m.Type.Class != stun.ClassSuccessResponse {
		var code stun.ErrorCodeAttribute
		if code.GetFrom(m) != nil {
			code.Code = stun.CodeBadRequest // pion leaves it out at CreatePermission
		}
		_, _ = to.refuse(code.Code, "pion_"+strconv.Itoa(int(code.Code)))
		return
	}
	var more []stun.Setter
	for _, attr := range m.Attributes {
		if attr.Type != stun.AttrMessageIntegrity && attr.Type != stun.AttrFingerprint {
			more = append(more, attr)
		}
	}
	if r.method == stun.MethodAllocate {
		if a := p.s.table.lookup(r.tuple); a != nil {
			more = append(more, a.extra...)
		}
	}
	to.succeed(more...)
}
