package session

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/confab/confab/transfer/wire"
)

// party is what a Sender or a Receiver does with a peer. Its methods are called by several goroutines.
type party interface {
	// text and binary handle a message; an error ends the transfer with that peer.
	text(l *link, c wire.Control) error
	binary(l *link, f wire.Frame) error
	// greet says what control messages the other side must have when control begins on a lane, be it again.
	greet(l *link)
	// up and down tell that a lane has come and gone.
	up(l *link)
	down(l *link)
	fetch(file int, offset int64, buf []byte) ([]byte, error)
	failed(file int, err error) error
}

// peer keeps the lanes to one peer and reads and writes on them.
type peer struct {
	dialer Dialer
	party  party
	tell   func(Event)

	mu    sync.Mutex // guards the fields below
	links []*link    // alive, oldest first: the first carries control
	want  int
	held  bool
	over  bool
	wake  chan struct{} // of capacity 1
}

func newPeer(d Dialer, p party, want int, tell func(Event)) *peer {
	return &peer{dialer: d, party: p, tell: tell, want: want, wake: make(chan struct{}, 1)}
}

// run keeps lanes until ctx ends, the party ends it by an error, or there will be none. It returns when all have ended.
func (p *peer) run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		<-ctx.Done()
		p.closeAll()
		return ctx.Err()
	})
	g.Go(func() error {
		for {
			if err := p.wanted(ctx); err != nil {
				return err
			}
			lane, err := p.dialer.Dial(ctx)
			if err != nil {
				if ctx.Err() != nil {
					return ctx.Err()
				}
				return fmt.Errorf("%w: %w", ErrGaveUp, err)
			}
			p.add(lane, g)
		}
	})
	return g.Wait()
}

// wanted blocks while there are as many lanes as wanted.
func (p *peer) wanted(ctx context.Context) error {
	for {
		p.mu.Lock()
		enough := len(p.links) >= p.want
		p.mu.Unlock()
		if !enough {
			return ctx.Err()
		}
		select {
		case <-p.wake:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (p *peer) nudge() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

func (p *peer) add(lane Lane, g *errgroup.Group) {
	p.mu.Lock()
	if p.over {
		p.mu.Unlock()
		_ = lane.Close()
		return
	}
	l := newLink(lane, p.held)
	p.links = append(p.links, l)
	first := len(p.links) == 1
	p.mu.Unlock()
	if first {
		p.tell(Event{Kind: EventPath, Path: lane.Path()})
		p.party.greet(l)
	}
	p.party.up(l)
	g.Go(func() error { return l.write(p.party.fetch, p.party.failed) })
	g.Go(func() error {
		err := p.read(l)
		p.remove(l)
		return err
	})
}

// remove takes a lane out; when it carried control, the next one does from now on.
func (p *peer) remove(l *link) {
	l.close()
	p.mu.Lock()
	at := -1
	for i, x := range p.links {
		if x == l {
			at = i
		}
	}
	p.links = append(p.links[:at:at], p.links[at+1:]...)
	var heir *link
	if at == 0 && len(p.links) > 0 {
		heir = p.links[0]
	}
	none := len(p.links) == 0 && !p.over
	p.mu.Unlock()
	p.party.down(l)
	if heir != nil {
		p.party.greet(heir)
	}
	if none {
		p.tell(Event{Kind: EventLost})
	}
	p.nudge()
}

// read handles what comes on a lane until it is lost, which is no error.
func (p *peer) read(l *link) error {
	buf := make([]byte, max(wire.MaxBinary, wire.MaxText)+1)
	for {
		n, text, err := l.lane.Read(buf)
		if err != nil {
			return nil
		}
		l.mu.Lock()
		gone := l.closed
		l.mu.Unlock()
		if gone { // what is left of a lost lane is older than what was said since
			return nil
		}
		if err = p.handle(l, buf[:n], text); err != nil {
			return p.refuse(err)
		}
	}
}

func (p *peer) handle(l *link, msg []byte, text bool) error {
	if !text {
		f, err := wire.Parse(msg)
		if err != nil {
			return &PeerError{Code: wire.BadMessage, Message: err.Error()}
		}
		return p.party.binary(l, f)
	}
	c, err := wire.Decode(msg)
	switch {
	case errors.Is(err, wire.ErrUnknown):
		return nil
	case err != nil:
		return &PeerError{Code: wire.BadMessage, Message: err.Error()}
	}
	switch c := c.(type) {
	case *wire.Failed:
		return &PeerError{Code: c.Code, Message: c.Message, Remote: true}
	case *wire.CancelAll:
		return &endError{ErrCancelled, true}
	}
	return p.party.text(l, c)
}

// endError is an end that the other side knows of already, if remote.
type endError struct {
	error
	remote bool
}

func (e *endError) Unwrap() error { return e.error }

// refuse tells the other side of an error that ends the transfer, and returns it.
func (p *peer) refuse(err error) error {
	var pe *PeerError
	var end *endError
	switch {
	case errors.As(err, &pe) && !pe.Remote:
		p.last(&wire.Failed{Code: pe.Code, Message: clip(pe.Message)})
	case errors.As(err, &end) && !end.remote && errors.Is(err, ErrCancelled):
		p.last(&wire.CancelAll{})
	}
	return err
}

// farewell is how long the last message may take to go out before lanes are closed under it.
const farewell = 2 * time.Second

// last sends a message and waits until the other side has closed the lanes, or long enough for it to have arrived.
func (p *peer) last(c wire.Control) {
	p.mu.Lock()
	var l *link
	if len(p.links) > 0 {
		l = p.links[0]
	}
	p.over = true
	p.mu.Unlock()
	if l == nil {
		return
	}
	l.control(c)
	for deadline := time.Now().Add(farewell); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		l.mu.Lock()
		gone := l.closed
		l.mu.Unlock()
		if gone {
			return
		}
	}
}

// control sends a control message, or leaves it to greet when there is no lane.
func (p *peer) control(c wire.Control) {
	if l := p.first(); l != nil {
		l.control(c)
	}
}

func (p *peer) frame(f wire.Frame) {
	if l := p.first(); l != nil {
		l.frame(f)
	}
}

func (p *peer) first() *link {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.links) == 0 {
		return nil
	}
	return p.links[0]
}

// alive returns the lanes, oldest first.
func (p *peer) alive() []*link {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]*link(nil), p.links...)
}

// lanes changes how many lanes are wanted, and closes the newest that are too many.
func (p *peer) lanes(n int) {
	p.mu.Lock()
	p.want = n
	var extra []*link
	if len(p.links) > n {
		extra = append(extra, p.links[n:]...)
	}
	p.mu.Unlock()
	for _, l := range extra {
		if l.idle() {
			l.close()
		}
	}
	p.nudge()
}

// hold stops or continues answering on all lanes.
func (p *peer) hold(on bool) {
	p.mu.Lock()
	p.held = on
	links := append([]*link(nil), p.links...)
	p.mu.Unlock()
	for _, l := range links {
		l.hold(on)
	}
}

func (p *peer) closeAll() {
	p.mu.Lock()
	p.over = true
	links := append([]*link(nil), p.links...)
	p.mu.Unlock()
	for _, l := range links {
		l.close()
	}
}

// clip shortens a text for people to what a message may have.
func clip(text string) string {
	for len(text) > wire.MaxMessage {
		r := []rune(text)
		text = string(r[:len(r)*3/4])
	}
	return text
}
