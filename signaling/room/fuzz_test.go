package room

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/confab/confab/signaling/protocol"
)

// FuzzRoom drives a room by arbitrary commands and checks after each what must always hold.
func FuzzRoom(f *testing.F) {
	f.Add(byte(0), []byte{0, 0, 0, 1, 0, 2, 5, 0, 5, 1, 5, 2, 3, 2, 9, 40})
	f.Add(byte(1), []byte{0, 0, 0, 1, 6, 0, 9, 200, 6, 1, 7, 0, 8, 0, 9, 255})
	f.Add(byte(2), []byte{1, 0, 0, 1, 0, 2, 6, 2, 2, 1, 9, 250, 4, 0, 4, 0})
	f.Add(byte(3), []byte{0, 0, 2, 0, 9, 100, 9, 100, 9, 100})
	f.Fuzz(func(t *testing.T, kind byte, script []byte) {
		c := config
		c.SFU = kind&1 == 0
		modes := []protocol.Mode{protocol.ModeAuto, protocol.ModeP2P, protocol.ModeSFU, ""}
		s, now := New(c), t0
		var log []Event
		for i := 0; i+1 < len(script); i += 2 {
			who := fmt.Sprint(script[i+1] % 8)
			var do Command
			switch script[i] % 10 {
			case 0:
				do = mode(person(who), modes[kind>>1&3])
			case 1:
				do = ingest(who)
			case 2:
				do = SetOnline{ID: who, Online: script[i+1]&64 != 0, Closed: script[i+1]&32 != 0}
			case 3:
				do = Leave{who, "left"}
			case 4:
				do = Say{From: who, ID: fmt.Sprint(script[i+1] >> 5), To: "", Text: "x"}
			case 5:
				do = Ready{who, s.Route.Generation}
			case 6:
				do = Fail{who, s.Route.Generation}
			case 7:
				do = AddViewer{}
			case 8:
				do = RemoveViewer{}
			case 9:
				now = now.Add(time.Duration(script[i+1]) * time.Second / 4)
				do = Tick{}
			}
			before, generation := s.Clone(), s.Route.Generation
			decided, decideErr := Decide(s, do, now)
			if !reflect.DeepEqual(before, s) {
				t.Fatalf("Decide(%+v) changed the state", do)
			}
			events, err := Step(s, do, now)
			if (err != nil) != (decideErr != nil) || len(events) < len(decided) {
				t.Fatalf("%+v: Step and Decide disagree", do)
			}
			if err != nil && !reflect.DeepEqual(before, s) {
				t.Fatalf("%+v was refused and changed the state", do)
			}
			for _, e := range events {
				before.Evolve(e)
				if e.Head().Seq != 0 {
					log = append(log, e)
				}
			}
			if !reflect.DeepEqual(before, s) {
				t.Fatalf("%+v: evolving the same events gave another state\n%+v\n%+v", do, before, s)
			}
			if s.Route.Generation > generation+1 {
				t.Fatalf("%+v: the route swings: %s", do, trace(events))
			}
			// Time alone comes to rest: what is due is done after few Ticks.
			for n := 0; !s.Deadline().IsZero() && !s.Deadline().After(now); n++ {
				events, err := Step(s, Tick{}, now)
				if err != nil || n > 2*c.People {
					t.Fatalf("%+v: no rest: %s, %v", do, trace(events), err)
				}
				for _, e := range events {
					if e.Head().Seq != 0 {
						log = append(log, e)
					}
				}
			}
			check(t, s)
		}
		for i, e := range log {
			if e.Head().Seq != uint64(i)+1 {
				t.Fatalf("event %d has number %d", i+1, e.Head().Seq)
			}
		}
		replayed := New(c)
		for _, e := range log {
			replayed.Evolve(e)
		}
		if got, want := lasting(replayed), lasting(s); !reflect.DeepEqual(got, want) {
			t.Fatalf("replay gives\n%+v\nwant\n%+v", got, want)
		}
	})
}

// check verifies what must hold between any two steps.
func check(t *testing.T, s *State) {
	t.Helper()
	ids, names, online := map[string]bool{}, map[string]bool{}, true
	for _, seat := range s.Seats {
		if ids[seat.ID] || names[fold(seat.Name)] || seat.Online != seat.Until.IsZero() {
			t.Fatalf("seats: %+v", s.Seats)
		}
		ids[seat.ID], names[fold(seat.Name)], online = true, true, online && seat.Online
	}
	if len(s.Seats) > s.People || !s.SFU && len(s.Seats) > MeshMax {
		t.Fatalf("%d seats", len(s.Seats))
	}
	if s.Route.Transport == protocol.TransportSFU && (!s.SFU || s.Mode == protocol.ModeP2P) {
		t.Fatalf("on the SFU in mode %s with SFU %v", s.Mode, s.SFU)
	}
	if s.Route.Transport == protocol.TransportP2P && (s.needsSFU() || s.count(protocol.KindPerson) > MeshMax) {
		t.Fatalf("peer to peer: %+v", s)
	}
	if (!online || !s.Route.Done) && s.Deadline().IsZero() {
		t.Fatalf("nothing is due: %+v", s)
	}
	for id := range s.ready {
		if !ids[id] {
			t.Fatalf("%s is ready and gone", id)
		}
	}
}

// lasting is the part of a state that its log contains. A mode may have come with a viewer, who is not in the log.
func lasting(s *State) *State {
	c := s.Clone()
	c.Viewers, c.ready, c.noP2P, c.noSFU, c.smallSince = 0, nil, nil, nil, time.Time{}
	if len(c.Seats) == 0 {
		c.Mode, c.Seats = "", nil
	}
	if len(c.Chat) == 0 {
		c.Chat, c.said = nil, nil
	}
	return c
}
