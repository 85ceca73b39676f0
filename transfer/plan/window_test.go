package plan

import (
	"testing"
	"time"
)

// link is a path with a rate, a delay and a queue that holds anything.
func run(t *testing.T, w *Window, rate float64, rtt time.Duration, seconds int) (owed int, took time.Duration) {
	t.Helper()
	type answer struct{ asked, due time.Time }
	var queue []answer
	now, free := t0, t0
	first := time.Duration(0)
	for bytes := 0.0; now.Before(t0.Add(time.Duration(seconds) * time.Second)); {
		for len(queue)*RangeSize < w.Size() {
			if len(queue) == 0 {
				w.Asked(now)
			}
			start := now.Add(rtt)
			if free.After(start) {
				start = free
			}
			free = start.Add(time.Duration(RangeSize / rate * float64(time.Second)))
			queue = append(queue, answer{now, free})
		}
		a := queue[0]
		full := (len(queue)+1)*RangeSize > w.Size()
		queue = queue[1:]
		now = a.due
		w.Arrived(now, RangeSize, now.Sub(a.asked), full)
		if bytes += RangeSize; first == 0 && bytes/now.Sub(t0).Seconds() > 0.9*rate {
			first = now.Sub(t0)
		}
	}
	return w.Size(), first
}

func TestWindowFindsTheBandwidthDelayProduct(t *testing.T) {
	for _, c := range []struct {
		name  string
		rate  float64 // bytes per second
		rtt   time.Duration
		least float64 // of the product
		most  float64
	}{
		{"20 Mbit/s, 50 ms", 2.5e6, 50 * time.Millisecond, 1, 4},
		{"100 Mbit/s, 100 ms", 12.5e6, 100 * time.Millisecond, 1, 2.5},
		{"1 Gbit/s, 1 ms", 125e6, time.Millisecond, 1, 3},
		{"1 Gbit/s, 100 ms", 125e6, 100 * time.Millisecond, 1, 2.5},
	} {
		w := &Window{}
		size, first := run(t, w, c.rate, c.rtt, 10)
		product := c.rate * c.rtt.Seconds()
		if float64(size) < min(MaxWindow, c.least*product) || float64(size) > max(MinWindow*1.6, c.most*product) {
			t.Errorf("%s: window %d, product %.0f", c.name, size, product)
		}
		if first == 0 || first > 3*time.Second && c.rate < 100e6 {
			t.Errorf("%s: 0.9 of the rate after %v", c.name, first)
		}
	}
}

func TestWindowStaysSmallWhereTheQueueGrows(t *testing.T) {
	w := &Window{}
	if size, first := run(t, w, 0.25e6, 20*time.Millisecond, 30); size > 2*MinWindow || first == 0 {
		t.Errorf("window %d on 2 Mbit/s", size)
	}
}

func TestLanesAreAddedWhileTheyPay(t *testing.T) {
	for _, c := range []struct {
		name string
		rate func(lanes int) float64
		want int // reached at the end of a minute
		most int
	}{
		{"each lane brings as much", func(n int) float64 { return 1e6 * float64(n) }, 7, 8}, // the eighth brings a seventh, which is less than 15 %
		{"one fills the path", func(int) float64 { return 1e6 }, 1, 2},
		{"three fill it", func(n int) float64 { return 1e6 * float64(min(n, 3)) }, 3, 4},
	} {
		l, bytes, want, most := &Lanes{}, 0.0, 1, 0
		count := map[int]int{}
		for ms := 0; ms < 60_000; ms += 100 {
			bytes += c.rate(want) / 10
			want = l.Want(t0.Add(time.Duration(ms)*time.Millisecond), want, int64(bytes), true)
			most = max(most, want)
			count[want]++
		}
		mode := 1
		for n, times := range count {
			if times > count[mode] {
				mode = n
			}
		}
		if mode != c.want || most > c.most {
			t.Errorf("%s: mostly %d lanes, at most %d; want %d and %d", c.name, mode, most, c.want, c.most)
		}
	}
}

func TestLanesLearnNothingWhileIdle(t *testing.T) {
	l := &Lanes{}
	for ms := 0; ms < 60_000; ms += 100 {
		if want := l.Want(t0.Add(time.Duration(ms)*time.Millisecond), 1, int64(ms), false); want != 1 {
			t.Fatalf("%d lanes", want)
		}
	}
}
