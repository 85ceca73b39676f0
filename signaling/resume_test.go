package signaling

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"github.com/confab/confab/signaling/protocol"
)

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
			{b.joined.Epoch, 1 << 40}, // has not happened
			{"another", a.seq},        // of another life of the room
			{"", a.seq},
		} {
			c := l.dial()
			c.send(&protocol.Resume{Session: b.joined.Session, Epoch: from.epoch, Seq: from.seq})
			j := expect[*protocol.Joined](c)
			if j.Recovered || len(said(j.Chat)) != 4 || len(j.Participants) != 2 || !j.Participants[1].Online {
				l.Errorf("from %+v: joined = %+v", from, j)
			}
			c.quiet()
			c.cut()
		}
	})
}

// What the room does not keep in memory any more is read from its log, and merged with what happens meanwhile.
func TestResumeFromTheLog(t *testing.T) {
	inLab(t, Options{Limits: Limits{Ring: 4}}, func(l *lab) {
		a, b, c := l.join("r", "Ann"), l.join("r", "Bob"), l.join("r", "Cid")
		b.cut()
		a.send(&protocol.State{Hand: true})
		for i := range 20 {
			a.send(&protocol.Chat{ID: fmt.Sprint(i), Text: fmt.Sprint(i)})
			await[*protocol.ChatMessage](a)
		}
		c.leave()
		again := l.resume(b)
		again.seq = b.seq
		if j := expect[*protocol.Joined](again); !j.Recovered || j.Seq != b.seq {
			l.Errorf("joined = %+v", j)
		}
		for i := range 20 {
			equal(t, "message", await[*protocol.ChatMessage](again).Text, fmt.Sprint(i))
		}
		equal(t, "left", await[*protocol.ParticipantLeft](again).ID, c.joined.Self)
		equal(t, "resumes", l.count("signaling_resumes_total"), 1.0)
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

func TestAClosedPageHoldsItsSeatForAReloadOnly(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		a, b := l.join("r", "Ann"), l.join("r", "Bob")
		expect[*protocol.ParticipantJoined](a)
		goingAway := websocket.FormatCloseMessage(websocket.CloseGoingAway, "")
		if err := b.conn.WriteControl(websocket.CloseMessage, goingAway, time.Now().Add(time.Second)); err != nil {
			l.Fatal(err)
		}
		expect[*protocol.ParticipantUpdated](a)
		time.Sleep(4 * time.Second)
		again := l.resume(b) // a reload
		await[*protocol.Joined](again)
		expect[*protocol.ParticipantUpdated](a)

		closed := time.Now()
		if err := again.conn.WriteControl(websocket.CloseMessage, goingAway, closed.Add(time.Second)); err != nil {
			l.Fatal(err)
		}
		expect[*protocol.ParticipantUpdated](a)
		equal(t, "reason", expect[*protocol.ParticipantLeft](a).Reason, "lost")
		equal(t, "held", time.Since(closed).Round(time.Second), 5*time.Second)
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
