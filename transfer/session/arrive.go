package session

import (
	"slices"
	"time"

	"github.com/confab/confab/transfer/content"
	"github.com/confab/confab/transfer/plan"
	"github.com/confab/confab/transfer/wire"
)

// arrived takes bytes that were asked for.
func (r *Receiver) arrived(p *from, l *link, d wire.Data) error {
	now := time.Now()
	r.mu.Lock()
	l.heard = now
	r.bytes += int64(len(d.Payload))
	r.meter.add(now, len(d.Payload))
	got := plan.Range{File: int(d.File), Offset: d.Offset, Length: len(d.Payload)}
	i := slices.IndexFunc(l.owed, func(a ask) bool { return a.Range == got })
	if i < 0 {
		p.stray += len(d.Payload)
		over := p.stray > maxStray
		r.mu.Unlock()
		if over {
			return &PeerError{Code: wire.TooMuch, Message: "bytes come that were not asked for"}
		}
		return nil
	}
	full := l.owing+plan.RangeSize > l.window.Size()
	at := l.owed[i].at
	l.owed = append(l.owed[:i:i], l.owed[i+1:]...)
	l.owing -= cost(got.Length)
	l.window.Arrived(now, got.Length, now.Sub(at), full)
	if len(l.owed) == 0 && !full {
		l.window.Idle()
	}
	asked, whole := r.board.Got(p.id, got, now)
	if !asked {
		r.pumpLocked(now)
		r.mu.Unlock()
		return nil
	}
	k := got.Block()
	block := r.buffers[k]
	if block == nil {
		block = r.bufferLocked(content.BlockLen(r.sizeLocked(k.File), k.Index))
		r.buffers[k] = block
	}
	copy(block[d.Offset%content.BlockSize:], d.Payload)
	if !whole {
		r.pumpLocked(now)
		r.mu.Unlock()
		return nil
	}
	delete(r.buffers, k)
	leaf := r.files[k.File].leaves[k.Index]
	r.pumpLocked(now)
	r.mu.Unlock()
	return r.check(p, k, block, leaf)
}

// bufferLocked returns memory for a block.
func (r *Receiver) bufferLocked(n int) []byte {
	if n > content.BlockSize/2 && len(r.free) > 0 {
		b := r.free[len(r.free)-1]
		r.free = r.free[:len(r.free)-1]
		return b[:n]
	}
	if n > content.BlockSize/2 {
		return make([]byte, n, content.BlockSize)
	}
	return make([]byte, n)
}

// check verifies a whole block and keeps it.
func (r *Receiver) check(p *from, k plan.Block, block []byte, leaf content.Hash) error {
	if content.Leaf(block) != leaf {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.board.Failed(k)
		if p.bad++; p.bad >= strikes {
			return &PeerError{Code: wire.BadBlock, Message: "three blocks were not those that were offered"}
		}
		r.pumpLocked(time.Now())
		return nil
	}
	r.disk <- struct{}{}
	err := r.o.Sink.WriteBlock(k.File, k.Index, block)
	<-r.disk
	r.mu.Lock()
	if err != nil {
		r.failLocked(codeOf(err))
		r.mu.Unlock()
		return nil
	}
	if cap(block) == content.BlockSize && len(r.free) < plan.MaxActive {
		r.free = append(r.free, block)
	}
	if !r.board.Has(k) && r.board.Wanted(k.File) {
		r.verified += int64(len(block))
		if r.news[k.File] == nil {
			r.news[k.File] = map[int]bool{}
		}
		r.news[k.File][k.Index/8] = true
	}
	r.board.Verified(k)
	finished := r.completeLocked(k.File)
	r.pumpLocked(time.Now())
	r.mu.Unlock()
	if finished {
		r.finish(k.File)
		r.mu.Lock()
		r.doneLocked()
		r.mu.Unlock()
	}
	return nil
}

// completeLocked reports, once, that all of a file is verified.
func (r *Receiver) completeLocked(f int) bool {
	x := &r.files[f]
	if x.done || !r.board.Whole(f) || r.offer.Entries[f].Stream && (x.ended == nil || x.known < content.Blocks(x.ended.Size)) {
		return false
	}
	x.done, x.leaves = true, nil
	return true
}

