package netlab

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/confab/confab/signaling"
	"github.com/confab/confab/signaling/protocol"
)

// left returns how others have seen a client go.
func left(at *Client, id string) (reasons []string) {
	for _, h := range at.History() {
		if e, ok := h.Event.(*protocol.ParticipantLeft); ok && e.ID == id {
			reasons = append(reasons, e.Reason)
		}
	}
	return reasons
}

// texts returns what was said, in order.
func texts(c *Client) (out []string) {
	for _, m := range c.Chat() {
		out = append(out, m.Text)
	}
	return out
}

func TestLostSocketKeepsTheSeatAndMissesNothing(t *testing.T) {
	for name, third := range map[string]bool{"peer to peer": false, "on the SFU": true} {
		t.Run(name, func(t *testing.T) {
			story(t, func(l *Lab) {
				names := []string{"alice", "bob"}
				if third {
					names = append(names, "carol")
				}
				all := l.meet("r", names...)
				alice, bob := all[0], all[1]
				time.Sleep(2 * time.Second)
				start := time.Now()

				bob.Host.Reset()
				time.Sleep(100 * time.Millisecond) // bob comes back after 300 ms
				for i := range 20 {
					alice.Say(fmt.Sprint(i), fmt.Sprint("line ", i), nil)
				}
				alice.Set(func(s *protocol.State) { s.Hand = true })
				l.Wait(5*time.Second, "bob is back", func() bool { return len(bob.Resumes()) == 1 })
				l.Wait(time.Second, "bob has caught up", func() bool { return len(bob.Chat()) == 20 })
				if got := bob.Resumes(); !got[0] {
					t.Error("bob was not recovered")
				}
				if got := texts(bob); !slices.Equal(got, texts(alice)) {
					t.Errorf("bob has read %q", got)
				}
				if !bob.person(alice.ID()).Media.Hand {
					t.Error("bob has missed alice's hand")
				}
				time.Sleep(40 * time.Second) // longer than a seat is held
				if got := left(alice, bob.ID()); got != nil {
					t.Errorf("alice has seen bob leave: %v", got)
				}
				for _, c := range all {
					for _, p := range c.People() {
						if !p.Online {
							t.Errorf("%s sees %s offline", c.Name, p.Name)
						}
					}
				}
				checkGap(t, alice, bob, start, 100*time.Millisecond)
				checkGap(t, bob, alice, start, 100*time.Millisecond)
			})
		})
	}
}

// A link that is dead for a while is noticed late by TCP; media is back as soon as it is alive.
func TestDeadLinkComesBack(t *testing.T) {
	story(t, func(l *Lab) {
		all := l.meet("r", "alice", "bob", "carol")
		alice, bob := all[0], all[1]
		time.Sleep(2 * time.Second)
		bob.Host.Cut(true)
		time.Sleep(8 * time.Second)
		alice.Say("1", "are you there?", nil)
		time.Sleep(2 * time.Second)
		bob.Host.Cut(false)
		healed := time.Now()
		l.receiving(10*time.Second, all...)
		t.Logf("media after %v", time.Since(healed))
		l.Wait(10*time.Second, "bob has read it", func() bool { return len(bob.Chat()) == 1 })
		if got := left(alice, bob.ID()); got != nil {
			t.Errorf("alice has seen bob leave: %v", got)
		}
	})
}

func TestSeatIsGivenUpAfterItsTime(t *testing.T) {
	story(t, func(l *Lab) {
		all := l.meet("r", "alice", "bob")
		alice, bob := all[0], all[1]
		id := bob.ID()
		cut := time.Now()
		bob.Vanish()
		l.Wait(time.Minute, "bob is lost", func() bool { return left(alice, id) != nil })
		if got := left(alice, id); !slices.Equal(got, []string{"lost"}) {
			t.Errorf("alice has seen bob go: %v", got)
		}
		if took := time.Since(cut); took < 30*time.Second || took > 31*time.Second {
			t.Errorf("the seat was held for %v", took)
		}
		offline := slices.ContainsFunc(alice.History(), func(h Heard) bool {
			e, ok := h.Event.(*protocol.ParticipantUpdated)
			return ok && e.Participant.ID == id && !e.Participant.Online && h.At.Sub(cut) < time.Second
		})
		if !offline {
			t.Error("alice was not told that bob's socket was lost")
		}
	})
}

// Who comes back too late is told so, and joins again as somebody new.
func TestComingBackTooLate(t *testing.T) {
	story(t, func(l *Lab) {
		all := l.meet("r", "alice", "bob")
		alice, bob := all[0], all[1]
		bob.Host.Cut(true)
		bob.Host.Reset()
		time.Sleep(40 * time.Second)
		if got := left(alice, bob.ID()); !slices.Equal(got, []string{"lost"}) {
			t.Fatalf("alice has seen bob go: %v", got)
		}
		bob.Host.Cut(false)
		l.Wait(10*time.Second, "bob learns that his seat is gone", func() bool { return bob.Left() == string(protocol.CodeSessionExpired) })
		bob.Vanish()
		again := l.Client(Guest{Name: "bob", Host: bob.Host})
		again.Join("r")
		if again.ID() == bob.ID() {
			t.Error("the seat's id was used again")
		}
		l.receiving(5*time.Second, alice, again)
	})
}

// A client that does not read is cut and resumes when it reads again; the others do not notice.
func TestSlowClientIsCutAndNobodyWaits(t *testing.T) {
	story(t, func(l *Lab) {
		all := l.meet("r", "alice", "bob", "carol")
		alice, bob, carol := all[0], all[1], all[2]
		l.on(10*time.Second, protocol.TransportSFU, all...)
		time.Sleep(time.Second)
		start := time.Now()

		carol.Read(false)
		line := string(make([]byte, 0, 4000))
		for len(line) < 3900 {
			line += "all work and no play "
		}
		const lines = 400 // 1.6 MB: more than the wire, and the queue, take
		for i := range lines {
			alice.Say(fmt.Sprint(i), fmt.Sprint(i, line), nil)
			time.Sleep(25 * time.Millisecond)
		}
		l.Wait(2*time.Second, "bob has read everything", func() bool { return len(bob.Chat()) == lines })
		if slow := l.Server.Metric(t, "signaling_slow_clients_total"); slow != 1 {
			t.Errorf("%v clients were cut", slow)
		}
		carol.Read(true)
		l.Wait(20*time.Second, "carol is back", func() bool { return len(carol.Resumes()) > 0 && carol.Online() })
		time.Sleep(5 * time.Second)
		if got := texts(carol); len(got) < protocol.MaxHistory || got[len(got)-1] != texts(bob)[lines-1] {
			t.Errorf("carol has read %d lines", len(got))
		}
		if got := left(alice, carol.ID()); got != nil {
			t.Errorf("alice has seen carol leave: %v", got)
		}
		for _, to := range []*Client{alice, bob} {
			for _, from := range all {
				if from != to {
					checkGap(t, to, from, start, 100*time.Millisecond)
				}
			}
		}
	}, Limits(signaling.Limits{Queue: 128, QueueBytes: 256 << 10}))
}
