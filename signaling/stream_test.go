package signaling

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/confab/confab/signaling/protocol"
)

// streamClient speaks server-sent events and POST.
type streamClient struct {
	l      *lab
	urls   opened
	last   string // id of the last event
	cancel context.CancelFunc
	events chan [3]string // kind, id, data; closed at the end of the request
}

func (l *lab) openStream() *streamClient {
	l.Helper()
	res, body := l.http("POST", "/api/v1/session", "")
	c := &streamClient{l: l}
	if res.StatusCode != 201 || json.Unmarshal([]byte(body), &c.urls) != nil {
		l.Fatalf("%d %s", res.StatusCode, body)
	}
	return c
}

func (c *streamClient) listen() int {
	c.l.Helper()
	ctx, cancel := context.WithCancel(c.l.Context())
	r, _ := http.NewRequestWithContext(ctx, "GET", "http://confab.test"+c.urls.Events, nil)
	if c.last != "" {
		r.Header.Set("Last-Event-ID", c.last)
	}
	res, err := (&http.Transport{DialContext: c.l.listener.dial, DisableKeepAlives: true}).RoundTrip(r)
	if err != nil {
		c.l.Fatal(err)
	}
	c.cancel = cancel
	if res.StatusCode != 200 {
		res.Body.Close()
		cancel()
		return res.StatusCode
	}
	events := make(chan [3]string, 1000)
	c.events = events
	go func() {
		defer close(events)
		defer res.Body.Close()
		var e [3]string
		for in := bufio.NewScanner(res.Body); in.Scan(); {
			name, value, _ := strings.Cut(in.Text(), ": ")
			switch {
			case in.Text() == "" && e[2] != "":
				events <- e
				e = [3]string{}
			case name == "event":
				e[0] = value
			case name == "id":
				e[1] = value
			case name == "data":
				e[2] = value
			}
		}
	}()
	return 200
}

func (c *streamClient) post(batch int, commands ...protocol.Command) int {
	c.l.Helper()
	var all []string
	for _, command := range commands {
		frame, err := protocol.EncodeCommand(command)
		if err != nil {
			c.l.Fatal(err)
		}
		all = append(all, string(frame))
	}
	res, _ := c.l.http("POST", c.urls.Messages, fmt.Sprintf(`{"batch":%d,"messages":[%s]}`, batch, strings.Join(all, ",")))
	return res.StatusCode
}

// chats reads what has come and returns the texts of the chat, and the close event.
func (c *streamClient) chats() (texts []string, closed string) {
	synctest.Wait()
	for {
		select {
		case e, ok := <-c.events:
			if !ok {
				return texts, closed
			}
			c.last = e[1]
			if e[0] == "close" {
				closed = e[2]
				continue
			}
			messages, err := protocol.DecodeMessages([]byte(e[2]))
			if err != nil {
				c.l.Fatal(err)
			}
			if chat, ok := messages[0].(*protocol.ChatMessage); ok {
				texts = append(texts, chat.Text)
			}
		default:
			return texts, closed
		}
	}
}

func TestSessionWithoutWebSocket(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		ann := l.join("r", "Ann")
		bob := l.openStream()
		equal(l.T, "listen", bob.listen(), 200)
		equal(l.T, "join", bob.post(1, &protocol.Join{ID: "j", Room: "r", Name: "Bob"}), 200)
		await[*protocol.ParticipantJoined](ann)
		say := func(text string) *protocol.Chat { return &protocol.Chat{ID: text, Text: text} }
		equal(l.T, "two in a batch", bob.post(2, say("one"), say("two")), 200)
		equal(l.T, "the same again", bob.post(2, say("one"), say("two")), 200)
		equal(l.T, "a batch too far", bob.post(4, say("four")), 409)
		equal(l.T, "chat", await[*protocol.ChatMessage](ann).Text, "one")
		equal(l.T, "chat", await[*protocol.ChatMessage](ann).Text, "two")
		texts, _ := bob.chats()
		equal(l.T, "Bob hears", texts, []string{"one", "two"})

		bob.cancel() // the request is cut, not the session
		synctest.Wait()
		ann.send(say("three"))
		time.Sleep(5 * time.Second)
		equal(l.T, "listen again", bob.listen(), 200)
		texts, _ = bob.chats()
		equal(l.T, "Bob hears what he missed", texts, []string{"three"})
		await[*protocol.ChatMessage](ann)

		res, _ := l.http("DELETE", bob.urls.Session, "") // the page was closed: the seat is held for five seconds
		equal(l.T, "delete", res.StatusCode, 204)
		time.Sleep(6 * time.Second)
		equal(l.T, "left", await[*protocol.ParticipantLeft](ann).Reason, "lost")
		equal(l.T, "events of an ended session", bob.listen(), 404)
	})
}

