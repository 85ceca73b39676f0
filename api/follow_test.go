package api

import (
	"bufio"
	"net/http"
	"strings"
	"testing"

	"github.com/confab/confab/signaling/protocol"
)

// follow opens a stream; next returns its next event as id and data.
func (b *bench) follow(room, last string) (next func() (id, data string), end func()) {
	b.Helper()
	r, err := http.NewRequestWithContext(b.Context(), "GET", b.url+Prefix+"/rooms/"+room+"/events", nil)
	if err != nil {
		b.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+admin(b.T, "*"))
	if last != "" {
		r.Header.Set("Last-Event-ID", last)
	}
	response, err := b.client.Do(r)
	if err != nil {
		b.Fatal(err)
	}
	if response.StatusCode != http.StatusOK || response.Header.Get("Content-Type") != "text/event-stream" {
		b.Fatalf("%d %s", response.StatusCode, response.Header.Get("Content-Type"))
	}
	lines := bufio.NewScanner(response.Body)
	return func() (id, data string) {
		for lines.Scan() {
			name, value, _ := strings.Cut(lines.Text(), ": ")
			switch name {
			case "id":
				id = value
			case "data":
				return id, value
			}
		}
		b.Fatalf("the stream ended: %v", lines.Err())
		return "", ""
	}, func() { _ = response.Body.Close() }
}

// Whoever follows a room gets what was said, then what is being said; and later exactly what was missed.
func TestFollow(t *testing.T) {
	b := newBench(t)
	b.must(http.StatusCreated, "POST", "/rooms", `{"id":"team-a","people":7}`, nil)
	say := func(text string) {
		b.must(http.StatusCreated, "POST", "/rooms/team-a/messages", `{"text":"`+text+`"}`, nil)
	}
	say("one")
	next, end := b.follow("team-a", "")
	if id, data := next(); !strings.HasSuffix(id, ":1") || !strings.Contains(data, `"kind":"settings"`) {
		t.Errorf("first %s %s", id, data)
	}
	last, data := next()
	if !strings.Contains(data, `"text":"one"`) {
		t.Errorf("then %s", data)
	}
	say("two")
	if _, data := next(); !strings.Contains(data, `"text":"two"`) {
		t.Errorf("live %s", data)
	}
	end()
	say("three")
	next, end = b.follow("team-a", last)
	for _, want := range []string{"two", "three"} {
		if _, data := next(); !strings.Contains(data, `"text":"`+want+`"`) {
			t.Errorf("missed %s, got %s", want, data)
		}
	}
	end()

	for _, id := range []string{"x", "x:y", "x:-1", strings.Repeat("x", 200) + ":1"} {
		if a := b.send("GET", "/rooms/team-a/events", admin(t, "*"), "", "Last-Event-ID", id); a.code(t) != protocol.CodeMalformed {
			t.Errorf("Last-Event-ID %.20s: %d %s", id, a.status, a.body)
		}
	}
	if a := b.send("GET", "/rooms/nowhere/events", admin(t, "*"), ""); a.code(t) != CodeNoSuchRoom {
		t.Errorf("a room that is not there: %d %s", a.status, a.body)
	}
	b.api.following.Store(followers)
	if a := b.send("GET", "/rooms/team-a/events", admin(t, "*"), ""); a.code(t) != protocol.CodeTooFast {
		t.Errorf("one stream too many: %d %s", a.status, a.body)
	}
}
