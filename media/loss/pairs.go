package loss

// Pair is one entry of a generic NACK: a packet id and a mask of the 16 that follow (RFC 4585 §6.2.1).
type Pair struct{ PacketID, Mask uint16 }

// Pairs appends ascending sequence numbers to dst as NACK entries.
func Pairs(dst []Pair, seqs []uint64) []Pair {
	for i := 0; i < len(seqs); {
		first := seqs[i]
		p := Pair{PacketID: uint16(first)}
		for i++; i < len(seqs) && seqs[i]-first <= 16; i++ {
			if d := seqs[i] - first; d > 0 {
				p.Mask |= 1 << (d - 1)
			}
		}
		dst = append(dst, p)
	}
	return dst
}
