package room

import (
	"maps"
	"slices"
	"time"

	"github.com/confab/confab/signaling/protocol"
)

// Evolve applies an event that has happened. It must be the next one of the log, or a transient one.
func (s *State) Evolve(e Event) {
	h := e.Head()
	if h.Seq != 0 {
		s.Seq = h.Seq
	}
	switch e := e.(type) {
	case *Joined:
		s.open(e.Mode)
		s.Seats = append(s.Seats, e.Seat)
		s.smallSince = h.At
	case *Updated:
		s.Seat(e.ID).Media = e.Media
	case *Presence:
		seat := s.Seat(e.ID)
		seat.Online, seat.Until = e.Online, time.Time{}
		switch {
		case e.Closed && !e.Online:
			seat.Until = h.At.Add(s.HoldClosed)
		case !e.Online:
			seat.Until = h.At.Add(s.Hold)
		}
	case *Left:
		s.remove(e.ID)
		s.smallSince = h.At
	case *Said:
		s.Chat = last(append(s.Chat, e.message()), protocol.MaxHistory)
		s.said = last(append(s.said, chatKey{e.From, e.ID}), rememberedChats)
	case *RouteChanged:
		s.Route = Route{Transport: e.Transport, Generation: e.Generation, Since: h.At}
		s.ready = map[string]bool{}
	case *RouteDone:
		s.Route.Done = true
	case *Readied:
		s.ready[e.ID] = true
	case *PairFailed:
		s.noP2P[pairOf(e.A, e.B)] = true
	case *SFUFailed:
		s.noSFU[e.ID] = true
	case *ViewersChanged:
		s.open(e.Mode)
		s.Viewers = e.Viewers
		s.smallSince = h.At
	}
}

// open sets the mode when the first one comes. An sfu room starts on the SFU; nobody is there to switch.
func (s *State) open(mode protocol.Mode) {
	if s.Mode != "" {
		return
	}
	if s.Mode = mode; mode == protocol.ModeSFU {
		s.Route.Transport = protocol.TransportSFU
	}
}

func (s *State) remove(id string) {
	s.Seats = slices.DeleteFunc(s.Seats, func(seat Seat) bool { return seat.ID == id })
	delete(s.ready, id)
	delete(s.noSFU, id)
	maps.DeleteFunc(s.noP2P, func(p pair, _ bool) bool { return p[0] == id || p[1] == id })
}

// last keeps the newest n entries of list.
func last[T any](list []T, n int) []T {
	if len(list) <= n {
		return list
	}
	return slices.Delete(list, 0, len(list)-n)
}

func pairOf(a, b string) pair {
	if a > b {
		a, b = b, a
	}
	return pair{a, b}
}
