package media

import (
	"testing"
	"time"

	"github.com/pion/webrtc/v4"
)

func TestTwoPeersExchangeMedia(t *testing.T) {
	b := newBench(t)
	alice := b.join("r", "alice", clientOptions{publish: true, subscribe: true})
	mic := alice.publish(webrtc.MimeTypeOpus, Microphone)
	cam := alice.publish(webrtc.MimeTypeVP8, Camera)
	alice.negotiate(mic, cam)

	bob := b.join("r", "bob", clientOptions{publish: true, subscribe: true})
	bob.receivePair()
	bob.negotiate()
	alice.wait("connected", func() bool { return len(alice.states) > 0 && alice.states[0] == Connected })

	n := 0
	every(t, 20*time.Millisecond, func() {
		cam.vp8(0, 3, n%50 == 0 || cam.count(&cam.plis) > 0 && n%10 == 0)
		mic.opus(20)
		n++
	})
	pair := bob.pairs[0]
	bob.wait("a video slot of alice's", func() bool { return bob.slots[pair.Video].Participant == "alice" })
	bob.wait("video", func() bool { return len(bob.got[pair.Video]) > 20 })
	bob.wait("audio", func() bool { return len(bob.got[pair.Audio]) > 20 })
	bob.wait("alice speaking", func() bool { return len(bob.speakers) == 1 && bob.speakers[0].Participant == "alice" })
	first := bob.got[pair.Video][0]
	if first.Payload[0]&0x10 == 0 {
		t.Errorf("the first packet does not start a frame: % x", first.Payload[:8])
	}
}
