package slots

import "time"

// Source is what a track carries.
type Source uint8

// The sources.
const (
	Microphone Source = iota
	Camera
	Screen
	ScreenAudio
)

// Ref names a track of the room. The zero Ref is none.
type Ref struct {
	Participant string
	Source      Source
}

// None tells that the ref names nothing.
func (r Ref) None() bool { return r.Participant == "" }

// Track is the state of one source of a member.
type Track uint8

// The states.
const (
	Absent Track = iota // not sent
	Muted               // negotiated, but turned off
	Live
)

// Member is a participant as a publisher.
type Member struct {
	ID     string
	Tracks [4]Track      // by Source
	Rank   int           // 0: does not speak; 1: the loudest speaker, 2: the next, …
	Spoke  time.Duration // when the member spoke last; 0: never
}

// Want is a wish of the viewer; see protocol.Want.
type Want struct {
	Ref
	Priority int
	Hidden   bool // keep the place, send nothing
}

// Pause says why nothing flows in an assigned slot.
type Pause uint8

// The reasons.
const (
	Flowing Pause = iota
	PausedMuted
	PausedHidden
)

// Slot is one receive slot.
type Slot struct {
	Ref
	Pause Pause
}

// Pair is a video slot and the audio slot of the same stream.
type Pair struct{ Audio, Video Slot }

// View is the slots of one viewer.
type View struct {
	Pairs []Pair
	Audio []Slot
}
