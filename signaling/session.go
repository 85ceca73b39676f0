package signaling

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/confab/confab/signaling/protocol"
)

// session is one client's connection, whatever carries it. It has a goroutine that reads, and one that writes while there is something
// to write; its time is kept by the server's wheel. Thousands of them are idle at any moment, so every field counts.
type session struct {
	srv     *Server
	log     *slog.Logger
	carrier carrier
	host    string     // of the request
	remote  string     // address of the request, for the log
	from    netip.Addr // whom limits count it for; not valid: nobody
	opened  time.Time
	out     queue
	alarm   alarm

	messages bucket // of the reader alone, as are bytes, offers and tooFast
	bytes    bucket
	offers   bucket
	tooFast  int // messages in a row

	// Where this session sits, once it has joined; of the reader alone.
	room    *actor
	member  *member
	knock   *knock       // while it waits in the lobby
	landing chan seating // capacity 1: the seat that was given to whoever waited in the lobby

	seated     atomic.Bool  // it sits, or waits in the lobby
	heardAt    atomic.Int64 // nanoseconds since opened
	pingedAt   atomic.Int64 // the same
	noticeAt   atomic.Int64 // when notices were released last; the same
	endBy      atomic.Int64 // when the carrier is aborted after the end was said; the same
	pageClosed bool         // how the connection ended; of the reader alone
}

// strikes is how many messages in a row may come too fast before the connection is cut.
const strikes = 100

// noticeTick is the shortest time between two notices of a kind.
const noticeTick = 100 * time.Millisecond

const stayAway = protocol.CloseStay

var (
	notText  = &protocol.Error{Code: protocol.CodeMalformed, Message: "messages are text frames"}
	tooLarge = &protocol.Error{Code: protocol.CodeTooLarge, Message: "the message is larger than 256 KiB, packed or unpacked"}
)

func (s *Server) newSession(k carrier, host, remote string, from netip.Addr) *session {
	c := &session{srv: s, log: s.log, carrier: k, host: host, remote: remote, from: from, opened: time.Now(), landing: make(chan seating, 1)}
	c.out.init(s.limits, c)
	c.alarm.look = c.look
	return c
}

// receive handles one frame, if it does not come too fast.
func (c *session) receive(ctx context.Context, frame []byte) {
	c.srv.metrics.frames.Inc()
	c.heard()
	now, l := time.Now(), &c.srv.limits
	// Both buckets are asked, so that a refused message costs its bytes.
	enough := c.bytes.take(float64(len(frame)), float64(l.Bytes), float64(8*l.Bytes), now)
	if !c.messages.take(1, l.Rate, float64(l.Burst), now) || !enough {
		c.overrun(!enough)
		return
	}
	c.tooFast = 0
	command, err := protocol.DecodeCommand(frame)
	if err != nil {
		var wire *protocol.Error
		errors.As(err, &wire)
		c.refuse(wire)
		return
	}
	c.seated.Store(c.land())
	if !c.handle(ctx, command) {
		c.end(protocol.CloseResume, "server-stopped") // unless handle has said why
	}
	c.heard()
	c.seated.Store(c.land())
}

// overrun answers a message that came too fast; who goes on is cut.
func (c *session) overrun(bytes bool) {
	reason := "message-rate"
	if bytes {
		reason = "byte-rate"
	}
	c.limited(reason)
	c.tooFast++
	switch {
	case c.tooFast >= strikes:
		c.end(protocol.CloseStay, string(protocol.CodeTooFast))
	case c.tooFast == 1 || c.tooFast%10 == 0:
		c.refuse(&protocol.Error{Code: protocol.CodeTooFast, Message: "too many messages; this one was not handled", Retry: true, After: 1000})
	default:
		c.srv.metrics.refusals.WithLabelValues(string(protocol.CodeTooFast)).Inc()
	}
}

// limited counts what a limit has stopped.
func (c *session) limited(reason string) { c.srv.metrics.limits.WithLabelValues(reason).Inc() }

// heard notes that the client is there.
func (c *session) heard() { c.heardAt.Store(int64(time.Since(c.opened))) }

