package media

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"
)

func TestRenegotiationAddsTracksAndSlots(t *testing.T) {
	virtual(t, func(b *bench) {
		alice := b.join("r", "alice", clientOptions{publish: true, subscribe: true})
		mic := alice.publish(webrtc.MimeTypeOpus, Microphone)
		alice.negotiate(mic)
		mic.speak(30)
		bob := b.join("r", "bob", clientOptions{publish: true, subscribe: true})
		bob.receivePair()
		bob.negotiate()
		bob.wait("audio", func() bool { return len(bob.got[bob.pairs[0].Audio]) > 10 })

		cam := alice.publish(webrtc.MimeTypeVP8, Camera)
		alice.negotiate(mic, cam)
		cam.film(2)
		bob.wait("a camera added later", func() bool { return len(bob.got[bob.pairs[0].Video]) > 10 })

		screen := alice.publish(webrtc.MimeTypeVP8, Screen)
		alice.negotiate(mic, cam, screen)
		screen.film(2)
		bob.receivePair()
		bob.negotiate()
		bob.wait("a slot added later", func() bool { return len(bob.got[bob.pairs[1].Video]) > 10 })
		n := 0
		bob.wait("both", func() bool {
			seen := map[Source]bool{}
			for _, p := range bob.pairs {
				seen[bob.slots[p.Video].Source] = true
			}
			n = len(bob.got[bob.pairs[0].Audio]) + len(bob.got[bob.pairs[1].Audio])
			return seen[Camera] && seen[Screen]
		})
		bob.wait("audio all the time", func() bool {
			return len(bob.got[bob.pairs[0].Audio])+len(bob.got[bob.pairs[1].Audio]) > n+50
		})
		for _, p := range bob.pairs {
			bob.checkVP8(p.Video)
		}
	})
}

func TestICERestartKeepsMediaFlowing(t *testing.T) {
	virtual(t, func(b *bench) {
		alice := b.join("r", "alice", clientOptions{publish: true})
		cam := alice.publish(webrtc.MimeTypeVP8, Camera)
		alice.negotiate(cam)
		cam.film(2)
		bob := b.join("r", "bob", clientOptions{subscribe: true})
		bob.receivePair()
		bob.negotiate()
		video := bob.pairs[0].Video
		bob.wait("video", func() bool { return len(bob.got[video]) > 20 })
		for _, c := range []*client{bob, alice} {
			pubs := []*publication{}
			if c == alice {
				pubs = append(pubs, cam)
			}
			if err := c.tryNegotiate(&webrtc.OfferOptions{ICERestart: true}, pubs...); err != nil {
				t.Fatal(err)
			}
			bob.mu.Lock()
			n := len(bob.got[video])
			bob.mu.Unlock()
			restarted := time.Now()
			bob.wait("video after the restart", func() bool { return len(bob.got[video]) > n+30 })
			if d := time.Since(restarted); d > 1500*time.Millisecond { // 15 frames are half a second
				t.Errorf("%s restarted ICE: 30 packets took %v", c.name, d)
			}
		}
		// The restarting pion client itself lets go of the old path before the new one works; the server sends all along.
		bob.mu.Lock()
		defer bob.mu.Unlock()
		got := bob.got[video]
		if sent := int(got[len(got)-1].SequenceNumber-got[0].SequenceNumber) + 1; sent-len(got) > 20 {
			t.Errorf("%d of %d packets lost in two ICE restarts", sent-len(got), sent)
		}
	})
}

func TestVanishedPeerIsNoticed(t *testing.T) {
	virtual(t, func(b *bench) {
		alice := b.join("r", "alice", clientOptions{publish: true})
		cam := alice.publish(webrtc.MimeTypeVP8, Camera)
		alice.negotiate(cam)
		cam.film(1)
		alice.wait("connected", func() bool { return len(alice.states) > 0 })
		b.losing(func(from, to string, _ []byte) bool { return from == "10.0.0.2" || to == "10.0.0.2" })
		time.Sleep(time.Minute)
		alice.mu.Lock()
		got := append([]ConnectionState(nil), alice.states...)
		alice.mu.Unlock()
		if len(got) != 3 || got[1] != Disconnected || got[2] != Failed {
			t.Fatalf("states %v, want connected, disconnected, failed", got)
		}
		b.losing(nil)
		if err := alice.tryNegotiate(&webrtc.OfferOptions{ICERestart: true}, cam); err != nil {
			t.Fatal(err)
		}
		alice.wait("repaired", func() bool { return alice.states[len(alice.states)-1] == Connected })
		alice.peer.Close()
		alice.wait("closed", func() bool { return alice.states[len(alice.states)-1] == Closed })
	})
}

func TestNewSessionReplacesTheConnection(t *testing.T) {
	virtual(t, func(b *bench) {
		alice := b.join("r", "alice", clientOptions{publish: true})
		cam := alice.publish(webrtc.MimeTypeVP8, Camera)
		alice.negotiate(cam)
		cam.film(1)
		bob := b.join("r", "bob", clientOptions{subscribe: true})
		bob.receivePair()
		bob.negotiate()
		bob.wait("video", func() bool { return len(bob.got[bob.pairs[0].Video]) > 20 })
		// The page was reloaded: another RTCPeerConnection, the same seat.
		again := b.join("r", "bob-is-ignored", clientOptions{subscribe: true})
		again.peer.Close()
		again.peer = bob.peer
		again.receivePair()
		again.negotiate()
		again.wait("video", func() bool { return len(again.got[again.pairs[0].Video]) > 20 })
		again.checkVP8(again.pairs[0].Video)
	})
}

