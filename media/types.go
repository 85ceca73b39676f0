package media

// Source is what a track shows or carries.
type Source string

// The sources.
const (
	Microphone  Source = "microphone"
	Camera      Source = "camera"
	Screen      Source = "screen"
	ScreenAudio Source = "screen-audio"
)

// PeerOptions describe a participant's connection. Participant is unique in a room; a later connection of the same
// participant takes the earlier one's place.
type PeerOptions struct {
	Room, Participant        string
	Publish, Subscribe, Data bool // what it may do; a section beyond that is answered inactive
	AutoView                 bool // no wishes will come: active speakers are shown, in full size
	Events                   Events
}

// Events are called from the engine's goroutines, in order each; they must not block. Any may be nil.
type Events struct {
	Slots      func([]SlotState) // what changed
	Speakers   func([]Speaker)   // loudest first; at most every 200 ms, and only on a change
	Connection func(ConnectionState)
	Tracks     func([]Source) // which sources of this peer arrive now
}

// Offer is a client's SDP offer and what its sections mean, by mid.
type Offer struct {
	SDP    string
	Tracks map[string]Source // what the client sends
	Pairs  []Pair            // receive slots for a video and its audio
	Audio  []string          // spare receive slots for audio

	// Derive takes Tracks, Pairs and Audio from the order of the sections instead (WHIP, WHEP): the first audio and video
	// sent are microphone and camera, the second are the screen's; the k-th audio and video received are a pair.
	Derive bool
}

// Pair is one audio-video slot, by mid.
type Pair struct{ Audio, Video string }

// Want is a wish of a subscriber: a video at a size in pixels.
type Want struct {
	Participant   string
	Source        Source // Camera or Screen
	Width, Height int
	Priority      int // higher is served first
	Visible       bool
}

// State says which of a participant's sources are on.
type State struct{ Microphone, Camera, Screen, ScreenAudio bool }

// SlotState is the assignment of one slot.
type SlotState struct {
	Mid         string
	Participant string // empty: the slot is free
	Source      Source
	Paused      PauseReason // empty: flowing
}

// PauseReason says why nothing flows in an assigned slot.
type PauseReason string

// The reasons.
const (
	PausedMuted  PauseReason = "muted"  // the source is off
	PausedHidden PauseReason = "hidden" // the subscriber said that it is not visible
	PausedCodec  PauseReason = "codec"  // the subscriber has not negotiated the codec that the source sends
)

// Speaker is somebody who speaks. Level is -dBov (RFC 6464): 0 loudest, 127 silence.
type Speaker struct {
	Participant string
	Level       int
}

// ConnectionState is how a peer's connection fares.
type ConnectionState string

// The states.
const (
	Connected    ConnectionState = "connected"    // media flows both ways
	Disconnected ConnectionState = "disconnected" // nothing heard for some seconds; it may come back by itself
	Failed       ConnectionState = "failed"       // given up; an ICE restart may repair it
	Closed       ConnectionState = "closed"       // the last one
)
