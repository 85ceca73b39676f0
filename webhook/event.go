package webhook

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/confab/confab/signaling/room"
)

// Type is what an event tells.
type Type string

// The types.
const (
	RoomOpened Type = "room-opened" // the first has come
	RoomClosed Type = "room-closed" // the last has left, or the room was ended for all
	Joined     Type = "joined"
	Left       Type = "left"
	Settings   Type = "settings"
	Recording  Type = "recording"
	Message    Type = "message" // what is said to everybody; sent only when asked for
)

// Types are all of them; Usual those that are sent when nobody has said which.
var (
	Types = []Type{RoomOpened, RoomClosed, Joined, Left, Settings, Recording, Message}
	Usual = []Type{RoomOpened, RoomClosed, Joined, Left, Settings, Recording}
)

// Event is the body of a delivery, as JSON.
type Event struct {
	Type        Type             `json:"type"`
	ID          string           `json:"id"` // that of the header: the same whenever, and by whichever server, it is sent
	Room        string           `json:"room"`
	Seq         uint64           `json:"seq"` // of the event in the room's log
	Time        time.Time        `json:"time"`
	Reason      string           `json:"reason,omitempty"`      // left, room-closed
	Participant *Participant     `json:"participant,omitempty"` // joined, left, message
	Settings    *RoomSetting     `json:"settings,omitempty"`
	Recording   *RecordingChange `json:"recording,omitempty"`
	Message     *ChatMessage     `json:"message,omitempty"`
}

// Participant is whom an event is about.
type Participant struct {
	ID       string `json:"id"`
	Name     string `json:"name,omitempty"`
	Kind     string `json:"kind,omitempty"`     // person or ingest
	Role     string `json:"role,omitempty"`     // when the event happened
	Identity string `json:"identity,omitempty"` // of the token
}

// RoomSetting are the settings of a room.
type RoomSetting struct {
	Access   string `json:"access"`
	Password bool   `json:"password"` // there is one
	People   int    `json:"people"`
}

// RecordingChange tells whether the room is recorded from now on.
type RecordingChange struct {
	On bool   `json:"on"`
	By string `json:"by,omitempty"` // participant id, or "*" for the admin API
}

// ChatMessage is what was said.
type ChatMessage struct {
	ID   string `json:"id"`
	Text string `json:"text"`
}

// idOf is the same on every server: of the place in the log, and of the time, since a log that was deleted begins again at 1.
func idOf(t Type, room string, seq uint64, at time.Time) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %s %d %d", t, room, seq, at.UnixMilli()))
	return "evt_" + hex.EncodeToString(sum[:16])
}

// eventsOf returns what there is to tell of an event of a room; s is the room right after it.
func eventsOf(id string, s *room.State, e room.Event) []Event {
	h := e.Head()
	event := func(t Type) Event {
		return Event{Type: t, ID: idOf(t, id, h.Seq, h.At), Room: id, Seq: h.Seq, Time: h.At.UTC()}
	}
	switch e := e.(type) {
	case *room.Joined:
		joined := event(Joined)
		joined.Participant = participantOf(&e.Seat)
		if len(s.Seats) == 1 {
			return []Event{event(RoomOpened), joined}
		}
		return []Event{joined}
	case *room.Left:
		left := event(Left)
		left.Participant, left.Reason = &Participant{ID: e.ID, Name: e.Name}, e.Reason
		if len(s.Seats) == 0 {
			closed := event(RoomClosed)
			closed.Reason = "empty"
			return []Event{left, closed}
		}
		return []Event{left}
	case *room.Ended:
		closed := event(RoomClosed)
		closed.Reason = "ended"
		return []Event{closed}
	case *room.SettingsChanged:
		settings := event(Settings)
		settings.Settings = &RoomSetting{string(s.Access()), e.Settings.Password != "", s.MostPeople()}
		return []Event{settings}
	case *room.RecordingChanged:
		recording := event(Recording)
		recording.Recording = &RecordingChange{e.On, e.By}
		recording.Reason = e.Reason
		return []Event{recording}
	case *room.Said:
		if e.To != "" {
			return nil // private
		}
		said := event(Message)
		said.Participant, said.Message = &Participant{ID: e.From, Name: e.Name}, &ChatMessage{e.ID, e.Text}
		if seat := s.Seat(e.From); seat != nil {
			said.Participant = participantOf(seat)
		}
		return []Event{said}
	}
	return nil
}

func participantOf(seat *room.Seat) *Participant {
	return &Participant{ID: seat.ID, Name: seat.Name, Kind: string(seat.Kind), Role: string(seat.Role), Identity: seat.Identity}
}
