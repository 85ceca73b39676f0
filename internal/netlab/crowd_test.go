package netlab

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/confab/confab/signaling/protocol"
)

// In a room of twelve, with slots for three videos and two more voices, the loudest are heard, whoever they are.
func TestLoudestOfTwelveAreHeard(t *testing.T) {
	story(t, func(l *Lab) {
		var all []*Client
		for i := range 12 {
			c := l.Client(Guest{Name: fmt.Sprintf("person%02d", i), Mode: protocol.ModeSFU})
			c.Speak(127)
			c.Join("r")
			all = append(all, c)
		}
		listener := all[0]
		time.Sleep(3 * time.Second)
		for _, speakers := range [][]int{{9, 10, 11}, {1, 5}, {3, 4, 6, 7, 8}} {
			for i, c := range all {
				c.Speak(127)
				if slices.Contains(speakers, i) {
					c.Speak(byte(20 + i))
				}
			}
			begun := time.Now()
			took := l.Wait(3*time.Second, "the speakers are heard", func() bool {
				for _, i := range speakers {
					if !listener.Inbox.Came(all[i].Name, protocol.Microphone, "", time.Now().Add(-100*time.Millisecond)) {
						return false
					}
				}
				return true
			})
			time.Sleep(3 * time.Second)
			t.Logf("speakers %v are heard after %v", speakers, took)
			var named []string
			for _, s := range listener.Speakers() {
				named = append(named, s.Participant)
			}
			for _, i := range speakers {
				q := listener.Inbox.Since(all[i].Name, protocol.Microphone, begun.Add(took))
				if q.Gap > 300*time.Millisecond {
					t.Errorf("%s is not heard all the time: %v", all[i].Name, q)
				}
				if len(speakers) <= 3 && !slices.Contains(named, all[i].ID()) {
					t.Errorf("%s is not named as a speaker: %v", all[i].Name, named)
				}
			}
			if len(speakers) <= 3 { // as many as there are videos: they are seen as well
				for _, i := range speakers {
					if !listener.Inbox.Came(all[i].Name, protocol.Camera, "", time.Now().Add(-200*time.Millisecond)) {
						t.Errorf("%s is heard and not seen", all[i].Name)
					}
				}
			}
		}
		// Only what has a slot is sent: five voices and three videos.
		heard, seen := 0, 0
		for _, c := range all {
			if listener.Inbox.Came(c.Name, protocol.Microphone, "", time.Now().Add(-100*time.Millisecond)) {
				heard++
			}
			if listener.Inbox.Came(c.Name, protocol.Camera, "", time.Now().Add(-200*time.Millisecond)) {
				seen++
			}
		}
		if heard > 5 || seen > 3 {
			t.Errorf("%d are heard and %d seen, with slots for five and three", heard, seen)
		}
	})
}

// What one wants to see one sees, whoever speaks; what is hidden is not sent.
func TestViewPinsAndHides(t *testing.T) {
	story(t, func(l *Lab) {
		var all []*Client
		for i := range 6 {
			c := l.Client(Guest{Name: fmt.Sprintf("person%d", i), Mode: protocol.ModeSFU, Pairs: 2, Audio: 1})
			c.Speak(byte(30 + 10*i)) // the last is the quietest
			c.Join("r")
			all = append(all, c)
		}
		viewer, quiet := all[0], all[5]
		time.Sleep(3 * time.Second)
		recent := func(source protocol.Source) bool {
			return viewer.Inbox.Came(quiet.Name, source, "", time.Now().Add(-200*time.Millisecond))
		}
		if recent(protocol.Camera) {
			t.Fatal("the quietest is seen without being wanted")
		}
		want := protocol.Want{Participant: quiet.ID(), Source: protocol.Camera, Width: 640, Height: 360, Priority: 100, Visible: true}
		viewer.View(want)
		t.Logf("seen after %v", l.Wait(2*time.Second, "the pinned one is seen", func() bool { return recent(protocol.Camera) }))
		start := time.Now()
		time.Sleep(3 * time.Second)
		if q := viewer.Inbox.Since(quiet.Name, protocol.Camera, start); q.Gap > 200*time.Millisecond {
			t.Errorf("the pinned one: %v", q)
		}
		want.Visible = false
		viewer.View(want)
		time.Sleep(time.Second)
		if recent(protocol.Camera) {
			t.Error("the hidden one is still sent")
		}
	})
}

// A screen is a second video of its author's; a muted camera leaves its slot paused, and comes back at once.
func TestScreenAndMute(t *testing.T) {
	for name, mode := range map[string]protocol.Mode{"peer to peer": protocol.ModeP2P, "on the SFU": protocol.ModeSFU} {
		t.Run(name, func(t *testing.T) {
			story(t, func(l *Lab) {
				alice, bob := l.Client(Guest{Name: "alice", Mode: mode}), l.Client(Guest{Name: "bob", Mode: mode})
				alice.Join("r")
				bob.Join("r")
				l.receiving(5*time.Second, alice, bob)
				recent := func(source protocol.Source) bool {
					return bob.Inbox.Came("alice", source, "", time.Now().Add(-200*time.Millisecond))
				}
				alice.Set(func(s *protocol.State) { s.Screen = true })
				t.Logf("the screen is seen after %v", l.Wait(2*time.Second, "the screen is seen", func() bool { return recent(protocol.Screen) }))
				if !recent(protocol.Camera) {
					t.Error("the camera is not seen beside the screen")
				}
				alice.Set(func(s *protocol.State) { s.Camera, s.Screen = false, false })
				time.Sleep(time.Second)
				if recent(protocol.Camera) || recent(protocol.Screen) || !recent(protocol.Microphone) {
					t.Error("muted is not muted")
				}
				if p := bob.People()[0]; p.Media.Camera || p.Media.Screen || !p.Media.Microphone {
					t.Errorf("bob is told %+v", p.Media)
				}
				back := time.Now()
				alice.Set(func(s *protocol.State) { s.Camera = true })
				l.Wait(time.Second, "the camera is back", func() bool { return recent(protocol.Camera) })
				time.Sleep(2 * time.Second)
				if q := bob.Inbox.Since("alice", protocol.Camera, back); q.Gap > 400*time.Millisecond {
					t.Errorf("the camera came back: %v", q)
				}
			})
		})
	}
}
