package netlab

import (
	"testing"
	"time"

	"github.com/confab/confab/signaling/protocol"
)

func TestTwoPeopleTalkDirectly(t *testing.T) {
	story(t, func(l *Lab) {
		alice, bob := l.Client(Guest{Name: "alice"}), l.Client(Guest{Name: "bob"})
		alice.Join("r")
		bob.Join("r")
		if took := l.receiving(2*time.Second, alice, bob); took > time.Second {
			t.Errorf("media after %v", took)
		}
		if r := alice.Route(); r.Transport != protocol.TransportP2P {
			t.Errorf("route %+v", r)
		}
		start := time.Now()
		time.Sleep(10 * time.Second)
		for _, source := range []protocol.Source{protocol.Microphone, protocol.Camera} {
			if q := bob.Inbox.Since("alice", source, start); q.Gap > 100*time.Millisecond || q.Missing > 0 {
				t.Errorf("%s: %v", source, q)
			}
		}
	})
}