func TestStreamThatNobodyReadsIsLost(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		ann := l.join("r", "Ann")
		bob := l.openStream()
		bob.listen()
		bob.post(1, &protocol.Join{ID: "j", Room: "r", Name: "Bob"})
		await[*protocol.ParticipantJoined](ann)
		for i := range 4 { // pings keep it
			time.Sleep(15 * time.Second)
			bob.post(2+i, &protocol.Ping{ID: "p"})
		}
		ann.quiet()
		bob.cancel()
		time.Sleep(40 * time.Second)
		equal(l.T, "online", await[*protocol.ParticipantUpdated](ann).Participant.Online, false)
	})
}

func TestEndOfAStreamSaysHowToComeBack(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		bob := l.openStream()
		bob.listen()
		bob.post(1, &protocol.Join{ID: "j", Room: "r", Name: "Bob"}, &protocol.Leave{ID: "l"})
		_, closed := bob.chats()
		equal(l.T, "close", closed, `{"code":4002,"reason":"left"}`)
		silent := l.openStream()
		silent.listen()
		time.Sleep(14 * time.Second)
		_, closed = silent.chats()
		equal(l.T, "close", closed, `{"code":4002,"reason":"no-join"}`)
		equal(l.T, "sockets", l.count("signaling_sockets"), 0.0)
	})
}

func TestStreamsAreBoundedAsSocketsAre(t *testing.T) {
	inLab(t, Options{Limits: Limits{SocketsPerAddress: 1}}, func(l *lab) {
		l.listener.from = "192.0.2.1:1000"
		c := l.openStream()
		res, _ := l.http("POST", "/api/v1/session", "")
		equal(l.T, "one too many", res.StatusCode, 503)
		res, _ = l.http("POST", "/api/v1/session", "", "Origin", "https://evil.test")
		equal(l.T, "foreign page", res.StatusCode, 403)
		for body, want := range map[string]int{
			"": 400, "[]": 400, `{"batch":0,"messages":[{}]}`: 400, `{"batch":1,"messages":[{}],"x":1}`: 400,
			`{"batch":1,"messages":[` + strings.Repeat(`{},`, 64) + `{}]}`: 400, strings.Repeat(" ", 300<<10): 413,
		} {
			if res, _ := l.http("POST", c.urls.Messages, body); res.StatusCode != want {
				l.Errorf("%.40q: %d, want %d", body, res.StatusCode, want)
			}
		}
		for range 3 { // deep JSON is refused by the command's own decoder
			l.http("POST", c.urls.Messages, `{"batch":1,"messages":[`+strings.Repeat("[", 5000)+strings.Repeat("]", 5000)+`]}`)
		}
	})
}

func FuzzBatch(f *testing.F) {
	f.Add([]byte(`{"batch":1,"messages":[{"type":"ping"}]}`))
	f.Add([]byte(`{"batch":18446744073709551615,"messages":[[[[[]]]]]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		b, err := decodeBatch(body)
		if err == nil && (b.Batch == 0 || len(b.Messages) == 0 || len(b.Messages) > maxBatch) {
			t.Fatalf("%q is taken as %+v", body, b)
		}
	})
}
