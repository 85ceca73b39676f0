package room

import (
	"fmt"
	"slices"

	"github.com/confab/confab/auth"
	"github.com/confab/confab/signaling/protocol"
)

// decideOrder decides on commands of moderators. seat is nil for Admin.
func (s *State) decideOrder(c Command, seat *Seat, h Header) ([]Event, error) {
	by := administrator
	if seat != nil {
		by = seat.actor()
	}
	switch c := c.(type) {
	case SetRoom:
		return s.decideSetRoom(c, by, h)
	case SetRole:
		target, err := s.target(c.Target)
		if err != nil {
			return nil, err
		}
		if err := may(by, auth.ActionSetRole, auth.Target{ID: target.ID, Role: target.Role, Give: c.Role}); err != nil {
			return nil, err
		}
		if target.Role == c.Role {
			return nil, nil
		}
		return []Event{&RoleSet{h, c.Target, c.Role}}, nil
	case Mute:
		return s.decideMute(c, by, h)
	case Allow:
		target, err := s.target(c.Target)
		if err != nil {
			return nil, err
		}
		if err := may(by, auth.ActionAllowSource, auth.Target{ID: target.ID, Role: target.Role}); err != nil {
			return nil, err
		}
		if give := target.Blocked.filter(func(x protocol.Source) bool { return slices.Contains(c.Sources, x) }); len(give) > 0 {
			return []Event{&Allowed{h, c.Target, give}}, nil
		}
		return nil, nil
	case Remove:
		return s.decideRemove(c, by, h)
	case Unban:
		if err := may(by, auth.ActionUnban, auth.Target{}); err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(s.Bans, func(b Ban) bool { return b.ID == c.Ban }) {
			return nil, &protocol.Error{Code: protocol.CodeNoSuchPeer, Message: "there is no such ban"}
		}
		return []Event{&Unbanned{h, c.Ban}}, nil
	case End:
		if err := may(by, auth.ActionEndForAll, auth.Target{}); err != nil {
			return nil, err
		}
		return []Event{&Ended{h}}, nil
	case SetRecording:
		return s.decideRecording(c, by, h)
	case Refresh:
		if seat == nil {
			return nil, gone
		}
		return []Event{&Refreshed{h, c.ID, c.Role, c.Grants.Names(), whole(c.Expires)}}, nil
	}
	return nil, nil
}

// decideRecording begins or ends a recording. It wants a room whose media can go through the server.
func (s *State) decideRecording(c SetRecording, by auth.Actor, h Header) ([]Event, error) {
	if err := may(by, auth.ActionRecord, auth.Target{}); err != nil {
		return nil, err
	}
	switch {
	case c.On == (s.Recording != nil):
		return nil, nil
	case !c.On:
		return []Event{&RecordingChanged{Header: h}}, nil
	case !s.Records:
		return nil, &protocol.Error{Code: protocol.CodeOutOfState, Message: "this server does not record", Hint: "Whoever runs it can start it with --record-dir."}
	case !s.SFU:
		return nil, sfuOff
	case s.Mode == protocol.ModeP2P || s.Mode == protocol.ModeFiles:
		return nil, &protocol.Error{Code: protocol.CodeModeMismatch, Message: fmt.Sprintf("the room runs in mode %s, and the server sees none of it", s.Mode), Hint: "Use a room in mode auto or sfu."}
	case len(s.Seats) == 0:
		return nil, &protocol.Error{Code: protocol.CodeOutOfState, Message: "nobody is in the room", Hint: "Begin when somebody is.", Retry: true}
	}
	return []Event{&RecordingChanged{Header: h, On: true}}, nil
}

// administrator is Admin in the policy table.
var administrator = auth.Actor{ID: Admin, Role: auth.RoleHost, Grants: func() auth.Grants {
	g := auth.GrantsOf(auth.RoleHost)
	g.Record, g.Admin = true, true
	return g
}()}

func may(by auth.Actor, do auth.Action, t auth.Target) error {
	if err := auth.May(by, do, t); err != nil {
		return forbidden(err)
	}
	return nil
}

func (s *State) target(id string) (*Seat, error) {
	if seat := s.Seat(id); seat != nil {
		return seat, nil
	}
	return nil, &protocol.Error{Code: protocol.CodeNoSuchPeer, Message: "this person is not in the room any more"}
}

