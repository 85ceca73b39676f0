package signaling

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"github.com/gorilla/websocket"
	"golang.org/x/time/rate"

	"github.com/confab/confab/signaling/protocol"
)

// session is one socket. Its reader is the goroutine of the request, its writer the only one that writes.
type session struct {
	srv  *Server
	log  *slog.Logger
	conn *websocket.Conn
	host string // of the request
	out  *queue

	messages *rate.Limiter // of the reader alone, as are bytes and offers
	bytes    *rate.Limiter
	offers   *rate.Limiter

	// Where this session sits, once it has joined; of the reader alone.
	room   *actor
	member *member
	knock  *knock // while it waits in the lobby

	landing    chan seating // capacity 1: the seat that was given to whoever waited in the lobby
	from       netip.Addr   // of the client; not valid if unknown
	pageClosed bool         // how the socket ended; of the reader alone
}

// strikes is how many messages in a row may come too fast before the socket is cut.
const strikes = 100

func (s *Server) newSession(conn *websocket.Conn, host string, log *slog.Logger) *session {
	l := s.limits
	return &session{
		srv: s, log: log, conn: conn, host: host, out: newQueue(l), landing: make(chan seating, 1),
		messages: rate.NewLimiter(rate.Limit(l.Rate), l.Burst),
		bytes:    rate.NewLimiter(rate.Limit(l.Bytes), 8*l.Bytes),
		offers:   rate.NewLimiter(rate.Limit(l.OfferRate), l.OfferBurst),
	}
}

// run serves the socket until it ends, one way or the other, and waits for the writer.
func (c *session) run(ctx context.Context) {
	go c.write()
	stop := context.AfterFunc(ctx, func() {
		c.end(protocol.CloseResume, "server-stopped", &protocol.Left{Reason: "server-stopped"})
	})
	c.read(ctx)
	stop()
	c.out.close(closing{code: websocket.CloseNormalClosure, abrupt: true})
	c.conn.Close()
	<-c.out.written
	c.gone()
}

// read handles one frame after the other until the socket fails.
func (c *session) read(ctx context.Context) {
	silence := c.srv.limits.Ping * 5 / 2
	c.conn.SetReadLimit(protocol.MaxFrame)
	c.deadline(c.srv.limits.Join)
	c.conn.SetPongHandler(func(string) error {
		if c.land() { // a pong does not extend the time to join
			c.deadline(silence)
		}
		return nil
	})
	tooFast := 0
	for {
		if c.out.ended() {
			c.awaitClose()
			return
		}
		kind, frame, err := c.conn.ReadMessage()
		if err != nil {
			// A closing or reloading page says so with this code (RFC 6455 §7.4.1), even where it had no time to send leave.
			c.pageClosed = websocket.IsCloseError(err, websocket.CloseGoingAway)
			c.explain(err)
			return
		}
		c.srv.metrics.frames.Inc()
		now := time.Now()
		// Both buckets are asked, so that a refused message costs its bytes.
		if enough := c.bytes.AllowN(now, len(frame)); !c.messages.AllowN(now, 1) || !enough {
			c.srv.metrics.refusals.WithLabelValues(string(protocol.CodeTooFast)).Inc()
			if tooFast++; tooFast >= strikes {
				c.end(protocol.CloseStay, string(protocol.CodeTooFast))
				continue // to awaitClose
			}
			if tooFast == 1 || tooFast%10 == 0 {
				c.refuse(&protocol.Error{Code: protocol.CodeTooFast, Message: "too many messages; this one was not handled", Retry: true, After: 1000})
			}
			continue
		}
		tooFast = 0
		if kind != websocket.TextMessage {
			c.refuse(&protocol.Error{Code: protocol.CodeMalformed, Message: "messages are text frames"})
			continue
		}
		command, err := protocol.DecodeCommand(frame)
		if err != nil {
			var wire *protocol.Error
			errors.As(err, &wire)
			c.refuse(wire)
			continue
		}
		if c.land() {
			c.deadline(silence)
		}
		if !c.handle(ctx, command) {
			c.end(protocol.CloseResume, "server-stopped") // unless handle has said why
		}
		if c.land() {
			c.deadline(silence)
		}
	}
}

