package signaling

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"github.com/confab/confab/signaling/protocol"
)

func (l *lab) dialDeflating() *websocket.Conn {
	l.Helper()
	d := websocket.Dialer{NetDialContext: l.listener.dial, Subprotocols: []string{protocol.Subprotocol}, EnableCompression: true}
	conn, res, err := d.Dial("ws://confab.test/ws", nil)
	if err != nil || !strings.Contains(res.Header.Get("Sec-WebSocket-Extensions"), "permessage-deflate") {
		l.Fatalf("%v %v", err, res)
	}
	return conn
}

// A few kilobytes that inflate to many megabytes end the socket, and nothing is made of them.
func TestDeflateBomb(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		conn := l.dialDeflating()
		go func() { _ = conn.WriteMessage(websocket.TextMessage, bytes.Repeat([]byte(" "), 32<<20)) }()
		_, frame, err := conn.ReadMessage()
		if err != nil || !strings.Contains(string(frame), `"too-large"`) {
			l.Fatalf("%v %s", err, frame)
		}
		_, _, err = conn.ReadMessage()
		if !websocket.IsCloseError(err, protocol.CloseStay) {
			l.Fatal(err)
		}
		conn.Close()
		equal(l.T, "counted", l.count("signaling_limited_total"), 1.0)
	})
}

func TestLargeMessagesAreDeflatedOnce(t *testing.T) {
	frame := []byte(strings.Repeat("confab ", 1000))
	if first, second := prepare(frame), prepare(frame); first != second {
		t.Error("the same frame was prepared twice")
	}
	if prepare(frame) == prepare(bytes.Clone(frame)) {
		t.Error("another frame was taken for it")
	}
	inLab(t, Options{}, func(l *lab) {
		conn := l.dialDeflating()
		join, _ := protocol.EncodeCommand(&protocol.Join{ID: "j", Room: "r", Name: "Ann"})
		text := strings.Repeat("so much to say ", 200)
		chat, _ := protocol.EncodeCommand(&protocol.Chat{ID: "c", Text: text})
		for _, f := range [][]byte{join, chat} {
			if err := conn.WriteMessage(websocket.TextMessage, f); err != nil {
				l.Fatal(err)
			}
		}
		defer conn.Close()
		for {
			_, frame, err := conn.ReadMessage()
			if err != nil {
				l.Fatal(err)
			}
			messages, err := protocol.DecodeMessages(frame)
			if err != nil {
				l.Fatal(err)
			}
			for _, m := range messages {
				if c, ok := m.(*protocol.ChatMessage); ok {
					equal(l.T, "text", c.Text, text)
					return
				}
			}
		}
	})
}

// What waits for a socket shares a frame, in order.
func TestWaitingMessagesShareAFrame(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		ann := l.join("r", "Ann")
		conn, _, err := l.dialSilent(nil)
		if err != nil {
			l.Fatal(err)
		}
		defer conn.Close()
		join, _ := protocol.EncodeCommand(&protocol.Join{ID: "j", Room: "r", Name: "Bob"})
		if err := conn.WriteMessage(websocket.TextMessage, join); err != nil {
			l.Fatal(err)
		}
		await[*protocol.ParticipantJoined](ann)
		for i := range 9 {
			ann.send(&protocol.Chat{ID: fmt.Sprint(i), Text: fmt.Sprint(i)})
			await[*protocol.ChatMessage](ann)
		}
		synctest.Wait() // the pipe takes nothing while Bob does not read: all of it waits
		var texts, frames int
		for texts < 9 {
			_, frame, err := conn.ReadMessage()
			if err != nil {
				l.Fatal(err)
			}
			frames++
			messages, err := protocol.DecodeMessages(frame)
			if err != nil {
				l.Fatal(err)
			}
			for _, m := range messages {
				if c, ok := m.(*protocol.ChatMessage); ok {
					equal(l.T, "text", c.Text, fmt.Sprint(texts))
					texts++
				}
			}
		}
		if frames > 4 {
			l.Errorf("9 messages came in %d frames", frames)
		}
	})
}

// Pings of a client are answered, and not all of a flood of them.
func TestFloodOfPings(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		c := l.join("r", "Ann")
		pongs := 0
		c.conn.SetPongHandler(func(string) error { pongs++; return nil })
		for range 1000 {
			_ = c.conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(time.Second))
		}
		synctest.Wait()
		if pongs == 0 || pongs > 20 {
			l.Errorf("%d pongs", pongs)
		}
	})
}

func TestNoticesOfAKindAreSentOncePerTick(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		c := l.join("r", "Ann")
		synctest.Wait()
		a := l.srv.existing("r")
		var to *session
		_ = a.call(l.Context(), func() {
			for _, m := range a.members {
				to = m.out.session
			}
		})
		for i := range 10 {
			to.notice("speakers", mustEncode(&protocol.Speakers{Speakers: []protocol.Speaker{{Participant: "p", Level: i}}}))
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(time.Second)
		var levels []int
		for len(c.in) > 0 {
			if s, ok := c.next().(*protocol.Speakers); ok {
				levels = append(levels, s.Speakers[0].Level)
			}
		}
		equal(l.T, "levels", levels, []int{0, 9})
	})
}
