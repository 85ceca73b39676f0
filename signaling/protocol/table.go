package protocol

import "reflect"

// Class says who sends a message and what becomes of it.
type Class string

// The classes.
const (
	ClassCommand Class = "command" // from client to server
	ClassReply   Class = "reply"   // to the client that asked
	ClassEvent   Class = "event"   // an entry of the room's log; carries seq
	ClassNotice  Class = "notice"  // ephemeral: no seq, never replayed
)

// Command is a message from client to server: a pointer to one of the structs of class command.
type Command interface{ command() }

// Message is a message from server to client: a pointer to one of the structs of the other classes.
type Message interface{ message() }

// Event is a Message that is an entry of a room's log.
type Event interface {
	Message
	// Sequence is the number of the event in its room's log; the first is 1.
	Sequence() uint64
}

// Type is a row of the table of messages: the "type" on the wire and the struct behind it. Types are named per
// direction: "signal", "transfer" and "credentials" are a command and a message at once, with a struct for each.
type Type struct {
	Name   string
	Class  Class
	Struct reflect.Type
}

// Types lists every message, in the order of the documentation.
func Types() []Type { return append([]Type(nil), table...) }

var table = []Type{
	{"join", ClassCommand, reflect.TypeFor[Join]()},
	{"resume", ClassCommand, reflect.TypeFor[Resume]()},
	{"signal", ClassCommand, reflect.TypeFor[Signal]()},
	{"transfer", ClassCommand, reflect.TypeFor[Transfer]()},
	{"sfu-offer", ClassCommand, reflect.TypeFor[SFUOffer]()},
	{"view", ClassCommand, reflect.TypeFor[View]()},
	{"state", ClassCommand, reflect.TypeFor[State]()},
	{"route-ready", ClassCommand, reflect.TypeFor[RouteReady]()},
	{"route-failed", ClassCommand, reflect.TypeFor[RouteFailed]()},
	{"chat", ClassCommand, reflect.TypeFor[Chat]()},
	{"chat-edit", ClassCommand, reflect.TypeFor[ChatEdit]()},
	{"chat-delete", ClassCommand, reflect.TypeFor[ChatDelete]()},
	{"chat-react", ClassCommand, reflect.TypeFor[ChatReact]()},
	{"history", ClassCommand, reflect.TypeFor[GetHistory]()},
	{"typing", ClassCommand, reflect.TypeFor[SetTyping]()},
	{"emote", ClassCommand, reflect.TypeFor[SendEmote]()},
	{"set-room", ClassCommand, reflect.TypeFor[SetRoom]()},
	{"set-role", ClassCommand, reflect.TypeFor[SetRole]()},
	{"mute", ClassCommand, reflect.TypeFor[Mute]()},
	{"allow", ClassCommand, reflect.TypeFor[Allow]()},
	{"remove", ClassCommand, reflect.TypeFor[Remove]()},
	{"admit", ClassCommand, reflect.TypeFor[Admit]()},
	{"end-room", ClassCommand, reflect.TypeFor[EndRoom]()},
	{"record", ClassCommand, reflect.TypeFor[SetRecording]()},
	{"refresh", ClassCommand, reflect.TypeFor[Refresh]()},
	{"invite", ClassCommand, reflect.TypeFor[GetInvite]()},
	{"credentials", ClassCommand, reflect.TypeFor[GetCredentials]()},
	{"ping", ClassCommand, reflect.TypeFor[Ping]()},
	{"leave", ClassCommand, reflect.TypeFor[Leave]()},

	{"joined", ClassReply, reflect.TypeFor[Joined]()},
	{"sfu-answer", ClassReply, reflect.TypeFor[SFUAnswer]()},
	{"credentials", ClassReply, reflect.TypeFor[Credentials]()},
	{"pong", ClassReply, reflect.TypeFor[Pong]()},
	{"ack", ClassReply, reflect.TypeFor[Ack]()},
	{"history", ClassReply, reflect.TypeFor[History]()},
	{"invite", ClassReply, reflect.TypeFor[Invite]()},
	{"waiting", ClassReply, reflect.TypeFor[Waiting]()},
	{"error", ClassReply, reflect.TypeFor[Error]()},
	{"left", ClassReply, reflect.TypeFor[Left]()},

	{"participant-joined", ClassEvent, reflect.TypeFor[ParticipantJoined]()},
	{"participant-left", ClassEvent, reflect.TypeFor[ParticipantLeft]()},
	{"participant-updated", ClassEvent, reflect.TypeFor[ParticipantUpdated]()},
	{"chat-message", ClassEvent, reflect.TypeFor[ChatMessage]()},
	{"chat-edited", ClassEvent, reflect.TypeFor[ChatEdited]()},
	{"chat-deleted", ClassEvent, reflect.TypeFor[ChatDeleted]()},
	{"chat-reacted", ClassEvent, reflect.TypeFor[ChatReacted]()},
	{"settings", ClassEvent, reflect.TypeFor[SettingsChanged]()},
	{"granted", ClassEvent, reflect.TypeFor[Granted]()},
	{"recording", ClassEvent, reflect.TypeFor[Recording]()},
	{"room-ended", ClassEvent, reflect.TypeFor[RoomEnded]()},
	{"route", ClassEvent, reflect.TypeFor[Route]()},
	{"route-done", ClassEvent, reflect.TypeFor[RouteDone]()},
	{"withheld", ClassEvent, reflect.TypeFor[Withheld]()},

	{"signal", ClassNotice, reflect.TypeFor[PeerSignal]()},
	{"transfer", ClassNotice, reflect.TypeFor[PeerTransfer]()},
	{"slots", ClassNotice, reflect.TypeFor[Slots]()},
	{"speakers", ClassNotice, reflect.TypeFor[Speakers]()},
	{"typing", ClassNotice, reflect.TypeFor[Typing]()},
	{"emote", ClassNotice, reflect.TypeFor[Emote]()},
	{"knocks", ClassNotice, reflect.TypeFor[Knocks]()},
	{"draining", ClassNotice, reflect.TypeFor[Draining]()},
}

