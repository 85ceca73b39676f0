package session

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"sync"
	"time"

	"github.com/confab/confab/transfer/content"
	"github.com/confab/confab/transfer/wire"
)

// Patience with a peer.
const (
	decideWithin = 10 * time.Minute // for a person to answer an offer
	closeWithin  = 5 * time.Second  // for the receiver to close its lanes when all is done
)

// Sender has one content and serves it to any number of receivers.
type Sender struct {
	o       SendOptions
	offer   wire.Offer
	pages   []wire.Control // of entries
	blocks  *cache
	streams map[int]*stream
	reading sync.WaitGroup // of streams

	mu      sync.Mutex // guards the fields below
	serving []*serving // in the order they came
	changed map[int]string
	secret  string // of the swarm
	paused  bool
}

// NewSender returns a sender of a content. Who is done with it closes it.
func NewSender(o SendOptions) *Sender {
	if o.Events == nil {
		o.Events = func(Event) {}
	}
	var secret [16]byte
	_, _ = rand.Read(secret[:]) // never fails
	s := &Sender{o: o, changed: map[int]string{}, secret: base64.RawURLEncoding.EncodeToString(secret[:]), streams: map[int]*stream{}}
	s.offer = wire.Offer{Root: content.RootOf(o.Entries), Count: len(o.Entries), Total: content.Total(o.Entries), Name: o.Name, Note: o.Note}
	s.pages = pagesOf(o.Entries)
	s.blocks = newCache(s.load)
	for i := range o.Entries {
		if o.Entries[i].Stream {
			s.streams[i] = newStream(i)
		}
	}
	return s
}

// Close stops reading streams. Nobody may be served any more.
func (s *Sender) Close() {
	for _, st := range s.streams {
		st.mu.Lock()
		st.closed = true
		if st.reader != nil {
			_ = st.reader.Close()
		}
		st.mu.Unlock()
		st.nudge()
	}
	s.reading.Wait()
}

// Root names the content.
func (s *Sender) Root() content.Hash { return s.offer.Root }

// pagesOf cuts entries into messages.
func pagesOf(entries []content.Entry) []wire.Control {
	var pages []wire.Control
	for first := 0; first < len(entries); {
		n, bytes := 0, 0
		for first+n < len(entries) {
			e := &entries[first+n]
			// Inline text and path are written with escapes: six bytes a character at worst, and the rest of an entry takes 200.
			size := 200 + escaped(e.Path) + escaped(e.Type) + escaped(e.Inline)
			if n > 0 && bytes+size > wire.MaxPage {
				break
			}
			bytes += size
			n++
		}
		pages = append(pages, &wire.Entries{First: first, Entries: entries[first : first+n]})
		first += n
	}
	return pages
}

func escaped(s string) int {
	n := 0
	for _, c := range []byte(s) {
		if n++; c < 0x20 || c == '<' || c == '>' || c == '&' || c == '"' || c == '\\' || c >= 0x7f {
			n += 5
		}
	}
	return n
}

// Serve sends the content to one receiver, who is called id in events and in the swarm. It returns nil when everything that was
// accepted is verified there. It may run for several receivers at once.
func (s *Sender) Serve(ctx context.Context, id string, d Dialer) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	v := &serving{s: s, id: id, have: make([]*content.Bitmap, len(s.o.Entries)), cancel: cancel, since: time.Now()}
	v.peer = newPeer(d, v, 1, v.tell)
	s.mu.Lock()
	v.peer.held = s.paused
	s.serving = append(s.serving, v)
	s.mu.Unlock()
	defer s.leave(v)

	answer := time.AfterFunc(decideWithin, func() {
		v.mu.Lock()
		late := !v.answered
		v.mu.Unlock()
		if late {
			v.end(&PeerError{Code: wire.Timeout, Message: "the offer was not answered within ten minutes"})
		}
	})
	defer answer.Stop()
	err := v.peer.run(ctx)
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, ctx.Err()) {
		err = cause
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case v.done && v.lost != nil:
		return v.lost
	case v.done:
		s.o.Events(Event{Kind: EventDone, Peer: id})
		return nil
	}
	return err
}

