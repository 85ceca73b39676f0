package room

import (
	"errors"
	"slices"

	"github.com/confab/confab/auth"
	"github.com/confab/confab/signaling/protocol"
)

// Sources is a set of sources, in the order of the protocol.
type Sources []protocol.Source

var allSources = Sources{protocol.Microphone, protocol.Camera, protocol.Screen, protocol.ScreenAudio}

// with returns the union, without the difference; neither changes what it is called on.
func (s Sources) with(more []protocol.Source) Sources {
	return allSources.filter(func(x protocol.Source) bool { return slices.Contains(s, x) || slices.Contains(more, x) })
}

func (s Sources) without(less []protocol.Source) Sources {
	return s.filter(func(x protocol.Source) bool { return !slices.Contains(less, x) })
}

func (s Sources) filter(keep func(protocol.Source) bool) Sources {
	var out Sources
	for _, x := range s {
		if keep(x) {
			out = append(out, x)
		}
	}
	return out
}

var publishing = map[protocol.Source]auth.Action{
	protocol.Microphone: auth.ActionPublishMicrophone, protocol.Camera: auth.ActionPublishCamera,
	protocol.Screen: auth.ActionPublishScreen, protocol.ScreenAudio: auth.ActionPublishScreenAudio,
}

// switchOf returns the field of a state that tells of a source.
func switchOf(m *protocol.State, s protocol.Source) *bool {
	switch s {
	case protocol.Microphone:
		return &m.Microphone
	case protocol.Camera:
		return &m.Camera
	case protocol.Screen:
		return &m.Screen
	}
	return &m.ScreenAudio
}

// actor is the seat in the policy table.
func (s *Seat) actor() auth.Actor { return auth.Actor{ID: s.ID, Role: s.Role, Grants: s.Grants} }

func (s *Seat) may(do auth.Action, t auth.Target) error { return auth.May(s.actor(), do, t) }

// MaySend says why the seat may not send a source now: nil, or a *protocol.Error.
func (s *Seat) MaySend(source protocol.Source) error {
	if err := s.may(publishing[source], auth.Target{}); err != nil {
		return forbidden(err)
	}
	if slices.Contains(s.Blocked, source) {
		return &protocol.Error{Code: protocol.CodeBlocked, Message: "a moderator has taken your " + string(source) + " away", Hint: "Raise your hand and ask for it."}
	}
	return nil
}

// May says whether the seat's role and grants allow what needs no target: nil, or a *protocol.Error.
func (s *Seat) May(do auth.Action) error {
	if err := s.may(do, auth.Target{}); err != nil {
		return forbidden(err)
	}
	return nil
}

// allowed returns m without the sources that the seat may not send.
func (s *Seat) allowed(m protocol.State) protocol.State {
	for _, source := range allSources {
		if on := switchOf(&m, source); *on && s.MaySend(source) != nil {
			*on = false
		}
	}
	return m
}

// Restricted reports whether something is kept from the seat that only a server in the way can keep: between two browsers
// nobody could keep it from sending or receiving.
func (s *Seat) Restricted() bool {
	if s.Kind != protocol.KindPerson {
		return false
	}
	for _, source := range allSources {
		if s.MaySend(source) != nil {
			return true
		}
	}
	return s.may(auth.ActionSubscribe, auth.Target{}) != nil || s.may(auth.ActionSendData, auth.Target{}) != nil
}

// grants lists what the seat's token allows, in the words of the protocol.
func (s *Seat) grants() []protocol.Grant {
	g := s.Grants
	var out []protocol.Grant
	for _, x := range []struct {
		on   bool
		name protocol.Grant
	}{
		{g.Microphone, protocol.GrantMicrophone}, {g.Camera, protocol.GrantCamera}, {g.Screen, protocol.GrantScreen},
		{g.ScreenAudio, protocol.GrantScreenAudio}, {g.Subscribe, protocol.GrantSubscribe}, {g.Chat, protocol.GrantChat},
		{g.Data, protocol.GrantData}, {g.Files, protocol.GrantFiles}, {g.Record, protocol.GrantRecord},
	} {
		if x.on {
			out = append(out, x.name)
		}
	}
	return out
}

func (s *Seat) participant() protocol.Participant {
	media := s.Media
	media.ID = ""
	return protocol.Participant{
		ID: s.ID, Name: s.Name, Media: media, Online: s.Online, Kind: s.Kind,
		Role: protocol.Role(s.Role), Verified: s.Identity != "", Blocked: s.Blocked,
	}
}

// forbidden is a refusal of the policy table on the wire.
func forbidden(err error) *protocol.Error {
	var r *auth.Refusal
	if !errors.As(err, &r) {
		return &protocol.Error{Code: protocol.CodeForbidden, Message: err.Error()}
	}
	return &protocol.Error{Code: protocol.CodeForbidden, Message: r.Message, Hint: r.Hint}
}
