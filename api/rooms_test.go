package api

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/confab/confab/auth"
	"github.com/confab/confab/signaling"
	"github.com/confab/confab/signaling/protocol"
	"github.com/confab/confab/store"
)

func TestRoomsAreListedByPages(t *testing.T) {
	b := newBench(t)
	for _, id := range []string{"team-b", "other", "team", "team-a", "teams", "team-c", "zoo", "team-"} {
		b.must(201, "POST", "/rooms", fmt.Sprintf(`{"id":%q}`, id), nil)
	}
	for pattern, want := range map[string]string{
		"*":      "other team team- team-a team-b team-c teams zoo",
		"team-*": "team- team-a team-b team-c",
		"team":   "team",
		"zoo":    "zoo",
		"nope":   "",
		"t*":     "team team- team-a team-b team-c teams",
	} {
		for _, limit := range []int{1, 2, 3, 100} {
			var got []string
			for after, pages := "", 0; ; pages++ {
				a := b.send("GET", fmt.Sprintf("/rooms?limit=%d&after=%s", limit, after), admin(t, pattern), "")
				var list RoomList
				if err := json.Unmarshal([]byte(a.body), &list); err != nil || a.status != 200 || len(list.Rooms) > limit || pages > 8 {
					t.Fatalf("%s: %d %s", pattern, a.status, a.body)
				}
				for _, r := range list.Rooms {
					got = append(got, r.ID)
				}
				if after = list.Next; after == "" {
					break
				}
			}
			if strings.Join(got, " ") != want {
				t.Errorf("%s by %d: %v, want %s", pattern, limit, got, want)
			}
		}
	}
}

