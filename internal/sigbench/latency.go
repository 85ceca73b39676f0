package main

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// latencies counts durations in buckets that are 1/16 of a power of two wide, in microseconds. Its zero value is empty.
type latencies struct {
	buckets [40 * 16]atomic.Int64
}

func (l *latencies) add(d time.Duration) {
	l.buckets[bucketOf(uint64(max(d.Microseconds(), 0)))].Add(1)
}

func bucketOf(us uint64) int {
	power := max(bits.Len64(us)-5, 0) // below 32 each number has a bucket
	return min(power*16+int(us>>power), 40*16-1)
}

// below is the duration that the given share of all does not exceed, to the width of a bucket.
func (l *latencies) below(share float64) time.Duration {
	var all int64
	for i := range l.buckets {
		all += l.buckets[i].Load()
	}
	var seen int64
	for i := range l.buckets {
		if seen += l.buckets[i].Load(); seen > 0 && float64(seen) >= share*float64(all) {
			return upper(i)
		}
	}
	return 0
}

// upper is where a bucket ends.
func upper(i int) time.Duration {
	power := max(i/16-1, 0)
	return time.Duration((i-power*16+1)<<power) * time.Microsecond
}

func (l *latencies) reset() {
	for i := range l.buckets {
		l.buckets[i].Store(0)
	}
}
