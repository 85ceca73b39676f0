package session

import (
	"errors"
	"slices"
	"time"

	"github.com/confab/confab/transfer/content"
	"github.com/confab/confab/transfer/plan"
	"github.com/confab/confab/transfer/wire"
)

// from is one of those that a Receiver gets blocks from: the sender, or another receiver.
type from struct {
	r    *Receiver
	id   int // on the board
	name string
	peer *peer

	bad, stray int // blocks; bytes. Guarded by r.mu
}

func (p *from) source() bool { return p.id == plan.Source }

func (p *from) tell(e Event) {
	e.Peer = p.name
	if p.source() {
		p.r.o.Events(e)
	}
}

// greet implements party.
func (p *from) greet(l *link) {
	r := p.r
	r.mu.Lock()
	defer r.mu.Unlock()
	if p.source() {
		switch {
		case r.refusal != nil:
			l.control(&wire.Decline{Reason: clip(r.refusal.Error())})
			return
		case r.accepted != nil:
			l.control(r.acceptLocked())
		}
		l.control(pauseOr(r.paused))
		if r.want > 1 {
			l.control(&wire.Lanes{N: r.want})
		}
		if r.told {
			l.control(&wire.Done{Root: r.offer.Root})
		}
	}
	if r.board != nil {
		r.introduceLocked(l)
	}
}

// introduceLocked tells all that is verified.
func (r *Receiver) introduceLocked(l *link) {
	for _, f := range r.take {
		have := r.board.Have(f)
		if have == nil || have.Count() == 0 {
			continue
		}
		for first, bits := 0, have.Bytes(); first < len(bits); first += wire.MaxBitmap {
			l.frame(wire.Have{File: uint32(f), First: 8 * first, Bitmap: slices.Clone(bits[first:min(len(bits), first+wire.MaxBitmap)])})
		}
	}
}

// up implements party.
func (p *from) up(*link) {
	p.r.mu.Lock()
	defer p.r.mu.Unlock()
	p.r.pumpLocked(time.Now())
}

// down implements party: what a lane owed is asked for elsewhere.
func (p *from) down(l *link) {
	r := p.r
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.board == nil {
		return
	}
	for _, a := range l.owed {
		if a.Length > 0 {
			r.board.Lost(p.id, a.Range)
		} else if p.source() {
			r.files[a.File].asking = 0 // again from the first that is not here
		}
	}
	l.owed, l.owing = nil, 0
	if !p.source() && len(p.peer.alive()) == 0 {
		r.board.Leave(p.id) // it joins again with its next lane
		r.board.Join(p.id, time.Now())
	}
	r.pumpLocked(time.Now())
}

// binary implements party.
func (p *from) binary(l *link, f wire.Frame) error {
	r := p.r
	switch f := f.(type) {
	case wire.Data:
		return r.arrived(p, l, f)
	case wire.Hashes:
		if !p.source() {
			return &PeerError{Code: wire.BadMessage, Message: "only the sender knows the leaves"}
		}
		return r.hashes(l, f)
	case wire.Have:
		r.mu.Lock()
		defer r.mu.Unlock()
		l.heard = time.Now()
		if r.board != nil && !p.source() && r.board.Announced(p.id, int(f.File), f.First, f.Bitmap, l.heard) {
			r.pumpLocked(l.heard)
		}
		return nil
	case wire.Cancel:
		l.withdraw(f)
		return nil
	case wire.Request:
		if p.source() {
			break
		}
		return r.requested(l, f)
	}
	return &PeerError{Code: wire.BadMessage, Message: "a sender asks for nothing"}
}

// requested checks what another receiver asks for: blocks that we have verified.
func (r *Receiver) requested(l *link, q wire.Request) error {
	r.mu.Lock()
	f, block := int(q.File), int(q.Offset/content.BlockSize)
	r.asked = time.Now()
	ok := r.board != nil && f < len(r.files) && r.board.Have(f) != nil && r.board.Have(f).Has(block) && q.Offset+int64(q.Length) <= r.sizeLocked(f)
	r.mu.Unlock()
	if !ok {
		return &PeerError{Code: wire.BadMessage, Message: "a block was asked for that is not here"}
	}
	return l.request(q)
}

// sizeLocked is how long a file is, as far as is known.
func (r *Receiver) sizeLocked(f int) int64 {
	e := &r.offer.Entries[f]
	switch {
	case !e.Stream:
		return e.Size
	case r.files[f].ended != nil:
		return r.files[f].ended.Size
	}
	return int64(r.files[f].known) * content.BlockSize
}

// fetch implements party.
func (p *from) fetch(file int, offset int64, buf []byte) ([]byte, error) {
	return p.r.blocks.read(file, offset, buf)
}

// failed implements party: what cannot be read again is not passed on.
func (p *from) failed(int, error) error { return nil }

// text implements party.
func (p *from) text(_ *link, c wire.Control) error {
	r := p.r
	if !p.source() {
		return nil // between receivers there is nothing to say
	}
	switch c := c.(type) {
	case *wire.Offer:
		return r.offered(c)
	case *wire.Entries:
		return r.listed(c)
	case *wire.Pause, *wire.Continue:
		_, on := c.(*wire.Pause)
		r.mu.Lock()
		news := r.held != on
		r.held = on
		r.restLocked()
		r.pumpLocked(time.Now())
		r.mu.Unlock()
		if news {
			p.tell(Event{Kind: pausedOr(on)})
		}
	case *wire.Changed:
		return r.changed(c)
	case *wire.Ended:
		return r.streamEnded(c)
	case *wire.Swarm:
		r.swarm(c)
	case *wire.Done:
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.told && c.Root == r.offer.Root {
			r.finishedLocked()
		}
	}
	return nil
}

// codeOf says what an error of the Sink is on the wire.
func codeOf(err error) *PeerError {
	switch {
	case errors.Is(err, ErrNoSpace):
		return &PeerError{Code: wire.NoSpace, Message: err.Error()}
	case errors.Is(err, ErrPermission):
		return &PeerError{Code: wire.Permission, Message: err.Error()}
	case errors.Is(err, ErrGone):
		return &PeerError{Code: wire.Gone, Message: err.Error()}
	}
	return &PeerError{Code: wire.Internal, Message: err.Error()}
}
