package plan

import (
	"slices"
	"time"

	"github.com/confab/confab/transfer/content"
)

// RangeSize is the most bytes of a range: one request, one answer.
const RangeSize = 64 << 10

// Blocks that are begun and not verified are in memory: at most MaxActive of full size, and maxBegun of any.
const (
	MaxActive = 48
	maxBegun  = 1024
)

// stale is how long others may bring nothing before the source is asked for what is theirs to bring.
const stale = 3 * time.Second

// Block names a block of a file.
type Block struct{ File, Index int }

// Range is bytes of one block.
type Range struct {
	File   int
	Offset int64
	Length int
}

// Block returns the block of the range.
func (r Range) Block() Block { return Block{r.File, int(r.Offset / content.BlockSize)} }

// Board is what is wanted, asked for and here. Peers have numbers, given by who owns the board; Source is the one that has everything.
type Board struct {
	files      []file
	active     map[Block]*active
	order      []*active // of active, in the order begun
	peers      map[int]*peer
	stripe, of int
	brought    time.Time // when somebody other than the source has brought or announced something
	begun      int       // bytes of the blocks in active
	left       int       // blocks wanted and not verified
}

// Source is the peer that has everything.
const Source = 0

type file struct {
	wanted, ready bool // ready: its leaves are known
	number        int  // of its first block
	size          int64
	blocks        int
	have          *content.Bitmap
}

type active struct {
	Block
	peer       int
	asked, got uint16 // ranges, by bit
	all        uint16
	last       time.Time
	size       int // bytes
}

type peer struct {
	have    map[int]*content.Bitmap // by file; nil for the source
	cursors [2]Block                // where to look next: in its own stripe, and beyond
}

// NewBoard returns a board that wants nothing yet.
func NewBoard(files int) *Board {
	return &Board{files: make([]file, files), active: map[Block]*active{}, peers: map[int]*peer{}, of: 1}
}

// Add wants a file of size bytes, of which have is here; nil: nothing. Its leaves are not known yet. A stream has size -1 and grows.
// number is that of its first block, when all files of the content are counted one after the other: stripes go by it.
func (b *Board) Add(f, number int, size int64, have *content.Bitmap) {
	n := content.Blocks(size)
	if have == nil {
		have = content.NewBitmap(n)
	}
	b.files[f] = file{wanted: true, number: number, size: size, blocks: n, have: have}
	b.left += n - have.Count()
	b.rewind(f)
}

// Ready tells that the leaves of a file are known, so that its blocks can be asked for.
func (b *Board) Ready(f int) {
	b.files[f].ready = true
	b.rewind(f)
}

// Grow tells that a stream has that many whole blocks now; with ended, that size is all there is.
func (b *Board) Grow(f, blocks int, size int64, ended bool) {
	x := &b.files[f]
	b.left += blocks - x.blocks
	x.blocks, x.size, x.ready = blocks, int64(blocks)*content.BlockSize, true
	if ended {
		x.size = size
	}
	b.rewind(f)
}

// Drop stops wanting a file.
func (b *Board) Drop(f int) {
	x := &b.files[f]
	if !x.wanted {
		return
	}
	x.wanted = false
	b.left -= x.blocks - x.have.Count()
	for _, a := range slices.Clone(b.order) {
		if a.File == f {
			b.forget(a)
		}
	}
}

// Left is how many blocks are wanted and not verified.
func (b *Board) Left() int { return b.left }

// Have returns the verified blocks of a file; nil if it is not wanted.
func (b *Board) Have(f int) *content.Bitmap { return b.files[f].have }

// Has reports whether a block is verified.
func (b *Board) Has(k Block) bool { h := b.files[k.File].have; return h != nil && h.Has(k.Index) }

// Wanted reports whether a file is wanted.
func (b *Board) Wanted(f int) bool { return b.files[f].wanted }

