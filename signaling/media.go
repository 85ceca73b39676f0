package signaling

import (
	"context"
	"errors"

	"github.com/confab/confab/signaling/protocol"
)

// Media is what signaling needs of an SFU.
type Media interface {
	// Connect prepares a participant's connection; nothing flows until Negotiate. The events are called from media's
	// goroutines; they do not block.
	Connect(o MediaPeerOptions) (MediaPeer, error)
}

// MediaPeerOptions describe one connection. Participants of equal Room hear and see each other.
type MediaPeerOptions struct {
	Room        string // unique to one life of a room: not its name alone
	Participant string
	Publish     bool
	Subscribe   bool
	Data        bool
	AutoView    bool // WHEP: nobody sends a view; fill the slots by active speaker
	Events      MediaEvents
}

// MediaPeer is one connection. Signaling calls its methods one at a time, never two at once, but for Close.
type MediaPeer interface {
	// Negotiate answers an offer: the first, a renegotiation, or an ICE restart. An error that is ErrBadSDP says in words
	// what is wrong with the offer.
	Negotiate(ctx context.Context, o MediaOffer) (answer string, err error)
	// AddCandidate adds a trickled candidate of the client (WHIP and WHEP PATCH); empty: end of candidates.
	AddCandidate(mid string, index int, candidate string) error
	// SetView says what the participant wants to see.
	SetView(wants []protocol.Want)
	// SetState says what the participant sends, so that slots of muted sources pause.
	SetState(s protocol.State)
	// Close ends the connection; no event is called once it has returned.
	Close()
}

// Recorder is an SFU that records.
type Recorder interface {
	// Record begins to record a room; it may wait for a disk. ErrNothingToRecord says that nobody is connected yet; it is tried again when somebody is.
	Record(o MediaRecordOptions) (MediaRecording, error)
}

// MediaRecordOptions say what is recorded.
type MediaRecordOptions struct {
	Room  string      // as in MediaPeerOptions
	Title string      // the room's name
	Ended func(error) // called once when all is written: nil after Stop or the last connection, else why the recording ended by itself
}

// MediaRecording is a recording that goes on. Its methods do not block.
type MediaRecording interface {
	Named(participant, name string)
	Stop()
}

// ErrNothingToRecord is returned for a room that nobody is connected to.
var ErrNothingToRecord = errors.New("nobody is connected")

// MediaOffer is an offer and what its m-lines are for.
type MediaOffer struct {
	SDP    string
	Tracks map[string]protocol.Source
	Pairs  []protocol.Pair
	Audio  []string
	Derive bool // WHIP, WHEP: take tracks and slots from the SDP itself
}

// MediaEvents are what a connection tells.
type MediaEvents struct {
	Slots      func([]protocol.Slot)    // what changed in the receive slots
	Speakers   func([]protocol.Speaker) // who speaks, loudest first
	Connection func(ConnectionState)
	Tracks     func([]protocol.Source) // WHIP: the sources that arrive
}

// ConnectionState is that of a media connection.
type ConnectionState string

// The states that matter here.
const (
	Connected ConnectionState = "connected"
	Failed    ConnectionState = "failed" // no way through; an ICE restart may still help
	Closed    ConnectionState = "closed" // ended by the client or after Failed
)

// ErrBadSDP marks errors of Negotiate that are the offer's fault; their text is shown to the client.
var ErrBadSDP = errors.New("the offer cannot be answered")
