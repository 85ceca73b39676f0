package room

import (
	"time"

	"github.com/confab/confab/auth"
	"github.com/confab/confab/signaling/protocol"
)

// Event is something that has happened. It is one of the structs below. All of them are in the log; their JSON is what logs
// contain for ever, see record.go.
type Event interface {
	// Head returns number, time and cause.
	Head() Header
}

// Header is common to all events.
type Header struct {
	Seq uint64    `json:"-"`             // from 1, without a gap
	At  time.Time `json:"-"`             // whole milliseconds, UTC
	By  string    `json:"by,omitempty"`  // participant whose command it was; Admin; empty: the server's own doing
	Cmd string    `json:"cmd,omitempty"` // the id the client gave to the command
}

// Head implements Event.
func (h Header) Head() Header { return h }

// Admin is who commands when the admin API does.
const Admin = "*"

// Membership and media.
type (
	// Joined adds a seat.
	Joined struct {
		Header
		Seat Seat          `json:"seat"`
		Mode protocol.Mode `json:"mode"`           // of the room
		Line bool          `json:"line,omitempty"` // the chat tells of it
	}
	// Updated changes what a participant sends.
	Updated struct {
		Header
		ID    string         `json:"id"`
		Media protocol.State `json:"media"`
		Line  protocol.Line  `json:"line,omitempty"` // what the chat tells of it
		Name  string         `json:"name,omitempty"` // with Line
	}
	// Presence tells that a seat's socket was lost or is back.
	Presence struct {
		Header
		ID     string    `json:"id"`
		Online bool      `json:"online"`
		Node   string    `json:"node,omitempty"` // of the socket
		Until  time.Time `json:"until,omitzero"` // offline: the seat is held until then
	}
	// Reseated gives a seat to whoever knows its join key, with a new session secret.
	Reseated struct {
		Header
		ID      string `json:"id"`
		Session string `json:"session"`
		Node    string `json:"node,omitempty"`
	}
	// Left removes a seat.
	Left struct {
		Header
		ID     string `json:"id"`
		Reason string `json:"reason"`
		Line   bool   `json:"line,omitempty"`
		Name   string `json:"name,omitempty"`
	}
	// RouteChanged starts a new generation of the route.
	RouteChanged struct {
		Header
		Transport  protocol.Transport   `json:"transport"`
		Generation uint32               `json:"generation"`
		Reason     protocol.RouteReason `json:"reason"`
		Node       string               `json:"node,omitempty"` // of the SFU
	}
	// RouteDone ends the switch to the present generation.
	RouteDone struct {
		Header
		Generation uint32 `json:"generation"`
	}
	// Readied tells that a participant receives by the present generation.
	Readied struct {
		Header
		ID string `json:"id"`
	}
	// PairFailed tells that the only two people cannot connect to each other.
	PairFailed struct {
		Header
		A string `json:"a"`
		B string `json:"b"`
	}
	// SFUFailed tells that a participant cannot reach the SFU.
	SFUFailed struct {
		Header
		ID string `json:"id"`
	}
	// ViewersChanged tells how many watch over WHEP at a node.
	ViewersChanged struct {
		Header
		Node    string        `json:"node"`
		Viewers int           `json:"viewers"`
		Mode    protocol.Mode `json:"mode"` // of the room
	}
)

// Chat. Private messages and what changes them have To; From is always the author of the message.
type (
	// Said adds a chat message.
	Said struct {
		Header
		ID    string `json:"id"` // given by its author
		From  string `json:"from"`
		Name  string `json:"name"`
		To    string `json:"to,omitempty"`
		Text  string `json:"text"`
		Reply uint64 `json:"reply,omitempty"`
	}
	// Edited replaces the text of a message.
	Edited struct {
		Header
		Message uint64 `json:"message"`
		From    string `json:"from"`
		To      string `json:"to,omitempty"`
		Text    string `json:"text"`
	}
	// Deleted takes a message back.
	Deleted struct {
		Header
		Message uint64 `json:"message"`
		From    string `json:"from"`
		To      string `json:"to,omitempty"`
	}
	// Reacted puts a reaction of By on a message, or takes it off.
	Reacted struct {
		Header
		Message uint64 `json:"message"`
		From    string `json:"from"`
		To      string `json:"to,omitempty"`
		Emoji   string `json:"emoji"`
		On      bool   `json:"on"`
	}
)

// Order.
type (
	// SettingsChanged replaces the room's settings.
	SettingsChanged struct {
		Header
		Settings Settings `json:"settings"`
	}
	// RoleSet gives a participant another role.
	RoleSet struct {
		Header
		ID   string    `json:"id"`
		Role auth.Role `json:"role"`
	}
	// Refreshed is a participant's new token.
	Refreshed struct {
		Header
		ID      string    `json:"id"`
		Role    auth.Role `json:"role"`
		Grants  []string  `json:"grants"` // as tokens spell them (auth.Grants.Names)
		Expires time.Time `json:"expires,omitzero"`
	}
	// Muted turns sources off; with Hold they stay off until Allowed.
	Muted struct {
		Header
		ID      string  `json:"id"`
		Sources Sources `json:"sources"`
		Hold    bool    `json:"hold,omitempty"`
	}
	// Allowed gives sources back.
	Allowed struct {
		Header
		ID      string  `json:"id"`
		Sources Sources `json:"sources"`
	}
	// Banned keeps somebody out.
	Banned struct {
		Header
		Ban Ban `json:"ban"`
	}
	// RecordingChanged tells that the room is recorded from now on, or is no more.
	RecordingChanged struct {
		Header
		On     bool   `json:"on"`
		Reason string `json:"reason,omitempty"` // off: why, when nobody asked for it
	}
	// Unbanned lets somebody in again.
	Unbanned struct {
		Header
		ID string `json:"id"` // of the ban
	}
	// Ended empties the room and its chat.
	Ended struct {
		Header
	}
)