// Whole reports whether all blocks of a file are verified.
func (b *Board) Whole(f int) bool { x := &b.files[f]; return x.wanted && x.have.Count() == x.blocks }

// Stripe says that this is receiver stripe of several.
func (b *Board) Stripe(stripe, of int) {
	b.stripe, b.of = stripe, max(1, of)
	b.rewind(0)
}

// Join adds a peer. Others than Source have nothing until they say so.
func (b *Board) Join(id int, now time.Time) {
	p := &peer{}
	if id != Source {
		p.have = map[int]*content.Bitmap{}
		b.brought = now
	}
	b.peers[id] = p
}

// Leave takes a peer out. What it has begun is asked for anew, elsewhere.
func (b *Board) Leave(id int) {
	delete(b.peers, id)
	for _, a := range slices.Clone(b.order) {
		if a.peer == id {
			b.forget(a)
		}
	}
	b.rewind(0)
}

// Announced tells that a peer has blocks. It reports whether any of them is wanted.
func (b *Board) Announced(id, f, first int, piece []byte, now time.Time) bool {
	p := b.peers[id]
	if p == nil || p.have == nil || f >= len(b.files) || !b.files[f].wanted {
		return false
	}
	x := &b.files[f]
	if p.have[f] == nil {
		p.have[f] = content.NewBitmap(x.blocks)
	}
	if p.have[f].Merge(first, piece, max(x.blocks, first+8*len(piece))) == 0 {
		return false
	}
	b.brought = now
	b.rewind(f)
	return true
}

// Got tells that a range has come. It reports whether it was asked of that peer, and whether its block is whole, and so to be checked.
func (b *Board) Got(id int, r Range, now time.Time) (asked, whole bool) {
	a := b.active[r.Block()]
	if a == nil || a.peer != id {
		return false, false
	}
	bit := uint16(1) << (r.Offset % content.BlockSize / RangeSize)
	if r.Offset%RangeSize != 0 || r.Length != b.lengthOf(r) || a.asked&bit == 0 || a.got&bit != 0 {
		return false, false
	}
	a.got |= bit
	a.last = now
	if id != Source {
		b.brought = now
	}
	return true, a.got == a.all
}

// Lost tells that the answer to a request will not come: its lane is gone, or it was taken back.
func (b *Board) Lost(id int, r Range) {
	if a := b.active[r.Block()]; a != nil && a.peer == id {
		bit := uint16(1) << (r.Offset % content.BlockSize / RangeSize)
		if a.got&bit == 0 {
			a.asked &^= bit
		}
	}
}

// Verified tells that a block is right and kept.
func (b *Board) Verified(k Block) {
	if a := b.active[k]; a != nil {
		b.forget(a)
	}
	if x := &b.files[k.File]; x.wanted && k.Index < x.blocks && x.have.Set(k.Index) {
		b.left--
	}
}

// Failed tells that a block that has come whole is wrong. It will be asked for again.
func (b *Board) Failed(k Block) {
	if a := b.active[k]; a != nil {
		b.forget(a)
		b.rewind(k.File)
	}
}

// Active reports whether a block is begun and not verified.
func (b *Board) Active(k Block) bool { return b.active[k] != nil }

func (b *Board) forget(a *active) {
	delete(b.active, a.Block)
	b.begun -= a.size
	b.order = slices.DeleteFunc(b.order, func(x *active) bool { return x == a })
}

// lengthOf is the bytes of the range that begins where r does.
func (b *Board) lengthOf(r Range) int {
	x := &b.files[r.File]
	block := r.Block().Index
	in := int(r.Offset % content.BlockSize)
	return min(RangeSize, content.BlockLen(x.size, block)-in)
}

// rewind makes everybody look again from a file on.
func (b *Board) rewind(f int) {
	for _, p := range b.peers {
		for i := range p.cursors {
			if c := &p.cursors[i]; c.File >= f {
				*c = Block{File: f}
			}
		}
	}
}
