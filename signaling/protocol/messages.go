package protocol

// Subprotocol is the WebSocket subprotocol (RFC 6455 §1.9) that client and server must agree on.
const Subprotocol = "confab.v1"

// ---- commands: client to server ----

// Join asks for a seat in a room. It must be the first message on a socket, unless Resume is.
type Join struct {
	ID    string `json:"id,omitempty"`    // of this command, chosen by the client; errors about it carry it back
	Room  string `json:"room"`            // 1 to 64 characters of a-z, 0-9, '-' and '_'
	Name  string `json:"name"`            // shown to others: 1 to 64 characters, no control characters
	Token string `json:"token,omitempty"` // a join token (JWT) or an invite; required when the server runs with --auth=token
	// Password of the room, when it has one.
	Password string `json:"password,omitempty"`
	// Key makes a join that is sent again take the same seat: 22 to 64 random characters of base64url, chosen by the client
	// for this visit and kept as secret as the session. Without it a join whose answer was lost leaves a seat behind until it times out.
	Key   string `json:"key,omitempty"`
	Mode  Mode   `json:"mode,omitempty"` // how media should travel; the first to join decides for the room; empty means auto
	Media State  `json:"media"`          // what the participant sends at the start

	// Offer lets the SFU answer in the same round trip. A server that starts the participant peer to peer ignores it,
	// and the client keeps the prepared connection for later.
	Offer *SFUOffer `json:"offer,omitempty"`
}

// Resume takes a seat back after the socket was lost. It must be the first message on a socket.
type Resume struct {
	ID      string `json:"id,omitempty"`
	Session string `json:"session"` // the secret from joined
	Epoch   string `json:"epoch"`   // the log's epoch from joined
	Seq     uint64 `json:"seq"`     // the last event the client has seen
}

// Signal carries one step of a peer-to-peer negotiation to another participant. Exactly one of Description and
// Candidate is set. The server checks sizes and that the addressee is in the room; it does not read SDP.
type Signal struct {
	ID          string       `json:"id,omitempty"`
	To          string       `json:"to"`         // participant id
	Generation  uint32       `json:"generation"` // of the route (see route) this connection belongs to; others are ignored
	Description *Description `json:"description,omitempty"`
	Candidate   *Candidate   `json:"candidate,omitempty"`
}

// Description is an SDP offer or answer (RFC 9429).
type Description struct {
	Type SDPType `json:"type"`
	SDP  string  `json:"sdp"` // at most 128 KiB
	// Tracks names the source behind each sending m-line, by mid, so that a screen is not taken for a camera.
	Tracks map[string]Source `json:"tracks,omitempty"`
}

// Candidate is a trickled ICE candidate (RFC 8838). An empty Candidate string is the end of candidates.
type Candidate struct {
	Candidate        string `json:"candidate"`
	SDPMid           string `json:"sdpMid,omitempty"`
	SDPMLineIndex    int    `json:"sdpMLineIndex"`
	UsernameFragment string `json:"usernameFragment,omitempty"` // tells candidates of before and after an ICE restart apart
}

// SFUOffer opens or renegotiates the connection to the SFU. The answer is an sfu-answer with the same revision.
type SFUOffer struct {
	ID       string `json:"id,omitempty"`
	Revision uint32 `json:"revision"` // counts this client's offers; one in flight at a time
	SDP      string `json:"sdp"`      // at most 128 KiB
	// Tracks names the source behind each m-line that the client sends, by mid.
	Tracks map[string]Source `json:"tracks,omitempty"`
	// Pairs are receive-only slots for a video and the audio that belongs to it; the two share a stream id.
	Pairs []Pair `json:"pairs,omitempty"`
	// Audio are spare receive-only audio slots, by mid, for people who are heard but not shown.
	Audio []string `json:"audio,omitempty"`
}

// Pair is one audio-video slot: two receive-only m-lines, by mid.
type Pair struct {
	Audio string `json:"audio"`
	Video string `json:"video"`
}

// View says what the client wants to see. It replaces the previous view; what it does not list, the server may still
// show in free slots, active speakers first.
type View struct {
	ID    string `json:"id,omitempty"`
	Wants []Want `json:"wants"`
}

// Want is one wish: a participant's video at a size.
type Want struct {
	Participant string `json:"participant"`
	Source      Source `json:"source"` // camera or screen
	Width       int    `json:"width"`  // of the element that shows it, in physical pixels
	Height      int    `json:"height"`
	Priority    int    `json:"priority"` // 0 to 100; higher is served first when slots or bits are short
	Visible     bool   `json:"visible"`  // false: keep the place, send nothing
}