// explain tells a client why its socket ends, where the cause is its own and it may still be listening.
func (c *session) explain(err error) {
	var timeout net.Error
	switch {
	case errors.Is(err, websocket.ErrReadLimit):
		// gorilla has sent close frame 1009 and will not write any more.
		c.srv.metrics.refusals.WithLabelValues(string(protocol.CodeTooLarge)).Inc()
	case errors.As(err, &timeout) && timeout.Timeout() && c.member == nil:
		c.end(protocol.CloseStay, "no-join", &protocol.Error{Code: protocol.CodeOutOfState, Message: "join or resume did not come in time", Retry: true})
		c.awaitWritten()
	}
	c.log.Debug("socket ended", "err", err)
}

// awaitClose reads on, without handling anything, until the client has answered the close frame or has had a second for it,
// so that it can read what was sent last: closing a socket with unread input makes the kernel discard the output.
func (c *session) awaitClose() {
	c.conn.SetPongHandler(nil)
	c.deadline(time.Second)
	for {
		if _, _, err := c.conn.NextReader(); err != nil {
			return
		}
	}
}

// awaitWritten gives the writer a second for the last frames when nothing can be read any more.
func (c *session) awaitWritten() {
	select {
	case <-c.out.written:
	case <-time.After(time.Second):
	}
}

func (c *session) deadline(d time.Duration) {
	_ = c.conn.SetReadDeadline(time.Now().Add(d)) // fails only on a closed socket, and then so does the next read
}

// send puts a message; a client that does not read fast enough is cut.
func (c *session) send(m protocol.Message) { c.sendFrames(mustEncode(m)) }

func (c *session) sendFrames(frames ...[]byte) {
	if !c.out.put(frames...) {
		c.srv.metrics.slow.Inc()
		c.log.Info("slow client cut")
		c.out.close(closing{code: protocol.CloseResume, reason: string(protocol.CodeSlow), abrupt: true}, mustEncode(&protocol.Error{
			Code: protocol.CodeSlow, Message: "you did not read fast enough", Hint: "Resume the session.", Retry: true,
		}))
		// A write that hangs must not wait out its whole time; this ends it, and with it the socket.
		_ = c.conn.NetConn().SetWriteDeadline(time.Now().Add(time.Second))
	}
}

// refuse sends an error.
func (c *session) refuse(e *protocol.Error) {
	c.srv.metrics.refusals.WithLabelValues(string(e.Code)).Inc()
	c.send(e)
}

// end sends last messages and then the close frame.
func (c *session) end(code int, reason string, last ...protocol.Message) {
	var frames [][]byte
	for _, m := range last {
		frames = append(frames, mustEncode(m))
	}
	c.out.close(closing{code: code, reason: reason}, frames...)
}

// write is the writer. It ends when the socket fails or the queue is closed.
func (c *session) write() {
	defer close(c.out.written)
	ping := time.NewTicker(c.srv.limits.Ping)
	defer ping.Stop()
	for {
		select {
		case <-c.out.wake:
			frames, end := c.out.take()
			for _, f := range frames {
				_ = c.conn.SetWriteDeadline(time.Now().Add(c.patience(end)))
				if c.conn.WriteMessage(websocket.TextMessage, f) != nil {
					c.conn.Close()
					return
				}
			}
			if end != nil {
				_ = c.conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(end.code, end.reason), time.Now().Add(time.Second))
				// The reader waits for the client's answer, but not for ever.
				c.deadline(time.Second)
				return
			}
		case <-ping.C:
			if c.conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(c.srv.limits.Write)) != nil {
				c.conn.Close()
				return
			}
		}
	}
}

// patience is how long a write may take: little for the last words.
func (c *session) patience(end *closing) time.Duration {
	if end != nil {
		return time.Second
	}
	return c.srv.limits.Write
}
