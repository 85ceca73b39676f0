package signaling

import (
	"testing"
	"time"

	"github.com/confab/confab/auth"
	"github.com/confab/confab/signaling/protocol"
)

const transferID = "AAECAwQFBgcICQoLDA0ODw"

func TestStepsOfTransfersPassBetweenPeers(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		a := l.dial()
		a.send(&protocol.Join{ID: "1", Room: "drop-12345", Name: "Ann", Mode: protocol.ModeFiles, Media: protocol.State{Camera: true, Hand: true}})
		a.joined = expect[*protocol.Joined](a)
		equal(t, "mode", a.joined.Mode, protocol.ModeFiles)
		equal(t, "media in a room for files", a.joined.Participants[0].Media, protocol.State{Hand: true})
		b := l.join("drop-12345", "Bob")

		a.send(&protocol.Transfer{To: b.joined.Self, Transfer: transferID, Open: true, Data: `{"t":"hello"}`})
		equal(t, "opened", expect[*protocol.PeerTransfer](b), &protocol.PeerTransfer{From: a.joined.Self, Transfer: transferID, Open: true, Data: `{"t":"hello"}`})
		b.send(&protocol.Transfer{To: a.joined.Self, Transfer: transferID, Data: `no JSON, and none of the server's business`})
		expect[*protocol.ParticipantJoined](a)
		equal(t, "answered", expect[*protocol.PeerTransfer](a), &protocol.PeerTransfer{From: b.joined.Self, Transfer: transferID, Data: `no JSON, and none of the server's business`})

		for _, to := range []string{"nobody", a.joined.Self} {
			a.send(&protocol.Transfer{ID: "2", To: to, Transfer: transferID, Data: "{}"})
			a.refused(protocol.CodeNoSuchPeer, "2")
		}
		a.send(&protocol.Signal{ID: "3", To: b.joined.Self, Candidate: &protocol.Candidate{}})
		a.refused(protocol.CodeModeMismatch, "3")
		a.send(&protocol.State{ID: "4", Microphone: true})
		a.refused(protocol.CodeModeMismatch, "4")
		b.quiet()
	})
}

func TestStepsOfTransfersWaitForWhoIsAway(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		a, b := l.join("r", "Ann"), l.join("r", "Bob")
		b.conn.Close()
		if away := await[*protocol.ParticipantUpdated](a); away.Participant.Online {
			l.Fatalf("%+v", away)
		}
		a.send(&protocol.Transfer{To: b.joined.Self, Transfer: transferID, Open: true, Data: "{}"})
		back := l.dial()
		back.send(&protocol.Resume{Session: b.joined.Session, Epoch: b.joined.Epoch, Seq: b.joined.Seq})
		equal(t, "what waited", await[*protocol.PeerTransfer](back).Transfer, transferID)
	})
}

func TestOpeningTransfersIsBounded(t *testing.T) {
	inLab(t, Options{Limits: Limits{Transfers: 3}}, func(l *lab) {
		a, b := l.join("r", "Ann"), l.join("r", "Bob")
		open := &protocol.Transfer{ID: "1", To: b.joined.Self, Transfer: transferID, Open: true, Data: "{}"}
		for range 3 {
			a.send(open)
			expect[*protocol.PeerTransfer](b)
		}
		a.send(open)
		expect[*protocol.ParticipantJoined](a)
		a.refused(protocol.CodeTooFast, "1")
		a.send(&protocol.Transfer{To: b.joined.Self, Transfer: transferID, Data: "{}"}) // the bound is for new ones only
		expect[*protocol.PeerTransfer](b)
		time.Sleep(20 * time.Second)
		a.send(open)
		expect[*protocol.PeerTransfer](b)
	})
}

func TestOpeningTransfersNeedsTheGrant(t *testing.T) {
	inLab(t, Options{Secrets: labSecrets}, func(l *lab) {
		without := auth.Participant("r", "Ann")
		without.Grants.Files = false
		a, b := l.dial(), l.dial()
		a.send(&protocol.Join{ID: "join", Room: "r", Name: "Ann", Token: l.token(without, time.Hour)})
		a.joined = expect[*protocol.Joined](a)
		b.send(&protocol.Join{ID: "join", Room: "r", Name: "Bob", Token: l.token(auth.Participant("r", "Bob"), time.Hour)})
		b.joined = expect[*protocol.Joined](b)
		expect[*protocol.ParticipantJoined](a)
		a.send(&protocol.Transfer{ID: "1", To: b.joined.Self, Transfer: transferID, Open: true, Data: "{}"})
		a.refused(protocol.CodeForbidden, "1")
		b.send(&protocol.Transfer{ID: "1", To: a.joined.Self, Transfer: transferID, Open: true, Data: "{}"})
		expect[*protocol.PeerTransfer](a)
		a.send(&protocol.Transfer{To: b.joined.Self, Transfer: transferID, Data: "{}"}) // to answer needs no grant
		expect[*protocol.PeerTransfer](b)
	})
}
