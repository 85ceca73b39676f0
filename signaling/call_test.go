package signaling

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/confab/confab/signaling/protocol"
)

func TestTwoMeet(t *testing.T) {
	inLab(t, Options{Media: &fakeMedia{}}, func(l *lab) {
		a := l.join("r", "Ann")
		b := l.join("r", "Bob")
		j := b.joined
		if j.Room != "r" || j.Mode != protocol.ModeAuto || j.Server != "test" || j.ResumeWindow != 30 || j.ICETTL != 3600 ||
			j.Epoch == "" || j.Epoch != a.joined.Epoch || j.Session == a.joined.Session || j.Recovered || j.ID != "join" {
			l.Errorf("joined = %+v", j)
		}
		equal(t, "ICE servers", j.ICEServers[0].Username, j.Self)
		equal(t, "route", j.Route, protocol.RouteState{Transport: protocol.TransportP2P, Generation: 1, Done: true})
		bob := protocol.Participant{ID: j.Self, Name: "Bob", Media: protocol.State{Microphone: true, Camera: true}, Online: true, Kind: protocol.KindPerson, Role: protocol.RoleMember}
		equal(t, "the last participant", j.Participants[1], bob)
		equal(t, "the event", expect[*protocol.ParticipantJoined](a).Participant, bob)

		offer := &protocol.Description{Type: protocol.SDPOffer, SDP: "v=0", Tracks: map[string]protocol.Source{"0": protocol.Microphone}}
		a.send(&protocol.Signal{To: j.Self, Generation: 1, Description: offer})
		equal(t, "signal", expect[*protocol.PeerSignal](b), &protocol.PeerSignal{From: a.joined.Self, Generation: 1, Description: offer})

		b.send(&protocol.State{ID: "1", Camera: true, Hand: true})
		for _, c := range []*client{a, b} {
			equal(t, "media", expect[*protocol.ParticipantUpdated](c).Participant.Media, protocol.State{Camera: true, Hand: true})
		}
		a.send(&protocol.Chat{ID: "m1", Text: "hello"}, &protocol.Chat{ID: "m1", Text: "hello"})
		for _, c := range []*client{a, b} {
			if m := expect[*protocol.ChatMessage](c); m.Text != "hello" || m.From != a.joined.Self || m.Name != "Ann" || m.Time != time.Now().UnixMilli() {
				l.Errorf("chat = %+v", m)
			}
		}
		a.send(&protocol.GetCredentials{ID: "2"}) // now: an answer that needs no log may overtake what is on its way into it
		if creds := expect[*protocol.Credentials](a); creds.ID != "2" || creds.ICETTL != 3600 || len(creds.ICEServers) != 1 {
			l.Errorf("credentials = %+v", creds)
		}
		b.quiet()
		b.leave()
		if left := expect[*protocol.ParticipantLeft](a); left.ID != j.Self || left.Reason != "left" {
			l.Errorf("left = %+v", left)
		}
		a.leave()
		synctest.Wait()
		if n := l.count("signaling_rooms"); n != 0 {
			l.Errorf("%v rooms are left", n)
		}
		if again := l.join("r", "Ann"); again.joined.Epoch != j.Epoch || len(said(again.joined.Chat)) != 1 || len(again.joined.Participants) != 1 {
			l.Errorf("the room has not gone on: %+v", again.joined)
		}
	})
}

func TestPrivateChat(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		a, b, c := l.join("r", "Ann"), l.join("r", "Bob"), l.join("r", "Cid")
		a.send(&protocol.Chat{ID: "1", To: b.joined.Self, Text: "secret"}, &protocol.Chat{ID: "2", Text: "open"})
		equal(t, "Bob reads", await[*protocol.ChatMessage](b).Text, "secret")
		expect[*protocol.Withheld](c)
		equal(t, "Cid reads", expect[*protocol.ChatMessage](c).Text, "open")
		equal(t, "Dan reads", len(said(l.join("r", "Dan").joined.Chat)), 1)
	})
}

func TestDrain(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		a, b := l.join("r", "Ann"), l.join("r", "Bob")
		ctx, cancel := context.WithTimeout(l.Context(), time.Minute)
		defer cancel()
		drained := make(chan error, 1)
		go func() { drained <- l.srv.Drain(ctx) }()
		equal(t, "deadline", await[*protocol.Draining](a).Deadline, 60_000)
		b.cut()
		b = l.resume(b)
		b.seq = 2
		expect[*protocol.Joined](b)
		c := l.dial()
		c.send(&protocol.Join{ID: "1", Room: "q", Name: "Cid"})
		c.refused(protocol.CodeDraining, "1")
		a.leave()
		b.leave()
		if err := <-drained; err != nil {
			l.Error(err)
		}
	})
}

func TestDrainHasADeadline(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		l.join("r", "Ann")
		ctx, cancel := context.WithTimeout(l.Context(), time.Minute)
		defer cancel()
		if err := l.srv.Drain(ctx); !errors.Is(err, context.DeadlineExceeded) {
			l.Errorf("Drain = %v", err)
		}
	})
}

func TestStopEndsEverything(t *testing.T) {
	inLab(t, Options{Media: &fakeMedia{}}, func(l *lab) {
		a := l.dial()
		a.send(&protocol.Join{Room: "r", Name: "Ann", Mode: protocol.ModeSFU, Offer: sfuOffer("1", 1)})
		expect[*protocol.Joined](a)
		b := l.dial() // has not joined
		if res, body := l.http("POST", "/whip/r", fakeOffer("1"), "Content-Type", typeSDP); res.StatusCode != 201 {
			l.Fatalf("whip: %d %s", res.StatusCode, body)
		}
		synctest.Wait()
		l.stop()
		for _, c := range []*client{a, b} {
			if left := await[*protocol.Left](c); left.Reason != "server-stopped" {
				l.Errorf("left = %+v", left)
			}
			if code := c.ended(); code != protocol.CloseResume {
				l.Errorf("close code %d", code)
			}
		}
		synctest.Wait()
		equal(t, "connections", l.media.open(), 0)
		if _, res, err := l.dialSilent(nil); err == nil || res.StatusCode != 503 {
			l.Errorf("a socket was opened: %v", err)
		}
	})
}

// said returns the messages of a chat without its system lines.
func said(chat []protocol.ChatMessage) []protocol.ChatMessage {
	return slices.DeleteFunc(slices.Clone(chat), func(m protocol.ChatMessage) bool { return m.Line != "" })
}
