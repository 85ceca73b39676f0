package room

import (
	"slices"
	"time"

	"github.com/confab/confab/signaling/protocol"
)

// Wire returns e as the participant with the given id may see it. state is the one right after e. Participants see the same but
// for those that Private names.
func Wire(state *State, e Event, id string) protocol.Event {
	seq, by := e.Head().Seq, e.Head().By
	updated := func(id string, by string) protocol.Event {
		if by == id {
			by = ""
		}
		return &protocol.ParticipantUpdated{Seq: seq, Participant: state.Seat(id).participant(), By: by}
	}
	granted := func(target string) protocol.Event {
		if id != target {
			return updated(target, by)
		}
		seat := state.Seat(target)
		return &protocol.Granted{Seq: seq, Role: protocol.Role(seat.Role), Grants: seat.grants()}
	}
	if a, b, private := Private(e); private && id != a && id != b && !alsoPublic(e) {
		return &protocol.Withheld{Seq: seq}
	}
	switch e := e.(type) {
	case *Joined:
		return &protocol.ParticipantJoined{Seq: seq, Participant: e.Seat.participant()}
	case *Updated:
		return updated(e.ID, "")
	case *Presence:
		return updated(e.ID, "")
	case *Reseated:
		return updated(e.ID, "")
	case *Muted:
		return updated(e.ID, by)
	case *Allowed:
		return updated(e.ID, by)
	case *RoleSet:
		return granted(e.ID)
	case *Refreshed:
		return granted(e.ID)
	case *Left:
		return &protocol.ParticipantLeft{Seq: seq, ID: e.ID, Reason: e.Reason}
	case *Said:
		m := e.message()
		return &m
	case *Edited:
		return &protocol.ChatEdited{Seq: seq, Message: e.Message, Text: e.Text, Time: e.At.UnixMilli()}
	case *Deleted:
		return &protocol.ChatDeleted{Seq: seq, Message: e.Message, By: by}
	case *Reacted:
		return &protocol.ChatReacted{Seq: seq, Message: e.Message, From: by, Emoji: e.Emoji, On: e.On}
	case *SettingsChanged:
		return &protocol.SettingsChanged{Seq: seq, Settings: state.settings(), By: by}
	case *RecordingChanged:
		r := &protocol.Recording{Seq: seq, On: e.On, By: by, Reason: e.Reason}
		if e.On {
			r.Since = e.At.UnixMilli()
		}
		return r
	case *Ended:
		return &protocol.RoomEnded{Seq: seq, By: by}
	case *RouteChanged:
		return &protocol.Route{Seq: seq, Reason: e.Reason, Route: protocol.RouteState{Transport: e.Transport, Generation: e.Generation}}
	case *RouteDone:
		return &protocol.RouteDone{Seq: seq, Generation: e.Generation}
	}
	return &protocol.Withheld{Seq: seq}
}

// Private returns the participants, one or two, that see e otherwise than the rest: what Wire gives for a. b may be empty.
func Private(e Event) (a, b string, private bool) {
	switch e := e.(type) {
	case *Said:
		return e.From, e.To, e.To != ""
	case *Edited:
		return e.From, e.To, e.To != ""
	case *Deleted:
		return e.From, e.To, e.To != ""
	case *Reacted:
		return e.From, e.To, e.To != ""
	case *RoleSet:
		return e.ID, "", true
	case *Refreshed:
		return e.ID, "", true
	}
	return "", "", false
}

// alsoPublic reports whether the rest sees something of a private event too.
func alsoPublic(e Event) bool {
	switch e.(type) {
	case *RoleSet, *Refreshed:
		return true
	}
	return false
}

func (s *State) settings() protocol.Settings {
	return protocol.Settings{Access: s.Access(), Password: s.Settings.Password != "", People: s.MostPeople()}
}

