package signaling

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/confab/confab/auth"
	"github.com/confab/confab/signaling/protocol"
	"github.com/confab/confab/store"
	"github.com/confab/confab/store/memory"
)

// Whoever follows a room hears every event once, in order, whichever node it happens at, and at once.
func TestFollow(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		shared := memory.New()
		defer shared.Close()
		one, _ := l.another(Options{}, shared.Join())
		two, _ := l.another(Options{}, shared.Join())
		a := one.join("r", "Ann")
		heard := make(chan Exported, 1000)
		ctx, cancel := context.WithCancel(l.Context())
		over := make(chan error, 1)
		go func() {
			over <- two.srv.Admin().Follow(ctx, "r", Place{}, time.Hour, func(_ string, e *Exported) error {
				if e != nil {
					heard <- *e
				}
				return nil
			})
		}()
		synctest.Wait()
		started := time.Now()
		for i := range 30 {
			a.send(&protocol.Chat{ID: fmt.Sprint(i), Text: fmt.Sprint(i)})
			await[*protocol.ChatMessage](a)
		}
		synctest.Wait()
		if waited := time.Since(started); waited > time.Second {
			l.Errorf("it took %v", waited)
		}
		for seq := uint64(1); seq <= a.seq; seq++ {
			if e := <-heard; e.Seq != seq || e.Kind == "snapshot" {
				l.Fatalf("event %d comes where %d is due", e.Seq, seq)
			}
		}
		stop := errors.New("enough")
		if err := two.srv.Admin().Follow(l.Context(), "r", Place{a.joined.Epoch, a.seq - 1}, time.Hour, func(string, *Exported) error { return stop }); !errors.Is(err, stop) {
			l.Errorf("the end by f: %v", err)
		}
		if err := two.srv.Admin().Follow(l.Context(), "nowhere", Place{}, time.Hour, func(string, *Exported) error { return nil }); !errors.Is(err, store.ErrGone) {
			l.Errorf("of no room: %v", err)
		}
		cancel()
		if err := <-over; !errors.Is(err, context.Canceled) {
			l.Errorf("the end by ctx: %v", err)
		}
		// A place of another epoch, one that has not come yet, and one that is not kept any more: the state comes first.
		data := []byte(`{"version":1,"session":"secret"}`)
		if err := errors.Join(shared.Snapshot(l.Context(), "r", a.joined.Epoch, 20, data), shared.Trim(l.Context(), "r", a.joined.Epoch, 15)); err != nil {
			l.Fatal(err)
		}
		for _, from := range []Place{{}, {"another", 25}, {a.joined.Epoch, a.seq + 1}, {a.joined.Epoch, 3}} {
			var got []Exported
			quiet := 0
			err := two.srv.Admin().Follow(l.Context(), "r", from, time.Second, func(epoch string, e *Exported) error {
				if e == nil {
					if quiet++; quiet == 2 { // at the beginning, and when nothing more comes
						return stop
					}
					return nil
				}
				if epoch != a.joined.Epoch {
					l.Errorf("epoch %q", epoch)
				}
				got = append(got, *e)
				return nil
			})
			if !errors.Is(err, stop) || len(got) != int(a.seq)-20+1 || got[0].Kind != "snapshot" || got[0].Seq != 20 || got[1].Seq != 21 ||
				strings.Contains(string(got[0].Event), "secret") {
				l.Errorf("from %v: %d events, %v", from, len(got), err)
			}
		}
		gone := make(chan error, 1)
		go func() {
			gone <- two.srv.Admin().Follow(l.Context(), "r", Place{a.joined.Epoch, a.seq}, time.Hour, func(string, *Exported) error { return nil })
		}()
		synctest.Wait()
		if err := shared.Delete(l.Context(), "r"); err != nil {
			l.Fatal(err)
		}
		if err := <-gone; !errors.Is(err, store.ErrGone) {
			l.Errorf("the end of the room: %v", err)
		}
		if n := len(two.srv.growth.rooms); n != 0 {
			l.Errorf("%d rooms are watched by nobody", n)
		}
	})
}

