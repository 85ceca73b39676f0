package session

import (
	"errors"
	"io"
	"sync"

	"github.com/confab/confab/transfer/content"
	"github.com/confab/confab/transfer/plan"
	"github.com/confab/confab/transfer/wire"
)

// streamed is how many blocks of a stream are kept until all receivers have them. Then reading waits.
const streamed = 32

// stream is a file whose end is not known when it is offered. Its blocks are in memory until everybody who gets it has them.
type stream struct {
	file int

	mu      sync.Mutex // guards the fields below
	started bool
	leaves  []content.Hash
	blocks  map[int][]byte
	freed   int // blocks before it are gone
	size    int64
	ended   *wire.Ended
	reader  Reader
	closed  bool
	room    chan struct{} // of capacity 1: a block was freed
}

func newStream(file int) *stream {
	return &stream{file: file, blocks: map[int][]byte{}, room: make(chan struct{}, 1)}
}

// startStream begins to read a stream when the first receiver wants it. Who comes when its beginning is gone can't have it.
func (s *Sender) startStream(f int, st *stream) error {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.freed > 0 {
		return &PeerError{Code: wire.Gone, Message: "the beginning of the stream has passed"}
	}
	if st.started {
		return nil
	}
	st.started = true
	r, err := s.o.Source.Stream(f)
	if err != nil {
		s.reading.Go(func() { s.lose(f, err) })
		return nil
	}
	st.reader = r
	s.reading.Go(func() { s.readStream(st, r) })
	return nil
}

func (s *Sender) readStream(st *stream, r Reader) {
	defer r.Close()
	for block := 0; ; block++ {
		p := make([]byte, content.BlockSize)
		n, err := io.ReadFull(readOnly{r}, p)
		ended := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !ended {
			s.lose(st.file, err)
			return
		}
		s.addBlock(st, block, p[:n], ended)
		if ended {
			return
		}
		for {
			st.mu.Lock()
			full, closed := len(st.blocks) >= streamed, st.closed
			st.mu.Unlock()
			if closed {
				return
			}
			if !full {
				break
			}
			<-st.room
		}
	}
}

// readOnly is the io.Reader of a Reader.
type readOnly struct{ Reader }

// addBlock makes a block known; with ended it is the last, and may be empty. The end is told before a last block that is shorter,
// so that nobody takes it for a whole one.
func (s *Sender) addBlock(st *stream, block int, p []byte, ended bool) {
	var leaves []content.Hash
	st.mu.Lock()
	if len(p) > 0 {
		leaves = []content.Hash{content.Leaf(p)}
		st.leaves = append(st.leaves, leaves[0])
		st.blocks[block] = p
		st.size += int64(len(p))
	}
	if ended {
		st.ended = &wire.Ended{File: st.file, Size: st.size, Root: content.Root(st.leaves)}
	}
	st.mu.Unlock()
	s.each(st.file, func(v *serving) {
		if ended {
			v.peer.control(st.ended)
		}
		if len(leaves) > 0 {
			v.peer.frame(wire.Hashes{File: uint32(st.file), First: block, Leaves: leaves})
		}
	})
}

// each calls f for all receivers that want a file.
func (s *Sender) each(file int, f func(*serving)) {
	s.mu.Lock()
	all := append([]*serving(nil), s.serving...)
	s.mu.Unlock()
	for _, v := range all {
		if v.accepted(uint32(file)) == nil {
			f(v)
		}
	}
}

// retell sends the leaves that a receiver may have missed, and the end.
func (st *stream) retell(l *link, have *content.Bitmap) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.ended != nil {
		l.control(st.ended)
	}
	first := 0
	for have != nil && have.Has(first) {
		first++
	}
	for first < len(st.leaves) {
		n := min(wire.MaxLeaves, len(st.leaves)-first)
		l.frame(wire.Hashes{File: uint32(st.file), First: first, Leaves: st.leaves[first : first+n]})
		first += n
	}
}

func (st *stream) nudge() {
	select {
	case st.room <- struct{}{}:
	default:
	}
}

// freeStreams forgets blocks that everybody has.
func (s *Sender) freeStreams() {
	for f, st := range s.streams {
		var haves []*serving
		s.each(f, func(v *serving) { haves = append(haves, v) })
		if len(haves) == 0 {
			continue
		}
		st.mu.Lock()
		for st.freed < len(st.leaves) && everybody(haves, f, st.freed) {
			delete(st.blocks, st.freed)
			st.freed++
		}
		st.mu.Unlock()
		st.nudge()
	}
}

func everybody(all []*serving, f, block int) bool {
	for _, v := range all {
		v.mu.Lock()
		has := v.have[f] != nil && v.have[f].Has(block)
		v.mu.Unlock()
		if !has {
			return false
		}
	}
	return true
}

// sizeOf is how many bytes of a file there are, so far.
func (s *Sender) sizeOf(f int) int64 {
	if st := s.streams[f]; st != nil {
		st.mu.Lock()
		defer st.mu.Unlock()
		return st.size
	}
	return s.o.Entries[f].Size
}

// read returns bytes of a file for a receiver.
func (s *Sender) read(f int, offset int64, buf []byte) ([]byte, error) {
	st := s.streams[f]
	if st == nil {
		return s.blocks.read(f, offset, buf)
	}
	k := plan.Block{File: f, Index: int(offset / content.BlockSize)}
	st.mu.Lock()
	defer st.mu.Unlock()
	block, in := st.blocks[k.Index], int(offset%content.BlockSize)
	if in >= len(block) {
		return nil, ErrGone
	}
	return buf[:copy(buf, block[in:])], nil
}
