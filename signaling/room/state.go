package room

import (
	"maps"
	"slices"
	"time"

	"github.com/confab/confab/auth"
	"github.com/confab/confab/signaling/protocol"
)

// MeshMax is how many people a room without an SFU takes: everyone sends to everyone, so four send three times each.
const MeshMax = 4

// Bounds of what a state remembers, all per room but the first.
const (
	// RememberedCommands are recognised when a participant sends them again. A client has fewer of them unacknowledged: see
	// protocol.MaxUnacked.
	RememberedCommands = 64
	RememberedAdmin    = 256  // the same for Admin, which is every program with a token for that
	ChangeableMessages = 1024 // the newest messages can be edited, deleted and reacted to
	MaxBans            = 256  // the newest are in force
	MaxReactions       = 32   // different emoji on one message
	MaxReactors        = 256  // participants under one emoji, of those who are counted by name
	MaxChanges         = 1024 // edits and reactions of one message, which a page of the chat brings with it
	linesUpTo          = 30   // seats: in a larger room, who comes and goes is no news
	maxLines           = protocol.MaxHistory / 2
)

// ExpiryGrace is how long a seat outlives its token.
const ExpiryGrace = 30 * time.Second

// Config is the replica's own and no part of the log: it is asked when something is decided, and never when an event is applied.
// Durations must be positive.
type Config struct {
	Node       string        // of this server, where an SFU that a decision calls for will be
	SFU        bool          // the server has an SFU
	Records    bool          // the server keeps recordings
	People     int           // most seats at once, whatever the room's own setting
	Succession bool          // a room without a moderator gets one: who has been there longest. For servers without tokens
	Hold       time.Duration // of a seat whose socket was lost
	HoldClosed time.Duration // of a seat whose page was closed or reloaded
	Linger     time.Duration // two people stay on the SFU that long before they go back to peer to peer
	Timeout    time.Duration // of the switch to a new route
}

// State is one room. Its fields are read by everyone and changed by Evolve only.
type State struct {
	Config

	Seq      uint64        // of the last event
	Since    uint64        // seq at which the room was ended last; what was said before is not told any more
	Mode     protocol.Mode // empty until somebody came
	Settings Settings
	Seats    []Seat // in the order they were taken
	Route    Route
	Chat     []protocol.ChatMessage // the last ones as they are now, oldest first: at most protocol.MaxHistory
	More     bool                   // there were older ones
	Bans     []Ban                  // oldest first; some may be over

	Recording *Recording // nil: none. It is replaced, never changed

	viewers    map[string]int  // WHEP viewers by node; never zero
	ready      map[string]bool // who receives by the present route's generation
	noP2P      map[pair]bool   // pairs in the room that could not connect
	noSFU      map[string]bool // seats that could not reach the SFU
	smallSince time.Time       // last change of membership
	messages   []messageRef    // the newest, oldest first: at most ChangeableMessages
	admin      []applied       // the last commands of Admin, oldest first: at most RememberedAdmin

	index map[string]int // place in Seats by id
	names map[string]int // how many seats have a name, by fold
}

// Settings are what moderators have chosen.
type Settings struct {
	Access   protocol.Access `json:"access,omitempty"`   // empty: open
	Password string          `json:"password,omitempty"` // hash (auth.HashPassword); empty: none
	People   int             `json:"people,omitempty"`   // most seats at once; 0: as the server allows
}

// Recording goes on.
type Recording struct {
	By    string    `json:"by,omitempty"` // who asked for it
	Since time.Time `json:"since"`
}

// Seat is one participant's place.
type Seat struct {
	ID       string         `json:"id"`
	Name     string         `json:"name"`
	Kind     protocol.Kind  `json:"kind"`
	Media    protocol.State `json:"media"`
	Identity string         `json:"identity,omitempty"` // from the token; "" if none
	Address  string         `json:"address,omitempty"`  // keyed hash of the network address, for bans; "" if not known
	Session  string         `json:"session,omitempty"`  // hash of the secret that takes the seat back; "" for an ingest
	Key      string         `json:"key,omitempty"`      // hash of the key in join; "" if none
	Node     string         `json:"node,omitempty"`     // where its socket is, or was last
	Role     auth.Role      `json:"role"`
	Grants   auth.Grants    `json:"-"` // by names, see record.go
	Blocked  Sources        `json:"blocked,omitempty"`
	Expires  time.Time      `json:"expires,omitzero"` // of the token; zero: never
	Online   bool           `json:"online"`
	Until    time.Time      `json:"until,omitzero"` // the seat is held without a socket until then; zero while online

	applied []applied // the last commands, oldest first: at most RememberedCommands
}

// applied is a command that is in the log.
type applied struct {
	Cmd string `json:"cmd"`
	Seq uint64 `json:"seq"` // of its last event
}

// Ban keeps somebody out. One of Identity and Address is set.
type Ban struct {
	ID       string    `json:"id"` // the participant id of then
	Name     string    `json:"name"`
	Identity string    `json:"identity,omitempty"`
	Address  string    `json:"address,omitempty"`
	By       string    `json:"by"`
	Until    time.Time `json:"until"`
}

