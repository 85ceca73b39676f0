package room

import (
	"maps"
	"slices"
	"time"

	"github.com/confab/confab/auth"
	"github.com/confab/confab/signaling/protocol"
)

// Evolve applies an event that has happened. It must be the next one of the log.
func (s *State) Evolve(e Event) {
	h := e.Head()
	s.Seq = h.Seq
	s.remember(h)
	switch e := e.(type) {
	case *Joined:
		s.open(h, e.Mode, e.Seat.Node)
		s.Seats = append(s.Seats, e.Seat)
		s.index[e.Seat.ID] = len(s.Seats) - 1
		s.names[fold(e.Seat.Name)]++
		s.smallSince = h.At
	case *Updated:
		s.Seat(e.ID).Media = e.Media
	case *Presence:
		seat := s.Seat(e.ID)
		seat.Online, seat.Until = e.Online, e.Until
		if e.Node != "" {
			seat.Node = e.Node
		}
	case *Reseated:
		seat := s.Seat(e.ID)
		seat.Online, seat.Until = true, time.Time{}
		seat.Session, seat.Node = e.Session, e.Node
	case *Left:
		s.remove(e.ID)
		s.smallSince = h.At
	case *RouteChanged:
		s.Route = Route{Transport: e.Transport, Generation: e.Generation, Since: h.At, Node: e.Node}
		clear(s.ready)
	case *RouteDone:
		s.Route.Done = true
	case *Readied:
		s.ready[e.ID] = true
	case *PairFailed:
		s.noP2P[pairOf(e.A, e.B)] = true
	case *SFUFailed:
		s.noSFU[e.ID] = true
	case *ViewersChanged:
		s.open(h, e.Mode, e.Node)
		s.viewers[e.Node] = e.Viewers
		if e.Viewers == 0 {
			delete(s.viewers, e.Node)
		}
		s.smallSince = h.At
	case *Said:
		s.messages = last(append(s.messages, messageRef{Seq: e.Seq, From: e.From, To: e.To}), ChangeableMessages)
		s.tell(e.message())
	case *Edited:
		s.changed(e.Message)
	case *Reacted:
		s.changed(e.Message)
	case *SettingsChanged:
		s.Settings = e.Settings
	case *RoleSet:
		seat := s.Seat(e.ID)
		seat.Role = e.Role
		seat.Media = seat.allowed(seat.Media)
	case *Refreshed:
		seat := s.Seat(e.ID)
		seat.Role, seat.Expires = e.Role, e.Expires
		seat.Grants, _ = auth.ParseGrants(e.Grants)
		seat.Media = seat.allowed(seat.Media)
	case *Muted:
		seat := s.Seat(e.ID)
		for _, source := range e.Sources {
			*switchOf(&seat.Media, source) = false
		}
		if e.Hold {
			seat.Blocked = seat.Blocked.with(e.Sources)
		}
	case *Allowed:
		seat := s.Seat(e.ID)
		seat.Blocked = seat.Blocked.without(e.Sources)
	case *Banned:
		s.Bans = last(append(s.Bans, e.Ban), MaxBans)
	case *Unbanned:
		s.Bans = slices.DeleteFunc(s.Bans, func(b Ban) bool { return b.ID == e.ID })
	case *RecordingChanged:
		s.Recording = nil
		if e.On {
			s.Recording = &Recording{By: h.By, Since: h.At}
		}
	case *Ended:
		s.end(h)
	case *Deleted:
		s.messages = slices.DeleteFunc(s.messages, func(m messageRef) bool { return m.Seq == e.Message })
	}
	if line, ok := lineOf(e); ok {
		s.tell(line)
	}
	amend(s.message, e)
}

// changed counts an edit or a reaction.
func (s *State) changed(message uint64) {
	if i, ok := s.place(message); ok {
		s.messages[i].Changes++
	}
}

// remember notes that a command of a participant or of Admin is in the log.
func (s *State) remember(h Header) {
	list, most := s.appliedOf(h.By)
	if list == nil || h.Cmd == "" {
		return
	}
	if n := len(*list); n > 0 && (*list)[n-1].Cmd == h.Cmd {
		(*list)[n-1].Seq = h.Seq // a command of several events
		return
	}
	*list = last(append(*list, applied{h.Cmd, h.Seq}), most)
}

// open begins the life of a room when the first one comes, be it again: that one's mode counts. An sfu room starts on the SFU;
// nobody is there to switch.
func (s *State) open(h Header, mode protocol.Mode, node string) {
	if !s.Empty() {
		return
	}
	generation := s.Route.Generation
	if s.Mode != "" {
		generation++
	}
	s.Mode = mode
	s.Route = Route{Transport: protocol.TransportP2P, Generation: generation, Done: true, Since: h.At}
	if mode == protocol.ModeSFU {
		s.Route.Transport, s.Route.Node = protocol.TransportSFU, node
	}
}

// tell adds to the end of the chat.
func (s *State) tell(m protocol.ChatMessage) {
	isLine := func(m protocol.ChatMessage) bool { return m.Line != "" }
	lines := 0
	for _, m := range s.Chat {
		if isLine(m) {
			lines++
		}
	}
	switch {
	case isLine(m) && lines >= maxLines:
		i := slices.IndexFunc(s.Chat, isLine)
		s.Chat, s.More = slices.Delete(s.Chat, i, i+1), true
	case len(s.Chat) >= protocol.MaxHistory:
		s.Chat, s.More = slices.Delete(s.Chat, 0, 1), true
	}
	s.Chat = append(s.Chat, m)
}

// message returns a message of the chat's last ones, or nil.
func (s *State) message(seq uint64) *protocol.ChatMessage {
	for i := range s.Chat {
		if s.Chat[i].Seq == seq {
			return &s.Chat[i]
		}
	}
	return nil
}

// end forgets everything but the number of the last event, the route's generation and who is banned.
func (s *State) end(h Header) {
	fresh := New(s.Config)
	fresh.Seq, fresh.Since, fresh.Bans, fresh.Route.Generation = h.Seq, h.Seq, s.Bans, s.Route.Generation+1
	*s = *fresh
}

func (s *State) remove(id string) {
	i := s.index[id]
	name := fold(s.Seats[i].Name)
	if s.names[name]--; s.names[name] == 0 {
		delete(s.names, name)
	}
	s.Seats = slices.Delete(s.Seats, i, i+1)
	delete(s.index, id)
	for ; i < len(s.Seats); i++ {
		s.index[s.Seats[i].ID] = i
	}
	delete(s.ready, id)
	delete(s.noSFU, id)
	maps.DeleteFunc(s.noP2P, func(p pair, _ bool) bool { return p[0] == id || p[1] == id })
}

// reindex makes what is found from Seats anew.
func (s *State) reindex() {
	for i := range s.Seats {
		s.index[s.Seats[i].ID] = i
		s.names[fold(s.Seats[i].Name)]++
	}
}

// last keeps the newest n entries of list.
func last[T any](list []T, n int) []T {
	if len(list) <= n {
		return list
	}
	return slices.Delete(list, 0, len(list)-n)
}

func pairOf(a, b string) pair {
	if a > b {
		a, b = b, a
	}
	return pair{a, b}
}
