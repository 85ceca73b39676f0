package room

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/confab/confab/signaling/protocol"
)

// Command is what somebody wants to happen. It is one of the structs below; the owner has checked that values are within
// the bounds of the protocol and that IDs of seats come from whom they name.
type Command interface{ command() }

// The commands.
type (
	// Join takes a seat. Seat.ID must be new; Name may be changed to be unlike the others'.
	Join struct {
		Seat Seat
		Mode protocol.Mode // wanted; empty or auto: any
	}
	// SetMedia replaces what a participant sends.
	SetMedia struct {
		ID    string
		Media protocol.State
	}
	// SetOnline tells that a seat's socket was lost or is back.
	SetOnline struct {
		ID     string
		Online bool
		Closed bool // the page was closed: the seat is held for Config.HoldClosed, as a reload needs it
	}
	// Leave gives a seat up.
	Leave struct{ ID, Reason string }
	// Say writes to the chat; saying the same ID again changes nothing.
	Say struct{ From, ID, To, Text string }
	// Ready tells that a participant receives by the route of a generation.
	Ready struct {
		ID         string
		Generation uint32
	}
	// Fail tells that a participant cannot build the route of a generation.
	Fail struct {
		ID         string
		Generation uint32
	}
	// AddViewer and RemoveViewer count those who watch over WHEP.
	AddViewer    struct{}
	RemoveViewer struct{}
	// Tick tells that time has passed.
	Tick struct{}
)

func (Join) command()         {}
func (SetMedia) command()     {}
func (SetOnline) command()    {}
func (Leave) command()        {}
func (Say) command()          {}
func (Ready) command()        {}
func (Fail) command()         {}
func (AddViewer) command()    {}
func (RemoveViewer) command() {}
func (Tick) command()         {}

