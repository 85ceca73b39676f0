package bits

import "testing"

func TestGolomb(t *testing.T) {
	// ITU-T H.264 table 9-2: 1, 010, 011, 00100, 00101, then 00110…
	r := Over([]byte{0b10100110, 0b01000010, 0b10011000})
	for want := range uint32(6) {
		if got := r.Golomb(); got != want || r.Short() {
			t.Errorf("%d, want %d", got, want)
		}
	}
	if r = Over(make([]byte, 16)); r.Golomb() != 0 || !r.Short() {
		t.Error("a code without an end is no number")
	}
}

func TestBehindTheEnd(t *testing.T) {
	r := Over([]byte{0xFF})
	if got := r.Read(12); got != 0xFF0 || !r.Short() || r.At() != 8 {
		t.Errorf("%x, short %v, at %d", got, r.Short(), r.At())
	}
}
