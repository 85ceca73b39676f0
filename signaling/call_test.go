package signaling

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

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
		bob := protocol.Participant{ID: j.Self, Name: "Bob", Media: protocol.State{Microphone: true, Camera: true}, Online: true, Kind: protocol.KindPerson}
		equal(t, "the last participant", j.Participants[1], bob)
		equal(t, "the event", expect[*protocol.ParticipantJoined](a).Participant, bob)

		offer := &protocol.Description{Type: protocol.SDPOffer, SDP: "v=0", Tracks: map[string]protocol.Source{"0": protocol.Microphone}}
		a.send(&protocol.Signal{To: j.Self, Generation: 1, Description: offer})
		equal(t, "signal", expect[*protocol.PeerSignal](b), &protocol.PeerSignal{From: a.joined.Self, Generation: 1, Description: offer})

		b.send(&protocol.State{ID: "1", Camera: true, Hand: true})
		for _, c := range []*client{a, b} {
			equal(t, "media", expect[*protocol.ParticipantUpdated](c).Participant.Media, protocol.State{Camera: true, Hand: true})
		}
		a.send(&protocol.Chat{ID: "m1", Text: "hello"}, &protocol.Chat{ID: "m1", Text: "hello"}, &protocol.GetCredentials{ID: "2"})
		for _, c := range []*client{a, b} {
			if m := expect[*protocol.ChatMessage](c); m.Text != "hello" || m.From != a.joined.Self || m.Name != "Ann" || m.Time != time.Now().UnixMilli() {
				l.Errorf("chat = %+v", m)
			}
		}
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
		if again := l.join("r", "Ann"); again.joined.Epoch == j.Epoch || len(again.joined.Chat) != 0 {
			l.Errorf("the room goes on: %+v", again.joined)
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
		equal(t, "Dan reads", len(l.join("r", "Dan").joined.Chat), 1)
	})
}

func TestResumeBringsExactlyWhatWasMissed(t *testing.T) {
	inLab(t, Options{Media: &fakeMedia{}}, func(l *lab) {
		a, b := l.join("r", "Ann"), l.join("r", "Bob")
		expect[*protocol.ParticipantJoined](a)
		for i := range 3 {
			a.send(&protocol.Chat{ID: fmt.Sprint(i), Text: "before"})
			expect[*protocol.ChatMessage](a)
			expect[*protocol.ChatMessage](b)
		}
		b.cut()
		if u := expect[*protocol.ParticipantUpdated](a); u.Participant.Online || u.Participant.ID != b.joined.Self {
			l.Errorf("updated = %+v", u)
		}
		a.send(&protocol.Chat{ID: "x", Text: "missed"}, &protocol.Signal{To: b.joined.Self, Generation: 1, Candidate: &protocol.Candidate{Candidate: "c"}}, &protocol.Chat{ID: "y", Text: "missed too"})
		await[*protocol.ChatMessage](a)
		await[*protocol.ChatMessage](a)
		time.Sleep(29 * time.Second)

		again := l.resume(b)
		again.seq = b.seq
		j := expect[*protocol.Joined](again)
		if !j.Recovered || j.Seq != b.seq || j.Self != b.joined.Self || j.Session != b.joined.Session || len(j.ICEServers) == 0 || j.ID != "resume" {
			l.Errorf("joined = %+v", j)
		}
		if u := expect[*protocol.ParticipantUpdated](again); u.Participant.Online {
			l.Errorf("updated = %+v", u)
		}
		equal(t, "first", expect[*protocol.ChatMessage](again).Text, "missed")
		equal(t, "second", expect[*protocol.ChatMessage](again).Text, "missed too")
		if u := expect[*protocol.ParticipantUpdated](again); !u.Participant.Online {
			l.Errorf("updated = %+v", u)
		}
		equal(t, "signal", expect[*protocol.PeerSignal](again).Candidate.Candidate, "c")
		again.send(&protocol.Chat{ID: "z", Text: "back"})
		equal(t, "own", expect[*protocol.ChatMessage](again).Text, "back")
		again.quiet()
		if u := expect[*protocol.ParticipantUpdated](a); !u.Participant.Online {
			l.Errorf("updated = %+v", u)
		}
	})
}

func TestResumeIsHonestAboutHoles(t *testing.T) {
	inLab(t, Options{Limits: Limits{Ring: 4}}, func(l *lab) {
		a, b := l.join("r", "Ann"), l.join("r", "Bob")
		b.cut()
		for i := range 4 {
			a.send(&protocol.Chat{ID: fmt.Sprint(i), Text: "x"})
			await[*protocol.ChatMessage](a)
		}
		for _, from := range []struct {
			epoch string
			seq   uint64
		}{
			{b.joined.Epoch, b.seq},   // too long ago
			{b.joined.Epoch, 1 << 40}, // has not happened
			{"another", a.seq},        // of another life of the room
			{"", a.seq},
		} {
			c := l.dial()
			c.send(&protocol.Resume{Session: b.joined.Session, Epoch: from.epoch, Seq: from.seq})
			j := expect[*protocol.Joined](c)
			if j.Recovered || len(j.Chat) != 4 || len(j.Participants) != 2 || !j.Participants[1].Online {
				l.Errorf("from %+v: joined = %+v", from, j)
			}
			c.quiet()
			c.cut()
		}
	})
}

