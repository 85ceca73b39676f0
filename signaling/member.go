package signaling

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"sync"
	"time"

	"github.com/confab/confab/auth"
	"github.com/confab/confab/signaling/protocol"
)

// member is who sits here: what a seat, or a WHEP viewer, who has none, has at this node and the log does not know. Its fields
// are set by the actor before anybody else sees it.
type member struct {
	id      string
	out     *outlet
	claims  auth.Claims // of the token; zero when it came with another node's socket
	warning *time.Timer // tells that the token expires soon; nil: never, or told

	transfers bucket // opened by this member; the actor's alone

	resource *resource   // WHIP and WHEP only
	due      *time.Timer // ends a WHIP or WHEP connection that does not come up
}

// close ends a member whose seat is gone, or has moved to another node.
func (m *member) close(reason string) {
	if m.warning != nil {
		m.warning.Stop()
	}
	if m.resource != nil {
		if m.due != nil {
			m.due.Stop()
		}
		m.resource.srv.forgetResource(m.resource)
	}
	code := protocol.CloseRejoin
	switch reason {
	case "left", "removed", "banned", "room-ended", "replaced":
		code = protocol.CloseStay
	case "server-stopped", "log-lost":
		code = protocol.CloseResume
	}
	c := m.out.detach(nil)
	switch {
	case c == nil:
	case reason == "log-lost":
		c.end(code, reason)
	case reason == "replaced":
		c.end(code, reason, replaced)
	case reason == "expired":
		c.end(code, reason, &protocol.Error{Code: protocol.CodeExpired, Message: "your token has expired", Hint: "Ask for a new link."}, &protocol.Left{Reason: reason})
	default:
		c.end(code, reason, &protocol.Left{Reason: reason})
	}
}

var replaced = &protocol.Error{Code: protocol.CodeReplaced, Message: "the session goes on elsewhere", Hint: "Close this tab, or join again from here."}

// outlet leads to whatever socket the member has at the moment. Media's goroutines use it beside the actor, hence the lock.
type outlet struct {
	metrics *metrics

	mu      sync.Mutex // guards the fields below; never held across anything that blocks
	session *session   // nil while the socket is lost, and for ingests
	waiting [][]byte   // signals of other peers for a member who is away
	bytes   int        // of waiting
}

// Signals for a member who is away wait within these bounds; negotiations that lose one start again.
const (
	maxWaiting      = 128
	maxWaitingBytes = 512 << 10
)

// attach makes c the member's socket and returns the one it replaces, which may be nil. The caller has corked c's queue and
// puts what the member must have first; what waited is put here.
func (o *outlet) attach(c *session) (old *session) {
	o.mu.Lock()
	defer o.mu.Unlock()
	old, o.session = o.session, c
	c.sendFrames(o.waiting...)
	o.waiting, o.bytes = nil, 0
	return old
}

// detach takes the socket away and returns it. When c is not nil, it is only taken away if it is still c.
func (o *outlet) detach(c *session) *session {
	o.mu.Lock()
	defer o.mu.Unlock()
	if c != nil && o.session != c {
		return nil
	}
	c, o.session = o.session, nil
	return c
}

// holds reports whether c is the member's socket.
func (o *outlet) holds(c *session) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.session == c
}

// attached reports whether the member has a socket.
func (o *outlet) attached() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.session != nil
}

// event sends what the log has for those who are away.
func (o *outlet) event(frame []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.session != nil {
		o.session.sendFrames(frame)
	}
}

// signal sends a step of a peer's negotiation, or keeps it for when the member comes back.
func (o *outlet) signal(frame []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.session != nil:
		o.session.sendFrames(frame)
	case len(o.waiting) >= maxWaiting || o.bytes+len(frame) > maxWaitingBytes:
		o.metrics.lost.WithLabelValues("away").Inc()
	default:
		o.waiting = append(o.waiting, frame)
		o.bytes += len(frame)
	}
}

// notice sends what is worth nothing later; the newest replaces those not yet sent.
func (o *outlet) notice(frame []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.session != nil {
		o.session.out.putLatest(frame)
	}
}

// newParticipantID returns an id that nobody has had: 50 random bits.
func newParticipantID() string { return strings.ToLower(rand.Text()[:10]) }

// newSession returns a session secret, which names its seat, and the hash that is kept of it.
func newSessionSecret(room, participant string) (secret, hash string) {
	secret = room + "." + participant + "." + rand.Text()
	return secret, hashOf(secret)
}

func hashOf(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}
