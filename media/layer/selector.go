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
	Start     bool  // first packet of a frame
	End       bool  // last packet of a frame
	Keyframe  bool  // starts a keyframe
	Switch    bool  // its temporal layer may be joined here
	Up        uint8 // temporal layers up to this one may be joined after it; 0: says nothing
	Marker    bool
	Padding   bool // carries nothing but padding
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
	target  Target
	current int    // encoding
	highest uint64 // sequence number of the current encoding
	now     layers // forwarded from the frame that starts at since on
	since   uint64
	before  layers // forwarded of older frames, whose packets come late
}

// layers are the highest ones forwarded.
type layers struct{ spatial, temporal uint8 }

// NewSelector makes a selector that forwards nothing until it has a target.
func NewSelector() *Selector {
	s := new(Selector)
	s.Reset()
	return s
}

// Reset forgets the present encoding and the target: the slot has another track, or none.
func (s *Selector) Reset() { *s = Selector{current: None, target: Target{Encoding: None}} }

// SetTarget sets what the slot shall get from now on. None stops at once; coming back needs a keyframe.
func (s *Selector) SetTarget(t Target) {
	s.target = t
	if t.Encoding == None {
		s.current = None
	}
}

// Target is the target set.
func (s *Selector) Target() Target { return s.target }

// Current is the encoding that feeds the slot now, or None.
func (s *Selector) Current() int { return s.current }

// Waiting is the encoding whose keyframe the selector waits for, or None: ask for it.
func (s *Selector) Waiting() int {
	if s.target.Encoding != s.current || s.current != None && s.target.Spatial > s.now.spatial {
		return s.target.Encoding
	}
	return None
}

// Select decides on one packet of the track. marker is the marker bit to send: it moves when higher spatial layers of
// a picture are not sent.
func (s *Selector) Select(p *Packet) (v Verdict, marker bool) {
	if p.Encoding == s.target.Encoding && p.Encoding != s.current && p.Keyframe && !p.Padding {
		s.current, s.highest = p.Encoding, p.Seq
		s.now = layers{s.target.Spatial, s.target.Temporal}
		s.before, s.since = s.now, p.Seq
		return Switch, s.marker(p, s.now)
	}
	if p.Encoding != s.current || s.current == None {
		return Foreign, false
	}
	if p.Padding {
		return Drop, false
	}
	allowed := s.now
	if p.Seq > s.highest {
		s.highest = p.Seq
		if p.Start && s.current == s.target.Encoding {
			s.step(p)
		}
		allowed = s.now
	} else if p.Seq < s.since {
		allowed = s.before
	}
	if p.Spatial > allowed.spatial || p.Temporal > allowed.temporal {
		return Drop, false
	}
	return Forward, s.marker(p, allowed)
}

// step goes towards the target at the start of a frame: down at once, up where the frame allows it.
func (s *Selector) step(p *Packet) {
	next := s.now
	if p.Keyframe {
		next = layers{s.target.Spatial, s.target.Temporal}
	}
	if p.Spatial == 0 { // never inside a picture
		next.spatial = min(next.spatial, s.target.Spatial)
	}
	next.temporal = min(next.temporal, s.target.Temporal)
	// One layer at a time: a frame that may be joined needs the layers below it, and those have their own frames to join at.
	if p.Switch && p.Temporal <= s.target.Temporal && int(p.Temporal) == int(next.temporal)+1 {
		next.temporal = p.Temporal
	}
	if p.Temporal <= next.temporal && p.Up > next.temporal {
		next.temporal = min(p.Up, s.target.Temporal)
	}
	if next != s.now {
		s.before, s.now, s.since = s.now, next, p.Seq
	}
}

func (s *Selector) marker(p *Packet, allowed layers) bool {
	return p.Marker || p.End && p.Spatial == allowed.spatial
}