// look does what is due by time alone and says when to look again. The wheel calls it: it does not block.
func (c *session) look(now time.Time) {
	l := &c.srv.limits
	c.noticeAt.Store(int64(now.Sub(c.opened)))
	c.out.release()
	joinBy := c.opened.Add(l.Join)
	lostAt := c.opened.Add(time.Duration(c.heardAt.Load()) + l.Ping*5/2)
	pingAt := c.opened.Add(time.Duration(c.pingedAt.Load()) + l.Ping)
	seated := c.seated.Load()
	switch {
	case c.out.ended():
		if by := c.opened.Add(time.Duration(c.endBy.Load())); now.Before(by) {
			c.srv.wheel.set(&c.alarm, by)
		} else {
			c.carrier.abort()
		}
		return
	case !seated && !now.Before(joinBy):
		c.limited("no-join")
		c.end(protocol.CloseStay, "no-join", &protocol.Error{Code: protocol.CodeOutOfState, Message: "join or resume did not come in time", Retry: true})
		return
	case seated && !now.Before(lostAt):
		c.carrier.abort()
		return
	case !now.Before(pingAt):
		c.pingedAt.Store(int64(now.Sub(c.opened)))
		pingAt = now.Add(l.Ping)
		c.out.putPing()
	}
	next := pingAt
	if !seated && joinBy.Before(next) {
		next = joinBy
	} else if seated && lostAt.Before(next) {
		next = lostAt
	}
	c.srv.wheel.set(&c.alarm, next)
}

// notice sends what is worth nothing later. Of one kind only the newest that waits is sent, at most one in a tick.
func (c *session) notice(kind string, frame []byte) {
	if !c.out.putNotice(kind, frame) {
		return
	}
	since := time.Since(c.opened)
	if last := time.Duration(c.noticeAt.Load()); last != 0 && since < last+noticeTick {
		c.srv.wheel.set(&c.alarm, c.opened.Add(last+noticeTick))
		return
	}
	c.noticeAt.Store(max(1, int64(since))) // 0 is never
	c.out.release()
}

// send puts a message; a client that does not read fast enough is cut.
func (c *session) send(m protocol.Message) { c.sendFrames(mustEncode(m)) }

func (c *session) sendFrames(frames ...[]byte) {
	if !c.out.put(frames...) {
		c.srv.metrics.slow.Inc()
		c.limited("slow-client")
		c.log.Info("slow client cut", "remote", c.remote)
		c.out.close(closing{code: protocol.CloseResume, reason: string(protocol.CodeSlow), abrupt: true}, mustEncode(&protocol.Error{
			Code: protocol.CodeSlow, Message: "you did not read fast enough", Hint: "Resume the session.", Retry: true,
		}))
		c.carrier.hurry() // a write that hangs must not wait out its whole time
		c.lastCall()
	}
}

// refuse sends an error. While the server stops, refusals are of its making: a room that has ended with it is no lost seat.
func (c *session) refuse(e *protocol.Error) {
	if c.srv.stopped.Err() != nil {
		c.stopped()
		return
	}
	c.srv.metrics.refusals.WithLabelValues(string(e.Code)).Inc()
	c.send(e)
}

// end sends last messages and then tells how to come back.
func (c *session) end(code int, reason string, last ...protocol.Message) {
	var frames [][]byte
	for _, m := range last {
		frames = append(frames, mustEncode(m))
	}
	c.out.close(closing{code: code, reason: reason}, frames...)
	c.lastCall()
}

// lastWords is how long a client has to take what was sent last and to close.
const lastWords = 3 * time.Second

// lastCall ends the session in a while, whatever its carrier does.
func (c *session) lastCall() {
	by := time.Since(c.opened) + lastWords
	if c.endBy.CompareAndSwap(0, int64(by)) {
		c.srv.wheel.set(&c.alarm, c.opened.Add(by))
	}
}

func (c *session) stopped() {
	c.end(protocol.CloseResume, "server-stopped", &protocol.Left{Reason: "server-stopped"})
}

// spare keeps the slices in which writers collect frames.
var spare = sync.Pool{New: func() any { return new([][]byte) }}

// write is the writer. It ends when there is nothing to write, the carrier fails, or the end has been said.
func (c *session) write() {
	buf := spare.Get().(*[][]byte)
	defer func() { clear((*buf)[:cap(*buf)]); spare.Put(buf) }()
	for {
		w, more := c.out.take((*buf)[:0])
		if !more {
			return
		}
		if cap(w.frames) <= 64 {
			*buf = w.frames[:0]
		}
		patience := c.srv.limits.Write
		if w.end != nil { // little for the last words
			patience = time.Second
		}
		err := c.carrier.write(w.frames, patience)
		if err == nil && w.ping {
			err = c.carrier.ping(patience)
		}
		switch {
		case err != nil:
			c.carrier.abort()
		case w.end != nil:
			c.carrier.close(w.end.code, w.end.reason)
		default:
			continue
		}
		c.out.rest()
		return
	}
}
