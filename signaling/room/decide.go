package room

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/confab/confab/auth"
	"github.com/confab/confab/signaling/protocol"
)

// Step decides on a command, applies what follows from it, and returns the events in order. The error is always a
// *protocol.Error, and then nothing has changed. now is taken in whole milliseconds, as logs keep it.
func Step(s *State, c Command, now time.Time) ([]Event, error) {
	now = whole(now)
	events, err := Decide(s, c, now)
	if err != nil {
		return nil, err
	}
	for _, e := range events {
		s.Evolve(e)
	}
	for {
		e := s.settle(now)
		if e == nil {
			return events, nil
		}
		s.Evolve(e)
		events = append(events, e)
	}
}

// whole returns t as logs keep it.
func whole(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return time.UnixMilli(t.UnixMilli()).UTC()
}

// Decide returns what a command makes happen, without changing the state. No events and no error means that there was
// nothing to do, or that it has been done: see State.Applied. The error is always a *protocol.Error.
func Decide(s *State, c Command, now time.Time) ([]Event, error) {
	id, cmd := c.from()
	if _, done := s.Applied(id, cmd); done {
		return nil, nil
	}
	next := Header{Seq: s.Seq + 1, At: now, By: id, Cmd: cmd}
	switch c := c.(type) {
	case Join:
		return s.decideJoin(c, next)
	case AddViewer:
		if err := s.admitsSFUOnly(""); err != nil {
			return nil, err
		}
		return []Event{&ViewersChanged{next, c.Node, s.viewers[c.Node] + 1, orAuto(s.mode())}}, nil
	case RemoveViewer:
		if s.viewers[c.Node] == 0 {
			return nil, nil
		}
		return []Event{&ViewersChanged{next, c.Node, s.viewers[c.Node] - 1, s.Mode}}, nil
	case NodeLost:
		return s.decideNodeLost(c, now), nil
	case RecordingEnded:
		if s.Recording == nil {
			return nil, nil
		}
		return []Event{&RecordingChanged{next, false, c.Reason}}, nil
	case Ready:
		if s.Seat(c.ID) == nil || c.Generation != s.Route.Generation || s.Route.Done || s.ready[c.ID] {
			return nil, nil
		}
		return []Event{&Readied{next, c.ID}}, nil
	case Fail:
		return s.decideFail(c, next)
	case Tick:
		return s.decideTick(now)
	}
	seat := s.Seat(id)
	if seat == nil && id != Admin {
		return nil, gone
	}
	switch c := c.(type) {
	case SetMedia:
		return s.decideMedia(c, seat, next)
	case SetOnline:
		return s.decideOnline(c, seat, next)
	case Reseat:
		return []Event{&Reseated{next, c.ID, c.Session, c.Node}}, nil
	case Leave:
		return []Event{s.left(next, c.ID, c.Reason)}, nil
	}
	if events, err, mine := s.decideChat(c, seat, next); mine {
		return events, err
	}
	return s.decideOrder(c, seat, next)
}

// gone answers a command of a seat that has ended meanwhile.
var gone = &protocol.Error{Code: protocol.CodeSessionExpired, Message: "your seat in the room has ended", Hint: "Join again.", Retry: true}

// mode is the room's; none while nobody is there, so that the next one may choose.
func (s *State) mode() protocol.Mode {
	if s.Empty() {
		return ""
	}
	return s.Mode
}

// wouldBe is the mode that the room has when somebody joins with a wish.
func (s *State) wouldBe(wish protocol.Mode) protocol.Mode {
	if s.mode() == "" && wish != "" {
		return wish
	}
	return orAuto(s.mode())
}

func (s *State) decideJoin(c Join, h Header) ([]Event, error) {
	seat := c.Seat
	if s.Seat(seat.ID) != nil {
		return nil, &protocol.Error{Code: protocol.CodeInternal, Message: "the participant id is taken", Retry: true}
	}
	if seat.Role == "" {
		seat.Role = auth.RoleMember
	}
	if s.Succession && seat.Kind == protocol.KindPerson && !s.hasModerator() && seat.Role == auth.RoleMember {
		seat.Role = auth.RoleHost
	}
	if err := s.admits(c, &seat, h.At); err != nil {
		return nil, err
	}
	files := s.wouldBe(c.Mode) == protocol.ModeFiles
	if seat.Kind == protocol.KindIngest || seat.Restricted() && !files {
		if err := s.admitsSFUOnly(c.Mode); err != nil {
			return nil, err
		}
	}
	if err := s.admitsMode(c.Mode); err != nil {
		return nil, err
	}
	mode := s.wouldBe(c.Mode)
	if most := s.most(mode); len(s.Seats) >= most && (seat.may(auth.ActionJoinFull, auth.Target{}) != nil || len(s.Seats) >= s.hardMost(mode)) {
		return nil, &protocol.Error{
			Code: protocol.CodeRoomFull, Message: fmt.Sprintf("the room is full: it takes %d people", most),
			Hint: "Try again when somebody has left, or open another room.", Retry: true, After: 5000,
		}
	}
	seat.Name = s.freeName(seat.Name)
	seat.Online, seat.Until, seat.Expires, seat.Media.ID = true, time.Time{}, whole(seat.Expires), ""
	seat.Media = seat.allowed(seat.Media)
	if files {
		seat.Media = protocol.State{Hand: seat.Media.Hand}
	}
	h.By, h.Cmd = seat.ID, ""
	return []Event{&Joined{h, seat, mode, seat.Kind == protocol.KindPerson && len(s.Seats) < linesUpTo}}, nil
}

