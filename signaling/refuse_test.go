package signaling

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"github.com/confab/confab/auth"
	"github.com/confab/confab/signaling/protocol"
)

func TestRequestsThatAreNoSocketAreRefused(t *testing.T) {
	inLab(t, Options{Origins: []string{"https://friend.test"}}, func(l *lab) {
		upgrade := []string{"Connection", "Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Version", "13", "Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA=="}
		for _, tc := range []struct {
			name   string
			header []string
			status int
			code   protocol.Code
		}{
			{"no upgrade", nil, 400, protocol.CodeMalformed},
			{"no subprotocol", upgrade, 400, protocol.CodeMalformed},
			{"another subprotocol", append(upgrade, "Sec-WebSocket-Protocol", "chat"), 400, protocol.CodeMalformed},
			{"foreign origin", append(upgrade, "Sec-WebSocket-Protocol", protocol.Subprotocol, "Origin", "https://evil.test"), 403, protocol.CodeOrigin},
			{"null origin", append(upgrade, "Sec-WebSocket-Protocol", protocol.Subprotocol, "Origin", "null"), 403, protocol.CodeOrigin},
			{"origin that begins like ours", append(upgrade, "Sec-WebSocket-Protocol", protocol.Subprotocol, "Origin", "http://confab.test.evil.test"), 403, protocol.CodeOrigin},
			{"origin with our name as user", append(upgrade, "Sec-WebSocket-Protocol", protocol.Subprotocol, "Origin", "http://confab.test@evil.test"), 403, protocol.CodeOrigin},
		} {
			res, body := l.http("GET", "/ws", "", tc.header...)
			var e protocol.Error
			if err := json.Unmarshal([]byte(body), &e); err != nil || res.StatusCode != tc.status || e.Code != tc.code || e.Message == "" {
				l.Errorf("%s: %d %s", tc.name, res.StatusCode, body)
			}
		}
		for _, origin := range []string{"", "http://confab.test", "https://CONFAB.test", "https://friend.test", "http://confab.test:80"} {
			header := http.Header{}
			if origin != "" {
				header.Set("Origin", origin)
			}
			conn, _, err := l.dialSilent(header)
			if err != nil {
				l.Fatalf("origin %q: %v", origin, err)
			}
			conn.Close()
		}
	})
}

func TestCommandsAreRefused(t *testing.T) {
	inLab(t, Options{Media: &fakeMedia{}, Limits: Limits{People: 3}}, func(l *lab) {
		a := l.join("r", "Ann")
		c := l.dial()
		raw := func(kind int, frame string) {
			if err := c.conn.WriteMessage(kind, []byte(frame)); err != nil {
				l.Fatal(err)
			}
		}
		raw(websocket.TextMessage, `{`)
		c.refused(protocol.CodeMalformed, "")
		raw(websocket.TextMessage, `{"type":"promote","id":"1"}`)
		c.refused(protocol.CodeMalformed, "1")
		raw(websocket.BinaryMessage, `{"type":"ping"}`)
		c.refused(protocol.CodeMalformed, "")
		for _, command := range []protocol.Command{
			&protocol.Chat{ID: "2", Text: "x"},
			&protocol.Signal{ID: "2", To: a.joined.Self, Candidate: &protocol.Candidate{}},
			&protocol.SFUOffer{ID: "2", Revision: 1, SDP: "v=0"},
			&protocol.View{ID: "2"}, &protocol.State{ID: "2"}, &protocol.RouteReady{ID: "2"}, &protocol.RouteFailed{ID: "2"},
			&protocol.GetCredentials{ID: "2"}, &protocol.Leave{ID: "2"},
		} {
			c.send(command)
			c.refused(protocol.CodeOutOfState, "2")
		}
		for _, session := range []string{"x", "r.", "r.nobody.x", "nowhere.a.b", a.joined.Session + "x", "..."} {
			c.send(&protocol.Resume{ID: "3", Session: session, Epoch: a.joined.Epoch, Seq: 1})
			c.refused(protocol.CodeSessionExpired, "3")
		}
		c.send(&protocol.Join{ID: "4", Room: "r", Name: "Bob", Mode: protocol.ModeP2P})
		c.refused(protocol.CodeModeMismatch, "4")
		c.send(&protocol.Ping{ID: "5"})
		if pong := expect[*protocol.Pong](c); pong.ID != "5" {
			l.Errorf("pong = %+v", pong)
		}

		c.send(&protocol.Join{ID: "6", Room: "r", Name: "ann"})
		if joined := expect[*protocol.Joined](c); joined.Participants[1].Name != "ann (2)" {
			l.Errorf("participants = %+v", joined.Participants)
		}
		c.send(&protocol.Join{ID: "7", Room: "r", Name: "Bob"})
		c.refused(protocol.CodeOutOfState, "7")
		c.send(&protocol.Resume{ID: "7", Session: a.joined.Session})
		c.refused(protocol.CodeOutOfState, "7")
		for _, to := range []string{"nobody", c.joined.Self} {
			c.send(&protocol.Signal{ID: "8", To: to, Candidate: &protocol.Candidate{}})
			c.refused(protocol.CodeNoSuchPeer, "8")
		}
		c.send(&protocol.Chat{ID: "9", To: "nobody", Text: "x"})
		c.refused(protocol.CodeNoSuchPeer, "9")
		c.send(&protocol.SFUOffer{ID: "10", Revision: 1, SDP: "v=0"})
		c.refused(protocol.CodeOutOfState, "10")

		d := l.join("r", "Dan")
		e := l.dial()
		e.send(&protocol.Join{ID: "11", Room: "r", Name: "Eve"})
		if refusal := e.refused(protocol.CodeRoomFull, "11"); !refusal.Retry || refusal.After == 0 {
			l.Errorf("refusal = %+v", refusal)
		}
		d.send(&protocol.SFUOffer{ID: "12", Revision: 1, SDP: "nonsense"})
		if refusal := await[*protocol.Error](d); refusal.Code != protocol.CodeBadSDP || refusal.ID != "12" || !strings.Contains(refusal.Message, "nonsense") {
			l.Errorf("refusal = %+v", refusal)
		}
		d.send(&protocol.SFUOffer{ID: "13", Revision: 2, SDP: fakeOffer("7")})
		if answer := await[*protocol.SFUAnswer](d); answer.ID != "13" || answer.Revision != 2 {
			l.Errorf("answer = %+v", answer)
		}
		if n := l.media.open(); n != 1 {
			l.Errorf("%d connections are open", n)
		}
		a.quietBut(protocol.ClassEvent)
	})
}

