package signaling

import (
	"testing"

	"github.com/confab/confab/signaling/protocol"
)

func TestTheLobby(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		host := l.join("r", "Ann")
		host.send(&protocol.SetRoom{ID: "1", Access: protocol.AccessLobby})
		expect[*protocol.SettingsChanged](host)
		bob, eve := l.dial(), l.dial()
		bob.send(&protocol.Join{ID: "b", Room: "r", Name: "Bob"})
		if w := expect[*protocol.Waiting](bob); !w.Moderators || w.ID != "b" {
			l.Errorf("waiting = %+v", w)
		}
		first := expect[*protocol.Knocks](host).Knocks
		eve.send(&protocol.Join{ID: "e", Room: "r", Name: "Eve"})
		expect[*protocol.Waiting](eve)
		both := expect[*protocol.Knocks](host).Knocks
		if len(first) != 1 || len(both) != 2 {
			l.Fatalf("knocks = %+v, %+v", first, both)
		}
		host.send(&protocol.Admit{ID: "2", Knock: both[0].ID, Allow: true}, &protocol.Admit{ID: "3", Knock: both[1].ID})
		expect[*protocol.Joined](bob)
		eve.refused(protocol.CodeRefused, "e")
		bob.send(&protocol.Chat{ID: "c", Text: "thanks"})
		equal(t, "chat", await[*protocol.ChatMessage](host).Text, "thanks")
		bob.send(&protocol.Admit{ID: "4", Allow: true})
		equal(t, "a member admits", await[*protocol.Error](bob).Code, protocol.CodeForbidden)
	})
}

func TestPasswordsAndBans(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		l.listener.from = "192.0.2.7:1000"
		host := l.join("r", "Ann")
		word := "correct horse"
		host.send(&protocol.SetRoom{ID: "1", Password: &word})
		expect[*protocol.SettingsChanged](host)
		l.listener.from = "192.0.2.8:1000"
		bob := l.dial()
		for range guessBurst {
			bob.send(&protocol.Join{ID: "w", Room: "r", Name: "Bob", Password: "wrong horse"})
			bob.refused(protocol.CodePassword, "w")
		}
		bob.send(&protocol.Join{ID: "f", Room: "r", Name: "Bob", Password: word})
		bob.refused(protocol.CodeTooFast, "f")
		l.listener.from = "192.0.2.9:1000"
		cid := l.dial()
		cid.send(&protocol.Join{Room: "r", Name: "Cid", Password: word})
		joined := expect[*protocol.Joined](cid)
		host.send(&protocol.Remove{ID: "2", Target: joined.Self, Ban: 60})
		equal(t, "left", await[*protocol.Left](cid).Reason, "banned")
		again := l.dial()
		again.send(&protocol.Join{ID: "a", Room: "r", Name: "Cid", Password: word})
		again.refused(protocol.CodeBanned, "a")
	})
}
