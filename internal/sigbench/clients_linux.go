package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
	"golang.org/x/sync/errgroup"

	"github.com/confab/confab/signaling/protocol"
)

// clients are sessions that join, answer pings and count.
type clients struct {
	mu    sync.Mutex
	conns []*websocket.Conn

	bare      bool
	lost      atomic.Int64 // sessions that have ended
	received  atomic.Int64 // messages of ours, by all
	latencies latencies
	round     chan struct{} // everybody has one message more; in sum, as nobody is far ahead
}

// addresses that clients come from: one has no more than 28 000 ports.
const addresses = 8

func (c *clients) do(o order) (report, error) {
	switch o.Do {
	case "connect":
		return c.connect(o)
	case "send":
		return c.send(o)
	}
	return report{}, fmt.Errorf("unknown order %q", o.Do)
}

// connect opens sessions and returns when all have joined.
func (c *clients) connect(o order) (report, error) {
	c.bare, c.round = o.Bare, make(chan struct{}, 1<<16)
	var g errgroup.Group
	g.SetLimit(16)
	n := 0
	for i, people := range o.Rooms {
		mode := protocol.ModeAuto
		if people > 2 { // it will be on the SFU in the end
			mode = protocol.ModeSFU
		}
		for range people {
			n++
			from := &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(2+n%addresses))}
			name := fmt.Sprintf("guest %d", n)
			g.Go(func() error { return c.join(o.URL, "room-"+strconv.Itoa(o.First+i), name, mode, from) })
		}
	}
	return report{}, g.Wait()
}

func (c *clients) join(url, room, name string, mode protocol.Mode, from net.Addr) error {
	dialer := websocket.Dialer{
		NetDialContext: (&net.Dialer{LocalAddr: from}).DialContext, HandshakeTimeout: time.Minute,
		Subprotocols: []string{protocol.Subprotocol}, ReadBufferSize: 1024, WriteBufferSize: 256, WriteBufferPool: &writeBuffers,
	}
	conn, _, err := dialer.Dial(url, nil)
	if err != nil {
		return err
	}
	joined := make(chan error, 1)
	go c.read(conn, joined)
	if !c.bare {
		frame, err := protocol.EncodeCommand(&protocol.Join{ID: "join", Room: room, Name: name, Mode: mode})
		if err != nil {
			return err
		}
		if err := conn.WriteMessage(websocket.TextMessage, frame); err != nil {
			return err
		}
		select {
		case err := <-joined:
			if err != nil {
				return err
			}
		case <-time.After(2 * time.Minute):
			return errors.New("nobody answers a join")
		}
	}
	c.mu.Lock()
	c.conns = append(c.conns, conn)
	c.mu.Unlock()
	return nil
}

// read reads until the session ends, and tells of the first message.
func (c *clients) read(conn *websocket.Conn, joined chan<- error) {
	greeted := false
	for {
		_, r, err := conn.NextReader()
		if err != nil {
			c.lost.Add(1)
			if !greeted {
				joined <- err
			}
			return
		}
		b := frames.Get().(*bytes.Buffer)
		b.Reset()
		if _, err = b.ReadFrom(r); err == nil {
			if !greeted && !c.bare {
				greeted = true
				if head := b.Bytes()[:min(b.Len(), 30)]; bytes.Contains(head, []byte(`"joined"`)) {
					joined <- nil
				} else {
					joined <- fmt.Errorf("the answer to a join is %.300s", b.Bytes())
				}
			}
			c.count(b.Bytes())
		}
		frames.Put(b)
	}
}

// mark is around the time at which a message of ours was sent.
const mark = "§"

// count notes the messages of ours in a frame, which may hold many.
func (c *clients) count(frame []byte) {
	for {
		_, after, found := bytes.Cut(frame, []byte(mark))
		if !found {
			return
		}
		at, rest, _ := bytes.Cut(after, []byte(mark))
		frame = rest
		sent, err := strconv.ParseInt(string(at), 10, 64)
		if err != nil {
			continue
		}
		c.latencies.add(time.Duration(time.Now().UnixNano() - sent))
		if c.received.Add(1)%int64(len(c.conns)) == 0 {
			c.round <- struct{}{}
		}
	}
}

// send has the first client talk to everybody, so many messages ahead of those that everybody has.
func (c *clients) send(o order) (report, error) {
	c.latencies.reset()
	c.received.Store(0)
	sent, rounds := 0, 0
	patience := time.NewTimer(time.Minute)
	defer patience.Stop()
	for until := time.Now().Add(o.For); ; {
		for ; sent-rounds < o.Ahead && time.Now().Before(until); sent++ {
			frame, err := c.message(sent)
			if err != nil {
				return report{}, err
			}
			if err := c.conns[0].WriteMessage(websocket.TextMessage, frame); err != nil {
				return report{}, err
			}
		}
		if rounds == sent {
			return report{Sent: sent, Received: int(c.received.Load()), P50: c.latencies.below(.5), P99: c.latencies.below(.99)}, nil
		}
		select {
		case <-c.round:
			rounds++
		case <-patience.C:
			return report{}, fmt.Errorf("of %d messages %d have come to %d clients, of whom %d have gone", sent, c.received.Load(), len(c.conns), c.lost.Load())
		}
	}
}

// message is what the sender sends: a chat message, and to the bare server what the real one would make of it.
func (c *clients) message(n int) ([]byte, error) {
	text := mark + strconv.FormatInt(time.Now().UnixNano(), 10) + mark + " Shall we begin with the figures of last week, or with the plan for the next one?"
	id := "m-" + strconv.Itoa(n) + "-" + strconv.FormatInt(time.Now().UnixNano(), 36)
	if !c.bare {
		return protocol.EncodeCommand(&protocol.Chat{ID: id, Text: text})
	}
	return protocol.EncodeMessage(&protocol.ChatMessage{
		Seq: 12345, ID: id, From: "abcdefghij", Name: "guest 1", Text: text, Time: time.Now().UnixMilli(),
	})
}

var (
	frames       = sync.Pool{New: func() any { return new(bytes.Buffer) }}
	writeBuffers sync.Pool
)
