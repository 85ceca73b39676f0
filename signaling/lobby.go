package signaling

import (
	"slices"
	"time"

	"github.com/confab/confab/auth"
	"github.com/confab/confab/signaling/protocol"
)

// lobby is who waits outside of a room. It is not in the log: whoever waits does so at a socket of this node, and other nodes of the
// room are told over the bus.
type lobby struct {
	room   *actor
	list   []*knock                    // oldest first
	others map[string][]protocol.Knock // who waits at other nodes
	shown  map[string]bool             // members who have been shown a list with somebody in it
}

// knock is somebody who waits.
type knock struct {
	protocol.Knock
	room      string
	joinID    string
	session   *session
	moderated bool
	until     time.Time
	answered  func(allow bool, refusal *protocol.Error) // called once, in the actor
}

var (
	lobbyFull = &protocol.Error{Code: protocol.CodeRoomFull, Message: "too many people wait to be let in", Hint: "Try again later.", Retry: true, After: 30_000}
	notLetIn  = &protocol.Error{Code: protocol.CodeRefused, Message: "a moderator has not let you in", Hint: "Ask whoever invited you."}
	noAnswer  = &protocol.Error{Code: protocol.CodeRefused, Message: "nobody has answered", Hint: "Try again later.", Retry: true}
)

func (l *lobby) empty() bool { return len(l.list) == 0 }

// add has somebody wait, who is told so.
func (l *lobby) add(k *knock) *protocol.Error {
	if len(l.list) >= protocol.MaxKnocks {
		return lobbyFull
	}
	k.until = time.Now().Add(l.room.srv.limits.Lobby)
	k.moderated = l.room.state().Moderated()
	l.list = append(l.list, k)
	k.session.send(&protocol.Waiting{ID: k.joinID, Moderators: k.moderated})
	l.changed()
	return nil
}

// remove takes out somebody who has given up.
func (l *lobby) remove(id string) {
	n := len(l.list)
	l.list = slices.DeleteFunc(l.list, func(k *knock) bool { return k.ID == id })
	if len(l.list) != n {
		l.changed()
	}
}

// answer lets somebody in or turns somebody away; an empty id means all.
func (l *lobby) answer(id string, allow bool) {
	l.end(func(k *knock) bool { return id == "" || k.ID == id }, allow, notLetIn)
}

func (l *lobby) end(which func(*knock) bool, allow bool, refusal *protocol.Error) {
	var ended []*knock
	l.list = slices.DeleteFunc(l.list, func(k *knock) bool {
		if which(k) {
			ended = append(ended, k)
			return true
		}
		return false
	})
	for _, k := range ended {
		if allow {
			k.answered(true, nil)
		} else {
			k.answered(false, refusal)
		}
	}
	if len(ended) > 0 {
		l.changed()
	}
}

// close turns everybody away, because the room is not here any more.
func (l *lobby) close(reason string) {
	refusal := &protocol.Error{Code: protocol.CodeDraining, Message: "the server is going away", Hint: "Try again in a moment.", Retry: true, After: 1000}
	if reason == "room-ended" {
		refusal = &protocol.Error{Code: protocol.CodeEnded, Message: "the room was ended for all"}
	}
	l.end(func(*knock) bool { return true }, false, refusal)
}

func (l *lobby) deadline() time.Time {
	if len(l.list) == 0 {
		return time.Time{}
	}
	return l.list[0].until
}

func (l *lobby) expire(now time.Time) {
	if at := l.deadline(); !at.IsZero() && !at.After(now) {
		l.end(func(k *knock) bool { return !k.until.After(now) }, false, noAnswer)
	}
}

// changed tells everybody who may let people in, here and at other nodes.
func (l *lobby) changed() {
	for _, node := range l.room.otherNodes() {
		l.show(node)
	}
	l.tell()
}

// show tells another node who waits here.
func (l *lobby) show(node string) {
	list := make([]protocol.Knock, len(l.list))
	for i, k := range l.list {
		list[i] = k.Knock
	}
	_ = l.room.srv.bus.send(node, busMessage{Room: l.room.id, Knocks: &busKnocks{Node: l.room.srv.node, List: list}}) // counted there
}

// tell shows the list to the members who may let people in, and those who wait whether there is anybody.
func (l *lobby) tell() {
	var all []protocol.Knock
	for _, k := range l.list {
		all = append(all, k.Knock)
	}
	for node, list := range l.others {
		if !l.room.srv.nodes.alive(node) || len(list) == 0 {
			delete(l.others, node)
			continue
		}
		all = append(all, list...)
	}
	if len(all) == 0 && len(l.shown) == 0 {
		return
	}
	slices.SortFunc(all, func(a, b protocol.Knock) int { return int(a.Since - b.Since) })
	notice := &protocol.Knocks{Knocks: all[:min(len(all), protocol.MaxKnocks)], More: max(len(all)-protocol.MaxKnocks, 0)}
	frame := mustEncode(notice)
	for id, m := range l.room.members {
		seat := l.room.state().Seat(id)
		may := seat != nil && seat.May(auth.ActionAdmit) == nil
		switch {
		case may && (len(all) > 0 || l.shown[id]):
			m.out.event(frame)
			l.shown[id] = len(all) > 0
		case !may && l.shown[id]:
			m.out.event(mustEncode(&protocol.Knocks{}))
			l.shown[id] = false
		}
		if !l.shown[id] {
			delete(l.shown, id)
		}
	}
	if moderated := l.room.state().Moderated(); len(l.list) > 0 {
		for _, k := range l.list {
			if k.moderated != moderated {
				k.moderated = moderated
				k.session.send(&protocol.Waiting{ID: k.joinID, Moderators: moderated})
			}
		}
	}
}

// admit is a moderator's answer to somebody who waits anywhere.
func (a *actor) admit(m *member, c *protocol.Admit) error {
	seat := a.state().Seat(m.id)
	if seat == nil {
		return expired
	}
	do := auth.ActionAdmit
	if !c.Allow {
		do = auth.ActionRefuse
	}
	if err := seat.May(do); err != nil {
		return err
	}
	return a.admitKnock(c.Knock, c.Allow)
}

func (a *actor) admitKnock(id string, allow bool) error {
	here := slices.ContainsFunc(a.lobby.list, func(k *knock) bool { return k.ID == id })
	if id == "" || here {
		a.lobby.answer(id, allow)
	}
	for node, list := range a.lobby.others {
		if there := slices.ContainsFunc(list, func(k protocol.Knock) bool { return k.ID == id }); id == "" || there {
			here = true
			if err := a.srv.bus.send(node, busMessage{Room: a.id, Admit: &busAdmit{Knock: id, Allow: allow}}); err != nil {
				return err
			}
		}
	}
	if id != "" && !here {
		return &protocol.Error{Code: protocol.CodeNoSuchPeer, Message: "this person does not wait any more"}
	}
	return nil
}

// refresh tells newcomers what they may have to know.
func (l *lobby) refresh() {
	if len(l.list) > 0 {
		l.changed()
	} else {
		l.tell()
	}
}
