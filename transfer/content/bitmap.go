package content

import "math/bits"

// Bitmap is a set of blocks of a file. It grows as it is set, up to what it was made for.
type Bitmap struct {
	bits  []byte // block b is bit 7-b%8 of byte b/8: the most significant bit comes first
	count int
}

// NewBitmap returns an empty set, with room for n blocks.
func NewBitmap(n int) *Bitmap { return &Bitmap{bits: make([]byte, (n+7)/8)} }

// BitmapOf returns the set of n blocks that Bytes has written. Bits beyond n are ignored.
func BitmapOf(data []byte, n int) *Bitmap {
	b := NewBitmap(n)
	copy(b.bits, data)
	if n%8 != 0 && len(b.bits) > 0 {
		b.bits[len(b.bits)-1] &= 0xff << (8 - n%8)
	}
	for _, x := range b.bits {
		b.count += bits.OnesCount8(x)
	}
	return b
}

// Has reports whether block is in the set; a nil set is empty.
func (b *Bitmap) Has(block int) bool {
	return b != nil && block >= 0 && block/8 < len(b.bits) && b.bits[block/8]&(0x80>>(block%8)) != 0
}

// Set adds a block and reports whether it is new.
func (b *Bitmap) Set(block int) bool {
	if b.Has(block) {
		return false
	}
	for block/8 >= len(b.bits) {
		b.bits = append(b.bits, 0)
	}
	b.bits[block/8] |= 0x80 >> (block % 8)
	b.count++
	return true
}

// Clear takes a block out.
func (b *Bitmap) Clear(block int) {
	if b.Has(block) {
		b.bits[block/8] &^= 0x80 >> (block % 8)
		b.count--
	}
}

// Count is how many blocks are in the set.
func (b *Bitmap) Count() int { return b.count }

// Bytes returns the set, most significant bit first. It shares memory with b.
func (b *Bitmap) Bytes() []byte { return b.bits }

// Merge adds the blocks of a piece whose first bit is block first, and returns how many are new. Blocks from n on are ignored.
func (b *Bitmap) Merge(first int, piece []byte, n int) int {
	added := 0
	for i, x := range piece {
		for x != 0 {
			bit := bits.LeadingZeros8(x)
			x &^= 0x80 >> bit
			if block := first + 8*i + bit; block < n && b.Set(block) {
				added++
			}
		}
	}
	return added
}