// quietBut checks that nothing came but messages of a class.
func (c *client) quietBut(class protocol.Class) {
	c.l.Helper()
	synctest.Wait()
	for len(c.in) > 0 {
		m := c.next()
		if _, event := m.(protocol.Event); !event || class != protocol.ClassEvent {
			c.l.Errorf("unexpected %T%+v", m, m)
		}
	}
}

func TestWithoutAnSFU(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		c := l.dial()
		c.send(&protocol.Join{ID: "1", Room: "r", Name: "Ann", Mode: protocol.ModeSFU})
		c.refused(protocol.CodeSFUOff, "1")
		c.send(&protocol.Join{ID: "2", Room: "r", Name: "Ann", Offer: &protocol.SFUOffer{Revision: 1, SDP: "v=0"}})
		if joined := expect[*protocol.Joined](c); joined.Answer != nil || joined.Route.Transport != protocol.TransportP2P {
			l.Errorf("joined = %+v", joined)
		}
		c.send(&protocol.SFUOffer{ID: "3", Revision: 1, SDP: "v=0"}, &protocol.View{ID: "4"})
		c.refused(protocol.CodeSFUOff, "3")
		c.quiet()
		if res, body := l.http("POST", "/whip/r", fakeOffer("1"), "Content-Type", typeSDP); res.StatusCode != http.StatusNotImplemented {
			l.Errorf("whip: %d %s", res.StatusCode, body)
		}
	})
}

// Between two browsers nobody could enforce what a token does not grant, so media of such people goes through the server.
func TestALimitedTokenIsKeptToTheServer(t *testing.T) {
	secret := []byte("0123456789abcdef")
	inLab(t, Options{Media: &fakeMedia{}, Secrets: func() [][]byte { return [][]byte{secret} }}, func(l *lab) {
		enter := func(claims auth.Claims) (*client, *protocol.Joined) {
			token, err := auth.Sign(secret, claims, time.Now())
			if err != nil {
				l.Fatal(err)
			}
			c := l.dial()
			c.send(&protocol.Join{Room: "r", Name: claims.Name, Token: token})
			return c, await[*protocol.Joined](c)
		}
		ann, host := enter(auth.Participant("r", "Ann"))
		equal(t, "route of one", host.Route.Transport, protocol.TransportP2P)
		eve, guest := enter(auth.Claims{Room: "r", Name: "Eve", Grants: auth.Grants{Subscribe: true}})
		equal(t, "route", guest.Route.Transport, protocol.TransportSFU)
		signal := func(to string) *protocol.Signal {
			return &protocol.Signal{ID: "s", To: to, Generation: guest.Route.Generation, Candidate: &protocol.Candidate{}}
		}
		eve.send(signal(host.Self))
		equal(t, "from a limited seat", await[*protocol.Error](eve).Code, protocol.CodeForbidden)
		ann.send(signal(guest.Self))
		equal(t, "to a limited seat", await[*protocol.Error](ann).Code, protocol.CodeForbidden)
	})
}

