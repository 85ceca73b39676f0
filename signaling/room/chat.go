package room

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/confab/confab/auth"
	"github.com/confab/confab/signaling/protocol"
)

// decideChat decides on commands of the chat; mine tells whether c is one. seat is nil for Admin, who may delete and announce.
func (s *State) decideChat(c Command, seat *Seat, h Header) (events []Event, err error, mine bool) {
	switch c := c.(type) {
	case Say:
		events, err = s.decideSay(c, seat, h)
	case EditChat:
		events, err = s.decideEdit(c, seat, h)
	case DeleteChat:
		events, err = s.decideDelete(c, seat, h)
	case React:
		events, err = s.decideReact(c, seat, h)
	default:
		return nil, nil, false
	}
	return events, err, true
}

func (s *State) decideSay(c Say, seat *Seat, h Header) ([]Event, error) {
	do := auth.ActionChat
	if c.To != "" {
		do = auth.ActionDirectMessage
	}
	name := "Server"
	if seat != nil {
		if err := seat.May(do); err != nil {
			return nil, err
		}
		name = seat.Name
	}
	if c.To != "" && s.Seat(c.To) == nil {
		return nil, &protocol.Error{Code: protocol.CodeNoSuchPeer, Message: "the addressee is not in the room"}
	}
	if ref, ok := s.refOf(c.Reply, c.ID); c.Reply != 0 && (!ok || ref.To != "" && c.To == "") {
		c.Reply = 0 // what it answers is gone, or must not be pointed at before everybody
	}
	return []Event{&Said{h, c.Cmd, c.ID, name, c.To, c.Text, c.Reply}}, nil
}

func (s *State) decideEdit(c EditChat, seat *Seat, h Header) ([]Event, error) {
	ref, ok := s.refOf(c.Message, c.ID)
	if !ok || seat == nil {
		return nil, noSuchMessage
	}
	if err := may(seat.actor(), auth.ActionEditMessage, s.author(ref)); err != nil {
		return nil, err
	}
	if m := s.message(c.Message); m != nil && m.Text == c.Text {
		return nil, nil
	}
	if ref.Changes >= MaxChanges {
		return nil, changedTooOften
	}
	return []Event{&Edited{h, c.Message, ref.From, ref.To, c.Text}}, nil
}

func (s *State) decideDelete(c DeleteChat, seat *Seat, h Header) ([]Event, error) {
	ref, ok := s.refOf(c.Message, c.ID)
	if !ok {
		return nil, noSuchMessage
	}
	by := administrator
	if seat != nil {
		by = seat.actor()
	}
	if err := may(by, auth.ActionDeleteMessage, s.author(ref)); err != nil {
		return nil, err
	}
	return []Event{&Deleted{h, c.Message, ref.From, ref.To}}, nil
}

func (s *State) decideReact(c React, seat *Seat, h Header) ([]Event, error) {
	ref, ok := s.refOf(c.Message, c.ID)
	if !ok || seat == nil {
		return nil, noSuchMessage
	}
	if err := seat.May(auth.ActionReact); err != nil {
		return nil, err
	}
	if m := s.message(c.Message); m != nil {
		i := slices.IndexFunc(m.Reactions, func(r protocol.Reaction) bool { return r.Emoji == c.Emoji })
		switch {
		case c.On == (i >= 0 && slices.Contains(m.Reactions[i].From, c.ID)):
			return nil, nil
		case c.On && i < 0 && len(m.Reactions) >= MaxReactions:
			return nil, &protocol.Error{Code: protocol.CodeTooLarge, Message: "the message has as many kinds of reactions as it can have", Hint: "Use one that is there."}
		}
	}
	if ref.Changes >= MaxChanges {
		return nil, changedTooOften
	}
	return []Event{&Reacted{h, c.Message, ref.From, ref.To, c.Emoji, c.On}}, nil
}

var noSuchMessage = &protocol.Error{
	Code: protocol.CodeNoSuchMessage, Message: "this message cannot be changed: it was deleted, or there are too many newer ones",
}

var changedTooOften = &protocol.Error{
	Code: protocol.CodeTooLarge, Message: fmt.Sprintf("this message has been changed and reacted to %d times; more is not kept", MaxChanges),
	Hint: "Write a new one.",
}

// refOf finds a message that the participant with the given id may see, among those that can be changed. Admin sees all.
func (s *State) refOf(seq uint64, id string) (messageRef, bool) {
	i, ok := s.place(seq)
	if !ok {
		return messageRef{}, false
	}
	m := s.messages[i]
	return m, m.To == "" || m.To == id || m.From == id || id == Admin
}

// place finds a message among those that can be changed.
func (s *State) place(seq uint64) (int, bool) {
	return slices.BinarySearchFunc(s.messages, seq, func(m messageRef, seq uint64) int { return cmp.Compare(m.Seq, seq) })
}

// author is the target in the policy table; who has left has no role and is below everybody.
func (s *State) author(ref messageRef) auth.Target {
	t := auth.Target{ID: ref.From}
	if seat := s.Seat(ref.From); seat != nil {
		t.Role = seat.Role
	}
	return t
}