// What the admin API asks for at one node happens to those at another.
func TestAdminReachesOtherNodes(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		shared := memory.New()
		defer shared.Close()
		one, _ := l.another(Options{}, shared.Join())
		two, _ := l.another(Options{}, shared.Join())
		admin, ctx := two.srv.Admin(), l.Context()
		must := func(err error) {
			l.Helper()
			if err != nil {
				l.Fatal(err)
			}
		}
		code := func(err error, want protocol.Code) {
			l.Helper()
			var wire *protocol.Error
			if !errors.As(err, &wire) || wire.Code != want {
				l.Errorf("got %v, want %s", err, want)
			}
		}
		a, b := one.join("r", "Ann"), one.join("r", "Bob")
		await[*protocol.ParticipantJoined](a)
		bob := b.joined.Self

		seq, err := admin.Say(ctx, "r", "notice", "", "The room closes at noon.")
		must(err)
		again, err := admin.Say(ctx, "r", "notice", "", "The room closes at noon.")
		must(err)
		m := expect[*protocol.ChatMessage](a)
		if m.Seq != seq || again != seq || m.Text != "The room closes at noon." {
			l.Errorf("said %+v as %d and %d", m, seq, again)
		}
		must(admin.Mute(ctx, "r", bob, []protocol.Source{protocol.Camera}, true))
		if u := expect[*protocol.ParticipantUpdated](a); u.Participant.Media.Camera || !slices.Contains(u.Participant.Blocked, protocol.Camera) {
			l.Errorf("updated = %+v", u)
		}
		b.send(&protocol.State{ID: "on", Camera: true})
		equal(t, "turning it on again", await[*protocol.Error](b).Code, protocol.CodeBlocked)
		must(admin.Allow(ctx, "r", bob, []protocol.Source{protocol.Camera}))
		expect[*protocol.ParticipantUpdated](a)
		must(admin.SetRole(ctx, "r", bob, auth.RoleModerator))
		equal(t, "role", expect[*protocol.ParticipantUpdated](a).Participant.Role, protocol.RoleModerator)
		must(admin.DeleteMessage(ctx, "r", seq))
		equal(t, "deleted", expect[*protocol.ChatDeleted](a).Message, seq)
		word := "correct horse"
		must(admin.Set(ctx, "r", "", Settings{Access: protocol.AccessLobby, Password: &word, People: 7}))
		equal(t, "settings", expect[*protocol.SettingsChanged](a).Settings, protocol.Settings{Access: protocol.AccessLobby, Password: true, People: 7})

		c := one.dial()
		c.send(&protocol.Join{ID: "c", Room: "r", Name: "Cid", Password: word})
		expect[*protocol.Waiting](c)
		expect[*protocol.Knocks](a)
		synctest.Wait()
		info, err := admin.Room(ctx, "r")
		must(err)
		if len(info.Participants) != 2 || len(info.Waiting) != 1 || info.Waiting[0].Name != "Cid" || !info.Settings.Password || info.Epoch != a.joined.Epoch {
			l.Errorf("room = %+v", info)
		}
		must(admin.Admit(ctx, "r", info.Waiting[0].ID, true))
		expect[*protocol.Joined](c)
		await[*protocol.ParticipantJoined](a)
		code(admin.Admit(ctx, "r", info.Waiting[0].ID, true), protocol.CodeNoSuchPeer)

		must(admin.Remove(ctx, "r", bob, time.Hour))
		equal(t, "Bob's end", await[*protocol.Left](b).Reason, "banned")
		info, err = admin.Room(ctx, "r")
		must(err)
		if len(info.Bans) != 1 || info.Bans[0].Address != "" {
			l.Fatalf("bans = %+v", info.Bans)
		}
		must(admin.Unban(ctx, "r", info.Bans[0].ID))
		code(admin.Unban(ctx, "r", info.Bans[0].ID), protocol.CodeNoSuchPeer)
		code(admin.Remove(ctx, "r", bob, 0), protocol.CodeNoSuchPeer)

		rooms, err := admin.Rooms(ctx, "", 10)
		must(err)
		if len(rooms) != 1 || rooms[0].ID != "r" || rooms[0].Events == 0 {
			l.Errorf("rooms = %+v", rooms)
		}
		if err := admin.End(ctx, "nowhere"); !errors.Is(err, store.ErrGone) {
			l.Errorf("the end of no room: %v", err)
		}
		must(admin.End(ctx, "r"))
		for _, p := range []*client{a, c} {
			equal(t, "the end", await[*protocol.Left](p).Reason, "room-ended")
			equal(t, "close code", p.ended(), protocol.CloseStay)
		}
	})
}

// A room that is deleted ends for everybody at every node, also where a replica notices only that its log is gone; who comes again finds an empty room.
func TestDeletedRoomsAreGoneEverywhere(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		shared := memory.New()
		defer shared.Close()
		one, _ := l.another(Options{}, shared.Join())
		two, _ := l.another(Options{}, shared.Join())
		a, b := one.join("r", "Ann"), two.join("r", "Bob")
		a.send(&protocol.Chat{ID: "1", Text: "hello"})
		await[*protocol.ChatMessage](b)
		if err := one.srv.Admin().Delete(l.Context(), "r"); err != nil {
			l.Fatal(err)
		}
		for _, c := range []*client{a, b} {
			if code := c.ended(); code != protocol.CloseStay && code != protocol.CloseResume {
				l.Errorf("close code %d", code)
			}
		}
		if _, err := shared.Find(l.Context(), "r"); !errors.Is(err, store.ErrGone) {
			l.Errorf("the room is kept: %v", err)
		}
		two.resume(b).refused(protocol.CodeSessionExpired, "resume")

		// The store alone knows that it is deleted, as with retention of another node.
		c, d := one.join("r", "Cid"), two.join("r", "Dan")
		equal(t, "a fresh room", c.joined.Seq, uint64(1))
		if err := shared.Delete(l.Context(), "r"); err != nil {
			l.Fatal(err)
		}
		equal(t, "close code", c.ended(), protocol.CloseResume)
		equal(t, "close code", d.ended(), protocol.CloseResume)
		two.resume(c).refused(protocol.CodeSessionExpired, "resume")
		again := two.join("r", "Dan")
		if len(said(again.joined.Chat)) != 0 || len(again.joined.Participants) != 1 || again.joined.Epoch == d.joined.Epoch {
			l.Errorf("joined = %+v", again.joined)
		}
	})
}
