package signaling

import (
	"context"
	"errors"
	"time"
)

// carrier is what brings the frames of a session to its client and back: a WebSocket, an event stream with POSTs, a WebTransport
// stream. One goroutine reads, one at a time writes; abort and hurry may be called by anyone.
type carrier interface {
	// read waits for the next frame, which is good until the next read. errNotText and errInflated concern one frame, other errors end
	// the session: errPageClosed, errTooLarge, and whatever the network has.
	read() ([]byte, error)
	// write sends frames in order, many in one message where that saves something. It takes no longer than patience.
	write(frames [][]byte, patience time.Duration) error
	// ping makes sure that a client which is there is heard of.
	ping(patience time.Duration) error
	// close says how the client shall come back. read fails at most a second later.
	close(code int, reason string)
	// hurry gives a write that hangs a second more.
	hurry()
	// abort ends reading and writing.
	abort()
}

var (
	errPageClosed = errors.New("the page was closed")
	errTooLarge   = errors.New("the message is too large")
	errNotText    = errors.New("the message is not text")
)

// serve runs a session on a carrier until one of them ends, waits for its writer, and then calls done. It returns before that: reading
// moves on to another goroutine.
func (c *session) serve(ctx context.Context, done func()) {
	stop := context.AfterFunc(ctx, func() {
		c.stopped()
		time.AfterFunc(lastWords, c.carrier.abort) // the wheel has stopped too
	})
	c.look(time.Now()) // puts the session on the wheel
	c.read(ctx, func() {
		stop()
		c.finish()
		done()
	})
}

// finish gives back everything that the session held.
func (c *session) finish() {
	c.srv.wheel.remove(&c.alarm)
	c.carrier.abort()
	c.out.close(closing{code: 1000, abrupt: true})
	<-c.out.rested()
	c.srv.wheel.remove(&c.alarm) // the last looks may have put it back
	c.gone()
}

// read handles one frame after the other until the carrier fails. After the end was said it reads on without handling anything, so
// that the client can read what was sent last: closing a socket with unread input makes the kernel discard the output.
//
// To take a seat needs a deep stack, and to wait for the next message a shallow one, for hours: a fresh goroutine does that.
func (c *session) read(ctx context.Context, done func()) {
	for {
		frame, err := c.carrier.read()
		switch {
		case c.out.ended() && err == nil, errors.Is(err, errNotText) && c.out.ended():
			continue
		case errors.Is(err, errNotText):
			c.heard()
			c.limited("not-text")
			c.refuse(notText)
			continue
		case err != nil:
			// A closing or reloading page says so, even where it had no time to send leave.
			c.pageClosed = errors.Is(err, errPageClosed)
			if errors.Is(err, errTooLarge) {
				c.limited("too-large")
				c.end(stayAway, string(tooLarge.Code), tooLarge)
				<-c.out.rested()
			}
			c.log.Debug("session ended", "remote", c.remote, "err", err)
			done()
			return
		}
		before := c.seated.Load()
		if c.receive(ctx, frame); c.seated.Load() != before {
			go c.read(ctx, done)
			return
		}
	}
}
