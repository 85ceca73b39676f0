package seq

import (
	"testing"
	"time"
)

const second = uint64(1) << 32 // of NTP

func TestAlign(t *testing.T) {
	low := Report{NTP: 1000 * second, RTP: 4_294_960_000}
	high := Report{NTP: 1002*second + second/2, RTP: 500}
	for _, tc := range []struct {
		name     string
		ts       uint32
		from, to Report
		want     uint32
	}{
		{"to the later report", 217_704, low, high, 500},
		{"to the earlier report", 500, high, low, 217_704},
		{"the same report", 77, low, low, 77},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := Align(tc.ts, tc.from, tc.to, 90000); got != tc.want {
				t.Fatalf("got %d, want %d", got, tc.want)
			}
		})
	}
}

func TestAt(t *testing.T) {
	r := Report{NTP: 50 * second, RTP: 10_000}
	if got := r.At(50*second+second/4, 48000).RTP; got != 22_000 {
		t.Errorf("a quarter second later: %d, want 22000", got)
	}
	if got := r.At(50*second-second/8, 48000).RTP; got != 4_000 {
		t.Errorf("an eighth before: %d, want 4000", got)
	}
	if got := r.At(50*second+100_000*second, 48000).RTP; got != uint32(uint64(10_000+4_800_000_000)&0xFFFFFFFF) {
		t.Errorf("a day later: %d", got)
	}
}

func TestWall(t *testing.T) {
	var w Wall
	if _, ok := w.Ours(0); ok {
		t.Fatal("knows a clock it has not seen")
	}
	ms := second / 1000
	for _, delay := range []uint64{80, 20, 50} {
		w.Observe(100*second, 900*second+delay*ms)
	}
	if got, ok := w.Ours(101 * second); !ok || got != 901*second+20*ms {
		t.Fatalf("ours %d %v, want the shortest way", got, ok)
	}
	w.Observe(500*second, 900*second) // their clock was set
	if got, _ := w.Ours(500 * second); got != 900*second {
		t.Fatalf("after their clock was set: %d", got)
	}
	for range 2 * wallWindow { // their clock runs slow: what was the shortest way is forgotten
		w.Observe(500*second, 900*second+100*ms)
	}
	if got, _ := w.Ours(500 * second); got != 900*second+100*ms {
		t.Fatalf("after a drift: %d", got-900*second)
	}
}

func TestNTP(t *testing.T) {
	if got, want := NTP(time.Unix(1, 500_000_000)), uint64(2208988801)<<32|1<<31; got != want {
		t.Fatalf("%x, want %x", got, want)
	}
}
