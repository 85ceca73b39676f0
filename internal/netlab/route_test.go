package netlab

import (
	"testing"
	"time"

	"github.com/confab/confab/signaling/protocol"
)

// checkGap fails the test when a stream has been interrupted for longer than limit since start.
func checkGap(t *testing.T, to, from *Client, start time.Time, limit time.Duration) {
	t.Helper()
	for _, source := range []protocol.Source{protocol.Microphone, protocol.Camera} {
		q := to.Inbox.Since(from.Name, source, start)
		if q.Gap > limit {
			t.Errorf("%s's %s at %s: %v", from.Name, source, to.Name, q)
		}
		t.Logf("%s's %s at %s: %v", from.Name, source, to.Name, q)
	}
}

func TestThirdPersonMovesTheCallToTheSFUAndBack(t *testing.T) {
	story(t, func(l *Lab) {
		both := l.meet("r", "alice", "bob")
		alice, bob := both[0], both[1]
		start := time.Now()

		carol := l.Client(Guest{Name: "carol"})
		carol.Join("r")
		all := []*Client{alice, bob, carol}
		t.Logf("on the SFU after %v", l.on(5*time.Second, protocol.TransportSFU, all...))
		l.receiving(5*time.Second, all...)
		time.Sleep(5 * time.Second)
		checkGap(t, alice, bob, start, 100*time.Millisecond)
		checkGap(t, bob, alice, start, 100*time.Millisecond)
		for _, c := range all {
			if n := c.Paths(); n != 1 {
				t.Errorf("%s has %d paths after the switch", c.Name, n)
			}
		}

		start = time.Now()
		carol.Leave()
		t.Logf("peer to peer after %v", l.on(20*time.Second, protocol.TransportP2P, both...))
		l.receiving(5*time.Second, both...)
		time.Sleep(5 * time.Second)
		checkGap(t, alice, bob, start, 100*time.Millisecond)
		checkGap(t, bob, alice, start, 100*time.Millisecond)
		if n := l.Server.Metric(t, "media_peers"); n != 0 {
			t.Errorf("%v peers of the SFU are left", n)
		}
	})
}
