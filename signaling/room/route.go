package room

import (
	"time"

	"github.com/confab/confab/signaling/protocol"
)

// settle returns the one event that follows from the state by rule, or nil when it is at rest.
func (s *State) settle(now time.Time) Event {
	next := Header{Seq: s.Seq + 1, At: now}
	if s.Recording != nil && len(s.Seats) == 0 {
		return &RecordingChanged{next, false, "everybody has left"}
	}
	if e := s.settleOrder(next); e != nil || s.Empty() {
		return e
	}
	if want, reason := s.wanted(now); want != s.Route.Transport {
		return &RouteChanged{next, want, s.Route.Generation + 1, reason, s.nodeOf(want)}
	}
	if !s.Route.Done && s.everybodyReady() {
		return &RouteDone{next, s.Route.Generation}
	}
	return nil
}

// nodeOf is where the SFU of a new route will be: here.
func (s *State) nodeOf(t protocol.Transport) string {
	if t == protocol.TransportSFU {
		return s.Node
	}
	return ""
}

// wanted is the transport that suits the room now, and why if that is a change.
//
// It must not swing: failures are remembered while those who had them stay, and when both transports have failed somebody,
// the present one is kept.
func (s *State) wanted(now time.Time) (protocol.Transport, protocol.RouteReason) {
	switch {
	case s.Mode == protocol.ModeP2P || s.Mode == protocol.ModeFiles || !s.SFU:
		return protocol.TransportP2P, ""
	case s.Mode == protocol.ModeSFU:
		return protocol.TransportSFU, ""
	}
	people := s.count(protocol.KindPerson)
	switch {
	case s.Recording != nil && s.Route.Transport != protocol.TransportSFU:
		return protocol.TransportSFU, protocol.ReasonRecorded
	case s.Recording != nil:
		return protocol.TransportSFU, ""
	case s.needsSFU(), people > MeshMax:
		return protocol.TransportSFU, protocol.ReasonGrew
	case len(s.noSFU) > 0 && len(s.noP2P) > 0:
		return s.Route.Transport, ""
	case len(s.noSFU) > 0:
		return protocol.TransportP2P, protocol.ReasonSFUFailed
	case people > 2:
		return protocol.TransportSFU, protocol.ReasonGrew
	case len(s.noP2P) > 0:
		return protocol.TransportSFU, protocol.ReasonP2PFailed
	case s.lingering() && now.Before(s.smallSince.Add(s.Linger)):
		return protocol.TransportSFU, ""
	}
	return protocol.TransportP2P, protocol.ReasonShrank
}

// lingering reports whether the room is on the SFU only because it was larger a moment ago.
func (s *State) lingering() bool {
	return s.Mode == protocol.ModeAuto && s.Route.Transport == protocol.TransportSFU && !s.needsSFU() &&
		s.count(protocol.KindPerson) <= 2 && len(s.noP2P) == 0
}

// needsSFU reports whether somebody is there who can, or may, use nothing else.
func (s *State) needsSFU() bool {
	if len(s.viewers) > 0 || s.count(protocol.KindIngest) > 0 || s.Recording != nil {
		return true
	}
	for i := range s.Seats {
		if s.Seats[i].Restricted() {
			return true
		}
	}
	return false
}

// everybodyReady reports whether all people have reported the present generation. A seat whose socket is lost counts as
// not ready: its client may still receive by the old route and has not heard of the new one. Who is alone waits for nothing.
func (s *State) everybodyReady() bool {
	people := 0
	missing := false
	for i := range s.Seats {
		if seat := &s.Seats[i]; seat.Kind == protocol.KindPerson {
			people++
			missing = missing || !s.ready[seat.ID]
		}
	}
	return !missing || people == 1 && !s.needsSFU()
}

// onlyPair returns the two people of the room, if there are exactly two.
func (s *State) onlyPair() (a, b string, ok bool) {
	n := 0
	for i := range s.Seats {
		if s.Seats[i].Kind == protocol.KindPerson {
			a, b = b, s.Seats[i].ID
			n++
		}
	}
	return a, b, n == 2
}

// decideFail notes that a route cannot be built. In a mesh it is not known which pair failed, and there is nothing better
// to change to; then the report is only for the log.
func (s *State) decideFail(c Fail, h Header) ([]Event, error) {
	if s.Seat(c.ID) == nil || c.Generation != s.Route.Generation || s.Mode == protocol.ModeFiles {
		return nil, nil
	}
	if s.Route.Transport == protocol.TransportSFU {
		if s.noSFU[c.ID] {
			return nil, nil
		}
		return []Event{&SFUFailed{h, c.ID}}, nil
	}
	a, b, ok := s.onlyPair()
	if !ok || s.noP2P[pairOf(a, b)] {
		return nil, nil
	}
	return []Event{&PairFailed{h, a, b}}, nil
}

// decideTimeout ends a switch that takes too long. Two people who did not get through to each other in that time have
// failed, and the SFU still carries them; otherwise those who are ready shall not keep two connections for those who are not.
func (s *State) decideTimeout(next Header) ([]Event, error) {
	a, b, ok := s.onlyPair()
	if ok && s.SFU && s.Mode == protocol.ModeAuto && s.Route.Transport == protocol.TransportP2P && !s.noP2P[pairOf(a, b)] {
		return []Event{&PairFailed{next, a, b}}, nil
	}
	return []Event{&RouteDone{next, s.Route.Generation}}, nil
}
