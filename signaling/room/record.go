package room

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/confab/confab/auth"
	"github.com/confab/confab/signaling/protocol"
)

// kinds are the names of events in logs. A log lives longer than a program: a name stays what it is, a field may be added when its
// zero value means what was before, and anything else is a new kind beside the old one. testdata/logs holds what has been written.
var kinds = map[string]reflect.Type{
	"joined": reflect.TypeFor[Joined](), "updated": reflect.TypeFor[Updated](), "presence": reflect.TypeFor[Presence](),
	"reseated": reflect.TypeFor[Reseated](), "left": reflect.TypeFor[Left](),
	"route-changed": reflect.TypeFor[RouteChanged](), "route-done": reflect.TypeFor[RouteDone](), "readied": reflect.TypeFor[Readied](),
	"pair-failed": reflect.TypeFor[PairFailed](), "sfu-failed": reflect.TypeFor[SFUFailed](), "viewers": reflect.TypeFor[ViewersChanged](),
	"said": reflect.TypeFor[Said](), "edited": reflect.TypeFor[Edited](), "deleted": reflect.TypeFor[Deleted](), "reacted": reflect.TypeFor[Reacted](),
	"settings": reflect.TypeFor[SettingsChanged](), "role": reflect.TypeFor[RoleSet](), "refreshed": reflect.TypeFor[Refreshed](),
	"muted": reflect.TypeFor[Muted](), "allowed": reflect.TypeFor[Allowed](), "banned": reflect.TypeFor[Banned](),
	"unbanned": reflect.TypeFor[Unbanned](), "ended": reflect.TypeFor[Ended](),
	"recording": reflect.TypeFor[RecordingChanged](),
}

var kindOf = map[reflect.Type]string{}

func init() {
	for kind, typ := range kinds {
		kindOf[typ] = kind
	}
}

// ErrUnknownKind is what Decode returns for an event of a later version: the log must be read by that version.
var ErrUnknownKind = errors.New("the room's log was written by a later version")

// Encode returns what a log keeps of an event beside its number and time. ref is the seq of the message that e adds to the chat
// or changes, 0 when it does neither.
func Encode(e Event) (kind string, ref uint64, data []byte, err error) {
	data, err = json.Marshal(e)
	if err != nil {
		return "", 0, nil, fmt.Errorf("encode %T: %w", e, err)
	}
	return kindOf[reflect.TypeOf(e).Elem()], refOf(e), data, nil
}

// refOf is the message that an event belongs to in the chat's pages.
func refOf(e Event) uint64 {
	seq := e.Head().Seq
	switch e := e.(type) {
	case *Said:
		return seq
	case *Edited:
		return e.Message
	case *Deleted:
		return e.Message
	case *Reacted:
		return e.Message
	case *Joined:
		if e.Line {
			return seq
		}
	case *Left:
		if e.Line {
			return seq
		}
	case *Updated:
		if e.Line != "" {
			return seq
		}
	}
	return 0
}

// Decode is the inverse of Encode.
func Decode(seq uint64, at time.Time, kind string, data []byte) (Event, error) {
	typ, known := kinds[kind]
	if !known {
		return nil, fmt.Errorf("%w: event %d is a %q", ErrUnknownKind, seq, kind)
	}
	v := reflect.New(typ)
	if err := json.Unmarshal(data, v.Interface()); err != nil {
		return nil, fmt.Errorf("event %d, %s: %w", seq, kind, err)
	}
	h := v.Elem().FieldByName("Header").Addr().Interface().(*Header)
	h.Seq, h.At = seq, at.UTC()
	return v.Interface().(Event), nil
}

type plainSeat Seat

type seatJSON struct {
	plainSeat
	Grants  []string  `json:"grants"`
	Applied []applied `json:"applied,omitempty"`
}

// MarshalJSON spells grants as tokens do.
func (s Seat) MarshalJSON() ([]byte, error) {
	return json.Marshal(seatJSON{plainSeat(s), s.Grants.Names(), s.applied})
}

// UnmarshalJSON is the inverse of MarshalJSON. Grants that this version does not know are dropped.
func (s *Seat) UnmarshalJSON(data []byte) error {
	var in seatJSON
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	*s = Seat(in.plainSeat)
	s.Grants, _ = auth.ParseGrants(in.Grants)
	s.applied = in.Applied
	return nil
}

// snapshotVersion is that of snapshot. Another one cannot be read, and the log is read from its start instead, or not at all
// when that has been trimmed; so fields are added, not changed.
const snapshotVersion = 1

type snapshot struct {
	Version    int                    `json:"version"`
	Seq        uint64                 `json:"seq"`
	Since      uint64                 `json:"since,omitempty"`
	Mode       protocol.Mode          `json:"mode,omitempty"`
	Settings   Settings               `json:"settings"`
	Seats      []Seat                 `json:"seats,omitempty"`
	Route      Route                  `json:"route"`
	Chat       []protocol.ChatMessage `json:"chat,omitempty"`
	More       bool                   `json:"more,omitempty"`
	Bans       []Ban                  `json:"bans,omitempty"`
	Recording  *Recording             `json:"recording,omitempty"`
	Viewers    map[string]int         `json:"viewers,omitempty"`
	Ready      map[string]bool        `json:"ready,omitempty"`
	NoP2P      []pair                 `json:"noP2P,omitempty"`
	NoSFU      map[string]bool        `json:"noSFU,omitempty"`
	SmallSince time.Time              `json:"smallSince,omitzero"`
	Messages   []messageRef           `json:"messages,omitempty"`
	Admin      []applied              `json:"admin,omitempty"`
}

// Snapshot returns everything the log up to s.Seq says.
func (s *State) Snapshot() ([]byte, error) {
	out := snapshot{
		Version: snapshotVersion, Seq: s.Seq, Since: s.Since, Mode: s.Mode, Settings: s.Settings, Seats: s.Seats, Route: s.Route, Chat: s.Chat, More: s.More,
		Bans: s.Bans, Recording: s.Recording, Viewers: s.viewers, Ready: s.ready, NoSFU: s.noSFU, SmallSince: s.smallSince, Messages: s.messages, Admin: s.admin,
	}
	for p := range s.noP2P {
		out.NoP2P = append(out.NoP2P, p)
	}
	return json.Marshal(out)
}

// Load is the inverse of Snapshot.
func Load(c Config, data []byte) (*State, error) {
	var in snapshot
	if err := json.Unmarshal(data, &in); err != nil {
		return nil, fmt.Errorf("snapshot of a room: %w", err)
	}
	if in.Version != snapshotVersion {
		return nil, fmt.Errorf("%w: its snapshot has version %d", ErrUnknownKind, in.Version)
	}
	s := New(c)
	s.Seq, s.Since, s.Mode, s.Settings, s.Route, s.More = in.Seq, in.Since, in.Mode, in.Settings, in.Route, in.More
	s.Seats, s.Chat, s.Bans, s.smallSince, s.messages, s.admin = in.Seats, in.Chat, in.Bans, in.SmallSince, in.Messages, in.Admin
	s.Recording = in.Recording
	take(s.viewers, in.Viewers)
	take(s.ready, in.Ready)
	take(s.noSFU, in.NoSFU)
	for _, p := range in.NoP2P {
		s.noP2P[p] = true
	}
	s.reindex()
	return s, nil
}

func take[V any](to, from map[string]V) {
	for k, v := range from {
		to[k] = v
	}
}
