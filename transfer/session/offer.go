package session

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/confab/confab/transfer/content"
	"github.com/confab/confab/transfer/plan"
	"github.com/confab/confab/transfer/wire"
)

// offered is told what comes.
func (r *Receiver) offered(o *wire.Offer) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.offer == nil:
		r.offer, r.began = &Offer{Offer: *o}, time.Now()
	case r.offer.Root != o.Root || r.offer.Count != o.Count:
		return &PeerError{Code: wire.BadMessage, Message: "two contents are offered in one transfer"}
	}
	return nil
}

// listed takes a page of entries. When control moves to another lane, pages come again.
func (r *Receiver) listed(e *wire.Entries) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.offer == nil {
		return &PeerError{Code: wire.BadMessage, Message: "entries come before their offer"}
	}
	o := r.offer
	switch have := len(o.Entries); {
	case e.First < have:
		return nil
	case e.First > have || have+len(e.Entries) > o.Count:
		return &PeerError{Code: wire.BadMessage, Message: "entries are missing, or more than were offered"}
	}
	if o.Entries = append(o.Entries, e.Entries...); len(o.Entries) < o.Count {
		return nil
	}
	if content.RootOf(o.Entries) != o.Root || content.Total(o.Entries) != o.Total {
		return &PeerError{Code: wire.BadMessage, Message: "the entries are not those of the offer"}
	}
	paths := make([]string, len(o.Entries))
	for i := range o.Entries {
		paths[i] = o.Entries[i].Path
	}
	names, err := content.Names(paths)
	if err != nil {
		return &PeerError{Code: wire.BadMessage, Message: err.Error()}
	}
	for i := range names {
		if o.Entries[i].Folder() {
			names[i] = names[i][:len(names[i])-1]
		}
	}
	o.Names = names
	close(r.complete)
	return nil
}

// decide answers the offer and begins.
func (r *Receiver) decide(ctx context.Context) {
	r.mu.Lock()
	o := r.offer
	r.mu.Unlock()
	var files []int
	var err error
	if r.o.Decide != nil {
		files, err = r.o.Decide(ctx, o)
	}
	if err != nil {
		r.mu.Lock()
		r.refusal = fmt.Errorf("%w: %w", ErrDeclined, err)
		r.mu.Unlock()
		r.source.last(&wire.Decline{Reason: clip(err.Error())})
		r.ended(r.refusal)
		return
	}
	if files == nil {
		for i := range o.Entries {
			files = append(files, i)
		}
	}
	files = slices.Compact(slices.Sorted(slices.Values(files)))
	have, err := r.o.Sink.Open(o, files)
	if err != nil {
		r.mu.Lock()
		r.failLocked(codeOf(err))
		r.mu.Unlock()
		return
	}
	r.begin(o, files, have)
}

// begin puts what is wanted on the board.
func (r *Receiver) begin(o *Offer, files []int, have []*content.Bitmap) {
	r.mu.Lock()
	b := plan.NewBoard(len(o.Entries))
	r.files, r.accepted, r.take = make([]rfile, len(o.Entries)), make([]bool, len(o.Entries)), files
	numbers, n := make([]int, len(o.Entries)), 0
	for f := range o.Entries {
		numbers[f] = n
		n += o.Entries[f].Blocks()
	}
	var ready []int
	for _, f := range files {
		e := &o.Entries[f]
		r.accepted[f] = true
		var h *content.Bitmap
		if f < len(have) && !e.Stream && have[f] != nil {
			h = content.BitmapOf(have[f].Bytes(), e.Blocks())
		}
		r.total += max(0, e.Size)
		switch {
		case e.Inline != "" || e.Blocks() == 0 && !e.Stream:
			r.verified += e.Size
			ready = append(ready, f)
			r.files[f].done = true
			continue
		case e.Blocks() == 1:
			r.files[f].leaves, r.files[f].known, r.files[f].checked = []content.Hash{*e.Root}, 1, true
		}
		b.Add(f, numbers[f], e.Size, h)
		for k := range e.Blocks() {
			if h.Has(k) {
				r.verified += int64(content.BlockLen(e.Size, k))
			}
		}
		if r.files[f].checked {
			b.Ready(f)
		}
		if !e.Stream && b.Whole(f) {
			ready = append(ready, f)
			r.files[f].done = true
		}
	}
	b.Join(plan.Source, time.Now())
	r.board = b
	r.source.control(r.acceptLocked())
	if l := r.source.first(); l != nil {
		r.introduceLocked(l)
	}
	r.pumpLocked(time.Now())
	r.mu.Unlock()
	r.o.Events(Event{Kind: EventAccepted, Peer: r.o.Peer})
	for _, f := range ready {
		r.finish(f)
	}
	r.mu.Lock()
	r.doneLocked()
	r.mu.Unlock()
}

func (r *Receiver) acceptLocked() *wire.Accept {
	if len(r.take) == len(r.offer.Entries) {
		return &wire.Accept{}
	}
	return &wire.Accept{Files: append([]int{}, r.take...)}
}

// changed leaves a file out that is not what was offered.
func (r *Receiver) changed(c *wire.Changed) error {
	r.mu.Lock()
	if r.board == nil || c.File >= len(r.files) || !r.accepted[c.File] || r.files[c.File].done {
		r.mu.Unlock()
		return nil
	}
	r.files[c.File].done = true
	r.board.Drop(c.File)
	for k := range r.buffers {
		if k.File == c.File {
			delete(r.buffers, k)
		}
	}
	r.lost = &PeerError{Code: wire.FileChanged, Message: fmt.Sprintf("%s: %s", r.offer.Names[c.File], c.Message), Remote: true}
	r.missing++
	r.doneLocked()
	r.pumpLocked(time.Now())
	r.mu.Unlock()
	r.o.Events(Event{Kind: EventChanged, Peer: r.o.Peer, File: c.File, Message: c.Message})
	return nil
}
