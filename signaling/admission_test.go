package signaling

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/confab/confab/auth"
	"github.com/confab/confab/signaling/protocol"
	"github.com/confab/confab/store/memory"
)

var labSecret = []byte(strings.Repeat("s", 32))

func labSecrets() [][]byte { return [][]byte{labSecret} }

// token signs claims that last for a time.
func (l *lab) token(c auth.Claims, lasts time.Duration) string {
	l.Helper()
	c.Expires = time.Now().Add(lasts)
	text, err := auth.Sign(labSecret, c, time.Now())
	if err != nil {
		l.Fatal(err)
	}
	return text
}

// enter sends a join with a token on a socket of its own.
func (l *lab) enter(room, name, token string) *client {
	l.Helper()
	c := l.dial()
	c.send(&protocol.Join{ID: "join", Room: room, Name: name, Token: token, Media: protocol.State{Microphone: true, Camera: true}})
	return c
}

// An invite lets in as many as it is good for, at all nodes together, and a join that came to nothing costs nothing.
func TestInvitesAreCounted(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		shared := memory.New()
		defer shared.Close()
		one, _ := l.another(Options{Invites: labSecrets, Limits: Limits{People: 4}}, shared.Join())
		two, _ := l.another(Options{Invites: labSecrets, Limits: Limits{People: 4}}, shared.Join())
		host := one.join("r", "Ann")
		host.send(&protocol.GetInvite{ID: "i", Role: protocol.RoleMember, Seconds: 3600, Uses: 2})
		link := expect[*protocol.Invite](host)
		if want := time.Now().Add(time.Hour).UnixMilli(); link.ID != "i" || link.Expires > want || link.Expires < want-1000 || !auth.IsInvite(link.Token) {
			l.Errorf("invite = %+v", link)
		}

		host.send(&protocol.SetRoom{ID: "l", Access: protocol.AccessLocked})
		await[*protocol.SettingsChanged](host)
		synctest.Wait()
		two.enter("r", "Early", link.Token).refused(protocol.CodeLocked, "join")
		host.send(&protocol.SetRoom{ID: "o", Access: protocol.AccessOpen})
		await[*protocol.SettingsChanged](host)
		synctest.Wait()

		b := two.enter("r", "Bob", link.Token)
		equal(t, "role", expect[*protocol.Joined](b).Participants[1].Role, protocol.RoleMember)
		c := one.enter("r", "Cid", link.Token)
		expect[*protocol.Joined](c)
		for _, n := range []*lab{one, two} {
			if e := n.enter("r", "Dan", link.Token).refused(protocol.CodeUnauthorized, "join"); !strings.Contains(e.Message, "as many people") {
				l.Errorf("refusal = %+v", e)
			}
		}
		again := one.resumeAt(b) // who is in needs no use to come back
		await[*protocol.Joined](again)
		again.send(&protocol.GetInvite{ID: "x", Role: protocol.RoleMember, Seconds: 60})
		equal(t, "a member invites", await[*protocol.Error](again).Code, protocol.CodeForbidden)
		host.send(&protocol.GetInvite{ID: "s", Role: protocol.RoleViewer, Seconds: 60})
		short := await[*protocol.Invite](host)
		time.Sleep(time.Minute)
		one.enter("r", "Late", short.Token).refused(protocol.CodeUnauthorized, "join")
		one.enter("elsewhere", "Eve", link.Token).refused(protocol.CodeUnauthorized, "join")
	})
}

func TestATokenIsRefreshedInTheRoom(t *testing.T) {
	inLab(t, Options{Secrets: labSecrets}, func(l *lab) {
		claims := auth.Participant("r", "Ann")
		claims.Identity = "u1"
		a := l.enter("r", "x", l.token(claims, 10*time.Minute))
		equal(t, "name", expect[*protocol.Joined](a).Participants[0].Name, "Ann")
		b := l.enter("r", "Bob", l.token(auth.Participant("r", ""), time.Hour))
		expect[*protocol.Joined](b)
		expect[*protocol.ParticipantJoined](a)

		other, elsewhere, shorter, counted := claims, claims, claims, claims
		other.Identity, elsewhere.Room, counted.ID, counted.Uses = "u2", "q", "once", 1
		for id, bad := range map[string]string{
			"identity": l.token(other, time.Hour), "shorter": l.token(shorter, time.Minute), "counted": l.token(counted, time.Hour),
		} {
			a.send(&protocol.Refresh{ID: id, Token: bad})
			a.refused(protocol.CodeForbidden, id)
		}
		a.send(&protocol.Refresh{ID: "room", Token: l.token(elsewhere, time.Hour)})
		a.refused(protocol.CodeUnauthorized, "room")
		a.send(&protocol.Refresh{ID: "nonsense", Token: "nonsense"})
		a.refused(protocol.CodeUnauthorized, "nonsense")
		b.quiet()

		more := claims
		more.Role, more.Grants = auth.RoleModerator, auth.GrantsOf(auth.RoleModerator)
		a.send(&protocol.Refresh{ID: "more", Token: l.token(more, 20*time.Minute)})
		if g := expect[*protocol.Granted](a); g.Role != protocol.RoleModerator {
			l.Errorf("granted = %+v", g)
		}
		if u := expect[*protocol.ParticipantUpdated](b); u.Participant.Role != protocol.RoleModerator || u.Participant.ID != a.joined.Self {
			l.Errorf("updated = %+v", u)
		}
		a.quiet()
		if len(a.acks) != 1 || a.acks[0].ID != "more" {
			l.Errorf("acks = %+v", a.acks)
		}

		// The seat lasts as long as the new token, and is warned of its end, not of the old one's.
		started := time.Now()
		time.Sleep(18*time.Minute + 30*time.Second)
		a.quiet()
		e := expect[*protocol.Error](a)
		if at := time.Since(started).Round(time.Second); at != 19*time.Minute || e.Code != protocol.CodeExpired || !e.Retry {
			l.Errorf("warned after %v: %+v", at, e)
		}
	})
}

func TestASeatEndsWithItsToken(t *testing.T) {
	inLab(t, Options{Secrets: labSecrets}, func(l *lab) {
		a := l.enter("r", "Ann", l.token(auth.Participant("r", ""), time.Hour))
		expect[*protocol.Joined](a)
		b := l.enter("r", "Bob", l.token(auth.Participant("r", ""), 10*time.Minute))
		expect[*protocol.Joined](b)
		started := time.Now()
		time.Sleep(8*time.Minute + 30*time.Second)
		b.quiet()
		equal(t, "warning", expect[*protocol.Error](b).Code, protocol.CodeExpired)
		equal(t, "warned after", time.Since(started).Round(time.Second), 9*time.Minute)
		b.cut() // whoever comes back is told as well
		time.Sleep(20 * time.Second)
		b = l.resumeAt(b)
		await[*protocol.Joined](b)
		equal(t, "warning again", await[*protocol.Error](b).Code, protocol.CodeExpired)
		time.Sleep(30 * time.Second)
		equal(t, "the seat's end", await[*protocol.Error](b).Code, protocol.CodeExpired)
		equal(t, "reason", await[*protocol.Left](b).Reason, "expired")
		equal(t, "ended after", time.Since(started).Round(time.Second), 10*time.Minute+30*time.Second)
		equal(t, "close code", b.ended(), protocol.CloseRejoin)
		equal(t, "others hear", await[*protocol.ParticipantLeft](a).Reason, "expired")
		l.resume(b).refused(protocol.CodeSessionExpired, "resume")
		l.enter("r", "Cid", "").refused(protocol.CodeUnauthorized, "join")
	})
}
