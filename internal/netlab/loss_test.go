package netlab

import (
	"testing"
	"time"

	"github.com/confab/confab/signaling/protocol"
)

// Links that lose packets, both ways: what is lost on the way up is asked for by the SFU, what is lost on the way down by the receivers,
// and both get it again by RTX. Audio is not repeated: a lost packet is 20 ms that Opus conceals.
func TestLossOnTheSFUIsRepaired(t *testing.T) {
	for _, percent := range []float64{2, 5} {
		story(t, func(l *Lab) {
			all := l.meet("r", "alice", "bob", "carol")
			l.on(10*time.Second, protocol.TransportSFU, all...)
			time.Sleep(time.Second)
			for _, c := range all {
				c.Host.Lose(percent / 100)
			}
			start := time.Now()
			time.Sleep(10 * time.Second)
			for _, c := range all {
				c.Host.Lose(0)
			}
			end := time.Now()
			time.Sleep(2 * time.Second) // for the last repairs
			if l.Traffic().Lost == 0 {
				t.Fatal("nothing was lost")
			}
			for _, to := range all {
				for _, from := range all {
					if from == to {
						continue
					}
					video := to.Inbox.Between(from.Name, protocol.Camera, start, end.Add(2*time.Second))
					if video.Missing > 2 || video.Gap > 500*time.Millisecond || video.Repaired == 0 {
						t.Errorf("%v %% loss: %s's video at %s: %v", percent, from.Name, to.Name, video)
					}
					audio := to.Inbox.Between(from.Name, protocol.Microphone, start, end)
					if most := int(4 * percent / 100 * 500); audio.Missing > most || audio.Complete < 500-most {
						t.Errorf("%v %% loss: %s's audio at %s: %v", percent, from.Name, to.Name, audio)
					}
				}
			}
			t.Logf("%v %% loss: %v", percent, all[0].Inbox.Between("bob", protocol.Camera, start, end))
		})
	}
}
