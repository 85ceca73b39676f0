package session

import (
	"sync"
	"time"

	"github.com/confab/confab/transfer/plan"
	"github.com/confab/confab/transfer/wire"
)

// Bounds of what a peer can make a lane keep.
const (
	maxQueued = 8192     // small messages that wait to be written
	maxServed = 32 << 20 // bytes asked for and not written
	maxAsks   = 4096     // requests not answered
)

var errFlood = &PeerError{Code: wire.TooMuch, Message: "more was asked on a lane than may be"}

// link is a lane with what waits to be written on it, and what is owed on it.
type link struct {
	lane Lane

	mu     sync.Mutex // guards the fields below
	small  []message
	serve  []wire.Request
	served int  // bytes of serve
	held   bool // nothing is served: a pause
	closed bool
	wake   chan struct{} // of capacity 1: something has changed

	// Of the receiver alone, guarded by its lock.
	window plan.Window
	owed   []ask
	owing  int // bytes of owed
	heard  time.Time
}

type message struct {
	bytes []byte
	text  bool
}

// ask is a request that is not answered.
type ask struct {
	plan.Range
	at time.Time
}

func newLink(lane Lane, held bool) *link {
	return &link{lane: lane, held: held, wake: make(chan struct{}, 1), heard: time.Now()}
}

func (l *link) nudge() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// send queues a small message. A lane whose queue is full is lost.
func (l *link) send(bytes []byte, text bool) {
	l.mu.Lock()
	full := len(l.small) >= maxQueued
	if !full && !l.closed {
		l.small = append(l.small, message{bytes, text})
	}
	l.mu.Unlock()
	if full {
		l.close()
	}
	l.nudge()
}

func (l *link) control(c wire.Control) { l.send(wire.Encode(c), true) }
func (l *link) frame(f wire.Frame)     { l.send(wire.Append(nil, f), false) }

// request queues a request of the peer. The error ends the transfer.
func (l *link) request(r wire.Request) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.serve) >= maxAsks || l.served+r.Length > maxServed {
		return errFlood
	}
	l.serve = append(l.serve, r)
	l.served += r.Length
	l.nudge()
	return nil
}

// withdraw takes a request back that has not been served.
func (l *link) withdraw(c wire.Cancel) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, r := range l.serve {
		if r == wire.Request(c) {
			l.serve = append(l.serve[:i:i], l.serve[i+1:]...)
			l.served -= r.Length
			return
		}
	}
}

// hold stops or continues serving.
func (l *link) hold(on bool) {
	l.mu.Lock()
	l.held = on
	l.mu.Unlock()
	l.nudge()
}

// idle reports whether nothing waits to be written.
func (l *link) idle() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.small) == 0 && len(l.serve) == 0
}

func (l *link) close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	_ = l.lane.Close()
	l.nudge()
}

// next blocks until there is something to write; ok is false when the link is closed.
func (l *link) next() (m message, r wire.Request, ok bool) {
	for {
		l.mu.Lock()
		switch {
		case l.closed:
			l.mu.Unlock()
			return m, r, false
		case len(l.small) > 0:
			m, l.small = l.small[0], l.small[1:]
			l.mu.Unlock()
			return m, r, true
		case len(l.serve) > 0 && !l.held:
			r, l.serve = l.serve[0], l.serve[1:]
			l.served -= r.Length
			l.mu.Unlock()
			return m, r, true
		}
		l.mu.Unlock()
		<-l.wake
	}
}

// fetcher returns bytes of a file; they are valid until it is called again with the same buffer.
type fetcher func(file int, offset int64, buf []byte) ([]byte, error)

// write writes what is queued until the link is closed. An error of fetch for a file is told to failed, which answers whether the
// transfer goes on without that file.
func (l *link) write(fetch fetcher, failed func(file int, err error) error) error {
	defer l.close()
	buf, out := make([]byte, wire.MaxPayload), make([]byte, 0, wire.MaxBinary)
	for {
		m, r, ok := l.next()
		if !ok {
			return nil
		}
		if m.bytes != nil {
			if err := l.lane.Write(m.bytes, m.text); err != nil {
				return nil // the lane is lost; its reader knows
			}
			continue
		}
		for offset, end := r.Offset, r.Offset+int64(r.Length); offset < end; {
			payload, err := fetch(int(r.File), offset, buf[:min(int64(len(buf)), end-offset)])
			if err != nil {
				if err := failed(int(r.File), err); err != nil {
					return err
				}
				break
			}
			out = wire.Append(out[:0], wire.Data{File: r.File, Offset: offset, Payload: payload})
			if l.lane.Write(out, false) != nil {
				return nil
			}
			offset += int64(len(payload))
		}
	}
}