func (s *State) decideSetRoom(c SetRoom, by auth.Actor, h Header) ([]Event, error) {
	next := s.Settings
	for _, part := range []struct {
		given bool
		do    auth.Action
	}{
		{c.Access != "", auth.ActionSetAccess}, {c.Password != nil, auth.ActionSetPassword}, {c.People != 0, auth.ActionSetMaxPeople},
	} {
		if part.given {
			if err := may(by, part.do, auth.Target{}); err != nil {
				return nil, err
			}
		}
	}
	if c.Access != "" {
		next.Access = c.Access
	}
	if c.Password != nil {
		next.Password = *c.Password
	}
	if c.People > s.People {
		return nil, &protocol.Error{Code: protocol.CodeForbidden, Message: fmt.Sprintf("this server's rooms take at most %d people", s.People), Hint: "Choose a smaller number."}
	}
	if c.People != 0 {
		next.People = c.People
	}
	if next == s.Settings || next.Access == s.Access() && next.Password == s.Settings.Password && next.People == s.Settings.People {
		return nil, nil
	}
	return []Event{&SettingsChanged{h, next}}, nil
}

// decideMute makes one event for each participant that changes. Of everybody, those are left out whom the moderator may not mute.
func (s *State) decideMute(c Mute, by auth.Actor, h Header) ([]Event, error) {
	mayMute := func(target *Seat) error {
		for _, source := range c.Sources {
			do := auth.ActionStopVideo
			if source == protocol.Microphone || source == protocol.ScreenAudio {
				do = auth.ActionMute
			}
			if err := may(by, do, auth.Target{ID: target.ID, Role: target.Role}); err != nil {
				return err
			}
		}
		return nil
	}
	targets := s.Seats
	if c.Target != "" {
		target, err := s.target(c.Target)
		if err != nil {
			return nil, err
		}
		if err := mayMute(target); err != nil {
			return nil, err
		}
		targets = []Seat{*target}
	} else if err := may(by, auth.ActionAdmit, auth.Target{}); err != nil { // nobody to name in the refusal: who may not keep order at all
		return nil, &protocol.Error{Code: protocol.CodeForbidden, Message: "you may not mute others: that takes a moderator", Hint: "Ask a moderator."}
	}
	var events []Event
	for i := range targets {
		target := &targets[i]
		if c.Target == "" && (target.ID == by.ID || mayMute(target) != nil) {
			continue
		}
		changes := Sources(c.Sources).filter(func(x protocol.Source) bool {
			return *switchOf(&target.Media, x) || c.Hold && !slices.Contains(target.Blocked, x)
		})
		if len(changes) > 0 {
			events = append(events, &Muted{h, target.ID, changes, c.Hold})
			h.Seq++
		}
	}
	return events, nil
}

func (s *State) decideRemove(c Remove, by auth.Actor, h Header) ([]Event, error) {
	target, err := s.target(c.Target)
	if err != nil {
		return nil, err
	}
	do, reason := auth.ActionRemove, "removed"
	if c.Ban > 0 {
		do, reason = auth.ActionBan, "banned"
	}
	if err := may(by, do, auth.Target{ID: target.ID, Role: target.Role}); err != nil {
		return nil, err
	}
	var events []Event
	if c.Ban > 0 {
		b := Ban{ID: target.ID, Name: target.Name, Identity: target.Identity, By: by.ID, Until: h.At.Add(c.Ban)}
		if b.Identity == "" {
			b.Address = target.Address
		}
		events = append(events, &Banned{h, b})
		h.Seq++
	}
	return append(events, s.left(h, target.ID, reason)), nil
}

// settleOrder returns what follows by rule about who keeps order: somebody does, in rooms that have no tokens, and nobody is locked
// out of a room that nobody is in.
func (s *State) settleOrder(next Header) Event {
	if !s.Succession {
		return nil
	}
	if len(s.Seats) == 0 {
		if s.Settings.Access == protocol.AccessLocked {
			open := s.Settings
			open.Access = protocol.AccessOpen
			return &SettingsChanged{next, open}
		}
		return nil
	}
	if s.hasModerator() {
		return nil
	}
	var heir *Seat
	for i := range s.Seats {
		if seat := &s.Seats[i]; seat.Kind == protocol.KindPerson && (heir == nil || seat.Online && !heir.Online) {
			heir = seat
		}
	}
	if heir == nil || heir.Role != auth.RoleMember {
		return nil
	}
	return &RoleSet{next, heir.ID, auth.RoleHost}
}
