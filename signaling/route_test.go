package signaling

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/confab/confab/signaling/protocol"
)

// sfuOffer is what a client offers to the SFU.
func sfuOffer(session string, revision uint32) *protocol.SFUOffer {
	return &protocol.SFUOffer{ID: "offer", Revision: revision, SDP: fakeOffer(session), Pairs: []protocol.Pair{{Audio: "1", Video: "2"}}}
}

func TestFromPeerToPeerToTheSFUAndBack(t *testing.T) {
	inLab(t, Options{Media: &fakeMedia{}}, func(l *lab) {
		a, b := l.join("r", "Ann"), l.join("r", "Bob")
		c := l.dial()
		c.send(&protocol.Join{Room: "r", Name: "Cid", Offer: sfuOffer("3", 1), Media: protocol.State{Camera: true}})
		j := expect[*protocol.Joined](c)
		if j.Answer == nil || j.Answer.SDP != fakeAnswer("3", 1) || j.Answer.Revision != 1 || j.Route.Transport != protocol.TransportSFU || j.Route.Done {
			l.Fatalf("joined = %+v", j)
		}
		for i, p := range []*client{a, b} {
			r := await[*protocol.Route](p)
			if r.Reason != protocol.ReasonGrew || r.Route.Transport != protocol.TransportSFU || r.Route.Generation != 2 {
				l.Errorf("route = %+v", r)
			}
			p.send(&protocol.View{Wants: []protocol.Want{{Participant: j.Self, Source: protocol.Camera, Width: 100 + i, Height: 100, Visible: true}}})
			p.send(sfuOffer(fmt.Sprint(i), 1), &protocol.RouteReady{Generation: 2})
			equal(t, "answer", expect[*protocol.SFUAnswer](p), &protocol.SFUAnswer{ID: "offer", Revision: 1, SDP: fakeAnswer(fmt.Sprint(i), 1)})
			synctest.Wait()
			peer := l.media.of(p.joined.Self).seen()
			if peer.wants[0].Width != 100+i || peer.state != (protocol.State{Microphone: true, Camera: true}) || !peer.Publish || !peer.Subscribe || peer.AutoView {
				l.Errorf("the SFU was told %+v", peer)
			}
		}
		c.send(&protocol.RouteReady{Generation: 2})
		for _, p := range []*client{a, b, c} {
			equal(t, "done", expect[*protocol.RouteDone](p).Generation, uint32(2))
		}
		if room := l.media.of(j.Self).Room; room != l.media.of(a.joined.Self).Room || !strings.HasPrefix(room, "r.") {
			l.Errorf("the SFU's room is %q", room)
		}

		// Renegotiation stays on the connection; another RTCPeerConnection replaces it.
		a.send(sfuOffer("0", 2))
		equal(t, "renegotiation", expect[*protocol.SFUAnswer](a).SDP, fakeAnswer("0", 2))
		a.send(sfuOffer("9", 3))
		equal(t, "new connection", expect[*protocol.SFUAnswer](a).SDP, fakeAnswer("9", 1))
		equal(t, "connections", l.media.open(), 3)

		c.leave()
		switched := time.Now()
		for _, p := range []*client{a, b} {
			if r := await[*protocol.Route](p); r.Reason != protocol.ReasonShrank || r.Route.Generation != 3 || time.Since(switched) != 10*time.Second {
				l.Errorf("route = %+v after %v", r, time.Since(switched))
			}
		}
		equal(t, "connections during the switch", l.media.open(), 2)
		a.send(&protocol.RouteReady{Generation: 3})
		b.send(&protocol.RouteReady{Generation: 3})
		expect[*protocol.RouteDone](a)
		expect[*protocol.RouteDone](b)
		synctest.Wait()
		equal(t, "connections after the switch", l.media.open(), 0)
	})
}

