package protocol

// Chat says something to the room, or to one participant.
type Chat struct {
	ID    string `json:"id"`              // required: chosen by the client, applied once however often it is sent
	To    string `json:"to,omitempty"`    // participant id; empty: everybody
	Text  string `json:"text"`            // 1 to 4000 characters
	Reply uint64 `json:"reply,omitempty"` // seq of the message that this one answers
}

// ChatEdit replaces the text of a message: one's own.
type ChatEdit struct {
	ID      string `json:"id"`      // required
	Message uint64 `json:"message"` // its seq
	Text    string `json:"text"`    // 1 to 4000 characters
}

// ChatDelete takes a message back: one's own, or anybody's for moderators. The text is removed from what the server tells from
// then on; the log keeps it until it is trimmed or the room is deleted.
type ChatDelete struct {
	ID      string `json:"id"`      // required
	Message uint64 `json:"message"` // its seq
}

// ChatReact puts a reaction on a message, or takes it off.
type ChatReact struct {
	ID      string `json:"id"`      // required
	Message uint64 `json:"message"` // its seq
	Emoji   string `json:"emoji"`   // 1 to 8 characters, one emoji
	On      bool   `json:"on"`
}

// GetHistory asks for older messages of the chat (reply: history).
type GetHistory struct {
	ID     string `json:"id,omitempty"`
	Before uint64 `json:"before"`          // seq: messages older than this one
	Limit  int    `json:"limit,omitempty"` // 1 to 100; 0 means 50
}

// SetTyping tells that somebody is writing, or has stopped. Sent at most every 3 seconds while typing; others forget it after 6.
type SetTyping struct {
	ID string `json:"id,omitempty"`
	To string `json:"to,omitempty"` // participant id, for a direct message; empty: everybody
	On bool   `json:"on"`
}

// SendEmote shows an emoji to everybody for a moment, as clapping does.
type SendEmote struct {
	ID    string `json:"id,omitempty"`
	Emoji string `json:"emoji"` // 1 to 8 characters, one emoji
}

// Ack tells that a command has become part of the room's log: it is safe, and sending it again changes nothing. It comes after
// the events that the command has made. Commands that take no place in the log are not acknowledged.
type Ack struct {
	ID  string `json:"id"`  // of the command
	Seq uint64 `json:"seq"` // of the last event that it has made; 0: there was nothing to do
}

// History brings older messages.
type History struct {
	ID       string        `json:"id,omitempty"`
	Messages []ChatMessage `json:"messages"` // oldest first
	More     bool          `json:"more"`     // there are older ones
}

// ChatMessage is one message of the chat, or one of its system lines. As an event its type is "chat-message"; in joined and
// history it stands without type, as it is now: edited, with its reactions, or deleted. System lines come in joined
// and history only; as events they are what they tell of.
type ChatMessage struct {
	Seq       uint64     `json:"seq"`
	Line      Line       `json:"line,omitempty"` // empty: a message; else a system line about the participant in From
	ID        string     `json:"id"`             // given by its author
	From      string     `json:"from"`           // participant id
	Name      string     `json:"name"`           // of the author when it was written
	To        string     `json:"to,omitempty"`
	Text      string     `json:"text"`            // plain, or in the Markdown subset of docs/chat.md; never HTML
	Time      int64      `json:"time"`            // milliseconds since 1970, server's clock
	Reply     uint64     `json:"reply,omitempty"` // seq of the message that this one answers
	Edited    int64      `json:"edited,omitempty"`
	Deleted   bool       `json:"deleted,omitempty"` // then text is empty
	Reactions []Reaction `json:"reactions,omitempty"`
}

// Reaction is an emoji on a message and who has put it there.
type Reaction struct {
	Emoji string   `json:"emoji"`
	From  []string `json:"from"` // participant ids, in order
}

// Line is what a system line tells.
type Line string

// The lines.
const (
	LineJoined  Line = "joined"
	LineLeft    Line = "left"
	LineShares  Line = "shares"  // started to share the screen
	LineStopped Line = "stopped" // stopped sharing
)

// ChatEdited replaces the text of a message.
type ChatEdited struct {
	Seq     uint64 `json:"seq"`
	Message uint64 `json:"message"`
	Text    string `json:"text"`
	Time    int64  `json:"time"` // of the edit
}

// ChatDeleted takes a message out.
type ChatDeleted struct {
	Seq     uint64 `json:"seq"`
	Message uint64 `json:"message"`
	By      string `json:"by"` // participant id
}

// ChatReacted puts a reaction on a message or takes it off.
type ChatReacted struct {
	Seq     uint64 `json:"seq"`
	Message uint64 `json:"message"`
	From    string `json:"from"` // participant id
	Emoji   string `json:"emoji"`
	On      bool   `json:"on"`
}

// Typing tells that a participant is writing (type "typing").
type Typing struct {
	From string `json:"from"`
	To   string `json:"to,omitempty"`
	On   bool   `json:"on"`
}

// Emote is an emoji to be shown for a moment (type "emote").
type Emote struct {
	From  string `json:"from"`
	Emoji string `json:"emoji"`
}