// Route is how media travels.
type Route struct {
	Transport  protocol.Transport `json:"transport"`
	Generation uint32             `json:"generation"`
	Done       bool               `json:"done"`
	Since      time.Time          `json:"since"`
	Node       string             `json:"node,omitempty"` // where the SFU of the room is; "" with peer to peer
}

// messageRef is what must be known of a message to change it.
type messageRef struct {
	Seq  uint64 `json:"seq"`
	From string `json:"from"`
	To   string `json:"to,omitempty"`

	Changes int `json:"changes,omitempty"` // edits and reactions so far
}

type pair [2]string // seat ids, the lesser first

// New returns an empty room.
func New(c Config) *State {
	return &State{
		Config: c,
		Route:  Route{Transport: protocol.TransportP2P, Generation: 1, Done: true},

		viewers: map[string]int{}, ready: map[string]bool{}, noP2P: map[pair]bool{}, noSFU: map[string]bool{},
		index: map[string]int{}, names: map[string]int{},
	}
}

// Empty reports whether nobody is left, so that the room needs no memory.
func (s *State) Empty() bool { return len(s.Seats) == 0 && len(s.viewers) == 0 }

// Viewers is how many watch over WHEP, at all nodes.
func (s *State) Viewers() int {
	n := 0
	for _, here := range s.viewers {
		n += here
	}
	return n
}

// Seat returns the seat with the given id, or nil. The seat must not be changed and is valid until the next Evolve.
func (s *State) Seat(id string) *Seat {
	if i, ok := s.index[id]; ok {
		return &s.Seats[i]
	}
	return nil
}

// SeatOfKey returns the seat that was taken with a key of this hash, or nil.
func (s *State) SeatOfKey(hash string) *Seat {
	if hash == "" {
		return nil
	}
	for i := range s.Seats {
		if s.Seats[i].Key == hash {
			return &s.Seats[i]
		}
	}
	return nil
}

// Nodes lists the nodes that the room's seats, viewers and SFU depend on, each once.
func (s *State) Nodes() []string {
	seen := map[string]bool{}
	for i := range s.Seats {
		if s.Seats[i].Online {
			seen[s.Seats[i].Node] = true
		}
	}
	for node := range s.viewers {
		seen[node] = true
	}
	if s.Route.Transport == protocol.TransportSFU && len(s.Seats) > 0 {
		seen[s.Route.Node] = true
	}
	delete(seen, "")
	return slices.Sorted(maps.Keys(seen))
}

// Applied reports whether a command of a participant is in the log already, and the seq of its last event.
func (s *State) Applied(id, cmd string) (seq uint64, ok bool) {
	list, _ := s.appliedOf(id)
	if list == nil || cmd == "" {
		return 0, false
	}
	for i := len(*list) - 1; i >= 0; i-- {
		if (*list)[i].Cmd == cmd {
			return (*list)[i].Seq, true
		}
	}
	return 0, false
}

// appliedOf returns where the commands of a participant, or of Admin, are remembered, and how many; nil: there is no such participant.
func (s *State) appliedOf(id string) (list *[]applied, most int) {
	if id == Admin {
		return &s.admin, RememberedAdmin
	}
	if seat := s.Seat(id); seat != nil {
		return &seat.applied, RememberedCommands
	}
	return nil, 0
}

// Clone returns a copy that shares nothing that changes with s.
func (s *State) Clone() *State {
	c := *s
	c.Seats, c.Chat, c.Bans, c.messages = slices.Clone(s.Seats), slices.Clone(s.Chat), slices.Clone(s.Bans), slices.Clone(s.messages)
	c.admin = slices.Clone(s.admin)
	for i := range c.Seats {
		c.Seats[i].applied = slices.Clone(c.Seats[i].applied)
	}
	c.viewers, c.ready, c.noP2P, c.noSFU = maps.Clone(s.viewers), maps.Clone(s.ready), maps.Clone(s.noP2P), maps.Clone(s.noSFU)
	c.index, c.names = maps.Clone(s.index), maps.Clone(s.names)
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
		if due := s.Seats[i].due(); !due.IsZero() {
			sooner(due)
		}
	}
	if s.Empty() {
		return at
	}
	if !s.Route.Done {
		sooner(s.Route.Since.Add(s.Timeout))
	}
	if s.lingering() {
		sooner(s.smallSince.Add(s.Linger))
	}
	return at
}

// due is when the seat ends by itself; zero: never.
func (s *Seat) due() time.Time {
	at := s.Until
	if !s.Expires.IsZero() {
		if end := s.Expires.Add(ExpiryGrace); at.IsZero() || end.Before(at) {
			at = end
		}
	}
	return at
}

// MostPeople is how many seats the room may have.
func (s *State) MostPeople() int {
	most := s.People
	if s.Settings.People > 0 {
		most = min(most, s.Settings.People)
	}
	return most
}

// Access is who gets in.
func (s *State) Access() protocol.Access {
	if s.Settings.Access == "" {
		return protocol.AccessOpen
	}
	return s.Settings.Access
}

// Moderated reports whether somebody is there, with a socket, who may let people in.
func (s *State) Moderated() bool {
	return slices.ContainsFunc(s.Seats, func(seat Seat) bool { return seat.Online && seat.may(auth.ActionAdmit, auth.Target{}) == nil })
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
