package netlab

import (
	"testing"
	"time"

	"github.com/confab/confab/signaling/protocol"
)

// Everything through the relay: peer to peer from one relayed address to another, and to the SFU at its media address. Nothing goes
// from host to host, which is shown by keeping the hosts apart.
func TestRelayOnly(t *testing.T) {
	story(t, func(l *Lab) {
		var all []*Client
		for _, name := range []string{"alice", "bob", "carol"} {
			c := l.Client(Guest{Name: name, RelayOnly: true})
			for _, other := range all {
				l.Apart(c.Host, other.Host, true)
			}
			all = append(all, c)
		}
		alice, bob, carol := all[0], all[1], all[2]
		alice.Join("r")
		bob.Join("r")
		t.Logf("peer to peer by the relay after %v", l.receiving(5*time.Second, alice, bob))
		if n := l.Server.Relay.Allocations(); n < 2 {
			t.Errorf("%d allocations", n)
		}
		start := time.Now()
		time.Sleep(3 * time.Second)
		checkGap(t, alice, bob, start, 100*time.Millisecond)

		start = time.Now()
		carol.Join("r")
		l.on(10*time.Second, protocol.TransportSFU, all...)
		l.receiving(5*time.Second, all...)
		time.Sleep(3 * time.Second)
		checkGap(t, alice, bob, start, 100*time.Millisecond)
		checkGap(t, bob, alice, start, 100*time.Millisecond)

		for _, c := range all {
			c.Set(func(s *protocol.State) { s.Microphone, s.Camera = false, false })
		}
		time.Sleep(12 * time.Minute) // of silence: allocations, permissions and channels are refreshed
		for _, c := range all {
			c.Set(func(s *protocol.State) { s.Microphone, s.Camera = true, true })
		}
		l.receiving(time.Second, all...)

		for _, c := range all {
			c.Leave()
		}
		l.Wait(time.Second, "no allocations", func() bool { return l.Server.Relay.Allocations() == 0 })
	})
}

// One cannot be reached but by the relay, the other can: they meet without the SFU.
func TestRelayOnOneSide(t *testing.T) {
	story(t, func(l *Lab) {
		alice, bob := l.Client(Guest{Name: "alice", RelayOnly: true}), l.Client(Guest{Name: "bob"})
		alice.Join("r")
		bob.Join("r")
		l.receiving(5*time.Second, alice, bob)
		time.Sleep(20 * time.Second)
		if r := alice.Route(); r.Transport != protocol.TransportP2P || r.Generation != 1 {
			t.Errorf("route %+v", r)
		}
	})
}