// index by struct for encoding, and by name and direction for decoding.
var (
	nameOf   = map[reflect.Type]string{}
	commands = map[string]reflect.Type{}
	messages = map[string]reflect.Type{}
)

func init() {
	for _, t := range table {
		nameOf[t.Struct] = t.Name
		if t.Class == ClassCommand {
			commands[t.Name] = t.Struct
		} else {
			messages[t.Name] = t.Struct
		}
	}
}

func (*Join) command()           {}
func (*Resume) command()         {}
func (*Signal) command()         {}
func (*SFUOffer) command()       {}
func (*Transfer) command()       {}
func (*View) command()           {}
func (*State) command()          {}
func (*RouteReady) command()     {}
func (*RouteFailed) command()    {}
func (*Chat) command()           {}
func (*GetCredentials) command() {}
func (*Ping) command()           {}
func (*Leave) command()          {}
func (*ChatEdit) command()       {}
func (*ChatDelete) command()     {}
func (*ChatReact) command()      {}
func (*GetHistory) command()     {}
func (*SetTyping) command()      {}
func (*SendEmote) command()      {}
func (*SetRoom) command()        {}
func (*SetRole) command()        {}
func (*Mute) command()           {}
func (*Allow) command()          {}
func (*Remove) command()         {}
func (*Admit) command()          {}
func (*EndRoom) command()        {}
func (*SetRecording) command()   {}
func (*Refresh) command()        {}
func (*GetInvite) command()      {}

func (*Joined) message()             {}
func (*SFUAnswer) message()          {}
func (*Credentials) message()        {}
func (*Pong) message()               {}
func (*Error) message()              {}
func (*Left) message()               {}
func (*ParticipantJoined) message()  {}
func (*ParticipantLeft) message()    {}
func (*ParticipantUpdated) message() {}
func (*ChatMessage) message()        {}
func (*Route) message()              {}
func (*RouteDone) message()          {}
func (*Withheld) message()           {}
func (*PeerSignal) message()         {}
func (*PeerTransfer) message()       {}
func (*Slots) message()              {}
func (*Speakers) message()           {}
func (*Draining) message()           {}
func (*Ack) message()                {}
func (*History) message()            {}
func (*Invite) message()             {}
func (*Waiting) message()            {}
func (*ChatEdited) message()         {}
func (*ChatDeleted) message()        {}
func (*ChatReacted) message()        {}
func (*SettingsChanged) message()    {}
func (*Granted) message()            {}
func (*RoomEnded) message()          {}
func (*Recording) message()          {}
func (*Typing) message()             {}
func (*Emote) message()              {}
func (*Knocks) message()             {}

// Sequence implements Event, as do its namesakes below.
func (e *ParticipantJoined) Sequence() uint64  { return e.Seq }
func (e *ParticipantLeft) Sequence() uint64    { return e.Seq }
func (e *ParticipantUpdated) Sequence() uint64 { return e.Seq }
func (e *ChatMessage) Sequence() uint64        { return e.Seq }
func (e *Route) Sequence() uint64              { return e.Seq }
func (e *RouteDone) Sequence() uint64          { return e.Seq }
func (e *Withheld) Sequence() uint64           { return e.Seq }

// Sequence implements Event.
func (e *ChatEdited) Sequence() uint64 { return e.Seq }

// Sequence implements Event.
func (e *ChatDeleted) Sequence() uint64 { return e.Seq }

// Sequence implements Event.
func (e *ChatReacted) Sequence() uint64 { return e.Seq }

// Sequence implements Event.
func (e *SettingsChanged) Sequence() uint64 { return e.Seq }

// Sequence implements Event.
func (e *Granted) Sequence() uint64 { return e.Seq }

// Sequence implements Event.
func (e *RoomEnded) Sequence() uint64 { return e.Seq }

// Sequence implements Event.
func (e *Recording) Sequence() uint64 { return e.Seq }
