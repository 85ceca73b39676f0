package session

import (
	"context"
	"sync"
	"time"

	"github.com/confab/confab/transfer/content"
	"github.com/confab/confab/transfer/wire"
)

// serving is one receiver of a Sender.
type serving struct {
	s      *Sender
	id     string
	peer   *peer
	cancel context.CancelCauseFunc
	since  time.Time

	mu       sync.Mutex // guards the fields below; s.mu may be held when it is taken, never the other way round
	answered bool
	wanted   []bool            // accepted, by index
	have     []*content.Bitmap // verified there
	verified int64
	moved    int64
	whole    map[int]bool
	paused   bool
	stripes  *wire.Swarm
	done     bool
	lost     error // a file that was accepted has changed
	meter    meter
}

func (v *serving) tell(e Event) {
	e.Peer = v.id
	v.s.o.Events(e)
}

// end ends the transfer to this receiver.
func (v *serving) end(err error) {
	go func() { // the caller may be what it would wait for
		_ = v.peer.refuse(err)
		v.cancel(err)
	}()
}

func (v *serving) up(*link)   {}
func (v *serving) down(*link) {}

// greet implements party.
func (v *serving) greet(l *link) {
	v.s.mu.Lock()
	paused := v.s.paused
	changed := make(map[int]string, len(v.s.changed))
	for f, m := range v.s.changed {
		changed[f] = m
	}
	v.s.mu.Unlock()
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.answered {
		l.control(&v.s.offer)
		for _, page := range v.s.pages {
			l.control(page)
		}
	}
	for f, m := range changed {
		l.control(&wire.Changed{File: f, Message: m})
	}
	for f, st := range v.s.streams {
		if v.wanted != nil && v.wanted[f] {
			st.retell(l, v.have[f])
		}
	}
	if v.stripes != nil {
		l.control(v.stripes)
	}
	l.control(pauseOr(paused))
	if v.done {
		l.control(&wire.Done{Root: v.s.offer.Root})
	}
}

// text implements party.
func (v *serving) text(_ *link, c wire.Control) error {
	switch c := c.(type) {
	case *wire.Accept:
		return v.accept(c)
	case *wire.Decline:
		return &endError{declined(c.Reason), true}
	case *wire.Lanes:
		v.peer.lanes(c.N)
	case *wire.Verified:
		v.mu.Lock()
		news := c.File < len(v.have) && v.whole != nil && !v.whole[c.File]
		if news {
			v.whole[c.File] = true
		}
		v.mu.Unlock()
		if news {
			v.tell(Event{Kind: EventVerified, File: c.File})
		}
	case *wire.Pause, *wire.Continue:
		_, on := c.(*wire.Pause)
		v.mu.Lock()
		news := v.paused != on
		v.paused = on
		v.mu.Unlock()
		if news {
			v.tell(Event{Kind: pausedOr(on)})
		}
	case *wire.Done:
		return v.finish(c)
	}
	return nil
}

func pausedOr(on bool) EventKind {
	if on {
		return EventPaused
	}
	return EventContinue
}

type declineError struct{ reason string }

func (e *declineError) Error() string {
	if e.reason == "" {
		return ErrDeclined.Error()
	}
	return ErrDeclined.Error() + ": " + e.reason
}
func (e *declineError) Unwrap() error { return ErrDeclined }

func declined(reason string) error { return &declineError{reason} }

func (v *serving) accept(c *wire.Accept) error {
	v.mu.Lock()
	if v.answered {
		v.mu.Unlock()
		return nil
	}
	n := len(v.s.o.Entries)
	wanted := make([]bool, n)
	for i := range wanted {
		wanted[i] = c.Files == nil
	}
	for _, f := range c.Files {
		if f >= n {
			v.mu.Unlock()
			return &PeerError{Code: wire.BadMessage, Message: "a file was accepted that was not offered"}
		}
		wanted[f] = true
	}
	v.answered, v.wanted, v.whole = true, wanted, map[int]bool{}
	v.mu.Unlock()
	v.tell(Event{Kind: EventAccepted})
	for f, st := range v.s.streams {
		if wanted[f] {
			if err := v.s.startStream(f, st); err != nil {
				return err
			}
			if l := v.peer.first(); l != nil {
				st.retell(l, nil)
			}
		}
	}
	v.s.reswarm()
	return nil
}

// binary implements party.
func (v *serving) binary(l *link, f wire.Frame) error {
	switch f := f.(type) {
	case wire.Request:
		return v.request(l, f)
	case wire.Cancel:
		l.withdraw(f)
	case wire.Ask:
		return v.ask(l, f)
	case wire.Have:
		return v.announced(f)
	default:
		return &PeerError{Code: wire.BadMessage, Message: "a receiver sends no data"}
	}
	return nil
}