func TestSlotsAndSpeakers(t *testing.T) {
	inLab(t, Options{Media: &fakeMedia{}}, func(l *lab) {
		a := l.dial()
		a.send(&protocol.Join{Room: "r", Name: "Ann", Mode: protocol.ModeSFU, Offer: sfuOffer("1", 1)})
		expect[*protocol.Joined](a)
		peer := l.media.of(a.joined.Self)
		one := protocol.Slot{Mid: "1", Participant: "x", Source: protocol.Microphone}
		two := protocol.Slot{Mid: "2", Participant: "x", Source: protocol.Camera, Paused: protocol.PausedMuted}
		peer.Events.Slots([]protocol.Slot{one, two})
		equal(t, "slots", expect[*protocol.Slots](a).Slots, []protocol.Slot{one, two})
		peer.Events.Speakers([]protocol.Speaker{{Participant: "x", Level: 20}})
		equal(t, "speakers", expect[*protocol.Speakers](a).Speakers, []protocol.Speaker{{Participant: "x", Level: 20}})

		a.cut()
		two.Paused = ""
		peer.Events.Slots([]protocol.Slot{two})
		peer.Events.Speakers(nil)
		again := l.resume(a)
		expect[*protocol.Joined](again)
		await[*protocol.ParticipantUpdated](again)
		await[*protocol.ParticipantUpdated](again)
		equal(t, "all slots", expect[*protocol.Slots](again).Slots, []protocol.Slot{one, two})
		again.quiet()

		peer.Events.Connection(Closed)
		synctest.Wait()
		equal(t, "connections", l.media.open(), 0)
		peer.Events.Slots([]protocol.Slot{one})
		again.quiet()
		again.send(sfuOffer("1", 2))
		again.refused(protocol.CodeOutOfState, "offer")
		again.send(sfuOffer("2", 3))
		expect[*protocol.SFUAnswer](again)
	})
}

func TestASlowNegotiationStallsNobody(t *testing.T) {
	inLab(t, Options{Media: &fakeMedia{delay: 3 * time.Second}}, func(l *lab) {
		a := l.dial()
		a.send(&protocol.Join{Room: "r", Name: "Ann", Mode: protocol.ModeSFU})
		expect[*protocol.Joined](a)
		b := l.dial()
		b.send(&protocol.Join{Room: "r", Name: "Bob", Offer: sfuOffer("2", 1)})
		expect[*protocol.ParticipantJoined](a)
		started := time.Now()
		a.send(sfuOffer("1", 1), sfuOffer("1", 2), &protocol.View{}, &protocol.State{Hand: true}, &protocol.Chat{ID: "1", Text: "x"})
		expect[*protocol.ParticipantUpdated](a)
		expect[*protocol.ChatMessage](a)
		if took := time.Since(started); took != 0 {
			l.Errorf("the room was stalled for %v", took)
		}
		expect[*protocol.SFUAnswer](a)
		expect[*protocol.SFUAnswer](a)
		if took := time.Since(started); took != 6*time.Second {
			l.Errorf("two answers one after the other took %v", took)
		}
		// Bob's socket has waited for his answer; what happened meanwhile comes after joined.
		if j := expect[*protocol.Joined](b); j.Answer == nil {
			l.Errorf("joined = %+v", j)
		}
		expect[*protocol.ParticipantUpdated](b)
		expect[*protocol.ChatMessage](b)

		l.media.mu.Lock()
		l.media.delay = time.Hour
		l.media.mu.Unlock()
		a.send(sfuOffer("1", 3))
		a.refused(protocol.CodeInternal, "offer")
		if took := time.Since(started); took != 14*time.Second {
			l.Errorf("gave up after %v", took)
		}
		for range maxJobs + 2 {
			a.send(sfuOffer("1", 4))
		}
		a.refused(protocol.CodeTooFast, "offer")
		a.leave() // also ends the negotiation that hangs
		synctest.Wait()
		equal(t, "connections", l.media.open(), 1)
	})
}

func TestTroubleWithTheSFU(t *testing.T) {
	inLab(t, Options{Media: &fakeMedia{fail: errors.New("out of ports")}}, func(l *lab) {
		a := l.dial()
		a.send(&protocol.Join{ID: "1", Room: "r", Name: "Ann", Mode: protocol.ModeSFU, Offer: sfuOffer("1", 1)})
		if j := expect[*protocol.Joined](a); j.Answer != nil {
			l.Errorf("joined = %+v", j)
		}
		if e := a.refused(protocol.CodeInternal, "1"); strings.Contains(e.Message, "ports") {
			l.Errorf("the cause is told: %+v", e)
		}
		if res, body := l.http("POST", "/whip/r", fakeOffer("1"), "Content-Type", typeSDP); res.StatusCode != 500 || strings.Contains(body, "ports") {
			l.Errorf("whip: %d %s", res.StatusCode, body)
		}
		// The publisher has come and gone, and left no seat behind.
		expect[*protocol.ParticipantJoined](a)
		expect[*protocol.ParticipantLeft](a)
	})
}