func TestTokens(t *testing.T) {
	secret, stranger := []byte("0123456789abcdef"), []byte("fedcba9876543210")
	inLab(t, Options{Media: &fakeMedia{}, Secrets: func() [][]byte { return [][]byte{secret} }}, func(l *lab) {
		sign := func(secret []byte, c auth.Claims) string {
			token, err := auth.Sign(secret, c, time.Now())
			if err != nil {
				l.Fatal(err)
			}
			return token
		}
		short := auth.Participant("r", "")
		short.Expires = time.Now().Add(time.Minute)
		old := sign(secret, short)
		time.Sleep(2 * time.Minute)
		later := auth.Participant("r", "")
		later.NotBefore = time.Now().Add(time.Hour)
		c := l.dial()
		for name, token := range map[string]string{
			"none": "", "garbage": "x.y.z", "another secret": sign(stranger, auth.Participant("r", "")),
			"another room": sign(secret, auth.Participant("q", "")), "expired": old, "not yet": sign(secret, later),
		} {
			c.send(&protocol.Join{ID: name[:3], Room: "r", Name: "Ann", Token: token})
			if e := c.refused(protocol.CodeUnauthorized, name[:3]); e.Hint == "" {
				l.Errorf("%s: %+v", name, e)
			}
		}
		c.send(&protocol.Join{Room: "r", Name: "Ann", Token: sign(secret, auth.Claims{Room: "r", Name: "Watcher", Grants: auth.Grants{Subscribe: true}}), Media: protocol.State{Camera: true}})
		joined := expect[*protocol.Joined](c)
		if p := joined.Participants[0]; p.Name != "Watcher" || p.Media.Camera {
			l.Errorf("participant = %+v", p)
		}
		c.send(&protocol.State{ID: "5", Camera: true})
		c.refused(protocol.CodeForbidden, "5")
		c.send(&protocol.Chat{ID: "6", Text: "x"})
		c.refused(protocol.CodeForbidden, "6")

		watch := "Bearer " + sign(secret, auth.Claims{Room: "r", Grants: auth.Grants{Subscribe: true}})
		for _, tc := range []struct {
			path, token string
			status      int
		}{
			{"/whip/r", "", 401},
			{"/whip/r", "Basic eDp5", 401},
			{"/whip/r", watch, 403},
			{"/whip/r/none", "", 401},
			{"/whep/r", "", 401},
			{"/whep/q", watch, 401},
			{"/whep/r", watch, 201},
		} {
			method := "POST"
			if strings.Count(tc.path, "/") == 3 {
				method = "DELETE"
			}
			res, body := l.http(method, tc.path, fakeOffer("1"), "Content-Type", typeSDP, "Authorization", tc.token, "Origin", "https://anywhere.test")
			if res.StatusCode != tc.status || (tc.status == 401) != (res.Header.Get("WWW-Authenticate") == "Bearer") {
				l.Errorf("%s with %q: %d %s", tc.path, tc.token, res.StatusCode, body)
			}
		}
	})
}

func TestWhoDoesNotJoinIsCut(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		started := time.Now()
		c := l.dial()
		time.Sleep(9 * time.Second)
		c.send(&protocol.Ping{ID: "1"})
		expect[*protocol.Pong](c)
		c.refused(protocol.CodeOutOfState, "")
		if code := c.ended(); code != protocol.CloseStay {
			l.Errorf("close code %d", code)
		}
		if took := time.Since(started); took < 10*time.Second || took > 12*time.Second {
			l.Errorf("cut after %v", took)
		}
	})
}

func TestLargeMessagesEndTheSocket(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		a, b := l.join("r", "Ann"), l.join("r", "Bob")
		go func() { _ = b.conn.WriteMessage(websocket.TextMessage, make([]byte, protocol.MaxFrame+1)) }()
		if code := b.ended(); code != websocket.CloseMessageTooBig {
			l.Errorf("close code %d, %v", code, b.err)
		}
		expect[*protocol.ParticipantJoined](a)
		if u := expect[*protocol.ParticipantUpdated](a); u.Participant.Online {
			l.Errorf("updated = %+v", u)
		}
	})
}

func TestFloodsAreFeltByNobodyElse(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		a, b := l.join("r", "Ann"), l.join("r", "Bob")
		expect[*protocol.ParticipantJoined](a)
		started := time.Now()
		for range 1000 {
			frame, _ := protocol.EncodeCommand(&protocol.RouteReady{Generation: 99})
			if b.conn.WriteMessage(websocket.TextMessage, frame) != nil {
				break
			}
		}
		if e := await[*protocol.Error](b); e.Code != protocol.CodeTooFast || !e.Retry {
			l.Errorf("error = %+v", e)
		}
		if code := b.ended(); code != protocol.CloseStay {
			l.Errorf("close code %d, %v", code, b.err)
		}
		if took := time.Since(started); took > 3*time.Second {
			l.Errorf("the flood lasted %v", took)
		}
		a.send(&protocol.Ping{})
		await[*protocol.Pong](a)
	})
}

func TestTooManySocketsAndRooms(t *testing.T) {
	inLab(t, Options{Limits: Limits{Sockets: 3, Rooms: 1}}, func(l *lab) {
		l.join("r", "Ann")
		b := l.dial()
		b.send(&protocol.Join{ID: "1", Room: "q", Name: "Bob"})
		b.refused(protocol.CodeServerFull, "1")
		c := l.dial()
		_, res, err := l.dialSilent(nil)
		if !errors.Is(err, websocket.ErrBadHandshake) || res.StatusCode != http.StatusServiceUnavailable || res.Header.Get("Retry-After") != "30" {
			l.Fatalf("%v, %+v", err, res)
		}
		c.cut()
		l.dial()
	})
}