// State is what a participant sends and shows. As a command ("state") it replaces the previous one.
type State struct {
	ID          string `json:"id,omitempty"`
	Microphone  bool   `json:"microphone"` // false: muted or absent
	Camera      bool   `json:"camera"`
	Screen      bool   `json:"screen"`
	ScreenAudio bool   `json:"screenAudio"`
	Hand        bool   `json:"hand"` // raised
}

// RouteReady tells that every wanted stream of the given route generation is flowing to this client.
type RouteReady struct {
	ID         string `json:"id,omitempty"`
	Generation uint32 `json:"generation"`
}

// RouteFailed tells that the route of the given generation cannot be built, so that the server may choose another.
type RouteFailed struct {
	ID         string `json:"id,omitempty"`
	Generation uint32 `json:"generation"`
	Reason     string `json:"reason,omitempty"` // for the log: at most 200 characters
}

// GetCredentials asks for fresh ICE servers (type "credentials"), as TURN credentials expire.
type GetCredentials struct {
	ID string `json:"id,omitempty"`
}

// Ping asks for a pong; browsers cannot see WebSocket pings.
type Ping struct {
	ID string `json:"id,omitempty"`
}

// Leave gives the seat up at once.
type Leave struct {
	ID string `json:"id,omitempty"`
}

// ---- replies: server to the client that asked ----

// Joined confirms a join or a resume.
type Joined struct {
	ID      string `json:"id,omitempty"` // of the join or resume
	Self    string `json:"self"`         // participant id of this client, unique in the room's lifetime
	Session string `json:"session"`      // secret for resume; never shown to others
	Room    string `json:"room"`
	Mode    Mode   `json:"mode"`
	Epoch   string `json:"epoch"` // of the room's log
	// Seq is the last event that the client has when it has read this message; the next event is seq+1. After a join or
	// an unrecovered resume it is the last event contained in the snapshot; after a recovered one it is the client's own.
	Seq uint64 `json:"seq"`
	// Recovered is true when every missed event follows: keep what you have and apply them. Otherwise replace everything
	// by the snapshot below, which is the present state in either case.
	Recovered    bool          `json:"recovered"`
	Route        RouteState    `json:"route"`
	Participants []Participant `json:"participants"` // in the order they joined, this client included
	Grants       []Grant       `json:"grants"`       // what this client may do, beside what its role allows
	Settings     Settings      `json:"settings"`     // of the room

	// Recording is there while the room is being recorded.
	Recording    *RecordingState `json:"recording,omitempty"`
	Chat         []ChatMessage   `json:"chat"` // the last messages as they are now, oldest first: at most 50
	More         bool            `json:"more"` // there are older messages: ask with history
	ICEServers   []ICEServer     `json:"iceServers"`
	ICETTL       int             `json:"iceTtl"`           // seconds until the credentials in iceServers expire; ask before
	ResumeWindow int             `json:"resumeWindow"`     // seconds a seat is held after its socket is lost; 5 when the page was closed (close code 1001), enough to reload
	Answer       *SFUAnswer      `json:"answer,omitempty"` // to the offer in join, when the route is the SFU
	Server       string          `json:"server"`           // version
}

// SFUAnswer answers an sfu-offer.
type SFUAnswer struct {
	ID       string `json:"id,omitempty"`
	Revision uint32 `json:"revision"` // of the offer
	SDP      string `json:"sdp"`      // complete: the server's candidates are in it
}

// Credentials brings fresh ICE servers.
type Credentials struct {
	ID         string      `json:"id,omitempty"`
	ICEServers []ICEServer `json:"iceServers"`
	ICETTL     int         `json:"iceTtl"`
}

// Pong answers a ping.
type Pong struct {
	ID string `json:"id,omitempty"`
}

// Left is the last message to a client whose seat is gone.
type Left struct {
	ID     string `json:"id,omitempty"`
	Reason string `json:"reason"` // left, replaced, removed, banned, expired, refused, room-ended, room-closed, server-stopped
}

// Error refuses a command or ends a session. Codes are stable; texts are for people.
type Error struct {
	ID      string `json:"id,omitempty"` // of the command it is about, if known
	Code    Code   `json:"code"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`  // what to do about it
	Retry   bool   `json:"retry"`           // true: the same may succeed later
	After   int    `json:"after,omitempty"` // milliseconds to wait before a retry
}

