package room

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/confab/confab/auth"
	"github.com/confab/confab/signaling/protocol"
)

// FuzzRoom drives a room by arbitrary commands and checks after each what must always hold.
func FuzzRoom(f *testing.F) {
	f.Add(byte(0), []byte{0, 0, 0, 1, 0, 2, 5, 0, 5, 1, 5, 2, 3, 2, 9, 40})
	f.Add(byte(1), []byte{0, 0, 0, 1, 6, 0, 9, 200, 6, 1, 7, 0, 8, 0, 9, 255})
	f.Add(byte(2), []byte{1, 0, 0, 1, 0, 2, 6, 2, 2, 1, 9, 250, 4, 0, 4, 0})
	f.Add(byte(32), []byte{0, 0, 0, 1, 0, 2, 0, 3, 0, 4, 6, 0, 1, 5, 7, 0, 9, 255})
	f.Add(byte(33), []byte{0, 0, 0, 1, 0, 2, 0, 3, 0, 4, 6, 0, 9, 255})
	f.Add(byte(3), []byte{0, 0, 2, 0, 9, 100, 9, 100, 9, 100})
	f.Add(byte(0), []byte{0, 0, 0, 1, 0, 2, 4, 0, 4, 33, 15, 41, 16, 40, 17, 24, 10, 48, 11, 32, 12, 41, 13, 80, 0, 3, 14, 40, 18, 0, 21, 0, 19, 9, 22, 0, 0, 5})
	f.Fuzz(func(t *testing.T, kind byte, script []byte) {
		c := config
		c.SFU, c.Succession = kind&1 == 0, kind&16 == 0
		modes := []protocol.Mode{protocol.ModeAuto, protocol.ModeP2P, protocol.ModeSFU, "", protocol.ModeFiles, protocol.ModeFiles, protocol.ModeFiles, protocol.ModeFiles}
		s, now := New(c), t0
		var log []Event
		for i := 0; i+1 < len(script); i += 2 {
			who := fmt.Sprint(script[i+1] % 8)
			var do Command
			cmd := fmt.Sprint("c", script[i+1]>>4)
			switch script[i] % 23 {
			case 0:
				do = mode(person(who), modes[kind>>1&3|kind>>3&4])
			case 1:
				do = ingest(who)
			case 2:
				do = SetOnline{ID: who, Node: "n1", Online: script[i+1]&64 != 0, Closed: script[i+1]&32 != 0}
			case 3:
				do = Leave{who, "", "left"}
			case 4:
				do = Say{ID: who, Cmd: fmt.Sprint(script[i+1] >> 5), Text: "x"}
			case 5:
				do = Ready{who, s.Route.Generation}
			case 6:
				do = Fail{who, s.Route.Generation}
			case 7:
				do = AddViewer{"n1"}
			case 8:
				do = RemoveViewer{"n1"}
			case 9:
				now = now.Add(time.Duration(script[i+1]) * time.Second / 4)
				do = Tick{}
			case 10:
				do = Mute{who, cmd, fmt.Sprint(script[i+1] >> 5), []protocol.Source{protocol.Camera}, script[i+1]&16 != 0}
			case 11:
				do = Allow{who, cmd, fmt.Sprint(script[i+1] >> 5), []protocol.Source{protocol.Camera}}
			case 12:
				do = SetRole{who, cmd, fmt.Sprint(script[i+1] >> 5), auth.Roles[script[i+1]>>3&3]}
			case 13:
				do = Remove{who, cmd, fmt.Sprint(script[i+1] >> 5), time.Duration(script[i+1]&16) * time.Second}
			case 14:
				do = SetRoom{ID: who, Cmd: cmd, Access: []protocol.Access{"", protocol.AccessLobby, protocol.AccessLocked, protocol.AccessOpen}[script[i+1]>>3&3], People: int(script[i+1] >> 5)}
			case 15:
				do = React{who, cmd, uint64(script[i+1] >> 3), "x", script[i+1]&8 != 0}
			case 16:
				do = EditChat{who, cmd, uint64(script[i+1] >> 3), "y"}
			case 17:
				do = DeleteChat{who, cmd, uint64(script[i+1] >> 3)}
			case 18:
				do = NodeLost{"n1"}
			case 19:
				do = Refresh{who, cmd, auth.Roles[script[i+1]>>3&3], auth.Grants{Subscribe: true, Chat: true}, now.Add(time.Minute)}
			case 20:
				do = SetMedia{who, cmd, protocol.State{Screen: script[i+1]&8 != 0, Camera: script[i+1]&16 != 0}}
			case 21:
				do = Reseat{who, "s", "n1"}
			case 22:
				do = End{who, cmd}
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
			if s.Route.Generation > generation+2 {
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
		replayed := New(c)
		for i, e := range log {
			if e.Head().Seq != uint64(i)+1 {
				t.Fatalf("event %d has number %d", i+1, e.Head().Seq)
			}
			if i == len(log)/2 {
				replayed = reload(t, replayed)
			}
			replayed.Evolve(reread(t, e))
		}
		if got, want := lasting(reload(t, replayed)), lasting(s); !reflect.DeepEqual(got, want) {
			t.Fatalf("replay gives\n%+v\nwant\n%+v", got, want)
		}
	})
}

// reread returns the event as it comes back from a log.
func reread(t *testing.T, e Event) Event {
	t.Helper()
	kind, _, data, err := Encode(e)
	if err != nil {
		t.Fatal(err)
	}
	back, err := Decode(e.Head().Seq, e.Head().At, kind, data)
	if err != nil || !reflect.DeepEqual(back, e) {
		t.Fatalf("%+v came back as %+v, %v", e, back, err)
	}
	return back
}

// reload returns the state as it comes back from a snapshot.
func reload(t *testing.T, s *State) *State {
	t.Helper()
	data, err := s.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	back, err := Load(s.Config, data)
	if err != nil {
		t.Fatal(err)
	}
	return back
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
	if len(s.Seats) > s.People || !s.SFU && s.Mode != protocol.ModeFiles && len(s.Seats) > MeshMax {
		t.Fatalf("%d seats", len(s.Seats))
	}
	if s.Route.Transport == protocol.TransportSFU && (!s.SFU || s.Mode == protocol.ModeP2P || s.Mode == protocol.ModeFiles) {
		t.Fatalf("on the SFU in mode %s with SFU %v", s.Mode, s.SFU)
	}
	// Without an SFU who was restricted later stays: clients alone can honour it then.
	if s.Route.Transport == protocol.TransportP2P && s.SFU && s.Mode != protocol.ModeP2P && s.Mode != protocol.ModeFiles && (s.needsSFU() || s.count(protocol.KindPerson) > MeshMax) {
		t.Fatalf("peer to peer: %+v", s)
	}
	if (!online || !s.Route.Done && !s.Empty()) && s.Deadline().IsZero() {
		t.Fatalf("nothing is due: %+v", s)
	}
	for id := range s.ready {
		if !ids[id] {
			t.Fatalf("%s is ready and gone", id)
		}
	}
}

// lasting makes empty lists equal, whichever way they came to be empty.
func lasting(s *State) *State {
	c := s.Clone()
	if len(c.Seats) == 0 {
		c.Seats = nil
	}
	if len(c.Chat) == 0 {
		c.Chat = nil
	}
	if len(c.Bans) == 0 {
		c.Bans = nil
	}
	if len(c.messages) == 0 {
		c.messages = nil
	}
	return c
}
