package relay

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestMeterHoldsItsRate(t *testing.T) {
	const rate = 1_000_000 // bits per second: 125 kB
	m := newMeter(rate)
	passed := 0
	start := int64(5 * time.Hour)
	for now := start; now < start+int64(20*time.Second); now += int64(time.Millisecond) {
		if m.take(1000, now) { // eight times too much
			passed += 1000
		}
	}
	// 20 s of the rate, and the burst: 64 KiB, since a quarter of a second's 31 kB is less than one datagram may be.
	if want := 20 * rate / 8; passed < want || passed > want+66_000 {
		t.Fatalf("%d bytes passed in 20 s, want %d and no more than the burst above it", passed, want)
	}
}

func TestMeterLetsTheLargestDatagramThroughWhenIdle(t *testing.T) {
	m := newMeter(8) // one byte a second
	if !m.take(65507, int64(time.Hour)) {
		t.Fatal("an idle meter refused one datagram: such an allocation could never send it")
	}
	if m.take(100, int64(time.Hour)) {
		t.Fatal("the bucket was empty")
	}
}

func TestMeterChargesNobodyForWhatDoesNotPass(t *testing.T) {
	user, server := newMeter(80_000_000), newMeter(8)
	m := newMeter(80_000_000, user, nil, server)
	if !m.take(65507, 1) {
		t.Fatal("the first datagram must pass")
	}
	before := [2]int64{m.full.Load(), user.full.Load()}
	for range 1000 {
		if m.take(1200, 2) {
			t.Fatal("the server's bucket was empty")
		}
	}
	if after := [2]int64{m.full.Load(), user.full.Load()}; after != before {
		t.Fatalf("dropped datagrams were charged: %v became %v", before, after)
	}
}

func TestNoMeterWithoutALimit(t *testing.T) {
	var none *meter
	if newMeter(0, nil, nil) != nil || !none.take(1<<30, 0) {
		t.Fatal("no limit must be a nil meter, and a nil meter lets everything pass")
	}
}

func TestMeterUnderManyHands(t *testing.T) {
	m := newMeter(8_000_000, newMeter(80_000_000))
	var passed atomic.Int64
	var hands sync.WaitGroup
	for range 4 {
		hands.Go(func() {
			for range 10_000 {
				if m.take(100, int64(time.Second)) {
					passed.Add(100)
				}
			}
		})
	}
	hands.Wait()
	if got := passed.Load(); got != 250_000 { // a quarter of a second of 1 MB/s, to the byte
		t.Fatalf("%d bytes passed at one instant, want the burst of 250 000", got)
	}
}

func TestMeterDoesNotAllocate(t *testing.T) {
	m := newMeter(1e12, newMeter(1e12), newMeter(1e12), newMeter(1e12))
	now := int64(0)
	if n := testing.AllocsPerRun(1000, func() { now += 1000; m.take(1200, now) }); n != 0 {
		t.Fatalf("%v allocations per datagram, want 0", n)
	}
}
