package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/confab/confab/api"
	"github.com/confab/confab/auth"
	"github.com/confab/confab/internal/cli"
	"github.com/confab/confab/signaling/protocol"
)

// attend takes a seat in a room and returns its id.
func attend(t *testing.T, s *server, room, name string) string {
	t.Helper()
	dialer := websocket.Dialer{Subprotocols: []string{protocol.Subprotocol}}
	conn, response, err := dialer.DialContext(t.Context(), "ws"+strings.TrimPrefix(s.url, "http")+"/ws", nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	t.Cleanup(func() { _ = conn.Close() })
	frame, err := protocol.EncodeCommand(&protocol.Join{ID: "j", Room: room, Name: name, Media: protocol.State{Microphone: true}})
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.WriteMessage(websocket.TextMessage, frame); err != nil {
		t.Fatal(err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	_, frame, err = conn.ReadMessage()
	if err != nil {
		t.Fatal(err)
	}
	m, err := protocol.DecodeMessage(frame)
	joined, ok := m.(*protocol.Joined)
	if !ok {
		t.Fatalf("%s: %v", frame, err)
	}
	return joined.Self
}

func TestRoomCommands(t *testing.T) {
	secrets := filepath.Join(t.TempDir(), "secrets")
	if err := os.WriteFile(secrets, []byte(strings.Repeat("a", 32)), 0o600); err != nil {
		t.Fatal(err)
	}
	s := start(t, "--secret-file", secrets)
	room := func(args ...string) (int, string, string) {
		return runOnce([]string{"CONFAB_SECRET_FILE=" + secrets}, append([]string{"room", "--server", s.url}, args...)...)
	}
	must := func(want string, args ...string) string {
		t.Helper()
		code, out, stderr := room(args...)
		if code != 0 || !strings.Contains(strings.Join(strings.Fields(out), " "), want) {
			t.Fatalf("sfu room %q: exit code %d, no %q in\n%s%s", args, code, want, out, stderr)
		}
		return out
	}
	must("access open", "create", "a", "--people", "9")
	must("people 0 of 9", "show", "a")
	bob := attend(t, s, "a", "Bob")
	eve := attend(t, s, "a", "Eve")
	must("password yes", "set", "a", "--access", "lobby", "--password", "correct horse")
	must("access lobby", "set", "a", "--password", "")
	must(`ROOM EVENTS BYTES CREATED USED a `, "list")
	must(eve+` Eve member person yes microphone`, "participants", "a")
	must("changed", "role", "a", bob, "moderator")
	must("muted", "mute", "a", eve, "--hold")
	must("allowed", "allow", "a", eve)
	must("muted", "mute", "a", "--source", "camera,screen")
	must("removed", "remove", "a", eve, "--ban", "1h")
	must(eve+" Eve", "bans", "a")
	must("lifted", "unban", "a", eve)
	must("ID NAME SINCE", "lobby", "a")
	must("answered", "admit", "a")
	must("said, message", "say", "a", "hello \x1b[31mred")
	chat := must(`Server hello \x1b[31mred`, "messages", "a")
	if strings.Contains(chat, "\x1b") {
		t.Errorf("the chat can play with the terminal: %q", chat)
	}
	link := must("/r/a#token=inv1.", "invite", "a", "--role", "viewer", "--uses", "3")
	_, invite, _ := strings.Cut(strings.TrimSpace(link), "#token=")
	if i, err := auth.OpenInvite([][]byte{[]byte(strings.Repeat("a", 32))}, invite, time.Now()); err != nil || i.Role != auth.RoleViewer || i.Uses != 3 {
		t.Errorf("%+v, %v", i, err)
	}
	var shown api.Room
	if _, out, _ := room("show", "a", "--json"); json.Unmarshal([]byte(out), &shown) != nil || shown.ID != "a" || shown.Participants != 1 {
		t.Errorf("%s", out)
	}
	for line := range strings.Lines(must(`"kind":"joined"`, "export", "a")) {
		if !json.Valid([]byte(line)) {
			t.Errorf("%s", line)
		}
	}
	must("ended", "end", "a")
	must("deleted", "delete", "a")

	for _, tt := range []struct {
		code int
		want string
		args []string
	}{
		{cli.ExitFailed, "no-such-room", []string{"show", "a"}},
		{cli.ExitFailed, "no-such-room", []string{"export", "a"}},
		{cli.ExitFailed, "malformed", []string{"show", "../A"}},
		{cli.ExitUsage, "usage: sfu room show ROOM", []string{"show"}},
		{cli.ExitUsage, "nothing to set", []string{"set", "a"}},
		{cli.ExitUsage, "unknown flag", []string{"show", "a", "--nothing"}},
		{cli.ExitUsage, "--server", []string{"list", "--server", "localhost"}},
		{cli.ExitFailed, "refused", []string{"list", "--server", "http://127.0.0.1:1"}},
	} {
		code, out, stderr := room(tt.args...)
		if code != tt.code || !strings.Contains(stderr, tt.want) || out != "" {
			t.Errorf("sfu room %q: exit code %d, %s%s, want %d with %q", tt.args, code, out, stderr, tt.code, tt.want)
		}
	}
}

// Without a secret the command says what it needs, and a token of a file is taken instead; nothing shows it.
func TestRoomTokens(t *testing.T) {
	secrets := filepath.Join(t.TempDir(), "secrets")
	if err := os.WriteFile(secrets, []byte(strings.Repeat("a", 32)), 0o600); err != nil {
		t.Fatal(err)
	}
	s := start(t, "--auth=token", "--secret-file", secrets)
	if code, _, stderr := runOnce(nil, "room", "list", "--server", s.url); code != cli.ExitUsage || !strings.Contains(stderr, "--token-file") {
		t.Errorf("exit code %d, %s", code, stderr)
	}
	for name, tt := range map[string]struct {
		mint []string
		code int
	}{
		"an administrator's": {[]string{"--admin"}, 0},
		"a host's":           {[]string{"--role=host"}, cli.ExitFailed},
	} {
		_, token, _ := runOnce(nil, append([]string{"token", "--room=*", "--secret-file", secrets}, tt.mint...)...)
		file := filepath.Join(t.TempDir(), "token")
		if err := os.WriteFile(file, []byte(token), 0o600); err != nil {
			t.Fatal(err)
		}
		code, out, stderr := runOnce(nil, "room", "list", "--server", s.url, "--token-file", file)
		if code != tt.code || strings.Contains(out+stderr, strings.TrimSpace(token)) {
			t.Errorf("%s: exit code %d, %s%s", name, code, out, stderr)
		}
	}
	if strings.Contains(s.stderr.String(), "eyJ") {
		t.Errorf("a token is in the log:\n%s", s.stderr)
	}
}

// A server tells another one of its rooms, and its options are checked before it starts.
func TestWebhooksAreSent(t *testing.T) {
	secrets := filepath.Join(t.TempDir(), "secrets")
	if err := os.WriteFile(secrets, []byte(strings.Repeat("w", 32)), 0o600); err != nil {
		t.Fatal(err)
	}
	told := make(chan string, 10)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var e struct{ Type, Room string }
		_ = json.NewDecoder(r.Body).Decode(&e)
		told <- e.Type + " " + e.Room + " " + r.Header.Get(auth.WebhookSignature)[:3]
	}))
	defer receiver.Close()
	s := start(t, "--webhook-url", receiver.URL, "--webhook-secret-file", secrets, "--webhook-events=joined")
	attend(t, s, "a", "Ada")
	select {
	case got := <-told:
		if got != "joined a v1," {
			t.Errorf("told %q", got)
		}
	case <-time.After(10 * time.Second):
		t.Errorf("nothing was told:\n%s", s.stderr)
	}
	for _, tt := range []struct {
		want string
		args []string
	}{
		{"give --webhook-secret-file too", []string{"--webhook-url=https://hooks.example/"}},
		{"give --webhook-url too", []string{"--webhook-secret-file", secrets}},
		{`no event "coffee"`, []string{"--webhook-url=https://hooks.example/", "--webhook-secret-file", secrets, "--webhook-events=coffee"}},
		{"http:// or https://", []string{"--webhook-url=hooks.example", "--webhook-secret-file", secrets}},
	} {
		if code, _, stderr := runOnce(nil, tt.args...); code != cli.ExitUsage || !strings.Contains(stderr, tt.want) {
			t.Errorf("%v: exit code %d, %s", tt.args, code, stderr)
		}
	}
}