// ---- events: server to everybody in the room, in order ----

// ParticipantJoined adds a participant.
type ParticipantJoined struct {
	Seq         uint64      `json:"seq"`
	Participant Participant `json:"participant"`
}

// ParticipantLeft removes a participant.
type ParticipantLeft struct {
	Seq    uint64 `json:"seq"`
	ID     string `json:"id"`
	Reason string `json:"reason"` // left, lost, removed, banned, expired
}

// ParticipantUpdated replaces what is known of a participant.
type ParticipantUpdated struct {
	Seq         uint64      `json:"seq"`
	Participant Participant `json:"participant"`
	By          string      `json:"by,omitempty"` // id of the moderator whose act this is; empty: the participant's own, or the server's
}

// Route tells how media must travel from now on. Make before break: build the new path, keep the old one flowing,
// report route-ready, and tear the old path down only at route-done of the same generation.
type Route struct {
	Seq    uint64      `json:"seq"`
	Route  RouteState  `json:"route"`
	Reason RouteReason `json:"reason"`
}

// RouteDone tells that everybody receives by the route of this generation; older paths may be closed.
type RouteDone struct {
	Seq        uint64 `json:"seq"`
	Generation uint32 `json:"generation"`
}

// Withheld stands for an event that is not for this client, such as a chat message between two others: the number is
// used, the content is not told.
type Withheld struct {
	Seq uint64 `json:"seq"`
}

// ---- ephemeral notices: server to client, without seq ----

// PeerSignal is a Signal as the addressee gets it (type "signal").
type PeerSignal struct {
	From        string       `json:"from"`
	Generation  uint32       `json:"generation"`
	Description *Description `json:"description,omitempty"`
	Candidate   *Candidate   `json:"candidate,omitempty"`
}

// Slots tells what changed in the receive slots of the SFU connection. Slots not named keep their assignment.
type Slots struct {
	Slots []Slot `json:"slots"`
}

// Slot is one assignment.
type Slot struct {
	Mid         string      `json:"mid"`
	Participant string      `json:"participant,omitempty"` // empty: the slot is free
	Source      Source      `json:"source,omitempty"`
	Paused      PauseReason `json:"paused,omitempty"` // empty: flowing
}

// Speakers lists who speaks, loudest first.
type Speakers struct {
	Speakers []Speaker `json:"speakers"`
}

// Speaker is one of the people heard now.
type Speaker struct {
	Participant string `json:"participant"`
	Level       int    `json:"level"` // RFC 6464: -dBov, 0 loudest to 127 silence
}

// Draining tells that the server is going away: calls go on until they end or the deadline comes.
type Draining struct {
	Deadline int `json:"deadline"` // milliseconds
}

// ---- parts ----

// Participant is a person or a device in the room, as others see it.
type Participant struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Media  State  `json:"media"`
	Online bool   `json:"online"` // false: the socket is lost and the seat is held; media may go on
	Kind   Kind   `json:"kind"`
	Role   Role   `json:"role"`
	// Verified: the name stands for an identity that a token vouches for.
	Verified bool     `json:"verified,omitempty"`
	Blocked  []Source `json:"blocked,omitempty"` // sources that a moderator has taken away until they are allowed again
}

// RouteState is how media travels in the room.
type RouteState struct {
	Transport  Transport `json:"transport"`
	Generation uint32    `json:"generation"`
	Done       bool      `json:"done"` // route-done was sent for this generation
}

// ICEServer has the shape of RTCIceServer. All of them are for connections between peers. For the connection to the SFU leave out
// stun: and TURN over UDP, unless everything is to be relayed: they share the SFU's UDP port, and Chromium takes whatever comes from
// the address of such a server for that server's answers, so that the direct path would never open.
type ICEServer struct {
	URLs       []string `json:"urls"`
	Username   string   `json:"username,omitempty"`
	Credential string   `json:"credential,omitempty"`
}

// Mode is how a room may carry media.
type Mode string

// The modes.
const (
	ModeAuto  Mode = "auto"  // peer to peer for two, the SFU from the third, or when peer to peer fails
	ModeP2P   Mode = "p2p"   // a mesh of at most four
	ModeSFU   Mode = "sfu"   // always the SFU
	ModeFiles Mode = "files" // no audio or video, so the route never changes; people meet to transfer files, and any number the room takes may
)