func TestDeriveTakesSourcesAndSlotsFromTheOrder(t *testing.T) {
	virtual(t, func(b *bench) {
		whip := b.join("r", "whip", clientOptions{publish: true})
		mic, cam := whip.publish(webrtc.MimeTypeOpus, Microphone), whip.publish(webrtc.MimeTypeVP8, Camera)
		whip.derive()
		whip.wait("connected", func() bool { return len(whip.states) > 0 })
		mic.speak(20)
		cam.film(1)
		whep := b.join("r", "whep", clientOptions{subscribe: true, autoView: true})
		whep.receivePair()
		whep.derive()
		whip.wait("both sources", func() bool {
			return len(whip.sources) == 2 && whip.sources[0] == Microphone && whip.sources[1] == Camera
		})
		whep.wait("audio and video", func() bool { return len(whep.got["0"]) > 10 && len(whep.got["1"]) > 10 })
	})
}

// derive negotiates as WHIP and WHEP do: nothing but SDP.
func (c *client) derive() {
	c.t.Helper()
	offer, err := c.pc.CreateOffer(nil)
	must(err)
	gathered := webrtc.GatheringCompletePromise(c.pc)
	must(c.pc.SetLocalDescription(offer))
	<-gathered
	text, err := c.peer.Negotiate(context.Background(), Offer{SDP: c.pc.LocalDescription().SDP, Derive: true})
	if err != nil {
		c.t.Fatal(err)
	}
	must(c.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: text}))
}

func TestRefusedOffersLeaveThePeerAlone(t *testing.T) {
	virtual(t, func(b *bench) {
		alice := b.join("r", "alice", clientOptions{publish: true, subscribe: true})
		cam := alice.publish(webrtc.MimeTypeVP8, Camera)
		alice.negotiate(cam)
		cam.film(1)
		bob := b.join("r", "bob", clientOptions{publish: true, subscribe: true})
		bob.receivePair()
		bob.negotiate()
		video := bob.pairs[0].Video
		bob.wait("video", func() bool { return len(bob.got[video]) > 20 })
		good := bob.pc.LocalDescription().SDP
		for name, o := range map[string]Offer{
			"nothing":           {},
			"not SDP":           {SDP: "hello"},
			"no credentials":    {SDP: strings.ReplaceAll(good, "a=ice-pwd", "a=x")},
			"wrong role":        {SDP: strings.ReplaceAll(good, "actpass", "passive")},
			"unknown slot":      {SDP: good, Pairs: []Pair{{"7", "8"}}},
			"slot of a kind":    {SDP: good, Audio: []string{video}},
			"slot twice":        {SDP: good, Audio: []string{"0", "0"}},
			"unknown source":    {SDP: good, Tracks: map[string]Source{"0": "smell"}},
			"source of a kind":  {SDP: good, Tracks: map[string]Source{"0": Camera}},
			"source in nothing": {SDP: good, Tracks: map[string]Source{"zzz": Camera}},
		} {
			if _, err := bob.peer.Negotiate(context.Background(), o); !errors.Is(err, ErrBadSDP) {
				t.Errorf("%s: %v, want ErrBadSDP", name, err)
			}
		}
		bob.mu.Lock()
		n := len(bob.got[video])
		bob.mu.Unlock()
		bob.wait("video still", func() bool { return len(bob.got[video]) > n+30 })
		bob.peer.Close()
		bob.peer.Close()
		if _, err := bob.peer.Negotiate(context.Background(), Offer{SDP: good}); !errors.Is(err, ErrClosed) {
			t.Errorf("after Close: %v, want ErrClosed", err)
		}
	})
}

func TestAutoViewFollowsTheSpeaker(t *testing.T) {
	virtual(t, func(b *bench) {
		mics := map[string]*publication{}
		for _, name := range []string{"alice", "bob"} {
			c := b.join("r", name, clientOptions{publish: true})
			mic, cam := c.publish(webrtc.MimeTypeOpus, Microphone), c.publish(webrtc.MimeTypeVP8, Camera)
			c.negotiate(mic, cam)
			cam.film(1)
			mics[name] = mic
		}
		whep := b.join("r", "whep", clientOptions{subscribe: true, autoView: true})
		whep.receivePair()
		whep.derive()
		for _, name := range []string{"bob", "alice", "bob"} {
			stop := mics[name].speak(15)
			began := time.Now()
			whep.wait(name+" shown", func() bool { return whep.slots["1"].Participant == name && whep.slots["0"].Participant == name })
			if d := time.Since(began); d > 4*time.Second {
				t.Errorf("%s was shown after %v", name, d)
			}
			time.Sleep(2 * time.Second)
			stop()
		}
		whep.checkVP8("1")
	})
}