func TestARoomsLife(t *testing.T) {
	b := newBench(t)
	var r Room
	b.must(201, "POST", "/rooms", `{"id":"a","access":"open","people":7}`, &r)
	if r.ID != "a" || r.Settings.Access != "open" || r.Settings.People != 7 || r.Settings.Password || r.Participants != 0 {
		t.Errorf("%+v", r)
	}
	ada := b.join("a", "Ada")
	b.must(200, "PATCH", "/rooms/a", `{"access":"locked","password":"correct horse"}`, &r)
	if r.Settings.Access != "locked" || !r.Settings.Password || r.Settings.People != 7 || r.Participants != 1 {
		t.Errorf("%+v", r)
	}
	if s := expect[*protocol.SettingsChanged](ada); s.Settings.Access != "locked" {
		t.Errorf("%+v", s)
	}
	if e := expect[*protocol.Error](b.visit("a", "Eve")); e.Code != protocol.CodeLocked && e.Code != protocol.CodePassword {
		t.Errorf("%+v", e)
	}
	b.must(200, "PATCH", "/rooms/a", `{"access":"open","password":""}`, &r)
	if r.Settings.Password {
		t.Errorf("%+v", r)
	}
	b.must(204, "POST", "/rooms/a/end", "", nil)
	expect[*protocol.RoomEnded](ada)
	b.must(200, "GET", "/rooms/a", "", &r)
	if r.Participants != 0 || r.Events == 0 {
		t.Errorf("%+v", r)
	}
	b.must(204, "DELETE", "/rooms/a", "", nil)
	if a := b.send("GET", "/rooms/a", admin(t, "a"), ""); a.status != 404 {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// A room that is deleted while people are in it is gone for them, and begins anew with the next who comes.
func TestARoomIsDeletedUnderItsPeople(t *testing.T) {
	b := newBench(t)
	ada := b.join("a", "Ada")
	b.must(201, "POST", "/rooms/a/messages", `{"text":"to be forgotten"}`, nil)
	b.must(204, "DELETE", "/rooms/a", "", nil)
	expect[*protocol.RoomEnded](ada)
	b.join("a", "Bob")
	var list MessageList
	b.must(200, "GET", "/rooms/a/messages", "", &list)
	for _, m := range list.Messages {
		if m.Line == "" {
			t.Errorf("%+v", m)
		}
	}
	if a := b.send("GET", "/rooms/a/export", admin(t, "a"), ""); a.status != 200 || strings.Contains(a.body, "forgotten") || !strings.Contains(a.body, "Bob") {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestPeopleAreKeptInOrder(t *testing.T) {
	b := newBench(t)
	host, bob, eve := b.join("a", "Ada"), b.join("a", "Bob"), b.join("a", "Eve")
	var list ParticipantList
	b.must(200, "GET", "/rooms/a/participants", "", &list)
	if len(list.Participants) != 3 || list.Next != "" {
		t.Fatalf("%+v", list)
	}
	var got []string
	for after := ""; ; {
		var page ParticipantList
		b.must(200, "GET", "/rooms/a/participants?limit=2&after="+after, "", &page)
		for _, p := range page.Participants {
			got = append(got, p.Name)
		}
		if after = page.Next; after == "" {
			break
		}
	}
	if slices.Sort(got); !slices.Equal(got, []string{"Ada", "Bob", "Eve"}) {
		t.Errorf("by pages: %v", got)
	}

	b.must(204, "PATCH", "/rooms/a/participants/"+bob.id, `{"role":"moderator"}`, nil)
	if g := expect[*protocol.Granted](bob); g.Role != protocol.RoleModerator {
		t.Errorf("%+v", g)
	}
	muted := func(g *guest, id string, blocked bool) {
		t.Helper()
		for {
			p := expect[*protocol.ParticipantUpdated](g).Participant
			if p.ID == id && p.Media.Microphone == false && (len(p.Blocked) > 0) == blocked {
				return
			}
		}
	}
	b.must(204, "POST", "/rooms/a/participants/"+bob.id+"/mute", `{"sources":["microphone"],"hold":true}`, nil)
	muted(bob, bob.id, true)
	b.must(204, "POST", "/rooms/a/participants/"+bob.id+"/allow", `{"sources":["microphone"]}`, nil)
	muted(bob, bob.id, false)
	b.must(204, "POST", "/rooms/a/mute", `{"sources":["microphone"]}`, nil)
	muted(host, host.id, false)

	b.must(204, "DELETE", "/rooms/a/participants/"+eve.id+"?ban=600", "", nil)
	if l := expect[*protocol.Left](eve); l.Reason != "banned" {
		t.Errorf("%+v", l)
	}
	if e := expect[*protocol.Error](b.visit("a", "Eve")); e.Code != protocol.CodeBanned {
		t.Errorf("%+v", e)
	}
	var bans BanList
	if b.must(200, "GET", "/rooms/a/bans", "", &bans); len(bans.Bans) != 1 || bans.Bans[0].Name != "Eve" {
		t.Fatalf("%+v", bans)
	}
	b.must(204, "DELETE", "/rooms/a/bans/"+bans.Bans[0].ID, "", nil)
	b.join("a", "Eve")
}

func TestTheLobbyIsAnswered(t *testing.T) {
	b := newBench(t)
	b.join("a", "Ada")
	b.must(200, "PATCH", "/rooms/a", `{"access":"lobby"}`, nil)
	in, out := b.visit("a", "Grace"), b.visit("a", "Eve")
	expect[*protocol.Waiting](in)
	expect[*protocol.Waiting](out)
	var lobby Lobby
	b.must(200, "GET", "/rooms/a/lobby", "", &lobby)
	ids := map[string]string{}
	for _, k := range lobby.Waiting {
		ids[k.Name] = k.ID
	}
	b.must(204, "POST", "/rooms/a/lobby", fmt.Sprintf(`{"knock":%q,"allow":true}`, ids["Grace"]), nil)
	expect[*protocol.Joined](in)
	b.must(204, "POST", "/rooms/a/lobby", `{"allow":false}`, nil)
	if e := expect[*protocol.Error](out); e.Code != protocol.CodeRefused {
		t.Errorf("%+v", e)
	}
}

func TestInvites(t *testing.T) {
	b := newBench(t)
	var invite Invite
	b.must(201, "POST", "/rooms/a/invites", `{"role":"moderator","seconds":60,"uses":2}`, &invite)
	i, err := auth.OpenInvite([][]byte{secret}, invite.Token, invite.Expires.Add(-1))
	if err != nil || i.Room != "a" || i.Role != auth.RoleModerator || i.Uses != 2 || i.Grants.Admin || invite.Path != "/r/a#token="+invite.Token {
		t.Errorf("%+v %+v %v", invite, i, err)
	}
	b.must(201, "POST", "/rooms/a/invites", `{}`, &invite)
	if i, err = auth.OpenInvite([][]byte{secret}, invite.Token, invite.Expires.Add(-1)); err != nil || i.Role != auth.RoleMember || i.Uses != 0 {
		t.Errorf("%+v %v", i, err)
	}
}

func TestTheChat(t *testing.T) {
	b := newBench(t)
	ada, bob := b.join("a", "Ada"), b.join("a", "Bob")
	var first, again Posted
	b.must(201, "POST", "/rooms/a/messages", `{"text":"once"}`, &first, "Idempotency-Key", "k-1")
	b.must(201, "POST", "/rooms/a/messages", `{"text":"twice?"}`, &again, "Idempotency-Key", "k-1")
	if first != again || first.ID != "k-1" || first.Seq == 0 {
		t.Errorf("%+v, then %+v", first, again)
	}
	if m := expect[*protocol.ChatMessage](ada); m.Text != "once" || m.From != "*" || m.Seq != first.Seq {
		t.Errorf("%+v", m)
	}
	b.must(201, "POST", "/rooms/a/messages", `{"text":"psst","to":"`+bob.id+`"}`, nil)
	for n := range 5 {
		b.must(201, "POST", "/rooms/a/messages", fmt.Sprintf(`{"text":"n%d"}`, n), nil)
	}
	if m := expect[*protocol.ChatMessage](ada); m.Text != "n0" {
		t.Errorf("Ada was told %+v", m)
	}
	var texts []string
	for before := ""; ; {
		var page MessageList
		b.must(200, "GET", "/rooms/a/messages?limit=2"+before, "", &page)
		var part []string
		for _, m := range page.Messages {
			if m.Line == "" {
				part = append(part, m.Text)
			}
		}
		texts = append(part, texts...)
		if page.Next == 0 {
			break
		}
		before = fmt.Sprintf("&before=%d", page.Next)
	}
	if !slices.Equal(texts, []string{"once", "n0", "n1", "n2", "n3", "n4"}) {
		t.Errorf("%q", texts)
	}
	b.must(204, "DELETE", fmt.Sprintf("/rooms/a/messages/%d", first.Seq), "", nil)
	if d := expect[*protocol.ChatDeleted](ada); d.Message != first.Seq {
		t.Errorf("%+v", d)
	}
}

// A program that sends a message again before it has an answer gets the same answer.
func TestAMessageIsSaidOnceAtOnce(t *testing.T) {
	b := newBench(t)
	ada := b.join("a", "Ada")
	answers := make(chan string, 20)
	for range cap(answers) {
		go func() {
			answers <- b.send("POST", "/rooms/a/messages", admin(t, "a"), `{"text":"once"}`, "Idempotency-Key", "k-1").body
		}()
	}
	first := <-answers
	for range cap(answers) - 1 {
		if again := <-answers; again != first {
			t.Errorf("%s, then %s", first, again)
		}
	}
	b.must(201, "POST", "/rooms/a/messages", `{"text":"last"}`, nil)
	expect[*protocol.ChatMessage](ada)
	if m := expect[*protocol.ChatMessage](ada); m.Text != "last" {
		t.Errorf("%+v", m)
	}
}

func TestExport(t *testing.T) {
	b := newBench(t)
	b.must(201, "POST", "/rooms", `{"id":"a","password":"correct horse"}`, nil)
	b.must(200, "PATCH", "/rooms/a", `{"password":""}`, nil)
	b.join("a", "Ada")
	a := b.send("GET", "/rooms/a/export", admin(t, "a"), "")
	if a.status != 200 || a.header.Get("Content-Type") != "application/x-ndjson" {
		t.Fatalf("%d %s", a.status, a.body)
	}
	lines := bufio.NewScanner(strings.NewReader(a.body))
	var seq uint64
	for lines.Scan() {
		var line struct {
			Seq  uint64 `json:"seq"`
			Kind string `json:"kind"`
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil || line.Seq != seq+1 || line.Kind == "" {
			t.Errorf("%s: %v", lines.Text(), err)
		}
		seq = line.Seq
	}
	if seq < 3 || strings.Contains(a.body, "argon2") || strings.Contains(a.body, `"session"`) {
		t.Errorf("%s", a.body)
	}
}

// brokenRooms fail as a store in trouble does.
type brokenRooms struct {
	others
	err error
}

// others is Rooms under a name that is not that of one of its methods.
type others = Rooms

func (r brokenRooms) Room(context.Context, string) (signaling.RoomInfo, error) {
	return signaling.RoomInfo{}, r.err
}

func TestFailuresAreTold(t *testing.T) {
	for name, tt := range map[string]struct {
		err    error
		status int
		code   protocol.Code
	}{
		"no answer": {fmt.Errorf("read: %w", store.ErrUnavailable), 503, protocol.CodeUnavailable},
		"full":      {store.ErrFull, 503, protocol.CodeUnavailable},
		"a fault":   {errors.New("secret detail"), 500, protocol.CodeInternal},
		"draining":  {&protocol.Error{Code: protocol.CodeDraining, Message: "the server is going away", Retry: true, After: 5000}, 503, protocol.CodeDraining},
	} {
		b := newBench(t, func(o *Options) { o.Rooms = brokenRooms{o.Rooms, tt.err} })
		a := b.send(http.MethodGet, "/rooms/a", admin(t, "a"), "")
		if a.status != tt.status || a.code(t) != tt.code || strings.Contains(a.body, "secret detail") {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
		if (a.header.Get("Retry-After") != "") != (tt.status == 503) {
			t.Errorf("%s: Retry-After %q", name, a.header.Get("Retry-After"))
		}
	}
}
