package plan

import (
	"math/bits"
	"slices"
	"time"

	"github.com/confab/confab/transfer/content"
)

// Next returns the range to ask of a peer, and takes it for asked.
func (b *Board) Next(id int, now time.Time) (Range, bool) {
	p := b.peers[id]
	if p == nil {
		return Range{}, false
	}
	for _, a := range b.order {
		if a.peer == id && a.asked != a.all {
			return b.ask(a, now), true
		}
	}
	if len(b.order) >= maxBegun || b.begun >= MaxActive*content.BlockSize {
		return b.steal(id, now)
	}
	k, ok := b.pick(p, now)
	if !ok {
		return b.steal(id, now)
	}
	a := &active{Block: k, peer: id, last: now}
	a.size = content.BlockLen(b.files[k.File].size, k.Index)
	a.all = uint16(1<<((a.size+RangeSize-1)/RangeSize) - 1)
	b.begun += a.size
	b.active[k] = a
	b.order = append(b.order, a)
	return b.ask(a, now), true
}

func (b *Board) ask(a *active, now time.Time) Range {
	i := bits.TrailingZeros16(a.all &^ a.asked)
	if a.asked == 0 {
		a.last = now
	}
	a.asked |= 1 << i
	r := Range{File: a.File, Offset: int64(a.Index)*content.BlockSize + int64(i)*RangeSize}
	r.Length = b.lengthOf(r)
	return r
}

// pick finds a block to begin. Of a peer, any that it has. Of the source, those of this receiver's stripe that nobody else has; all
// others only when the other receivers have brought nothing for a while.
func (b *Board) pick(p *peer, now time.Time) (Block, bool) {
	if p.have != nil {
		return b.scan(&p.cursors[0], func(k Block) bool { h := p.have[k.File]; return h != nil && h.Has(k.Index) })
	}
	alone := len(b.peers) < 2
	own := func(k Block) bool { return b.mine(k) && (alone || !b.elsewhere(k)) }
	if k, ok := b.scan(&p.cursors[0], own); ok {
		return k, true
	}
	if !alone && now.Sub(b.brought) < stale {
		return Block{}, false
	}
	return b.scan(&p.cursors[1], func(Block) bool { return true })
}

// mine reports whether a block is of this receiver's stripe.
func (b *Board) mine(k Block) bool { return (b.files[k.File].number+k.Index)%b.of == b.stripe%b.of }

// elsewhere reports whether another receiver has the block.
func (b *Board) elsewhere(k Block) bool {
	for _, p := range b.peers {
		if h := p.have[k.File]; h != nil && h.Has(k.Index) {
			return true
		}
	}
	return false
}

// scan looks for a block that is wanted, not here, not begun, and ok, from the cursor on, and leaves the cursor there.
func (b *Board) scan(c *Block, ok func(Block) bool) (Block, bool) {
	for ; c.File < len(b.files); *c = (Block{File: c.File + 1}) {
		x := &b.files[c.File]
		if !x.wanted || !x.ready || x.have.Count() == x.blocks {
			continue
		}
		for ; c.Index < x.blocks; c.Index++ {
			if !x.have.Has(c.Index) && b.active[*c] == nil && ok(*c) {
				return *c, true
			}
		}
	}
	return Block{}, false
}

// steal takes over a block that somebody else has begun and brings nothing of, when there is nothing better to do.
func (b *Board) steal(id int, now time.Time) (Range, bool) {
	i := slices.IndexFunc(b.order, func(a *active) bool {
		if a.peer == id || now.Sub(a.last) < stale || a.got == a.all {
			return false
		}
		h := b.peers[id].have
		return h == nil || h[a.File] != nil && h[a.File].Has(a.Index)
	})
	if i < 0 {
		return Range{}, false
	}
	a := b.order[i]
	a.peer, a.asked, a.got = id, 0, 0 // one block, one who answers for it
	return b.ask(a, now), true
}
