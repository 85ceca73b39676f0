package layer

// None is the encoding of a slot that gets nothing.
const None = -1

// Target is what a slot shall get.
type Target struct {
	Encoding int   // index of the encoding; None: pause
	Spatial  uint8 // highest spatial layer (SVC); AllLayers: all
	Temporal uint8 // highest temporal layer; AllLayers: all
}

// AllLayers is the highest layer, whatever it is.
const AllLayers = 255

// Packet is what the Selector needs of a packet.
type Packet struct {
	Encoding  int
	Seq       uint64 // extended, of its encoding
	Timestamp uint32
	Start     bool // first packet of a frame
	End       bool // last packet of a frame
	Keyframe  bool // starts a keyframe
	Switch    bool // its temporal layer may be joined here
	Marker    bool
	Spatial   uint8
	Temporal  uint8
}

// Verdict is what to do with a packet.
type Verdict uint8

// The verdicts.
const (
	Foreign Verdict = iota // of an encoding that does not feed the slot: ignore it
	Drop                   // of the encoding that feeds the slot, but not forwarded: tell the rewriter
	Forward                // send it
	Switch                 // send it; it is the first of a new encoding: tell the rewriter before
)

// Selector decides for one slot. Make it with NewSelector, and anew (Reset) when the slot gets another track.
type Selector struct {
	current int
	target  Target
}

// NewSelector makes a selector that forwards nothing until it has a target.
func NewSelector() *Selector { return &Selector{current: None, target: Target{Encoding: None}} }

// Reset forgets the present encoding and the target: the slot has another track, or a pause has ended.
func (s *Selector) Reset() { panic("soon") }

// SetTarget sets what the slot shall get from now on. None stops at once; coming back needs a keyframe.
func (s *Selector) SetTarget(t Target) { panic("soon") }

// Target is the target set.
func (s *Selector) Target() Target { return s.target }

// Current is the encoding that feeds the slot now, or None.
func (s *Selector) Current() int { return s.current }

// Waiting is the encoding whose keyframe the selector waits for, or None: ask for it.
func (s *Selector) Waiting() int { panic("soon") }

// Select decides on one packet of the track. marker is the marker bit to send (it moves when higher spatial layers of
// a picture are not sent).
func (s *Selector) Select(p *Packet) (v Verdict, marker bool) { panic("soon") }
