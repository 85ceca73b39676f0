package layer

import (
	"testing"
	"time"
)

func TestPick(t *testing.T) {
	known := []Size{{320, 180}, {640, 360}, {1280, 720}}
	unknown := make([]Size, 3)
	portrait := []Size{{180, 320}, {360, 640}, {720, 1280}}
	for _, tc := range []struct {
		name      string
		want      Size
		sizes     []Size
		available uint8
		pick      int
	}{
		{"exactly", Size{640, 360}, known, 0b111, 1},
		{"enlarged a little", Size{380, 214}, known, 0b111, 0},
		{"enlarged too much", Size{400, 225}, known, 0b111, 1},
		{"larger than all", Size{3840, 2160}, known, 0b111, 2},
		{"the largest is not there", Size{1280, 720}, known, 0b011, 1},
		{"the smallest is not there", Size{100, 100}, known, 0b110, 1},
		{"none is there", Size{100, 100}, known, 0, None},
		{"any size", Size{}, known, 0b111, 0},
		{"sizes not known yet", Size{640, 360}, unknown, 0b111, 1},
		{"portrait", Size{360, 640}, portrait, 0b111, 1},
		{"one encoding", Size{10, 10}, known[2:], 1, 0},
		{"no encodings", Size{10, 10}, nil, 0xFF, None},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := Pick(tc.want, tc.sizes, tc.available); got != tc.pick {
				t.Fatalf("picked %d, want %d", got, tc.pick)
			}
		})
	}
}

func TestActivity(t *testing.T) {
	var a Activity
	check := func(now time.Duration, want uint8) {
		t.Helper()
		if got := a.Active(now); got != want {
			t.Fatalf("at %v: active %03b, want %03b", now, got, want)
		}
	}
	check(0, 0)
	a.Observe(0, 10*time.Second)
	a.Observe(2, 10*time.Second)
	check(10*time.Second, 0b101)
	a.Observe(0, 11*time.Second)
	check(11*time.Second, 0b001)
	a.Observe(1, 11*time.Second+1)
	check(20*time.Second, 0b011) // a still picture: those that were there last
	a.Observe(1, 21*time.Second)
	check(21*time.Second, 0b010)
}
