package room

import (
	"time"

	"github.com/confab/confab/signaling/protocol"
)

// Event is something that has happened. It is one of the structs below.
type Event interface {
	// Head returns number and time.
	Head() Header
}

// Header is common to all events.
type Header struct {
	Seq uint64 // 0: transient, not part of the log
	At  time.Time
}

// Head implements Event.
func (h Header) Head() Header { return h }

// Logged events.
type (
	// Joined adds a seat.
	Joined struct {
		Header
		Seat Seat
		Mode protocol.Mode // of the room
	}
	// Updated changes what a participant sends.
	Updated struct {
		Header
		ID    string
		Media protocol.State
	}
	// Presence tells that a seat's socket was lost or is back.
	Presence struct {
		Header
		ID     string
		Online bool
		Closed bool // offline because the page was closed
	}
	// Left removes a seat.
	Left struct {
		Header
		ID, Reason string
	}
	// Said adds a chat message.
	Said struct {
		Header
		ID, From, Name, To, Text string
	}
	// RouteChanged starts a new generation of the route.
	RouteChanged struct {
		Header
		Transport  protocol.Transport
		Generation uint32
		Reason     protocol.RouteReason
	}
	// RouteDone ends the switch to the present generation.
	RouteDone struct {
		Header
		Generation uint32
	}
)

// Transient events.
type (
	// Readied tells that a participant receives by the present generation.
	Readied struct {
		Header
		ID string
	}
	// PairFailed tells that the only two people cannot connect to each other.
	PairFailed struct {
		Header
		A, B string
	}
	// SFUFailed tells that a participant cannot reach the SFU.
	SFUFailed struct {
		Header
		ID string
	}
	// ViewersChanged tells how many watch over WHEP.
	ViewersChanged struct {
		Header
		Viewers int
		Mode    protocol.Mode // of the room
	}
)

// Wire returns e as the participant with the given id may see it, or nil for a transient event. state is the one right
// after e. Only Said differs between participants; see Private.
func Wire(state *State, e Event, id string) protocol.Event {
	seq := e.Head().Seq
	switch e := e.(type) {
	case *Joined:
		return &protocol.ParticipantJoined{Seq: seq, Participant: e.Seat.participant()}
	case *Updated:
		return &protocol.ParticipantUpdated{Seq: seq, Participant: state.Seat(e.ID).participant()}
	case *Presence:
		return &protocol.ParticipantUpdated{Seq: seq, Participant: state.Seat(e.ID).participant()}
	case *Left:
		return &protocol.ParticipantLeft{Seq: seq, ID: e.ID, Reason: e.Reason}
	case *Said:
		if e.To != "" && id != e.To && id != e.From {
			return &protocol.Withheld{Seq: seq}
		}
		m := e.message()
		return &m
	case *RouteChanged:
		return &protocol.Route{Seq: seq, Reason: e.Reason, Route: protocol.RouteState{Transport: e.Transport, Generation: e.Generation}}
	case *RouteDone:
		return &protocol.RouteDone{Seq: seq, Generation: e.Generation}
	}
	return nil
}

// Private returns the two participants that may see e, if not everybody may.
func Private(e Event) (a, b string, private bool) {
	if said, ok := e.(*Said); ok && said.To != "" {
		return said.From, said.To, true
	}
	return "", "", false
}

func (e *Said) message() protocol.ChatMessage {
	return protocol.ChatMessage{Seq: e.Seq, ID: e.ID, From: e.From, Name: e.Name, To: e.To, Text: e.Text, Time: e.At.UnixMilli()}
}

func (s *Seat) participant() protocol.Participant {
	media := s.Media
	media.ID = ""
	return protocol.Participant{ID: s.ID, Name: s.Name, Media: media, Online: s.Online, Kind: s.Kind}
}

// Snapshot fills the part of joined that describes the room, as the participant with the given id may see it.
func (s *State) Snapshot(id string) *protocol.Joined {
	j := &protocol.Joined{
		Self: id, Mode: s.Mode, Seq: s.Seq, ResumeWindow: int(s.Hold / time.Second),
		Route: protocol.RouteState{Transport: s.Route.Transport, Generation: s.Route.Generation, Done: s.Route.Done},
	}
	for i := range s.Seats {
		j.Participants = append(j.Participants, s.Seats[i].participant())
	}
	for _, m := range s.Chat {
		if m.To == "" || m.To == id || m.From == id {
			j.Chat = append(j.Chat, m)
		}
	}
	return j
}
