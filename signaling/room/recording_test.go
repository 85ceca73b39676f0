package room

import (
	"errors"
	"testing"
	"time"

	"github.com/confab/confab/auth"
	"github.com/confab/confab/signaling/protocol"
)

func recorder(id string) Join {
	j := role(person(id), auth.RoleHost)
	j.Seat.Grants.Record = true
	return j
}

// A room of two goes to the SFU to be recorded, and back after.
func TestRecordingNeedsTheSFU(t *testing.T) {
	s, now := New(config), t0
	step := func(c Command) []Event {
		t.Helper()
		now = now.Add(time.Minute)
		events, err := Step(s, c, now)
		if err != nil {
			t.Fatalf("%T: %v", c, err)
		}
		return events
	}
	refused := func(code protocol.Code, c Command) {
		t.Helper()
		_, err := Step(s.Clone(), c, now)
		var e *protocol.Error
		if !errors.As(err, &e) || e.Code != code {
			t.Errorf("%+v: %v, want %s", c, err, code)
		}
	}
	refused(protocol.CodeOutOfState, SetRecording{Admin, "1", true}) // nobody is there
	step(recorder("h"))
	step(person("a"))
	refused(protocol.CodeForbidden, SetRecording{"a", "1", true})
	step(role(person("g"), auth.RoleHost)) // without the grant
	refused(protocol.CodeForbidden, SetRecording{"g", "1", true})
	step(Leave{"g", "", "left"})
	now = now.Add(time.Hour)
	step(Tick{})
	step(SetRecording{"h", "1", true})
	if s.Recording == nil || s.Recording.By != "h" || s.Route.Transport != protocol.TransportSFU {
		t.Fatalf("recording %+v, route %+v", s.Recording, s.Route)
	}
	if j := s.Joined("a"); j.Recording == nil || j.Recording.Since != now.UnixMilli() {
		t.Errorf("who comes is told %+v", j.Recording)
	}
	if events := step(SetRecording{"h", "1", true}); len(events) != 0 {
		t.Errorf("the same command again: %d events", len(events))
	}
	if events := step(SetRecording{"h", "2", true}); len(events) != 0 {
		t.Errorf("what goes on already: %d events", len(events))
	}
	step(RecordingEnded{"the server cannot write it"})
	if s.Recording != nil || s.Route.Transport != protocol.TransportP2P {
		t.Errorf("after the end: recording %+v, route %+v", s.Recording, s.Route)
	}
	step(SetRecording{"h", "3", true})
	step(Leave{"a", "", "left"})
	if s.Recording == nil || s.Route.Transport != protocol.TransportSFU {
		t.Error("one who is alone is not recorded on")
	}
	step(Leave{"h", "", "left"})
	if s.Recording != nil {
		t.Error("an empty room is recorded")
	}

	for name, c := range map[string]Config{"a server without --record-dir": {SFU: true}, "a server without an SFU": {Records: true}} {
		c.Node, c.People, c.Hold, c.HoldClosed, c.Linger, c.Timeout = "n1", 10, time.Second, time.Second, time.Second, time.Second
		s = New(c)
		step(recorder("h"))
		if _, err := Step(s, SetRecording{"h", "1", true}, now); err == nil {
			t.Errorf("%s records", name)
		}
	}
	s = New(config)
	join := recorder("h")
	join.Mode = protocol.ModeP2P
	step(join)
	refused(protocol.CodeModeMismatch, SetRecording{"h", "1", true})
}
