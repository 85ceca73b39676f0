package main

import (
	"testing"
	"time"
)

func TestLatenciesAreKeptToASixteenth(t *testing.T) {
	for d := time.Microsecond; d < time.Hour; d = d*9/8 + time.Microsecond {
		var l latencies
		l.add(d)
		if got := l.below(.99); got < d || got > d+d/16+2*time.Microsecond {
			t.Fatalf("%v is told as %v", d, got)
		}
	}
}

func TestLatencyBelow(t *testing.T) {
	var l latencies
	for i := range 1000 {
		l.add(time.Duration(i) * time.Millisecond)
	}
	for share, want := range map[float64]time.Duration{.5: 500 * time.Millisecond, .99: 990 * time.Millisecond} {
		if got := l.below(share); got < want-want/16 || got > want+want/16 {
			t.Errorf("%v of all are below %v, want about %v", share, got, want)
		}
	}
	l.reset()
	if got := l.below(.99); got != 0 {
		t.Errorf("of nothing: %v", got)
	}
}
