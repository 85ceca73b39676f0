package netlab

import (
	"testing"
	"time"

	"github.com/confab/confab/signaling/protocol"
)

func TestPairThatCannotConnectIsCarriedByTheSFU(t *testing.T) {
	story(t, func(l *Lab) {
		alice, bob := l.Client(Guest{Name: "alice"}), l.Client(Guest{Name: "bob"})
		l.Apart(alice.Host, bob.Host, true)
		alice.Join("r")
		bob.Join("r")
		t.Logf("on the SFU after %v", l.on(30*time.Second, protocol.TransportSFU, alice, bob))
		l.receiving(5*time.Second, alice, bob)
		time.Sleep(20 * time.Second) // it must not swing back
		for _, c := range []*Client{alice, bob} {
			if r := c.Route(); r.Transport != protocol.TransportSFU || r.Generation != 2 {
				t.Errorf("%s's route later: %+v", c.Name, r)
			}
		}
	}, WithoutTURN())
}

// Who cannot reach the SFU brings a small room back to peer to peer.
func TestUnreachableSFUMakesAMesh(t *testing.T) {
	story(t, func(l *Lab) {
		both := l.meet("r", "alice", "bob")
		alice, bob := both[0], both[1]
		time.Sleep(time.Second)
		start := time.Now()
		l.Apart(alice.Host, l.Server.Host, true)
		carol := l.Client(Guest{Name: "carol"})
		carol.Join("r")
		all := []*Client{alice, bob, carol}
		l.Wait(time.Minute, "a mesh", func() bool {
			r := alice.Route()
			return r.Transport == protocol.TransportP2P && r.Generation > 2 && r.Done
		})
		t.Logf("a mesh after %v", time.Since(start))
		l.receiving(5*time.Second, all...)
		checkGap(t, alice, bob, start, 100*time.Millisecond)
		checkGap(t, bob, alice, start, 100*time.Millisecond)
		time.Sleep(15 * time.Second)
		if r := bob.Route(); r.Transport != protocol.TransportP2P || r.Generation != 3 {
			t.Errorf("the route later: %+v", r)
		}
	})
}

// Media that is cut for five seconds is back at once, without the room noticing.
func TestMediaCutHeals(t *testing.T) {
	for name, people := range map[string][]string{"peer to peer": {"alice", "bob"}, "on the SFU": {"alice", "bob", "carol"}} {
		t.Run(name, func(t *testing.T) {
			for _, cut := range []time.Duration{5 * time.Second, 12 * time.Second, 35 * time.Second} {
				story(t, func(l *Lab) {
					all := l.meet("r", people...)
					time.Sleep(3 * time.Second)
					before := all[0].Route()
					all[1].Host.CutMedia(true)
					time.Sleep(cut)
					all[1].Host.CutMedia(false)
					healed := time.Now()
					l.receiving(15*time.Second, all...)
					took := time.Since(healed)
					t.Logf("after %v without media it is back in %v", cut, took)
					if cut == 5*time.Second && took > 3*time.Second {
						t.Errorf("media is back %v after a short cut", took)
					}
					if cut < 30*time.Second && all[0].Route() != before {
						t.Errorf("the route has changed: %+v", all[0].Route())
					}
				})
			}
		})
	}
}

// A laptop that moves from one network to another keeps its call: the old address is dead, and an ICE restart finds the new one.
func TestMoveToAnotherNetwork(t *testing.T) {
	for name, people := range map[string][]string{"peer to peer": {"alice", "bob"}, "on the SFU": {"alice", "bob", "carol"}} {
		t.Run(name, func(t *testing.T) {
			story(t, func(l *Lab) {
				all := l.meet("r", people...)
				time.Sleep(3 * time.Second)
				before := all[0].Route()
				all[1].Host.Move()
				moved := time.Now()
				time.Sleep(time.Second)
				l.receiving(20*time.Second, all...)
				t.Logf("media is back %v after the move", time.Since(moved))
				if all[0].Route() != before {
					t.Errorf("the route has changed: %+v", all[0].Route())
				}
			})
		})
	}
}
