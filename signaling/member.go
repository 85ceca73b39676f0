package signaling

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/confab/confab/signaling/protocol"
)

// member is the running part of a seat, or of a WHEP viewer, who has none: what is not in the room's state. Its fields are
// set by the actor before anybody else sees it.
type member struct {
	id   string
	out  *outlet
	link *link // nil without an SFU

	resource *resource   // WHIP and WHEP only
	due      *time.Timer // ends a WHIP or WHEP connection that does not come up
}

// close ends a member whose seat is gone.
func (m *member) close(reason string) {
	if m.resource != nil {
		m.due.Stop()
		m.resource.srv.forgetResource(m.resource)
	}
	if m.link != nil {
		m.link.close()
	}
	code := protocol.CloseRejoin
	switch reason {
	case "left", "removed":
		code = protocol.CloseStay
	case "server-stopped":
		code = protocol.CloseResume
	}
	if c := m.out.detach(nil); c != nil {
		c.end(code, reason, &protocol.Left{Reason: reason})
	}
}

// outlet leads to whatever socket the member has at the moment. Media's goroutines use it beside the actor, hence the lock.
type outlet struct {
	metrics *metrics

	mu      sync.Mutex // guards the fields below; never held across anything that blocks
	session *session   // nil while the socket is lost, and for ingests
	slots   []protocol.Slot
	waiting [][]byte // signals of other peers for a member who is away
	bytes   int      // of waiting
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
	if len(o.slots) > 0 {
		c.send(&protocol.Slots{Slots: slices.Clone(o.slots)})
	}
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

// assign sends changed slots and remembers all, because a member that resumes must learn what changed meanwhile.
func (o *outlet) assign(changed []protocol.Slot) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, s := range changed {
		if i := slices.IndexFunc(o.slots, func(known protocol.Slot) bool { return known.Mid == s.Mid }); i >= 0 {
			o.slots[i] = s
		} else {
			o.slots = append(o.slots, s)
		}
	}
	if o.session != nil {
		o.session.send(&protocol.Slots{Slots: changed})
	}
}

// unassign forgets the slots of a connection that is gone.
func (o *outlet) unassign() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.slots = nil
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
