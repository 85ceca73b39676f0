package media

import (
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

func TestTwoPeersOverLoopback(t *testing.T)  { loopback(t, testTwoPeers) }
func TestTwoPeersInVirtualTime(t *testing.T) { virtual(t, testTwoPeers) }

func testTwoPeers(b *bench) {
	alice := b.join("r", "alice", clientOptions{publish: true, subscribe: true})
	mic := alice.publish(webrtc.MimeTypeOpus, Microphone)
	cam := alice.publish(webrtc.MimeTypeVP8, Camera)
	alice.negotiate(mic, cam)

	bob := b.join("r", "bob", clientOptions{publish: true, subscribe: true})
	bob.receivePair()
	bob.negotiate()
	alice.wait("connected", func() bool { return len(alice.states) > 0 && alice.states[0] == Connected })

	mic.speak(20)
	cam.film(2)
	pair := bob.pairs[0]
	bob.wait("a video slot of alice's", func() bool { return bob.slots[pair.Video] == SlotState{pair.Video, "alice", Camera, ""} })
	bob.wait("an audio slot of alice's", func() bool { return bob.slots[pair.Audio] == SlotState{pair.Audio, "alice", Microphone, ""} })
	bob.wait("video", func() bool { return len(bob.got[pair.Video]) > 20 })
	bob.wait("audio", func() bool { return len(bob.got[pair.Audio]) > 20 })
	bob.wait("alice speaking", func() bool { return len(bob.speakers) == 1 && bob.speakers[0].Participant == "alice" })
	alice.wait("her sources", func() bool { return len(alice.sources) == 2 })
	bob.checkVP8(pair.Video)
}

// checkVP8 tells whether what came in a slot is one unbroken stream that starts with a keyframe, as a decoder sees it.
func (c *client) checkVP8(mid string) {
	c.t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	packets := c.got[mid]
	if !isKey(packets[0]) {
		c.t.Errorf("%s: slot %s does not start with a keyframe: % x", c.name, mid, packets[0].Payload[:12])
	}
	var last *rtp.Packet
	for i, p := range packets {
		if last != nil {
			if p.SSRC != last.SSRC {
				c.t.Fatalf("%s: slot %s changed its SSRC", c.name, mid)
			}
			if p.SequenceNumber != last.SequenceNumber+1 {
				c.t.Fatalf("%s: slot %s: packet %d has sequence %d after %d", c.name, mid, i, p.SequenceNumber, last.SequenceNumber)
			}
			if step := int32(p.Timestamp - last.Timestamp); step < 0 || step > 2*90000 {
				c.t.Fatalf("%s: slot %s: timestamp moved by %d", c.name, mid, step)
			}
			id, before := pictureID(p), pictureID(last)
			if same := p.Timestamp == last.Timestamp; same && id != before || !same && id != (before+1)&0x7fff {
				c.t.Fatalf("%s: slot %s: picture id %d after %d", c.name, mid, id, before)
			}
			if changed := origin(p) != origin(last); changed && !isKey(p) {
				c.t.Fatalf("%s: slot %s: switched without a keyframe", c.name, mid)
			}
		}
		last = p
	}
}

func pictureID(p *rtp.Packet) uint16 { return uint16(p.Payload[2]&0x7f)<<8 | uint16(p.Payload[3]) }
func isKey(p *rtp.Packet) bool       { return p.Payload[0]&0x10 != 0 && p.Payload[4]&1 == 0 }
func origin(p *rtp.Packet) byte      { return p.Payload[len(p.Payload)-2] }

// film sends frames of n packets, 30 a second, in all encodings; keyframes only at the start and when asked for.
func (p *publication) film(n int) (stop func()) {
	asked := make([]int, len(p.encodings))
	for i := range asked {
		asked[i] = -1
	}
	return every(p.c.t, 33*time.Millisecond, func() {
		for i := range p.encodings {
			wanted := p.plisFor(i)
			p.vp8(i, n, wanted != asked[i])
			asked[i] = wanted
		}
	})
}

// speak sends audio of a level, 50 packets a second.
func (p *publication) speak(level byte) (stop func()) {
	return every(p.c.t, 20*time.Millisecond, func() { p.opus(level) })
}

func TestSourceSwitchKeepsOneStream(t *testing.T) {
	virtual(t, func(b *bench) {
		for i, name := range []string{"alice", "bob"} {
			c := b.join("r", name, clientOptions{publish: true})
			cam := c.publish(webrtc.MimeTypeVP8, Camera)
			cam.tag = byte(10 * (i + 1))
			c.negotiate(cam)
			cam.film(2)
		}
		carol := b.join("r", "carol", clientOptions{subscribe: true})
		carol.receivePair()
		carol.negotiate()
		video := carol.pairs[0].Video
		for _, name := range []string{"bob", "alice", "bob"} {
			carol.peer.SetView([]Want{{Participant: name, Source: Camera, Width: 640, Height: 360, Priority: 50, Visible: true}})
			carol.wait(name+" in the slot", func() bool { return carol.slots[video].Participant == name })
			n := 0
			carol.wait(name+"'s picture", func() bool {
				got := carol.got[video]
				n = len(got)
				want := map[string]byte{"alice": 10, "bob": 20}[name]
				return n > 20 && origin(got[n-1]) == want
			})
			time.Sleep(time.Second)
		}
		carol.checkVP8(video)
		carol.peer.SetView([]Want{{Participant: "bob", Source: Camera, Width: 640, Height: 360, Visible: false}})
		carol.wait("hidden", func() bool { return carol.slots[video].Paused == PausedHidden })
	})
}

func TestThreePeersSeeEachOther(t *testing.T) {
	virtual(t, func(b *bench) {
		var all []*client
		for _, name := range []string{"alice", "bob", "carol"} {
			c := b.join("r", name, clientOptions{publish: true, subscribe: true})
			mic, cam := c.publish(webrtc.MimeTypeOpus, Microphone), c.publish(webrtc.MimeTypeVP8, Camera)
			c.receivePair()
			c.receivePair()
			c.receivePair()
			c.negotiate(mic, cam)
			mic.speak(40)
			cam.film(3)
			all = append(all, c)
		}
		for _, c := range all {
			c.wait("both others", func() bool {
				seen := map[string]bool{}
				for _, p := range c.pairs {
					s := c.slots[p.Video]
					if s.Participant != "" && s.Participant == c.slots[p.Audio].Participant && len(c.got[p.Video]) > 30 && len(c.got[p.Audio]) > 30 {
						seen[s.Participant] = true
					}
				}
				return len(seen) == 2 && !seen[c.name]
			})
			for _, p := range c.pairs {
				if len(c.got[p.Video]) > 0 {
					c.checkVP8(p.Video)
				}
			}
		}
		all[1].peer.SetState(State{Microphone: true})
		for _, c := range []*client{all[0], all[2]} {
			c.wait("bob's camera off", func() bool {
				for _, p := range c.pairs {
					if s := c.slots[p.Video]; s.Participant == "bob" {
						return s.Paused == PausedMuted
					}
				}
				return false
			})
		}
		all[2].peer.Close()
		all[0].wait("carol gone", func() bool {
			for _, s := range all[0].slots {
				if s.Participant == "carol" {
					return false
				}
			}
			return true
		})
	})
}
