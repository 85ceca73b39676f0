package signaling

import (
	"slices"
	"sync"

	"github.com/confab/confab/signaling/protocol"
)

// place is where a participant's socket is: at this node or at another one.
type place interface {
	event(frame []byte)  // what must arrive while there is a socket
	notice(frame []byte) // what is worth nothing later
}

// sink is where what the SFU says to a participant goes. It remembers the slots, because whoever comes back must learn what changed
// meanwhile.
type sink struct {
	mu    sync.Mutex // guards the fields below; never held across anything that blocks
	at    place
	slots []protocol.Slot
}

// move makes another place the participant's, and tells it all slots.
func (s *sink) move(to place) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at = to
	if len(s.slots) > 0 && to != nil {
		to.event(mustEncode(&protocol.Slots{Slots: slices.Clone(s.slots)}))
	}
}

// assign sends changed slots.
func (s *sink) assign(changed []protocol.Slot) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range changed {
		if i := slices.IndexFunc(s.slots, func(known protocol.Slot) bool { return known.Mid == c.Mid }); i >= 0 {
			s.slots[i] = c
		} else {
			s.slots = append(s.slots, c)
		}
	}
	if s.at != nil {
		s.at.event(mustEncode(&protocol.Slots{Slots: changed}))
	}
}

// unassign forgets the slots of a connection that is gone.
func (s *sink) unassign() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.slots = nil
}

func (s *sink) speakers(frame []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.at != nil {
		s.at.notice(frame)
	}
}
