package signaling

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/confab/confab/auth"
	"github.com/confab/confab/signaling/protocol"
	"github.com/confab/confab/store/memory"
)

// What a moderator takes away, and what a token does not grant any more, the SFU does not forward, whatever node it is at.
func TestTheSFUIsToldWhatMayBeSent(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		shared := memory.New()
		defer shared.Close()
		one, _ := l.another(Options{Media: &fakeMedia{}, Secrets: labSecrets}, shared.Join())
		two, _ := l.another(Options{Media: &fakeMedia{}, Secrets: labSecrets}, shared.Join())
		host := auth.Participant("r", "Ann")
		host.Role, host.Grants = auth.RoleHost, auth.GrantsOf(auth.RoleHost)
		guest := auth.Participant("r", "Bob")
		guest.Identity = "u2"
		a := one.dial()
		a.send(&protocol.Join{ID: "join", Room: "r", Name: "x", Token: l.token(host, time.Hour), Mode: protocol.ModeSFU, Offer: sfuOffer("1", 1)})
		expect[*protocol.Joined](a)
		b := two.enter("r", "x", l.token(guest, time.Hour))
		expect[*protocol.Joined](b)
		b.send(sfuOffer("2", 1))
		await[*protocol.SFUAnswer](b)
		bob := b.joined.Self
		sfu := func() fakePeer {
			synctest.Wait()
			return one.media.of(bob).seen()
		}
		state := func(what string, want protocol.State) {
			l.Helper()
			if p := sfu(); p.state != want || p.closed || !p.Publish {
				l.Errorf("%s: the SFU forwards %+v (publish %v, closed %v), want %+v", what, p.state, p.Publish, p.closed, want)
			}
		}
		b.send(&protocol.State{ID: "1", Microphone: true, Camera: true})
		b.acknowledged("1")
		state("at first", protocol.State{Microphone: true, Camera: true})
		a.send(&protocol.Mute{ID: "m", Target: bob, Sources: []protocol.Source{protocol.Microphone}})
		a.acknowledged("m")
		state("muted", protocol.State{Camera: true})
		b.send(&protocol.State{ID: "2", Microphone: true, Camera: true})
		b.acknowledged("2")
		state("unmuted by oneself", protocol.State{Microphone: true, Camera: true})
		a.send(&protocol.Mute{ID: "h", Target: bob, Sources: []protocol.Source{protocol.Camera}, Hold: true})
		a.acknowledged("h")
		b.send(&protocol.State{ID: "3", Microphone: true, Camera: true})
		equal(t, "against the hold", await[*protocol.Error](b).Code, protocol.CodeBlocked)
		state("held", protocol.State{Microphone: true})
		b.send(sfuOffer("2", 2)) // nor does a renegotiation help
		await[*protocol.SFUAnswer](b)
		b.send(sfuOffer("3", 3)) // nor a new connection
		await[*protocol.SFUAnswer](b)
		state("held, with a new connection", protocol.State{Microphone: true})
		a.send(&protocol.Allow{ID: "al", Target: bob, Sources: []protocol.Source{protocol.Camera}})
		a.acknowledged("al")
		b.send(&protocol.State{ID: "4", Microphone: true, Camera: true})
		b.acknowledged("4")
		state("allowed", protocol.State{Microphone: true, Camera: true})

		less := guest
		less.Grants = auth.Grants{Microphone: true, Subscribe: true, Data: true}
		b.send(&protocol.Refresh{ID: "r", Token: l.token(less, 2*time.Hour)})
		b.acknowledged("r")
		state("with a lesser token", protocol.State{Microphone: true})
		less.Grants = auth.Grants{Subscribe: true}
		b.send(&protocol.Refresh{ID: "s", Token: l.token(less, 3*time.Hour)})
		b.acknowledged("s")
		if p := sfu(); !p.closed {
			l.Errorf("who may not publish keeps the connection that does: %+v", p)
		}
		b.send(sfuOffer("4", 4))
		await[*protocol.SFUAnswer](b)
		if p := sfu(); p.closed || p.Publish || p.Data || !p.Subscribe || p.state != (protocol.State{}) {
			l.Errorf("a watcher's connection: %+v", p)
		}
		a.send(&protocol.Remove{ID: "x", Target: bob})
		equal(t, "removed", await[*protocol.Left](b).Reason, "removed")
		if p := sfu(); !p.closed {
			l.Error("who was removed keeps the connection")
		}
	})
}

// acknowledged waits until a command is safe, and until every node knows.
func (c *client) acknowledged(id string) {
	c.l.Helper()
	for !slices.ContainsFunc(c.acks, func(a protocol.Ack) bool { return a.ID == id }) {
		select {
		case m, ok := <-c.in:
			if ack, is := m.(*protocol.Ack); is {
				c.acks = append(c.acks, *ack)
			} else if e, is := m.(*protocol.Error); is || !ok {
				c.l.Fatalf("%s was not acknowledged: %+v", id, e)
			} else if e, is := m.(protocol.Event); is {
				c.seq = e.Sequence()
			}
		case <-time.After(time.Minute):
			c.l.Fatalf("%s was not acknowledged", id)
		}
	}
	synctest.Wait()
}

// Notices reach whom they are for, at every node, and none else; they leave no trace in the log.
func TestNotices(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		shared := memory.New()
		defer shared.Close()
		one, _ := l.another(Options{Secrets: labSecrets}, shared.Join())
		two, _ := l.another(Options{Secrets: labSecrets}, shared.Join())
		a := one.enter("r", "Ann", l.token(auth.Participant("r", ""), time.Hour))
		expect[*protocol.Joined](a)
		b := two.enter("r", "Bob", l.token(auth.Participant("r", ""), time.Hour))
		expect[*protocol.Joined](b)
		mute := auth.Participant("r", "")
		mute.Grants = auth.AllGrants()
		mute.Chat = false
		c := two.enter("r", "Cid", l.token(mute, time.Hour))
		expect[*protocol.Joined](c)
		all := []*client{a, b, c}
		calm := func() {
			l.Helper()
			for _, p := range all {
				p.quiet()
			}
		}
		synctest.Wait()
		expect[*protocol.ParticipantJoined](a)
		expect[*protocol.ParticipantJoined](a)
		expect[*protocol.ParticipantJoined](b)
		last := a.seq
		a.send(&protocol.SetTyping{On: true})
		for _, p := range all[1:] {
			equal(t, "typing", expect[*protocol.Typing](p), &protocol.Typing{From: a.joined.Self, On: true})
		}
		calm()
		a.send(&protocol.SetTyping{To: b.joined.Self, On: true})
		equal(t, "typing to one", expect[*protocol.Typing](b), &protocol.Typing{From: a.joined.Self, To: b.joined.Self, On: true})
		calm()
		c.send(&protocol.SetTyping{ID: "t", On: true})
		c.refused(protocol.CodeForbidden, "t")
		a.send(&protocol.SetTyping{ID: "u", To: "nobody1234", On: true})
		a.refused(protocol.CodeNoSuchPeer, "u")
		b.send(&protocol.SendEmote{Emoji: "👏"})
		for _, p := range all {
			equal(t, "emote", expect[*protocol.Emote](p), &protocol.Emote{From: b.joined.Self, Emoji: "👏"})
		}
		calm()
		a.send(&protocol.Chat{ID: "1", Text: "x"})
		equal(t, "the next event", expect[*protocol.ChatMessage](a).Seq, last+1)
	})
}
