package seq

// Unwrapper extends the 16-bit sequence numbers of one source to 64 bits that do not wrap. The zero value is ready.
type Unwrapper struct {
	highest uint64 // 0: nothing seen
}

// Unwrap returns the extended number nearest to the highest so far: up to 32767 ahead, up to 32768 behind. The first is
// at least 1<<16, so that earlier ones that come late stay positive.
func (u *Unwrapper) Unwrap(n uint16) uint64 { panic("soon") }

// Highest is the highest number so far; 0 before the first.
func (u *Unwrapper) Highest() uint64 { return u.highest }
