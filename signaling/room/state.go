package room

import (
	"maps"
	"slices"
	"time"

	"github.com/confab/confab/signaling/protocol"
)

// MeshMax is how many people a room without an SFU takes: everyone sends to everyone, so four send three times each.
const MeshMax = 4

// rememberedChats is how many chat messages are recognised when they are sent again.
const rememberedChats = 1024

// Config is fixed for the life of a room. Durations must be positive.
type Config struct {
	SFU        bool          // the server has an SFU
	People     int           // most seats at once
	Hold       time.Duration // of a seat whose socket was lost
	HoldClosed time.Duration // of a seat whose page was closed or reloaded
	Linger     time.Duration // two people stay on the SFU that long before they go back to peer to peer
	Timeout    time.Duration // of the switch to a new route
}

// State is one room. Its fields are read by everyone and changed by Evolve only.
type State struct {
	Config

	Seq   uint64        // of the last logged event
	Mode  protocol.Mode // empty until somebody came
	Seats []Seat        // in the order they were taken
	Route Route
	Chat  []protocol.ChatMessage // the last ones, oldest first: at most protocol.MaxHistory

	said []chatKey // the last chat messages, oldest first, for recognising repetitions

	// Transient: not contained in a replay of the log.
	Viewers    int             // WHEP viewers
	ready      map[string]bool // who receives by the present route's generation
	noP2P      map[pair]bool   // pairs in the room that could not connect
	noSFU      map[string]bool // seats that could not reach the SFU
	smallSince time.Time       // last change of membership
}

// Seat is one participant's place.
type Seat struct {
	ID       string
	Name     string
	Kind     protocol.Kind
	Media    protocol.State
	Identity string // from the token; "" if none
	Session  string // hash of the secret that takes the seat back; "" for an ingest
	Grants   Grants
	Online   bool
	Until    time.Time // the seat is held without a socket until then; zero while online
}

// Restricted reports whether the seat's grants hold only where the server is in the way: between two browsers
// nobody could keep it from sending or receiving.
func (s *Seat) Restricted() bool {
	return s.Kind == protocol.KindPerson && !(s.Grants.Publish && s.Grants.Subscribe && s.Grants.Data)
}

// Grants say what a seat may do.
type Grants struct{ Publish, Subscribe, Chat, Data, Admin bool }

// Route is how media travels.
type Route struct {
	Transport  protocol.Transport
	Generation uint32
	Done       bool
	Since      time.Time
}

type (
	pair    [2]string // seat ids, the lesser first
	chatKey struct{ from, id string }
)

// New returns an empty room.
func New(c Config) *State {
	return &State{
		Config: c,
		Route:  Route{Transport: protocol.TransportP2P, Generation: 1, Done: true},
		ready:  map[string]bool{}, noP2P: map[pair]bool{}, noSFU: map[string]bool{},
	}
}

// Empty reports whether nobody is left, so that the room can be forgotten.
func (s *State) Empty() bool { return len(s.Seats) == 0 && s.Viewers == 0 }

// Seat returns the seat with the given id, or nil. The seat must not be changed and is valid until the next Evolve.
func (s *State) Seat(id string) *Seat {
	for i := range s.Seats {
		if s.Seats[i].ID == id {
			return &s.Seats[i]
		}
	}
	return nil
}

// Clone returns a copy that shares nothing with s.
func (s *State) Clone() *State {
	c := *s
	c.Seats, c.Chat, c.said = slices.Clone(s.Seats), slices.Clone(s.Chat), slices.Clone(s.said)
	c.ready, c.noP2P, c.noSFU = maps.Clone(s.ready), maps.Clone(s.noP2P), maps.Clone(s.noSFU)
	return &c
}

// Deadline is when Step must next be called with a Tick; zero if nothing is due by time alone.
func (s *State) Deadline() time.Time {
	var at time.Time
	sooner := func(t time.Time) {
		if at.IsZero() || t.Before(at) {
			at = t
		}
	}
	for i := range s.Seats {
		if !s.Seats[i].Online {
			sooner(s.Seats[i].Until)
		}
	}
	if !s.Route.Done {
		sooner(s.Route.Since.Add(s.Timeout))
	}
	if s.lingering() {
		sooner(s.smallSince.Add(s.Linger))
	}
	return at
}

func (s *State) count(kind protocol.Kind) int {
	n := 0
	for i := range s.Seats {
		if s.Seats[i].Kind == kind {
			n++
		}
	}
	return n
}