// finish makes a whole file visible.
func (r *Receiver) finish(f int) {
	r.mu.Lock()
	size := r.sizeLocked(f)
	r.mu.Unlock()
	r.disk <- struct{}{}
	err := r.o.Sink.Finish(f, size)
	<-r.disk
	if err != nil {
		r.mu.Lock()
		r.failLocked(codeOf(err))
		r.mu.Unlock()
		return
	}
	r.mu.Lock()
	r.whole++
	r.mu.Unlock()
	r.source.control(&wire.Verified{File: f})
	r.o.Events(Event{Kind: EventVerified, Peer: r.o.Peer, File: f})
}

// doneLocked tells the sender when everything is here.
func (r *Receiver) doneLocked() {
	if r.told || r.board == nil || r.whole+r.missing < len(r.take) {
		return
	}
	r.announceLocked()
	r.told, r.toldAt = true, time.Now()
	r.source.control(&wire.Done{Root: r.offer.Root})
}

// hashes takes leaves of a file.
func (r *Receiver) hashes(l *link, h wire.Hashes) error {
	f, now := int(h.File), time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	l.heard = now
	if r.board == nil || f >= len(r.files) || !r.accepted[f] || r.files[f].done {
		return nil
	}
	l.owed = slices.DeleteFunc(l.owed, func(a ask) bool { return a.Length == 0 && a.File == f && a.Offset == int64(h.First) })
	x, e := &r.files[f], &r.offer.Entries[f]
	if h.First > x.known || x.checked {
		return nil // it comes again
	}
	fresh := h.Leaves[min(len(h.Leaves), x.known-h.First):]
	if e.Stream {
		return r.growLocked(f, fresh)
	}
	if x.known+len(fresh) > e.Blocks() {
		return &PeerError{Code: wire.BadMessage, Message: "a file has more leaves than blocks"}
	}
	x.leaves = append(x.leaves, fresh...)
	if x.known = len(x.leaves); x.known == e.Blocks() {
		if content.Root(x.leaves) != *e.Root {
			x.leaves, x.known, x.asking = nil, 0, 0
			if p := r.parties[plan.Source]; p.bad+1 >= strikes {
				return &PeerError{Code: wire.BadBlock, Message: "the leaves of a file are not those of its root"}
			} else {
				p.bad++
			}
		} else {
			x.checked = true
			r.board.Ready(f)
		}
	}
	r.pumpLocked(now)
	return nil
}

// growLocked takes leaves of a stream.
func (r *Receiver) growLocked(f int, fresh []content.Hash) error {
	x := &r.files[f]
	x.leaves = append(x.leaves, fresh...)
	x.known = len(x.leaves)
	if x.known > content.MaxSize/content.BlockSize || x.ended != nil && x.known > content.Blocks(x.ended.Size) {
		return &PeerError{Code: wire.BadMessage, Message: "a stream is longer than it may be"}
	}
	return r.extendLocked(f)
}

// extendLocked tells the board of the blocks of a stream whose length is known: all but a last one before the end is told.
func (r *Receiver) extendLocked(f int) error {
	x := &r.files[f]
	size, ended := int64(x.known)*content.BlockSize, false
	if x.ended != nil && x.known == content.Blocks(x.ended.Size) {
		if content.Root(x.leaves) != x.ended.Root {
			return &PeerError{Code: wire.BadBlock, Message: "the leaves of a stream are not those of its root"}
		}
		size, ended = x.ended.Size, true
	}
	r.total += size - max(0, x.size)
	x.size = size
	r.board.Grow(f, x.known, size, ended)
	r.pumpLocked(time.Now())
	return nil
}

// streamEnded is told how long a stream was.
func (r *Receiver) streamEnded(c *wire.Ended) error {
	r.mu.Lock()
	f := c.File
	if r.board == nil || f >= len(r.files) || !r.accepted[f] || !r.offer.Entries[f].Stream || r.files[f].ended != nil || r.files[f].done {
		r.mu.Unlock()
		return nil
	}
	x := &r.files[f]
	if content.Blocks(c.Size) < x.known {
		r.mu.Unlock()
		return &PeerError{Code: wire.BadMessage, Message: "a stream has ended before its end"}
	}
	x.ended = c
	err := r.extendLocked(f)
	finished := err == nil && r.completeLocked(f)
	r.mu.Unlock()
	if finished {
		r.finish(f)
		r.mu.Lock()
		r.doneLocked()
		r.mu.Unlock()
	}
	return err
}