// admits checks bans, the lock, the password and the lobby.
func (s *State) admits(c Join, seat *Seat, now time.Time) error {
	for _, b := range s.Bans {
		if now.Before(b.Until) && (b.Identity != "" && b.Identity == seat.Identity || b.Address != "" && b.Address == seat.Address) {
			return &protocol.Error{
				Code: protocol.CodeBanned, Message: "a moderator has banned you from this room until " + b.Until.UTC().Format(time.RFC1123),
				Hint: "Ask whoever runs the room.", Retry: true, After: int(min(b.Until.Sub(now), 24*time.Hour) / time.Millisecond),
			}
		}
	}
	may := func(do auth.Action) bool { return seat.may(do, auth.Target{}) == nil }
	switch {
	case s.Access() == protocol.AccessLocked && !c.Admitted && !may(auth.ActionJoinLocked):
		return &protocol.Error{Code: protocol.CodeLocked, Message: "the room is locked", Hint: "Ask somebody inside to open it.", Retry: true}
	case s.Settings.Password != "" && c.Password != s.Settings.Password && !c.Admitted && !may(auth.ActionSkipPassword):
		return &protocol.Error{Code: protocol.CodePassword, Message: "the room has a password", Hint: "Give the password that you were told."}
	case s.Access() == protocol.AccessLobby && !c.Admitted && !may(auth.ActionSkipLobby):
		return &protocol.Error{Code: protocol.CodeLobby, Message: "a moderator lets people into this room", Hint: "Wait until somebody opens.", Retry: true}
	}
	return nil
}

// admitsMode refuses a wish for a mode that the room does not run in. Auto is no wish: it is what a client asks for that
// was not told anything.
func (s *State) admitsMode(mode protocol.Mode) error {
	switch has := s.mode(); {
	case mode == protocol.ModeSFU && !s.SFU:
		return sfuOff
	case mode == "" || mode == protocol.ModeAuto || has == "" || has == mode:
		return nil
	}
	return &protocol.Error{
		Code: protocol.CodeModeMismatch, Message: fmt.Sprintf("the room runs in mode %s", s.Mode),
		Hint: "Join without a mode to take the room's.",
	}
}

// admitsSFUOnly refuses whoever can only use the SFU where there is none, or who wants none.
func (s *State) admitsSFUOnly(mode protocol.Mode) error {
	switch has := s.mode(); {
	case !s.SFU:
		return sfuOff
	case has == protocol.ModeP2P || has == protocol.ModeFiles || has == "" && (mode == protocol.ModeP2P || mode == protocol.ModeFiles):
		return &protocol.Error{Code: protocol.CodeModeMismatch, Message: fmt.Sprintf("the room runs in mode %s", cmp.Or(has, mode)), Hint: "Use a room in mode auto or sfu."}
	}
	return nil
}

var filesOnly = &protocol.Error{Code: protocol.CodeModeMismatch, Message: "the room runs in mode files: it carries no audio or video", Hint: "Meet in another room to talk."}

var sfuOff = &protocol.Error{Code: protocol.CodeSFUOff, Message: "this server runs without an SFU", Hint: "Calls of up to four people work without it."}

// most is how many seats the room may have, hardMost how many even for whoever may join a full room.
func (s *State) most(mode protocol.Mode) int { return min(s.MostPeople(), s.hardMost(mode)) }

func (s *State) hardMost(mode protocol.Mode) int {
	if mode == protocol.ModeP2P || !s.SFU && mode != protocol.ModeFiles {
		return min(s.People, MeshMax)
	}
	return s.People
}

// freeName returns name, with a number when somebody in the room has it already. It looks the same to people when it
// differs in case or space only, so that counts as having it.
func (s *State) freeName(name string) string {
	candidate := name
	for n := 2; s.names[fold(candidate)] > 0; n++ {
		suffix := fmt.Sprintf(" (%d)", n)
		r := []rune(name)
		candidate = string(r[:min(len(r), protocol.MaxName-utf8.RuneCountInString(suffix))]) + suffix
	}
	return candidate
}

