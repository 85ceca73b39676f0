package media

import (
	"slices"

	pure "github.com/confab/confab/media/slots"
)

// note is what one peer is to be told.
type note struct {
	events      Events
	slots       []SlotState
	connections []ConnectionState
	tracks      []Source
	withTracks  bool
}

// connectionChanged notes a state of a peer's present connection.
func (r *room) connectionChanged(c *connection, s ConnectionState) {
	r.mu.Lock()
	if p := c.peer; p.conn == c || p.conn == nil {
		p.seat.connections = append(p.seat.connections, s)
		if p.closed { // the room's goroutine does not know it any more
			events, told := p.opts.Events, p.seat.connections
			p.seat.connections = nil
			r.mu.Unlock()
			r.deliver([]note{{events: events, connections: told}})
			return
		}
	}
	r.mu.Unlock()
	r.poke()
}

// forgetTrack notes that a source is not sent any more.
func (p *Peer) forgetTrack(s Source) {
	p.room.mu.Lock()
	for _, t := range p.seat.tracks {
		if t.source == s { // it moved to another section
			p.room.mu.Unlock()
			return
		}
	}
	delete(p.live, s)
	p.seat.tracksChanged = true
	p.room.mu.Unlock()
	p.room.poke()
}

func (r *room) takeNotes() []note {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.notesLocked()
}

// notesLocked collects what has changed for each peer.
func (r *room) notesLocked() []note {
	var out []note
	for _, p := range r.peers {
		v := &p.seat
		n := note{events: p.opts.Events, connections: v.connections, slots: v.changes()}
		v.connections = nil
		if v.tracksChanged {
			v.tracksChanged = false
			n.withTracks = true
			for _, s := range sourceOrder {
				if p.live[s] {
					n.tracks = append(n.tracks, s)
				}
			}
		}
		if len(n.slots)+len(n.connections) > 0 || n.withTracks {
			out = append(out, n)
		}
	}
	return out
}

// changes are the slots whose state differs from what was told; r.mu is held.
func (v *viewing) changes() []SlotState {
	var out []SlotState
	look := func(w *sender, s pure.Slot) {
		if w == nil {
			return
		}
		now := SlotState{Mid: w.mid}
		if !s.None() {
			now.Participant, now.Source, now.Paused = s.Participant, sourceOrder[s.Source], pauses[s.Pause]
			if now.Paused == "" && w.lacking.Load() {
				now.Paused = PausedCodec
			}
		}
		if was, known := v.told[w.mid]; was != now && (known || now.Participant != "") {
			v.told[w.mid] = now
			out = append(out, now)
		}
	}
	for i, p := range v.layout.pairs {
		look(p.audio, v.view.Pairs[i].Audio)
		look(p.video, v.view.Pairs[i].Video)
	}
	for i, w := range v.layout.audio {
		look(w, v.view.Audio[i])
	}
	return slices.Clip(out)
}

// deliver calls the events; no lock is held.
func (r *room) deliver(notes []note) {
	for _, n := range notes {
		for _, s := range n.connections {
			if n.events.Connection != nil {
				n.events.Connection(s)
			}
		}
		if len(n.slots) > 0 && n.events.Slots != nil {
			n.events.Slots(n.slots)
		}
		if n.withTracks && n.events.Tracks != nil {
			n.events.Tracks(n.tracks)
		}
	}
}
