package relay

import (
	"sync"
	"time"

	"github.com/confab/confab/auth"
	"github.com/pion/stun/v3"
)

// Credentials knows who may relay. It is called for every signed request, by several goroutines at a time.
type Credentials interface {
	// Lookup returns what username may sign with in realm: several during a rotation, none for an unknown name.
	Lookup(username, realm string) []Credential
}

// A Credential is one key of the long-term mechanism.
type Credential struct {
	User    string    // for quotas, logs and Revoke; the name without its expiry
	Expires time.Time // of the right to make allocations; zero: never. Allocations made before go on.
	Key     []byte    // MD5(username ":" realm ":" password), RFC 8489 §9.2.2
}

// Secrets are those of the TURN REST scheme (see package auth), all of them good.
type Secrets [][]byte

// Lookup implements Credentials: one key for each secret.
func (s Secrets) Lookup(username, realm string) []Credential {
	expires, user, err := auth.ParseTURNUsername(username)
	if err != nil {
		return nil
	}
	list := make([]Credential, 0, len(s))
	for _, secret := range s {
		list = append(list, Credential{User: user, Expires: expires, Key: stun.NewLongTermIntegrity(username, realm, auth.TURNPassword(secret, username))})
	}
	return list
}

// credential is what a request has proved.
type credential struct {
	username string // as sent
	user     string
	expires  time.Time             // zero: never
	key      stun.MessageIntegrity // that matched
}

func (c credential) expired(now time.Time) bool { return !c.expires.IsZero() && !now.Before(c.expires) }

// nobodysKey is tried for unknown names, so that they take as long as a wrong password.
var nobodysKey = stun.MessageIntegrity(make([]byte, 16))

// authentic checks the MESSAGE-INTEGRITY of m against each key of its username. It does not look at the expiry: what an expired
// credential may still do depends on the request.
func authentic(m *stun.Message, username, realm string, sources []Credentials) (credential, bool) {
	known := false
	for _, source := range sources {
		for _, c := range source.Lookup(username, realm) {
			known = true
			if key := stun.MessageIntegrity(c.Key); key.Check(m) == nil {
				return credential{username: username, user: c.User, expires: c.Expires, key: key}, true
			}
		}
	}
	if !known {
		_ = nobodysKey.Check(m)
	}
	return credential{}, false
}

// revocations remembers the users whose credentials are refused before they expire.
type revocations struct {
	mu    sync.Mutex // guards until
	until map[string]time.Time
}

// maxRevocations bounds the memory: at six hours of lifetime, three ended seats a second. Beyond it those that expire first are forgotten.
const maxRevocations = 1 << 16

func (r *revocations) add(user string, until, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.until == nil {
		r.until = map[string]time.Time{}
	}
	if len(r.until) >= maxRevocations {
		var first string
		for u, t := range r.until {
			if !now.Before(t) {
				delete(r.until, u)
			} else if first == "" || t.Before(r.until[first]) {
				first = u
			}
		}
		if len(r.until) >= maxRevocations {
			delete(r.until, first)
		}
	}
	if until.After(r.until[user]) {
		r.until[user] = until
	}
}

func (r *revocations) has(user string, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	until, ok := r.until[user]
	if ok && !now.Before(until) {
		delete(r.until, user)
		ok = false
	}
	return ok
}

// Revoke ends the user's allocations now, and refuses its credentials until they have expired: until is when the last of them does. A user is
// what stands behind the expiry in a TURN REST username, such as a participant's id.
func (s *Server) Revoke(user string, until time.Time) {
	s.revoked.add(user, until, time.Now())
	for _, a := range s.table.all() {
		if a.user == user {
			s.metrics.refuse("revoked")
			a.relayed.end()
		}
	}
	for _, a := range s.table.allTCP() {
		if a.user == user {
			s.metrics.refuse("revoked")
			a.close()
		}
	}
}
