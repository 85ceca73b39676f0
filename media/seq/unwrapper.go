package seq

// Unwrapper extends the 16-bit sequence numbers of one source to 64 bits that do not wrap. The zero value is ready.
type Unwrapper struct {
	highest uint64 // 0: nothing seen
}

// Unwrap returns the extended number nearest to the highest so far: up to 32767 ahead, up to 32768 behind. The first is
// at least 1<<16, so that earlier ones that come late stay positive: no result is below 1<<15.
func (u *Unwrapper) Unwrap(n uint16) uint64 {
	if u.highest == 0 {
		u.highest = 1<<16 + uint64(n)
		return u.highest
	}
	seq := u.highest + uint64(int64(int16(n-uint16(u.highest))))
	u.highest = max(u.highest, seq)
	return seq
}

// Highest is the highest number so far; 0 before the first.
func (u *Unwrapper) Highest() uint64 { return u.highest }
