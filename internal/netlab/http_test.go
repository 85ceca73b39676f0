package netlab

import (
	"testing"
	"time"

	"github.com/confab/confab/signaling/protocol"
)

// An encoder publishes into a call of two, and a player watches it: the call moves to the SFU for them, and back when they have gone.
func TestEncoderAndPlayer(t *testing.T) {
	story(t, func(l *Lab) {
		both := l.meet("r", "alice", "bob")
		alice, bob := both[0], both[1]
		start := time.Now()

		encoder := l.Client(Guest{Name: "encoder"})
		in, err := encoder.Whip("r")
		if err != nil {
			t.Fatal(err)
		}
		l.on(10*time.Second, protocol.TransportSFU, both...)
		for _, c := range both {
			took := l.Wait(3*time.Second, c.Name+" sees the encoder", func() bool { return c.Receives(encoder, start) })
			t.Logf("%s sees the encoder %v after the switch", c.Name, took)
			p := c.People()[2]
			if p.Kind != protocol.KindIngest || p.Name != "encoder" || !p.Media.Camera || !p.Media.Microphone {
				t.Errorf("%s is told of %+v", c.Name, p)
			}
		}

		viewer := l.Client(Guest{Name: "viewer"})
		out, err := viewer.Whep("r", 3)
		if err != nil {
			t.Fatal(err)
		}
		sees := func(from *Client) bool {
			since := time.Now().Add(-200 * time.Millisecond)
			return viewer.Inbox.Came(from.Name, protocol.Camera, "whep", since) && viewer.Inbox.Came(from.Name, protocol.Microphone, "whep", since)
		}
		t.Logf("the viewer sees all after %v", l.Wait(3*time.Second, "the viewer sees all three", func() bool { return sees(alice) && sees(bob) && sees(encoder) }))
		if n := len(alice.People()); n != 3 {
			t.Errorf("alice is told of %d participants: a viewer is none", n)
		}

		// Both go through an ICE restart on another network.
		for name, r := range map[string]*Resource{"encoder": in, "viewer": out} {
			r.c.Host.Move()
			if err := r.Restart(); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		restarted := time.Now()
		time.Sleep(time.Second)
		l.Wait(5*time.Second, "the viewer sees the encoder again", func() bool { return sees(encoder) && alice.Receives(encoder, restarted.Add(time.Second)) })

		time.Sleep(2 * time.Second)
		if err := out.Delete(); err != nil {
			t.Error(err)
		}
		if err := in.Delete(); err != nil {
			t.Error(err)
		}
		l.Wait(time.Second, "the encoder has left", func() bool { return len(alice.People()) == 2 })
		l.on(30*time.Second, protocol.TransportP2P, both...)
		time.Sleep(2 * time.Second)
		checkGap(t, alice, bob, start, 100*time.Millisecond)
		checkGap(t, bob, alice, start, 100*time.Millisecond)
		if n := l.Server.Metric(t, "signaling_http_resources"); n != 0 {
			t.Errorf("%v resources are left", n)
		}
	})
}

// One audio and one video section follow the active speaker.
func TestPlayerFollowsTheSpeaker(t *testing.T) {
	story(t, func(l *Lab) {
		all := l.meet("r", "alice", "bob", "carol")
		viewer := l.Client(Guest{Name: "viewer"})
		if _, err := viewer.Whep("r", 1); err != nil {
			t.Fatal(err)
		}
		for _, speaker := range []int{2, 0, 1} {
			for i, c := range all {
				c.Speak(127)
				if i == speaker {
					c.Speak(20)
				}
			}
			took := l.Wait(5*time.Second, all[speaker].Name+" is seen", func() bool {
				return viewer.Inbox.Came(all[speaker].Name, protocol.Camera, "whep", time.Now().Add(-100*time.Millisecond))
			})
			t.Logf("%s is seen after %v", all[speaker].Name, took)
			time.Sleep(3 * time.Second)
			for i, c := range all {
				if seen := viewer.Inbox.Came(c.Name, protocol.Camera, "whep", time.Now().Add(-time.Second)); seen != (i == speaker) {
					t.Errorf("%s speaks, and %s seen is %v", all[speaker].Name, c.Name, seen)
				}
			}
		}
	})
}

// An encoder that vanishes is gone after its connection has failed, and its seat with it.
func TestEncoderVanishes(t *testing.T) {
	story(t, func(l *Lab) {
		alice := l.meet("r", "alice")[0]
		encoder := l.Client(Guest{Name: "encoder"})
		if _, err := encoder.Whip("r"); err != nil {
			t.Fatal(err)
		}
		joined := time.Now()
		l.Wait(5*time.Second, "alice sees the encoder", func() bool { return alice.Receives(encoder, joined) })
		id := alice.People()[1].ID
		encoder.Host.CutMedia(true)
		took := l.Wait(time.Minute, "the encoder is lost", func() bool { return len(left(alice, id)) > 0 })
		t.Logf("lost after %v", took)
	})
}