// Transport is what carries media now.
type Transport string

// The transports.
const (
	TransportP2P Transport = "p2p"
	TransportSFU Transport = "sfu"
)

// RouteReason says why the route changed.
type RouteReason string

// The reasons.
const (
	ReasonGrew      RouteReason = "grew"       // a third participant, or one that can only use the SFU
	ReasonShrank    RouteReason = "shrank"     // two are left, and were for a while
	ReasonP2PFailed RouteReason = "p2p-failed" // somebody reported route-failed
	ReasonSFUFailed RouteReason = "sfu-failed" // somebody could not reach the SFU and the room is small enough for peer to peer
	ReasonRestarted RouteReason = "restarted"  // the SFU's server was started anew, or another node has taken over
	ReasonRecorded  RouteReason = "recorded"   // the room is being recorded, which only the SFU can
)

// Source is what a track shows or carries.
type Source string

// The sources.
const (
	Microphone  Source = "microphone"
	Camera      Source = "camera"
	Screen      Source = "screen"
	ScreenAudio Source = "screen-audio"
)

// Kind is how a participant takes part.
type Kind string

// The kinds.
const (
	KindPerson Kind = "person" // signaling client
	KindIngest Kind = "ingest" // WHIP publisher (RFC 9725): sends only, SFU only
)

// PauseReason says why nothing flows in an assigned slot.
type PauseReason string

// The reasons.
const (
	PausedMuted     PauseReason = "muted"     // the source is off
	PausedHidden    PauseReason = "hidden"    // the client said it is not visible
	PausedBandwidth PauseReason = "bandwidth" // not enough for it now
	PausedCodec     PauseReason = "codec"     // the client has not negotiated the codec that the source sends
)

// SDPType is offer or answer.
type SDPType string

// The types.
const (
	SDPOffer    SDPType = "offer"
	SDPAnswer   SDPType = "answer"
	SDPRollback SDPType = "rollback"
)

// Code is the stable name of an error.
type Code string

// The codes.
const (
	CodeMalformed      Code = "malformed"       // not JSON, unknown type or field, value out of bounds
	CodeTooLarge       Code = "too-large"       // message above the size limit
	CodeTooFast        Code = "too-fast"        // rate limit
	CodeOutOfState     Code = "out-of-state"    // valid, but not now: join twice, signal before join
	CodeUnauthorized   Code = "unauthorized"    // token missing, wrong, expired, or for another room
	CodeForbidden      Code = "forbidden"       // the token does not grant this
	CodeOrigin         Code = "origin"          // page of a foreign origin
	CodeRoomFull       Code = "room-full"       // the room has its maximum of people
	CodeServerFull     Code = "server-full"     // the server has its maximum of rooms or sessions
	CodeNoSuchPeer     Code = "no-such-peer"    // addressee is not in the room
	CodeSessionExpired Code = "session-expired" // resume came too late, or never was a session: join again
	CodeReplaced       Code = "replaced"        // another socket took this session over
	CodeBadSDP         Code = "bad-sdp"         // the offer cannot be answered
	CodeSFUOff         Code = "sfu-off"         // this server runs without an SFU
	CodeModeMismatch   Code = "mode-mismatch"   // the room runs in another mode than the one asked for
	CodeSlow           Code = "slow-client"     // the client did not read fast enough and was cut; resume
	CodeDraining       Code = "draining"        // the server is going away and takes no new people
	CodeInternal       Code = "internal"        // a fault of the server; it has been logged
	CodeUnavailable    Code = "unavailable"     // the room's log cannot be written just now; what was asked may still come through, and sending it again is safe; calls go on
	CodeLobby          Code = "lobby"           // a moderator lets people into this room; who can't wait, such as a WHIP client, gets this
	CodeExpired        Code = "expired"         // the token has expired: bring a fresh one
	CodeLocked         Code = "locked"          // the room is locked: nobody new comes in
	CodePassword       Code = "password"        // the room has a password, and the given one is missing or wrong
	CodeBanned         Code = "banned"          // a moderator has banned this person for a time
	CodeRefused        Code = "refused"         // a moderator has not let this person in
	CodeEnded          Code = "ended"           // the room was ended for all
	CodeNoSuchMessage  Code = "no-such-message" // the chat message is not there any more, or never was
	CodeBlocked        Code = "blocked"         // a moderator has taken this source away
)