// fold returns what people see of a name: neither case nor space, nor characters without a shape (zero-width space, soft
// hyphen), which would let somebody appear under another's name.
func fold(name string) string {
	seen := strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}, name)
	return strings.ToLower(strings.Join(strings.Fields(seen), " "))
}

// decideMedia refuses what the participant turns on and may not send. What is on already and may not be any more has been turned off
// by the event that took it away.
func (s *State) decideMedia(c SetMedia, seat *Seat, h Header) ([]Event, error) {
	c.Media.ID = ""
	if seat.Media == c.Media {
		return nil, nil
	}
	for _, source := range allSources {
		if *switchOf(&c.Media, source) {
			if s.Mode == protocol.ModeFiles {
				return nil, filesOnly
			}
			if err := seat.MaySend(source); err != nil {
				return nil, err
			}
		}
	}
	e := &Updated{Header: h, ID: c.ID, Media: c.Media}
	if c.Media.Screen != seat.Media.Screen && len(s.Seats) <= linesUpTo {
		e.Line, e.Name = protocol.LineStopped, seat.Name
		if c.Media.Screen {
			e.Line = protocol.LineShares
		}
	}
	return []Event{e}, nil
}

func (s *State) decideOnline(c SetOnline, seat *Seat, h Header) ([]Event, error) {
	switch {
	case c.Online && seat.Online && seat.Node == c.Node:
		return nil, nil
	case c.Online:
		return []Event{&Presence{Header: h, ID: c.ID, Online: true, Node: c.Node}}, nil
	case !seat.Online || seat.Node != c.Node: // it has moved on
		return nil, nil
	}
	return []Event{s.offline(h, c.ID, c.Closed)}, nil
}

func (s *State) offline(h Header, id string, closed bool) Event {
	hold := s.Hold
	if closed {
		hold = s.HoldClosed
	}
	return &Presence{Header: h, ID: id, Until: h.At.Add(hold)}
}

// left is the event of a seat's end.
func (s *State) left(h Header, id, reason string) Event {
	e := &Left{Header: h, ID: id, Reason: reason}
	if seat := s.Seat(id); seat.Kind == protocol.KindPerson && len(s.Seats) <= linesUpTo {
		e.Line, e.Name = true, seat.Name
	}
	return e
}

// decideNodeLost takes a dead node out of the room: the people it served are held, as after a lost socket, its ingests and viewers
// are gone, and the SFU goes on at this node.
func (s *State) decideNodeLost(c NodeLost, now time.Time) []Event {
	var events []Event
	next := func() Header { return Header{Seq: s.Seq + 1 + uint64(len(events)), At: now} }
	for i := range s.Seats {
		switch seat := &s.Seats[i]; {
		case seat.Node != c.Node:
		case seat.Kind == protocol.KindIngest:
			events = append(events, s.left(next(), seat.ID, "lost"))
		case seat.Online:
			events = append(events, s.offline(next(), seat.ID, false))
		}
	}
	if s.viewers[c.Node] > 0 {
		events = append(events, &ViewersChanged{next(), c.Node, 0, s.Mode})
	}
	if !s.Empty() && s.SFU && s.Route.Transport == protocol.TransportSFU && s.Route.Node == c.Node {
		events = append(events, &RouteChanged{next(), protocol.TransportSFU, s.Route.Generation + 1, protocol.ReasonRestarted, s.Node})
	}
	return events
}

// decideTick lets go one thing that is due; Step is called again while State.Deadline is not in the future.
func (s *State) decideTick(now time.Time) ([]Event, error) {
	next := Header{Seq: s.Seq + 1, At: now}
	for i := range s.Seats {
		seat := &s.Seats[i]
		if due := seat.due(); due.IsZero() || now.Before(due) {
			continue
		}
		if !seat.Online && !now.Before(seat.Until) {
			return []Event{s.left(next, seat.ID, "lost")}, nil
		}
		return []Event{s.left(next, seat.ID, "expired")}, nil
	}
	if !s.Empty() && !s.Route.Done && !now.Before(s.Route.Since.Add(s.Timeout)) {
		return s.decideTimeout(next)
	}
	return nil, nil
}

func (s *State) hasModerator() bool {
	return slices.ContainsFunc(s.Seats, func(seat Seat) bool { return seat.Role.AtLeast(auth.RoleModerator) })
}

func orAuto(mode protocol.Mode) protocol.Mode {
	if mode == "" {
		return protocol.ModeAuto
	}
	return mode
}
