package codec

import mathbits "math/bits"

// bits reads bit fields, most significant first. Behind the end it reads zeros and is short.
type bits struct {
	b     []byte
	at    int
	short bool
}

// read returns the next n (up to 32) bits.
func (r *bits) read(n int) uint32 {
	var v uint32
	for range n {
		v <<= 1
		if r.at>>3 >= len(r.b) {
			r.short = true
			continue
		}
		v |= uint32(r.b[r.at>>3]>>(7-r.at&7)) & 1
		r.at++
	}
	return v
}

func (r *bits) flag() bool { return r.read(1) != 0 }

// nonSymmetric reads ns(n) of the AV1 specification §4.10.7: a value below n.
func (r *bits) nonSymmetric(n uint32) uint32 {
	w := mathbits.Len32(n)
	m := uint32(1)<<w - n
	v := r.read(w - 1)
	if v < m {
		return v
	}
	return v<<1 - m + r.read(1)
}
