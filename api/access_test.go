package api

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/confab/confab/auth"
	"github.com/confab/confab/signaling/protocol"
)

// sign mints a token from claims for the room team-a, as they are after change.
func sign(t *testing.T, change func(*auth.Claims)) string {
	t.Helper()
	c := auth.Claims{Room: "team-a", Role: auth.RoleHost, Expires: time.Now().Add(time.Hour)}
	c.Admin = true
	change(&c)
	token, err := auth.Sign(secret, c, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// Who may use the API is decided before anything else is looked at, for every operation in the same way.
func TestEveryOperationNeedsTheRightToken(t *testing.T) {
	b := newBench(t)
	b.must(http.StatusCreated, "POST", "/rooms", `{"id":"team-a"}`, nil)
	b.must(http.StatusCreated, "POST", "/rooms/team-a/messages", `{"text":"still here"}`, nil)
	invite, err := auth.MintInvite(secret, auth.Invite{Room: "team-a", Role: auth.RoleHost, Grants: auth.Grants{Admin: true}, Expires: time.Now().Add(time.Hour)}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	other, err := auth.Sign([]byte(strings.Repeat("o", 32)), auth.Claims{Room: "*", Role: auth.RoleHost, Grants: auth.Grants{Admin: true}}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range routes {
		path := strings.NewReplacer("{room}", "team-a", "{participant}", "k3v9", "{ban}", "k3v9", "{message}", "1").Replace(r.path)
		for name, tt := range map[string]struct {
			token  string
			status int
		}{
			"no token":          {"", 401},
			"rubbish":           {"rubbish", 401},
			"another's secret":  {other, 401},
			"an invite":         {invite, 401},
			"a counted token":   {sign(t, func(c *auth.Claims) { c.Uses, c.ID = 5, "x" }), 401},
			"without the grant": {sign(t, func(c *auth.Claims) { c.Grants = auth.AllGrants() }), 403},
			"a moderator":       {sign(t, func(c *auth.Claims) { c.Role = auth.RoleModerator }), 403},
			"another room":      {sign(t, func(c *auth.Claims) { c.Room = "team-b" }), 403},
			"a longer room":     {sign(t, func(c *auth.Claims) { c.Room = "team-a-*" }), 403},
		} {
			wrongRoom := name == "another room" || name == "a longer room"
			if wrongRoom && !strings.Contains(r.path, "{room}") {
				continue // below
			}
			a := b.send(r.method, path, tt.token, "not even JSON")
			if a.status != tt.status {
				t.Errorf("%s, %s: %d %s, want %d", r.name, name, a.status, a.body, tt.status)
			}
			if challenge := a.header.Get("WWW-Authenticate"); (challenge != "") != (tt.status == 401) {
				t.Errorf("%s, %s: WWW-Authenticate %q with %d", r.name, name, challenge, a.status)
			}
			if strings.Contains(a.body, tt.token) && tt.token != "" {
				t.Errorf("%s, %s: the token is repeated: %s", r.name, name, a.body)
			}
		}
		// The right one gets further: what is wrong then is the request, or nothing.
		if r.name == "followRoom" {
			continue // it does not end: TestFollow
		}
		for _, room := range []string{"team-a", "team-*", "*"} {
			a := b.send(r.method, path, sign(t, func(c *auth.Claims) { c.Room = room }), "not even JSON")
			if a.status == 401 || a.status == 403 {
				t.Errorf("%s with a token for %s: %d %s", r.name, room, a.status, a.body)
			}
		}
		if r.name == "deleteRoom" {
			b.must(http.StatusCreated, "POST", "/rooms", `{"id":"team-a"}`, nil)
		}
	}
	if b.refusals(protocol.CodeUnauthorized) == 0 || b.refusals(protocol.CodeForbidden) == 0 {
		t.Error("refusals are not counted")
	}
}

func TestATokenCreatesOnlyItsRooms(t *testing.T) {
	b := newBench(t)
	token := sign(t, func(c *auth.Claims) { c.Room = "team-*" })
	if a := b.send("POST", "/rooms", token, `{"id":"other"}`); a.status != 403 {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := b.send("POST", "/rooms", token, `{"id":"team-9"}`); a.status != 201 {
		t.Errorf("%d %s", a.status, a.body)
	}
	b.must(200, "GET", "/rooms/team-9", "", nil)
	if a := b.send("GET", "/rooms/other", admin(t, "*"), ""); a.code(t) != CodeNoSuchRoom {
		t.Errorf("the refused room was made: %s", a.body)
	}
}

func TestATokenThatIsOver(t *testing.T) {
	b := newBench(t)
	token, err := auth.Sign(secret, auth.Claims{Room: "a", Role: auth.RoleHost, Grants: auth.Grants{Admin: true}, Expires: time.Now().Add(-10 * time.Minute)}, time.Now().Add(-time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if a := b.send("GET", "/rooms/a", token, ""); a.status != 401 || !strings.Contains(a.body, "expired") {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestWithoutASecretEverythingIsRefused(t *testing.T) {
	b := newBench(t, func(o *Options) { o.Tokens = nil })
	if a := b.send("GET", "/rooms", admin(t, "*"), ""); a.status != 401 || !strings.Contains(a.body, "--secret-file") {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestBadRequests(t *testing.T) {
	b := newBench(t)
	b.must(http.StatusCreated, "POST", "/rooms", `{"id":"team-a"}`, nil)
	const text, json = "text/plain", "application/json"
	for _, tt := range []struct {
		name, method, path, body, kind string
		status                         int
		code                           protocol.Code
	}{
		{"no JSON", "POST", "/rooms", `{`, json, 400, protocol.CodeMalformed},
		{"not an object", "POST", "/rooms", `["a"]`, json, 400, protocol.CodeMalformed},
		{"two values", "POST", "/rooms", `{"id":"b"}{}`, json, 400, protocol.CodeMalformed},
		{"not UTF-8", "POST", "/rooms", "{\"id\":\"b\xff\"}", json, 400, protocol.CodeMalformed},
		{"unknown field", "POST", "/rooms", `{"id":"b","x":1}`, json, 400, protocol.CodeMalformed},
		{"a field twice", "POST", "/rooms", `{"id":"b","id":"c"}`, json, 400, protocol.CodeMalformed},
		{"a field in capitals", "POST", "/rooms", `{"ID":"b"}`, json, 400, protocol.CodeMalformed},
		{"a number for a text", "POST", "/rooms", `{"id":7}`, json, 400, protocol.CodeMalformed},
		{"another type", "POST", "/rooms", `{"id":"b"}`, text, 415, CodeMediaType},
		{"too large", "POST", "/rooms", `{"id":"` + strings.Repeat("b", maxBody) + `"}`, json, 413, protocol.CodeTooLarge},
		{"no room", "POST", "/rooms", `{}`, json, 400, protocol.CodeMalformed},
		{"a bad name", "POST", "/rooms", `{"id":"Über"}`, json, 400, protocol.CodeMalformed},
		{"a room that is there", "POST", "/rooms", `{"id":"team-a"}`, json, 409, CodeExists},
		{"a short password", "PATCH", "/rooms/team-a", `{"password":"short"}`, json, 400, protocol.CodeMalformed},
		{"no such access", "PATCH", "/rooms/team-a", `{"access":"shut"}`, json, 400, protocol.CodeMalformed},
		{"more people than the server takes", "PATCH", "/rooms/team-a", `{"people":100000}`, json, 403, protocol.CodeForbidden},
		{"a bad room", "GET", "/rooms/A", ``, json, 400, protocol.CodeMalformed},
		{"an unknown parameter", "GET", "/rooms?x=1", ``, json, 400, protocol.CodeMalformed},
		{"a parameter twice", "GET", "/rooms?limit=1&limit=2", ``, json, 400, protocol.CodeMalformed},
		{"a page of none", "GET", "/rooms?limit=0", ``, json, 400, protocol.CodeMalformed},
		{"too long a page", "GET", "/rooms/team-a/messages?limit=101", ``, json, 400, protocol.CodeMalformed},
		{"a query that cannot be read", "GET", "/rooms?limit=%zz", ``, json, 400, protocol.CodeMalformed},
		{"no such role", "PATCH", "/rooms/team-a/participants/k3", `{"role":"king"}`, json, 400, protocol.CodeMalformed},
		{"a bad participant", "PATCH", "/rooms/team-a/participants/K-3", `{"role":"host"}`, json, 400, protocol.CodeMalformed},
		{"a ban for ever", "DELETE", "/rooms/team-a/participants/k3?ban=99999999", ``, json, 400, protocol.CodeMalformed},
		{"no source", "POST", "/rooms/team-a/mute", `{"sources":[]}`, json, 400, protocol.CodeMalformed},
		{"no such source", "POST", "/rooms/team-a/mute", `{"sources":["nose"]}`, json, 400, protocol.CodeMalformed},
		{"no answer", "POST", "/rooms/team-a/lobby", `{"knock":"k3"}`, json, 400, protocol.CodeMalformed},
		{"an invite for ever", "POST", "/rooms/team-a/invites", `{"seconds":99999999}`, json, 400, protocol.CodeMalformed},
		{"a blank message", "POST", "/rooms/team-a/messages", `{"text":"  "}`, json, 400, protocol.CodeMalformed},
		{"too long a message", "POST", "/rooms/team-a/messages", `{"text":"` + strings.Repeat("x", 4001) + `"}`, json, 400, protocol.CodeMalformed},
		{"a message to nobody", "POST", "/rooms/team-a/messages", `{"text":"x","to":"k3"}`, json, 404, protocol.CodeNoSuchPeer},
		{"no such message", "DELETE", "/rooms/team-a/messages/77", ``, json, 404, protocol.CodeNoSuchMessage},
		{"message 0", "DELETE", "/rooms/team-a/messages/0", ``, json, 400, protocol.CodeMalformed},
		{"no such person", "PATCH", "/rooms/team-a/participants/k3", `{"role":"host"}`, json, 404, protocol.CodeNoSuchPeer},
		{"no such ban", "DELETE", "/rooms/team-a/bans/k3", ``, json, 404, protocol.CodeNoSuchPeer},
		{"nobody waits", "POST", "/rooms/team-a/lobby", `{"knock":"k3","allow":true}`, json, 404, protocol.CodeNoSuchPeer},
		{"another method", "PUT", "/rooms/team-a", ``, json, 405, CodeMethod},
		{"another path", "GET", "/rooms/team-a/dogs", ``, json, 404, CodeNoSuchPath},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := b.send(tt.method, tt.path, admin(t, "*"), tt.body, "Content-Type", tt.kind)
			if a.status != tt.status || a.code(t) != tt.code {
				t.Errorf("%d %s, want %d %s", a.status, a.body, tt.status, tt.code)
			}
			if strings.Contains(a.body, "protocol.md") {
				t.Errorf("the hint is a socket's: %s", a.body)
			}
			if allow := a.header.Get("Allow"); a.status == 405 && allow != "GET, PATCH, DELETE" {
				t.Errorf("Allow: %s", allow)
			}
		})
	}
	for _, key := range []string{"two words", strings.Repeat("k", 65), ""} {
		if a := b.send("POST", "/rooms/team-a/messages", admin(t, "*"), `{"text":"x"}`, "Idempotency-Key", key); a.code(t) != protocol.CodeMalformed {
			t.Errorf("key %q: %d %s", key, a.status, a.body)
		}
	}
}

// A room that is not there is not made by asking for it.
func TestUnknownRooms(t *testing.T) {
	b := newBench(t)
	bodies := map[string]string{
		"changeRoom": `{"access":"open"}`, "changeParticipant": `{"role":"host"}`, "muteParticipant": `{"sources":["camera"]}`, "allowParticipant": `{"sources":["camera"]}`,
		"muteAll": `{"sources":["camera"]}`, "answerLobby": `{"allow":true}`, "postMessage": `{"text":"x"}`,
	}
	for _, r := range routes {
		if r.name == "listRooms" || r.name == "createRoom" || r.name == "createInvite" {
			continue
		}
		path := strings.NewReplacer("{room}", "nobody", "{participant}", "k3v9", "{ban}", "k3v9", "{message}", "1").Replace(r.path)
		if a := b.send(r.method, path, admin(t, "*"), bodies[r.name]); a.status != 404 || a.code(t) != CodeNoSuchRoom {
			t.Errorf("%s: %d %s", r.name, a.status, a.body)
		}
	}
	var list RoomList
	if b.must(200, "GET", "/rooms", "", &list); len(list.Rooms) > 0 {
		t.Errorf("rooms were made: %+v", list)
	}
}

func TestRequestsOfOneAddressAreBounded(t *testing.T) {
	b := newBench(t, func(o *Options) { o.Rate, o.Burst = 0.001, 3 })
	for range 3 {
		if a := b.send("GET", "/rooms", "", ""); a.status != 401 {
			t.Fatalf("%d %s", a.status, a.body)
		}
	}
	a := b.send("GET", "/rooms", admin(t, "*"), "")
	if a.status != 429 || a.code(t) != protocol.CodeTooFast || a.header.Get("Retry-After") == "" {
		t.Errorf("%d %s, Retry-After %q", a.status, a.body, a.header.Get("Retry-After"))
	}
	if b.refusals(protocol.CodeTooFast) != 1 {
		t.Error("it is not counted")
	}
}

// There are no CORS headers, also when a page asks, and no page can send the token by itself.
func TestPagesAreNotInvited(t *testing.T) {
	b := newBench(t)
	for _, method := range []string{"OPTIONS", "GET"} {
		a := b.send(method, "/rooms", admin(t, "*"), "", "Origin", "https://evil.example", "Access-Control-Request-Method", "POST")
		for name := range a.header {
			if strings.HasPrefix(name, "Access-Control-") {
				t.Errorf("%s: %s", method, name)
			}
		}
		if a.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: may be cached", method)
		}
	}
}

func FuzzBody(f *testing.F) {
	for _, seed := range []string{`{"id":"a","access":"lobby","password":null,"people":3}`, `{"id":"a","id":"b"}`, `{}`, `[]`, `{"people":1e3}`, `{"a":{"b":[1]}}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var body createBody
		if e := decode(data, &body); e != nil {
			if e.Code != protocol.CodeMalformed || e.Message == "" {
				t.Errorf("%+v", e)
			}
			return
		}
		_, _ = settingsBody{body.Access, body.Password, body.People}.settings()
	})
}
