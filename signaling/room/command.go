package room

import (
	"time"

	"github.com/confab/confab/auth"
	"github.com/confab/confab/signaling/protocol"
)

// Command is what somebody wants to happen. It is one of the structs below; the owner has checked that values are within
// the bounds of the protocol and that ID is the participant who asks, or Admin where that makes sense. Cmd is the id that the client gave
// to the command; a command that is in the log already makes nothing happen. It may be empty.
type Command interface {
	// from returns ID and Cmd, as far as there are such.
	from() (id, cmd string)
}

// Membership and media.
type (
	// Join takes a seat. Seat.ID must be new; Name may be changed to be unlike the others', and Role to host when the room has
	// nobody to keep order and Config.Succession. Sources that the seat may not send are turned off.
	Join struct {
		Seat     Seat
		Mode     protocol.Mode // wanted; empty or auto: any
		Password string        // the hash that the password given was right for; empty: none
		Admitted bool          // a moderator has let this person in
	}
	// SetMedia replaces what a participant sends.
	SetMedia struct {
		ID, Cmd string
		Media   protocol.State
	}
	// SetOnline tells that a seat's socket was lost at a node, or is back at one.
	SetOnline struct {
		ID     string
		Online bool
		Closed bool // the page was closed: the seat is held for Config.HoldClosed, as a reload needs it
		Node   string
	}
	// Reseat gives a seat to whoever has joined again with its key.
	Reseat struct{ ID, Session, Node string }
	// Leave gives a seat up.
	Leave struct{ ID, Cmd, Reason string }
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
	// AddViewer and RemoveViewer count those who watch over WHEP at a node.
	AddViewer    struct{ Node string }
	RemoveViewer struct{ Node string }
	// NodeLost tells that a node is dead, or was restarted under another name.
	NodeLost struct{ Node string }
	// Tick tells that time has passed.
	Tick struct{}
)

// Chat.
type (
	// Say writes to the chat.
	Say struct {
		ID, Cmd  string
		To, Text string
		Reply    uint64
	}
	// EditChat replaces the text of one's own message.
	EditChat struct {
		ID, Cmd string
		Message uint64
		Text    string
	}
	// DeleteChat takes a message back.
	DeleteChat struct {
		ID, Cmd string
		Message uint64
	}
	// React puts a reaction on a message or takes it off.
	React struct {
		ID, Cmd string
		Message uint64
		Emoji   string
		On      bool
	}
)

// Order. ID may be Admin.
type (
	// SetRoom changes the settings that are given.
	SetRoom struct {
		ID, Cmd  string
		Access   protocol.Access // empty: as it is
		Password *string         // hash (auth.HashPassword); empty takes it away; nil: as it is
		People   int             // 0: as it is
	}
	// SetRole gives a participant another role.
	SetRole struct {
		ID, Cmd, Target string
		Role            auth.Role
	}
	// Mute turns sources off, of everybody if Target is empty.
	Mute struct {
		ID, Cmd, Target string
		Sources         []protocol.Source
		Hold            bool
	}
	// Allow gives sources back that were held.
	Allow struct {
		ID, Cmd, Target string
		Sources         []protocol.Source
	}
	// Remove takes a seat away, and keeps the person out for a time.
	Remove struct {
		ID, Cmd, Target string
		Ban             time.Duration // 0: no ban
	}
	// Unban lets somebody in again.
	Unban struct{ ID, Cmd, Ban string }
	// End ends the room for all.
	End struct{ ID, Cmd string }
	// SetRecording begins or ends the recording.
	SetRecording struct {
		ID, Cmd string
		On      bool
	}
	// RecordingEnded tells that the recording has ended by itself.
	RecordingEnded struct{ Reason string }
	// Refresh replaces what the participant's token says. The owner has verified it and that it may take the old one's place.
	Refresh struct {
		ID, Cmd string
		Role    auth.Role
		Grants  auth.Grants
		Expires time.Time
	}
)

func (c Join) from() (string, string)       { return "", "" }
func (c SetMedia) from() (string, string)   { return c.ID, c.Cmd }
func (c SetOnline) from() (string, string)  { return c.ID, "" }
func (c Reseat) from() (string, string)     { return c.ID, "" }
func (c Leave) from() (string, string)      { return c.ID, c.Cmd }
func (c Ready) from() (string, string)      { return c.ID, "" }
func (c Fail) from() (string, string)       { return c.ID, "" }
func (AddViewer) from() (string, string)    { return "", "" }
func (RemoveViewer) from() (string, string) { return "", "" }
func (NodeLost) from() (string, string)     { return "", "" }
func (Tick) from() (string, string)         { return "", "" }
func (c Say) from() (string, string)        { return c.ID, c.Cmd }
func (c EditChat) from() (string, string)   { return c.ID, c.Cmd }
func (c DeleteChat) from() (string, string) { return c.ID, c.Cmd }
func (c React) from() (string, string)      { return c.ID, c.Cmd }
func (c SetRoom) from() (string, string)    { return c.ID, c.Cmd }
func (c SetRole) from() (string, string)    { return c.ID, c.Cmd }
func (c Mute) from() (string, string)       { return c.ID, c.Cmd }
func (c Allow) from() (string, string)      { return c.ID, c.Cmd }
func (c Remove) from() (string, string)     { return c.ID, c.Cmd }
func (c Unban) from() (string, string)      { return c.ID, c.Cmd }
func (c End) from() (string, string)        { return c.ID, c.Cmd }
func (c Refresh) from() (string, string)    { return c.ID, c.Cmd }

func (c SetRecording) from() (string, string) { return c.ID, c.Cmd }
func (RecordingEnded) from() (string, string) { return "", "" }