func (s *Sender) leave(v *serving) {
	s.mu.Lock()
	for i, x := range s.serving {
		if x == v {
			s.serving = append(s.serving[:i:i], s.serving[i+1:]...)
			break
		}
	}
	s.mu.Unlock()
	s.freeStreams()
	s.reswarm()
}

// Pause stops answering all receivers; Continue goes on.
func (s *Sender) Pause()    { s.hold(true) }
func (s *Sender) Continue() { s.hold(false) }

func (s *Sender) hold(on bool) {
	s.mu.Lock()
	s.paused = on
	all := append([]*serving(nil), s.serving...)
	s.mu.Unlock()
	for _, v := range all {
		v.peer.hold(on)
		v.peer.control(pauseOr(on))
	}
}

func pauseOr(on bool) wire.Control {
	if on {
		return &wire.Pause{}
	}
	return &wire.Continue{}
}

// Cancel ends the transfer to a receiver, or with "" to all.
func (s *Sender) Cancel(id, message string) {
	s.mu.Lock()
	all := append([]*serving(nil), s.serving...)
	s.mu.Unlock()
	for _, v := range all {
		if id == "" || v.id == id {
			go func() { // Serve waits for it, as it holds the peer's last message
				v.peer.last(&wire.CancelAll{Message: clip(message)})
				v.cancel(ErrCancelled)
			}()
		}
	}
}

// Progress says how far a receiver is; false: there is none of that id.
func (s *Sender) Progress(id string) (Progress, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range s.serving {
		if v.id == id {
			return v.progress(s.paused), true
		}
	}
	return Progress{}, false
}

// lose tells everybody that a file is not what was offered, once.
func (s *Sender) lose(file int, why error) {
	message := "the file has changed since it was offered"
	if errors.Is(why, ErrGone) {
		message = "the file is not there any more"
	} else if errors.Is(why, ErrPermission) {
		message = "the sender may not read the file any more"
	}
	s.mu.Lock()
	if _, known := s.changed[file]; known {
		s.mu.Unlock()
		return
	}
	s.changed[file] = message
	all := append([]*serving(nil), s.serving...)
	s.mu.Unlock()
	s.o.Events(Event{Kind: EventChanged, File: file, Message: message})
	for _, v := range all {
		v.peer.control(&wire.Changed{File: file, Message: message})
	}
}

// load reads a block and checks that it is what was offered.
func (s *Sender) load(file, block int, p []byte) ([]byte, error) {
	e := &s.o.Entries[file]
	leaves, err := s.o.Source.Leaves(file)
	if err != nil {
		return nil, err
	}
	p = p[:content.BlockLen(e.Size, block)]
	if n, err := s.o.Source.ReadAt(file, p, int64(block)*content.BlockSize); n < len(p) {
		if err == nil || !errors.Is(err, ErrGone) && !errors.Is(err, ErrPermission) {
			err = ErrChanged
		}
		return nil, err
	}
	if block >= len(leaves) || content.Leaf(p) != leaves[block] {
		return nil, ErrChanged
	}
	return p, nil
}

// reswarm tells those who are receiving of each other, when that has changed.
func (s *Sender) reswarm() {
	s.mu.Lock()
	var all []*serving
	for _, v := range s.serving {
		if v.swarms() {
			all = append(all, v)
		}
	}
	s.mu.Unlock()
	for i, v := range all {
		m := &wire.Swarm{Secret: s.secret, Stripe: i, Of: len(all), Peers: []string{}}
		for _, other := range all {
			if other != v && len(m.Peers) < wire.MaxPeers {
				m.Peers = append(m.Peers, other.id)
			}
		}
		v.swarm(m)
	}
}
