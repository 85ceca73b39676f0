package signaling

import (
	"slices"

	"github.com/confab/confab/signaling/protocol"
	"github.com/confab/confab/signaling/room"
)

// snapshotEvery is how many events may be replayed when a room is loaded, about.
const snapshotEvery = 500

// encodeEvent encodes an event once for everybody, and once for those who see it otherwise. state is the one right after e.
func encodeEvent(state *room.State, e room.Event) entry {
	a, b, private := room.Private(e)
	kept := entry{public: mustEncode(room.Wire(state, e, ""))}
	if private {
		kept.a, kept.b, kept.private = a, b, mustEncode(room.Wire(state, e, a))
	}
	return kept
}

// committed is told each event once it is safe, in order.
func (a *actor) committed(e room.Event) {
	a.srv.metrics.events.Inc()
	before := a.follow(e) // first, so that what is told has been done
	kept := encodeEvent(a.state(), e)
	a.past.add(e.Head().Seq, kept)
	for id, m := range a.members {
		m.out.event(kept.frame(id))
	}
	a.srv.observe(a.id, a.state(), e)
	if before != nil {
		before()
	}
	a.catchUp(e)
	a.save(snapshotEvery)
}

// follow does what an event means for members and their SFU connections. What it returns comes after the event was told.
func (a *actor) follow(e room.Event) (after func()) {
	switch e := e.(type) {
	case *room.Joined:
		if a.tape != nil && a.tape.MediaRecording != nil {
			a.tape.Named(e.Seat.ID, e.Seat.Name)
		}
		a.log.Info("joined", "participant", e.Seat.ID, "kind", e.Seat.Kind, "node", e.Seat.Node)
		a.srv.metrics.joins.WithLabelValues(string(e.Seat.Kind)).Inc()
		a.abandoned(e.Seat.ID)
		a.lobby.refresh()
	case *room.Presence:
		a.placed(e.ID)
		a.lobby.refresh()
	case *room.Reseated:
		a.placed(e.ID)
	case *room.Updated:
		a.applyGrants(e.ID)
	case *room.Muted:
		a.applyGrants(e.ID)
	case *room.Allowed:
		a.applyGrants(e.ID)
	case *room.RoleSet:
		a.applyGrants(e.ID)
		a.lobby.refresh()
	case *room.Refreshed:
		a.applyGrants(e.ID)
		return func() { a.warnExpiry(e.ID) }
	case *room.Left:
		a.log.Info("left", "participant", e.ID, "reason", e.Reason)
		a.closeLink(e.ID)
		if m := a.members[e.ID]; m != nil {
			delete(a.members, e.ID)
			m.close(e.Reason)
		}
	case *room.RecordingChanged:
		a.log.Info("recording changed", "on", e.On, "by", e.By, "reason", e.Reason)
		a.record()
	case *room.Ended:
		a.record()
		return func() { a.closeAll("room-ended") }
	case *room.SettingsChanged:
		if a.state().Access() == protocol.AccessOpen {
			a.lobby.answer("", true)
		}
	case *room.RouteChanged:
		a.log.Info("route changed", "transport", e.Transport, "generation", e.Generation, "reason", e.Reason, "node", e.Node)
		a.srv.metrics.routes.WithLabelValues(string(e.Reason)).Inc()
		if e.Transport == protocol.TransportSFU && e.Node != a.srv.node { // the SFU is elsewhere now
			for id := range a.links {
				a.closeLink(id)
			}
		}
		a.record()
	case *room.RouteDone:
		if a.state().Route.Transport == protocol.TransportP2P {
			for _, l := range a.links {
				l.disconnect()
			}
		}
	}
	return nil
}

// abandoned takes a seat offline that was taken here for somebody who has given up waiting for it.
func (a *actor) abandoned(id string) {
	if seat := a.state().Seat(id); seat != nil && seat.Node == a.srv.node && seat.Online && a.members[id] == nil && !a.joining[id] {
		a.do(room.SetOnline{ID: id, Node: a.srv.node})
	}
}

// placed does what a seat's move between nodes means.
func (a *actor) placed(id string) {
	seat := a.state().Seat(id)
	if seat == nil {
		return
	}
	if m := a.members[id]; m != nil && seat.Online && seat.Node != a.srv.node {
		delete(a.members, id)
		m.close("replaced")
	} else if m != nil && !seat.Online && seat.Node == a.srv.node && m.out.attached() { // others took this node for dead, and it is not
		a.do(room.SetOnline{ID: id, Online: true, Node: a.srv.node})
	}
	a.abandoned(id)
	if l := a.links[id]; l != nil && seat.Online {
		l.out.move(a.placeOf(id, seat.Node))
	}
}

// applyGrants tells a participant's SFU connection what may be forwarded now.
func (a *actor) applyGrants(id string) {
	seat, l := a.state().Seat(id), a.links[id]
	if seat == nil || l == nil {
		return
	}
	o := a.peerOptions(seat)
	l.setGrants(o.Publish, o.Subscribe, o.Data)
	l.setState(seat.Media)
}

// broadcast gives a notice to every member here.
func (a *actor) broadcast(frame []byte) {
	for _, m := range a.members {
		m.out.event(frame)
	}
}

// closeAll ends every member and viewer here.
func (a *actor) closeAll(reason string) {
	for id := range a.links {
		a.closeLink(id)
	}
	for _, m := range a.members {
		m.close(reason)
	}
	for _, v := range a.viewers {
		v.close(reason)
	}
	clear(a.members)
	clear(a.viewers)
	a.lobby.close(reason)
}

// closeLink ends an SFU connection.
func (a *actor) closeLink(id string) {
	if l := a.links[id]; l != nil {
		delete(a.links, id)
		l.close()
	}
}

// otherNodes are those where somebody of the room sits, but this one.
func (a *actor) otherNodes() []string {
	var out []string
	s := a.state()
	for i := range s.Seats {
		if node := s.Seats[i].Node; s.Seats[i].Online && node != "" && node != a.srv.node && !slices.Contains(out, node) {
			out = append(out, node)
		}
	}
	return out
}