func TestResumeAtEveryStep(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		a, b := l.join("r", "Ann"), l.join("r", "Bob")
		var told []string
		for i := range 40 {
			text := fmt.Sprint(i)
			a.send(&protocol.Chat{ID: text, Text: text})
			if i%7 == 0 { // cut with messages on the way, some of which were read
				synctest.Wait()
				for range i % 3 {
					if m, ok := b.next().(*protocol.ChatMessage); ok {
						told = append(told, m.Text)
					}
				}
				b.conn.Close()
				next := l.resume(b)
				next.seq = b.seq
				if j := expect[*protocol.Joined](next); !j.Recovered {
					l.Fatal("not recovered")
				}
				b = next
			}
		}
		synctest.Wait()
		for len(b.in) > 0 {
			if m, ok := b.next().(*protocol.ChatMessage); ok {
				told = append(told, m.Text)
			}
		}
		for i, text := range told {
			if text != fmt.Sprint(i) {
				l.Fatalf("message %d is %q: %v", i, text, told)
			}
		}
		equal(t, "messages", len(told), 40)
	})
}

func TestTheNewestSocketHasTheSeat(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		a, b := l.join("r", "Ann"), l.join("r", "Bob")
		expect[*protocol.ParticipantJoined](a)
		again := l.resume(b)
		if j := expect[*protocol.Joined](again); !j.Recovered {
			l.Errorf("joined = %+v", j)
		}
		b.refused(protocol.CodeReplaced, "")
		if code := b.ended(); code != protocol.CloseStay {
			l.Errorf("close code %d", code)
		}
		synctest.Wait()
		a.quiet() // nobody has noticed
		again.send(&protocol.Ping{})
		expect[*protocol.Pong](again)
	})
}

func TestASeatIsHeldForHalfAMinute(t *testing.T) {
	inLab(t, Options{Media: &fakeMedia{}}, func(l *lab) {
		a, b := l.join("r", "Ann"), l.join("r", "Bob")
		cut := time.Now()
		b.cut()
		left := await[*protocol.ParticipantLeft](a)
		if held := time.Since(cut); left.Reason != "lost" || held != 30*time.Second {
			l.Errorf("left = %+v after %v", left, held)
		}
		c := l.resume(b)
		c.refused(protocol.CodeSessionExpired, "resume")
	})
}

func TestASilentSocketIsLost(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		a := l.join("r", "Ann")
		conn, _, err := l.dialSilent(nil)
		if err != nil {
			l.Fatal(err)
		}
		frame, _ := protocol.EncodeCommand(&protocol.Join{Room: "r", Name: "Bob"})
		if err := conn.WriteMessage(websocket.TextMessage, frame); err != nil {
			l.Fatal(err)
		}
		if _, _, err := conn.ReadMessage(); err != nil { // joined; after it, Bob's computer sleeps
			l.Fatal(err)
		}
		started := time.Now()
		expect[*protocol.ParticipantJoined](a)
		expect[*protocol.ParticipantUpdated](a)
		if took := time.Since(started); took < 15*time.Second || took > 40*time.Second {
			l.Errorf("noticed after %v", took)
		}
		conn.Close()
		time.Sleep(time.Hour)
		a.send(&protocol.Ping{}) // Ann has answered pings for an hour and is still there
		await[*protocol.Pong](a)
	})
}

func TestASlowClientIsCutAndResumes(t *testing.T) {
	inLab(t, Options{Limits: Limits{Queue: 50, Rate: 1e6, Burst: 1e6}}, func(l *lab) {
		a := l.join("r", "Ann")
		conn, _, err := l.dialSilent(nil)
		if err != nil {
			l.Fatal(err)
		}
		frame, _ := protocol.EncodeCommand(&protocol.Join{Room: "r", Name: "Bob"})
		if err := conn.WriteMessage(websocket.TextMessage, frame); err != nil {
			l.Fatal(err)
		}
		_, first, err := conn.ReadMessage()
		if err != nil {
			l.Fatal(err)
		}
		m, err := protocol.DecodeMessage(first)
		if err != nil {
			l.Fatal(err)
		}
		b := &client{l: l, joined: m.(*protocol.Joined), seq: m.(*protocol.Joined).Seq}

		started := time.Now()
		for i := range 100 { // Bob reads nothing
			a.send(&protocol.Chat{ID: fmt.Sprint(i), Text: "x"})
			await[*protocol.ChatMessage](a)
		}
		if took := time.Since(started); took > time.Second {
			l.Errorf("Ann was held up for %v", took)
		}
		if u := await[*protocol.ParticipantUpdated](a); u.Participant.Online {
			l.Errorf("updated = %+v", u)
		}
		equal(t, "slow clients", l.count("signaling_slow_clients_total"), 1.0)
		conn.Close()
		again := l.resume(b)
		again.seq = b.seq
		j := expect[*protocol.Joined](again)
		n := 0
		for synctest.Wait(); len(again.in) > 0; {
			if _, chat := again.next().(*protocol.ChatMessage); chat {
				n++
			}
		}
		if !j.Recovered || n != 100 {
			l.Errorf("recovered %v with %d messages", j.Recovered, n)
		}
	})
}

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