// Joined fills the part of joined that describes the room, as the participant with the given id may see it.
func (s *State) Joined(id string) *protocol.Joined {
	j := &protocol.Joined{
		Self: id, Mode: s.Mode, Seq: s.Seq, ResumeWindow: int(s.Hold / time.Second), Settings: s.settings(), More: s.More,
		Route: protocol.RouteState{Transport: s.Route.Transport, Generation: s.Route.Generation, Done: s.Route.Done},
	}
	if s.Recording != nil {
		j.Recording = &protocol.RecordingState{By: s.Recording.By, Since: s.Recording.Since.UnixMilli()}
	}
	if seat := s.Seat(id); seat != nil {
		j.Grants = seat.grants()
	}
	for i := range s.Seats {
		j.Participants = append(j.Participants, s.Seats[i].participant())
	}
	for _, m := range s.Chat {
		if visible(&m, id) {
			j.Chat = append(j.Chat, m)
		}
	}
	return j
}

func visible(m *protocol.ChatMessage, id string) bool {
	return m.To == "" || m.To == id || m.From == id
}

func (e *Said) message() protocol.ChatMessage {
	return protocol.ChatMessage{
		Seq: e.Seq, ID: e.ID, From: e.From, Name: e.Name, To: e.To, Text: e.Text, Reply: e.Reply, Time: e.At.UnixMilli(),
	}
}

// lineOf returns the chat's line about an event, if it has one.
func lineOf(e Event) (protocol.ChatMessage, bool) {
	m := protocol.ChatMessage{Seq: e.Head().Seq, Time: e.Head().At.UnixMilli()}
	switch e := e.(type) {
	case *Joined:
		m.Line, m.From, m.Name = protocol.LineJoined, e.Seat.ID, e.Seat.Name
		return m, e.Line
	case *Left:
		m.Line, m.From, m.Name = protocol.LineLeft, e.ID, e.Name
		return m, e.Line
	case *Updated:
		m.Line, m.From, m.Name = e.Line, e.ID, e.Name
		return m, e.Line != ""
	}
	return m, false
}

// amend applies an event to the message that it changes. It reports whether e is such an event.
func amend(find func(seq uint64) *protocol.ChatMessage, e Event) bool {
	switch e := e.(type) {
	case *Edited:
		if m := find(e.Message); m != nil && !m.Deleted {
			m.Text, m.Edited = e.Text, e.At.UnixMilli()
		}
	case *Deleted:
		if m := find(e.Message); m != nil {
			m.Text, m.Reactions, m.Deleted = "", nil, true
		}
	case *Reacted:
		if m := find(e.Message); m != nil && !m.Deleted {
			m.Reactions = react(m.Reactions, e.Emoji, e.By, e.On)
		}
	default:
		return false
	}
	return true
}

// react returns the reactions with one more or one less. The list that it was given stays as it is: others hold it.
func react(list []protocol.Reaction, emoji, who string, on bool) []protocol.Reaction {
	i := slices.IndexFunc(list, func(r protocol.Reaction) bool { return r.Emoji == emoji })
	switch {
	case i < 0 && on && len(list) < MaxReactions:
		return append(slices.Clone(list), protocol.Reaction{Emoji: emoji, From: []string{who}})
	case i < 0:
		return list
	}
	from := slices.DeleteFunc(slices.Clone(list[i].From), func(id string) bool { return id == who })
	if on && len(from) < MaxReactors {
		from = append(from, who)
	}
	list = slices.Clone(list)
	if len(from) == 0 {
		list = slices.Delete(list, i, i+1)
	} else {
		list[i].From = from
	}
	if len(list) == 0 {
		return nil
	}
	return list
}

// Fold turns a page of the log, ascending and with everything that changes its messages, into messages as they are now for the
// participant with the given id. What was said before since is left out: see State.Since.
func Fold(events []Event, since uint64, id string) []protocol.ChatMessage {
	var out []protocol.ChatMessage
	find := func(seq uint64) *protocol.ChatMessage {
		if i, ok := slices.BinarySearchFunc(out, seq, func(m protocol.ChatMessage, seq uint64) int { return int(int64(m.Seq) - int64(seq)) }); ok {
			return &out[i]
		}
		return nil
	}
	for _, e := range events {
		if refOf(e) <= since || amend(find, e) {
			continue
		}
		if said, ok := e.(*Said); ok {
			out = append(out, said.message())
		} else if line, ok := lineOf(e); ok {
			out = append(out, line)
		}
	}
	return slices.DeleteFunc(out, func(m protocol.ChatMessage) bool { return !visible(&m, id) })
}