// Step decides on a command, applies what follows from it, and returns the events in order. The error is always a
// *protocol.Error, and then nothing has changed.
func Step(s *State, c Command, now time.Time) ([]Event, error) {
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

// Decide returns what a command makes happen, without changing the state. No events and no error means that there was
// nothing to do. The error is always a *protocol.Error.
func Decide(s *State, c Command, now time.Time) ([]Event, error) {
	next := Header{Seq: s.Seq + 1, At: now}
	transient := Header{At: now}
	switch c := c.(type) {
	case Join:
		return s.decideJoin(c, next)
	case AddViewer:
		if err := s.admitsSFUOnly(""); err != nil {
			return nil, err
		}
		return []Event{&ViewersChanged{transient, s.Viewers + 1, orAuto(s.Mode)}}, nil
	case RemoveViewer:
		if s.Viewers == 0 {
			return nil, nil
		}
		return []Event{&ViewersChanged{transient, s.Viewers - 1, s.Mode}}, nil
	case SetMedia:
		seat := s.Seat(c.ID)
		c.Media.ID = ""
		switch {
		case seat == nil:
			return nil, gone
		case seat.Media == c.Media:
			return nil, nil
		case !seat.Grants.Publish && sends(c.Media):
			return nil, &protocol.Error{Code: protocol.CodeForbidden, Message: "your token does not allow you to send audio or video"}
		}
		return []Event{&Updated{next, c.ID, c.Media}}, nil
	case SetOnline:
		if seat := s.Seat(c.ID); seat == nil {
			return nil, gone
		} else if seat.Online == c.Online {
			return nil, nil
		}
		return []Event{&Presence{next, c.ID, c.Online, c.Closed}}, nil
	case Leave:
		if s.Seat(c.ID) == nil {
			return nil, gone
		}
		return []Event{&Left{next, c.ID, c.Reason}}, nil
	case Say:
		return s.decideSay(c, next)
	case Ready:
		if s.Seat(c.ID) == nil || c.Generation != s.Route.Generation || s.Route.Done || s.ready[c.ID] {
			return nil, nil
		}
		return []Event{&Readied{transient, c.ID}}, nil
	case Fail:
		return s.decideFail(c, transient)
	case Tick:
		return s.decideTick(now)
	}
	return nil, nil
}

// gone answers a command of a seat that has ended meanwhile.
var gone = &protocol.Error{Code: protocol.CodeSessionExpired, Message: "your seat in the room has ended", Hint: "Join again.", Retry: true}

func (s *State) decideJoin(c Join, h Header) ([]Event, error) {
	seat := c.Seat
	if s.Seat(seat.ID) != nil {
		return nil, &protocol.Error{Code: protocol.CodeInternal, Message: "the participant id is taken", Retry: true}
	}
	if seat.Kind == protocol.KindIngest || seat.Restricted() {
		if err := s.admitsSFUOnly(c.Mode); err != nil {
			return nil, err
		}
	}
	if err := s.admitsMode(c.Mode); err != nil {
		return nil, err
	}
	mode := orAuto(s.Mode)
	if s.Mode == "" && c.Mode != "" {
		mode = c.Mode
	}
	if most := s.most(mode); len(s.Seats) >= most {
		return nil, &protocol.Error{
			Code: protocol.CodeRoomFull, Message: fmt.Sprintf("the room is full: it takes %d people", most),
			Hint: "Try again when somebody has left, or open another room.", Retry: true, After: 5000,
		}
	}
	seat.Name = s.freeName(seat.Name)
	seat.Online, seat.Until, seat.Media.ID = true, time.Time{}, ""
	if !seat.Grants.Publish {
		seat.Media = protocol.State{Hand: seat.Media.Hand}
	}
	return []Event{&Joined{h, seat, mode}}, nil
}

// admitsMode refuses a wish for a mode that the room does not run in. Auto is no wish: it is what a client asks for that
// was not told anything.
func (s *State) admitsMode(mode protocol.Mode) error {
	switch {
	case mode == protocol.ModeSFU && !s.SFU:
		return sfuOff
	case mode == "" || mode == protocol.ModeAuto || s.Mode == "" || s.Mode == mode:
		return nil
	}
	return &protocol.Error{
		Code: protocol.CodeModeMismatch, Message: fmt.Sprintf("the room runs in mode %s", s.Mode),
		Hint: "Join without a mode to take the room's.",
	}
}

// admitsSFUOnly refuses whoever can only use the SFU where there is none, or who wants none.
func (s *State) admitsSFUOnly(mode protocol.Mode) error {
	switch {
	case !s.SFU:
		return sfuOff
	case s.Mode == protocol.ModeP2P || s.Mode == "" && mode == protocol.ModeP2P:
		return &protocol.Error{Code: protocol.CodeModeMismatch, Message: "the room runs in mode p2p", Hint: "Use a room in mode auto or sfu."}
	}
	return nil
}

var sfuOff = &protocol.Error{Code: protocol.CodeSFUOff, Message: "this server runs without an SFU", Hint: "Calls of up to four people work without it."}

// most is how many seats the room may have.
func (s *State) most(mode protocol.Mode) int {
	if mode == protocol.ModeP2P || !s.SFU {
		return min(s.People, MeshMax)
	}
	return s.People
}

// freeName returns name, with a number when somebody in the room has it already. It looks the same to people when it
// differs in case or space only, so that counts as having it.
func (s *State) freeName(name string) string {
	taken := func(candidate string) bool {
		return slices.ContainsFunc(s.Seats, func(seat Seat) bool { return fold(seat.Name) == fold(candidate) })
	}
	candidate := name
	for n := 2; taken(candidate); n++ {
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

func (s *State) decideSay(c Say, h Header) ([]Event, error) {
	seat := s.Seat(c.From)
	switch {
	case seat == nil:
		return nil, gone
	case slices.Contains(s.said, chatKey{c.From, c.ID}):
		return nil, nil
	case !seat.Grants.Chat:
		return nil, &protocol.Error{Code: protocol.CodeForbidden, Message: "your token does not allow you to write to the chat"}
	case c.To != "" && s.Seat(c.To) == nil:
		return nil, &protocol.Error{Code: protocol.CodeNoSuchPeer, Message: "the addressee is not in the room"}
	}
	return []Event{&Said{h, c.ID, c.From, seat.Name, c.To, c.Text}}, nil
}

// decideTick lets go one thing that is due; Step is called again while State.Deadline is not in the future.
func (s *State) decideTick(now time.Time) ([]Event, error) {
	next := Header{Seq: s.Seq + 1, At: now}
	for i := range s.Seats {
		if seat := &s.Seats[i]; !seat.Online && !now.Before(seat.Until) {
			return []Event{&Left{next, seat.ID, "lost"}}, nil
		}
	}
	if !s.Route.Done && !now.Before(s.Route.Since.Add(s.Timeout)) {
		return s.decideTimeout(next)
	}
	return nil, nil
}

func sends(m protocol.State) bool { return m.Microphone || m.Camera || m.Screen || m.ScreenAudio }

func orAuto(mode protocol.Mode) protocol.Mode {
	if mode == "" {
		return protocol.ModeAuto
	}
	return mode
}
