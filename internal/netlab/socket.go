package netlab

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/confab/confab/signaling/protocol"
)

// socket is one WebSocket of a client. What it reads and its end are posted to the client's loop.
type socket struct {
	conn *websocket.Conn
	out  chan []byte
	done chan struct{} // closed by close
	once sync.Once
}

// silence is how long the server may be silent; it pings every 15 s.
const silence = 40 * time.Second

// openSocket connects to the server and starts to read and write.
func (c *Client) openSocket(ctx context.Context) (*socket, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	d := websocket.Dialer{
		Subprotocols:   []string{protocol.Subprotocol},
		NetDialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return c.Host.dial(ctx, c.lab.Server.http) },
	}
	conn, response, err := d.DialContext(ctx, "ws://"+serverHost+"/ws", nil)
	if err != nil {
		return nil, err
	}
	_ = response.Body.Close() // gorilla has read it
	s := &socket{conn: conn, out: make(chan []byte, 1024), done: make(chan struct{})}
	c.tasks.Go(func() { c.read(s) })
	c.tasks.Go(s.write)
	return s, nil
}

func (s *socket) close() {
	s.once.Do(func() { close(s.done); _ = s.conn.Close() }) // a pipe closes without errors
}

// send puts a frame; a socket that takes none is closed.
func (s *socket) send(frame []byte) {
	select {
	case s.out <- frame:
	default:
		s.close()
	}
}

func (s *socket) write() {
	defer s.close()
	for {
		select {
		case b := <-s.out:
			_ = s.conn.SetWriteDeadline(time.Now().Add(silence)) // fails with the write
			if s.conn.WriteMessage(websocket.TextMessage, b) != nil {
				return
			}
		case <-s.done:
			return
		}
	}
}

// read posts what comes until the socket ends, and then that.
func (c *Client) read(s *socket) {
	defer s.close()
	alive := func() { _ = s.conn.SetReadDeadline(time.Now().Add(silence)) } // fails with the read
	s.conn.SetPingHandler(func(data string) error {
		alive()
		return s.conn.WriteControl(websocket.PongMessage, []byte(data), time.Now().Add(time.Second))
	})
	for {
		alive()
		if hold := c.reading.Load(); hold != nil { // a client that does not read
			select {
			case <-*hold:
			case <-s.done:
			}
		}
		_, frame, err := s.conn.ReadMessage()
		if err != nil {
			code := 0
			if e, ok := err.(*websocket.CloseError); ok {
				code = e.Code
			}
			c.post(func() { c.socketEnded(s, code) })
			return
		}
		messages, err := protocol.DecodeMessages(frame) // what waits for a socket shares a frame
		if err != nil {
			c.fault("a message that cannot be read: %v: %s", err, frame)
			continue
		}
		for _, m := range messages {
			c.post(func() { c.receive(s, m) })
		}
	}
}
