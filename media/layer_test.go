package media

import (
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"
)

func TestSimulcastFollowsTheWish(t *testing.T) {
	virtual(t, func(b *bench) {
		alice := b.join("r", "alice", clientOptions{publish: true})
		cam := alice.publish(webrtc.MimeTypeVP8, Camera, "q", "h", "f")
		alice.negotiate(cam)
		cam.film(2)
		bob := b.join("r", "bob", clientOptions{subscribe: true})
		bob.receivePair()
		bob.negotiate()
		video := bob.pairs[0].Video
		for _, step := range []struct {
			width, height int
			encoding      byte
		}{{1280, 720, 2}, {160, 90, 0}, {640, 360, 1}, {1280, 720, 2}} {
			bob.peer.SetView([]Want{{Participant: "alice", Source: Camera, Width: step.width, Height: step.height, Visible: true}})
			bob.wait("the encoding", func() bool {
				got := bob.got[video]
				return len(got) > 0 && origin(got[len(got)-1]) == step.encoding
			})
			time.Sleep(500 * time.Millisecond)
		}
		bob.checkVP8(video)
		if n := cam.count(&cam.plis); n > 8 {
			t.Errorf("%d PLIs for four switches", n)
		}
	})
}

func TestSimulcastFallsBackWhenAnEncodingStops(t *testing.T) {
	virtual(t, func(b *bench) {
		alice := b.join("r", "alice", clientOptions{publish: true})
		cam := alice.publish(webrtc.MimeTypeVP8, Camera, "q", "h", "f")
		alice.negotiate(cam)
		stop := cam.film(2)
		bob := b.join("r", "bob", clientOptions{subscribe: true})
		bob.receivePair()
		bob.negotiate()
		video := bob.pairs[0].Video
		bob.peer.SetView([]Want{{Participant: "alice", Source: Camera, Width: 1280, Height: 720, Visible: true}})
		last := func() byte { return origin(bob.got[video][len(bob.got[video])-1]) }
		bob.wait("the largest", func() bool { return len(bob.got[video]) > 10 && last() == 2 })
		stop()
		asked := cam.plisFor(0)
		every(b.t, 33*time.Millisecond, func() { // its uplink got short: only the smallest is left
			wanted := cam.plisFor(0)
			cam.vp8(0, 2, wanted != asked)
			asked = wanted
		})
		bob.wait("the smallest", func() bool { return last() == 0 })
		bob.checkVP8(video)
	})
}

func TestLateJoinerGetsAKeyframe(t *testing.T) {
	virtual(t, func(b *bench) {
		alice := b.join("r", "alice", clientOptions{publish: true})
		cam := alice.publish(webrtc.MimeTypeVP8, Camera)
		alice.negotiate(cam)
		cam.film(2)
		time.Sleep(20 * time.Second)
		joined := time.Now()
		bob := b.join("r", "bob", clientOptions{subscribe: true})
		bob.receivePair()
		bob.negotiate()
		bob.wait("a picture", func() bool { return len(bob.got[bob.pairs[0].Video]) > 0 })
		if d := time.Since(joined); d > time.Second {
			t.Errorf("the first packet took %v", d)
		}
		bob.checkVP8(bob.pairs[0].Video)
	})
}

func TestKeyframeRequestsCollapse(t *testing.T) {
	virtual(t, func(b *bench) {
		alice := b.join("r", "alice", clientOptions{publish: true})
		cam := alice.publish(webrtc.MimeTypeVP8, Camera)
		alice.negotiate(cam)
		cam.film(1)
		var viewers []*client
		for _, name := range []string{"bob", "carol", "dave", "eve"} {
			c := b.join("r", name, clientOptions{subscribe: true})
			c.receivePair()
			c.negotiate()
			c.wait("a picture", func() bool { return len(c.got[c.pairs[0].Video]) > 0 })
			viewers = append(viewers, c)
		}
		time.Sleep(time.Second)
		before := cam.count(&cam.plis)
		for range 20 { // two seconds of a storm
			for _, c := range viewers {
				c.mu.Lock()
				ssrc := c.got[c.pairs[0].Video][0].SSRC
				c.mu.Unlock()
				for range 5 {
					must(c.pc.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: ssrc}}))
				}
			}
			time.Sleep(100 * time.Millisecond)
		}
		if n := cam.count(&cam.plis) - before; n < 3 || n > 8 {
			t.Errorf("400 PLIs in two seconds became %d, want about 6", n)
		}
	})
}

func TestSubscriberWithoutTheCodecIsTold(t *testing.T) {
	virtual(t, func(b *bench) {
		alice := b.join("r", "alice", clientOptions{publish: true, codecs: []string{webrtc.MimeTypeVP8}})
		cam := alice.publish(webrtc.MimeTypeVP8, Camera)
		alice.negotiate(cam)
		cam.film(1)
		bob := b.join("r", "bob", clientOptions{subscribe: true, codecs: []string{webrtc.MimeTypeH264}})
		bob.receivePair()
		bob.negotiate()
		video := bob.pairs[0].Video
		bob.wait("the reason", func() bool { return bob.slots[video].Paused == PausedCodec })
		if n := len(bob.got[video]); n > 0 {
			t.Errorf("%d packets of a codec that was not negotiated", n)
		}
	})
}
