package protocol

// Role is what a participant is in the room. Each may do what the ones below it may. Who may do what is one table: docs/tokens.md.
type Role string

// The roles.
const (
	RoleViewer    Role = "viewer"    // watches
	RoleMember    Role = "member"    // takes part
	RoleModerator Role = "moderator" // keeps order
	RoleHost      Role = "host"      // may make moderators, set a password, end the room
)

// Grant is one thing that a token allows.
type Grant string

// The grants.
const (
	GrantMicrophone  Grant = "microphone"
	GrantCamera      Grant = "camera"
	GrantScreen      Grant = "screen"
	GrantScreenAudio Grant = "screen-audio"
	GrantSubscribe   Grant = "subscribe"
	GrantChat        Grant = "chat"
	GrantData        Grant = "data"
	GrantFiles       Grant = "files"
	GrantRecord      Grant = "record"
)

// Access is who gets into a room.
type Access string

// The kinds of access.
const (
	AccessOpen   Access = "open"   // everybody who may join
	AccessLobby  Access = "lobby"  // newcomers knock and a moderator lets them in
	AccessLocked Access = "locked" // nobody new
)

// Settings are a room's own.
type Settings struct {
	Access   Access `json:"access"`
	Password bool   `json:"password"` // there is one
	People   int    `json:"people"`   // most seats at once
}

// SetRoom changes the settings of the room. What is absent stays.
type SetRoom struct {
	ID       string  `json:"id"` // required, as in every command below that changes something
	Access   Access  `json:"access,omitempty"`
	Password *string `json:"password,omitempty"` // 8 to 128 characters; empty takes it away
	People   int     `json:"people,omitempty"`   // at most the server's limit
}

// SetRole gives a participant another role, at most one's own.
type SetRole struct {
	ID     string `json:"id"`
	Target string `json:"target"`
	Role   Role   `json:"role"`
}

// Mute turns sources of a participant off. Without hold the participant may turn them on again; with it they stay off until Allow.
type Mute struct {
	ID      string   `json:"id"`
	Target  string   `json:"target"` // participant id; empty: everybody but oneself and those of a higher role
	Sources []Source `json:"sources"`
	Hold    bool     `json:"hold,omitempty"`
}

// Allow gives sources back that Mute with hold took.
type Allow struct {
	ID      string   `json:"id"`
	Target  string   `json:"target"`
	Sources []Source `json:"sources"`
}

// Remove takes a participant's seat away. With a ban the same person, recognised by the token's identity, or without one by the
// network address, does not get in again for that time.
type Remove struct {
	ID     string `json:"id"`
	Target string `json:"target"`
	Ban    int    `json:"ban,omitempty"` // seconds, at most 30 days
}

// Admit answers somebody who knocks.
type Admit struct {
	ID    string `json:"id"`
	Knock string `json:"knock"` // of knocks; empty: all
	Allow bool   `json:"allow"`
}

// EndRoom ends the room for all. Everybody is told, and what was said before is not shown to those who meet there later.
type EndRoom struct {
	ID string `json:"id"`
}

// SetRecording begins or ends the recording of the room.
type SetRecording struct {
	ID string `json:"id"`
	On bool   `json:"on"`
}

// Recording tells that the room is being recorded, or is no more. Clients show it for as long as it lasts.
type Recording struct {
	Seq    uint64 `json:"seq"`
	On     bool   `json:"on"`
	By     string `json:"by,omitempty"`     // participant id, or "*" for the admin API; empty: the server
	Since  int64  `json:"since,omitempty"`  // on: milliseconds since 1970
	Reason string `json:"reason,omitempty"` // off: why the server ended it, for people
}

// RecordingState is a recording that goes on.
type RecordingState struct {
	By    string `json:"by,omitempty"`
	Since int64  `json:"since"` // milliseconds since 1970
}

// Refresh brings a new token for the same identity and room, before the old one expires.
type Refresh struct {
	ID    string `json:"id"`
	Token string `json:"token"`
}

// GetInvite asks for a link that lets people in (reply: invite).
type GetInvite struct {
	ID      string `json:"id"`
	Role    Role   `json:"role"`    // at most one's own
	Seconds int    `json:"seconds"` // until it expires, at most 30 days
	Uses    int    `json:"uses"`    // how many people it lets in, at most 1000; 0: as many as come
}

// Invite is a token that goes into the link as its fragment.
type Invite struct {
	ID      string `json:"id"`
	Token   string `json:"token"`
	Expires int64  `json:"expires"` // milliseconds since 1970
}

// Waiting tells somebody who knocks that moderators have been told. joined or an error follows; leave gives up.
type Waiting struct {
	ID         string `json:"id,omitempty"` // of the join
	Moderators bool   `json:"moderators"`   // somebody is there who can answer
}

// SettingsChanged replaces the settings of the room.
type SettingsChanged struct {
	Seq      uint64   `json:"seq"`
	Settings Settings `json:"settings"`
	By       string   `json:"by,omitempty"` // participant id; empty: the server
}

// RoomEnded ends the room for all; it is its last event.
type RoomEnded struct {
	Seq uint64 `json:"seq"`
	By  string `json:"by,omitempty"`
}

// Granted tells a client what it may do now, after Refresh or a new role. Others get participant-updated.
type Granted struct {
	Seq    uint64  `json:"seq"`
	Role   Role    `json:"role"`
	Grants []Grant `json:"grants"`
}

// Knocks lists who waits in the lobby. Only those who may let people in get it.
type Knocks struct {
	Knocks []Knock `json:"knocks"` // at most 100, oldest first
	More   int     `json:"more,omitempty"`
}

// Knock is somebody who waits.
type Knock struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Verified bool   `json:"verified,omitempty"`
	Since    int64  `json:"since"` // milliseconds since 1970
}