// accepted says whether the file may be asked for.
func (v *serving) accepted(file uint32) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.wanted == nil || int(file) >= len(v.wanted) || !v.wanted[file] {
		return &PeerError{Code: wire.BadMessage, Message: "a file was asked for that was not accepted"}
	}
	return nil
}

func (v *serving) request(l *link, r wire.Request) error {
	if err := v.accepted(r.File); err != nil {
		return err
	}
	size := v.s.sizeOf(int(r.File))
	if r.Offset+int64(r.Length) > size {
		return &PeerError{Code: wire.BadMessage, Message: "a range reaches over the end of its file"}
	}
	return l.request(r)
}

func (v *serving) ask(l *link, a wire.Ask) error {
	if err := v.accepted(a.File); err != nil {
		return err
	}
	if v.s.streams[int(a.File)] != nil {
		return &PeerError{Code: wire.BadMessage, Message: "the leaves of a stream come as they are made"}
	}
	leaves, err := v.s.o.Source.Leaves(int(a.File))
	if err != nil {
		v.s.lose(int(a.File), err)
		return nil
	}
	if a.First+a.Count > len(leaves) {
		return &PeerError{Code: wire.BadMessage, Message: "leaves were asked for that the file does not have"}
	}
	l.frame(wire.Hashes{File: a.File, First: a.First, Leaves: leaves[a.First : a.First+a.Count]})
	return nil
}

func (v *serving) announced(h wire.Have) error {
	if err := v.accepted(h.File); err != nil {
		return err
	}
	f := int(h.File)
	size := v.s.sizeOf(f)
	n := content.Blocks(size)
	v.mu.Lock()
	if v.have[f] == nil {
		v.have[f] = content.NewBitmap(n)
	}
	before := v.have[f].Count()
	for i, x := range h.Bitmap {
		for bit := range 8 {
			if block := h.First + 8*i + bit; x&(0x80>>bit) != 0 && block < n && v.have[f].Set(block) {
				v.verified += int64(content.BlockLen(size, block))
			}
		}
	}
	news := v.have[f].Count() != before
	v.meter.add(time.Now(), 0)
	v.mu.Unlock()
	if news && v.s.streams[f] != nil {
		v.s.freeStreams()
	}
	return nil
}

// fetch implements party.
func (v *serving) fetch(file int, offset int64, buf []byte) ([]byte, error) {
	b, err := v.s.read(file, offset, buf)
	v.mu.Lock()
	v.moved += int64(len(b))
	v.meter.add(time.Now(), len(b))
	v.mu.Unlock()
	return b, err
}

// failed implements party.
func (v *serving) failed(file int, err error) error {
	v.s.lose(file, err)
	return nil
}

// finish answers done. The receiver closes its lanes then.
func (v *serving) finish(c *wire.Done) error {
	if c.Root != v.s.offer.Root {
		return &PeerError{Code: wire.BadMessage, Message: "another content is done than the one offered"}
	}
	v.s.mu.Lock()
	v.mu.Lock()
	first := !v.done && v.wanted != nil
	if first {
		v.done = true
		for f, m := range v.s.changed {
			if v.wanted[f] {
				v.lost = &PeerError{Code: wire.FileChanged, Message: m}
			}
		}
	}
	v.mu.Unlock()
	v.s.mu.Unlock()
	v.peer.control(&wire.Done{Root: c.Root})
	if first {
		v.peer.mu.Lock()
		v.peer.want = 0 // when the receiver closes its lanes, that is the end
		v.peer.mu.Unlock()
		go v.goodbye()
	}
	return nil
}

// goodbye ends the transfer when the receiver has closed its lanes, or does not.
func (v *serving) goodbye() {
	for deadline := time.Now().Add(closeWithin); len(v.peer.alive()) > 0 && time.Now().Before(deadline); {
		time.Sleep(50 * time.Millisecond)
	}
	v.cancel(nil)
}

// swarms reports whether the receiver takes part in a swarm. s.mu is held.
func (v *serving) swarms() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.answered && !v.done && v.id != ""
}

// swarm tells the receiver of others, when that is news.
func (v *serving) swarm(m *wire.Swarm) {
	v.mu.Lock()
	alone := m.Of == 1 && v.stripes == nil
	if !alone {
		v.stripes = m
	}
	v.mu.Unlock()
	if !alone {
		v.peer.control(m)
	}
}

func (v *serving) progress(paused bool) Progress {
	v.mu.Lock()
	defer v.mu.Unlock()
	p := Progress{Verified: v.verified, Bytes: v.moved, Whole: len(v.whole), Paused: paused || v.paused}
	for f, w := range v.wanted {
		if w {
			p.Files++
			p.Total += v.s.sizeOf(f)
		}
	}
	links := v.peer.alive()
	if p.Lanes = len(links); p.Lanes > 0 {
		p.Path = links[0].lane.Path()
	}
	p.Rate = v.meter.rate(time.Now())
	p.Left = left(p.Total-p.Verified, p.Rate)
	return p
}
