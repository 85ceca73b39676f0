// Package bits reads bit fields as the headers of codecs have them: plain ones, and the codes of AV1 and H264 that are needed to know
// the layers and the size of pictures.
//
// It knows no header: media/codec reads those of packets with it, media/frames those of frames. It does not write. All bytes come from strangers, so
// reading behind the end is no error by itself: it gives zeros, and Short tells. The package is pure.
package bits

import mathbits "math/bits"

// Reader reads bit fields, most significant first. Behind the end it reads zeros and is short.
type Reader struct {
	b     []byte
	at    int
	short bool
}

// Over reads b.
func Over(b []byte) Reader { return Reader{b: b} }

// At is how many bits have been read.
func (r *Reader) At() int { return r.at }

// Short reports whether something behind the end was read.
func (r *Reader) Short() bool { return r.short }

// Read returns the next n (up to 32) bits.
func (r *Reader) Read(n int) uint32 {
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

// Flag reads one bit.
func (r *Reader) Flag() bool { return r.Read(1) != 0 }

// NonSymmetric reads ns(n) of the AV1 specification §4.10.7: a value below n.
func (r *Reader) NonSymmetric(n uint32) uint32 {
	w := mathbits.Len32(n)
	m := uint32(1)<<w - n
	v := r.Read(w - 1)
	if v < m {
		return v
	}
	return v<<1 - m + r.Read(1)
}

// Golomb reads ue(v), an unsigned Exp-Golomb code (ITU-T H.264 §9.1). One of more than 32 bits is read as 0, and as short.
func (r *Reader) Golomb() uint32 {
	n := 0
	for r.Read(1) == 0 {
		if n++; n > 31 || r.short {
			r.short = true
			return 0
		}
	}
	return 1<<n - 1 + r.Read(n)
}
