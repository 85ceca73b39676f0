package plan

import "time"

// Bounds of a window, in bytes.
const (
	MinWindow = 256 << 10
	MaxWindow = 16 << 20
)

// Window is how many bytes one lane may owe.
//
// It starts at MinWindow, doubles each round while that makes the lane faster, and is then one and a half times the bandwidth-delay product
// that was measured. A round is the time in which a whole window arrives. A window that only fills a queue shows as a round-trip time
// far above the least one, and shrinks: slow start that overshoots costs some browsers many seconds (a burst of 1 MiB on 20 Mbit/s and 50 ms
// makes Chromium crawl at 0.1 MB/s for eleven seconds).
type Window struct {
	size    int
	lanes   int // that share the path; 0: one
	minRTT  time.Duration
	rate    float64 // bytes per second of the best recent round
	grown   bool    // the first growth is over
	since   time.Time
	arrived int
	rtt     time.Duration // the least of this round
}

// Size returns the bytes that may be asked for and not be here.
func (w *Window) Size() int { return max(w.size, w.least()) }

// Share tells how many lanes share the path. They share the least window too, so that another lane on a slow line is no burst of its
// own: two windows of 256 KiB overflow the queue of 20 Mbit/s.
func (w *Window) Share(lanes int) { w.lanes = lanes }

func (w *Window) least() int { return max(MinWindow/2, MinWindow/max(1, w.lanes)) }

// Idle tells that nothing is owed, so that time until the next request says nothing about the path.
func (w *Window) Idle() { w.since, w.arrived, w.rtt = time.Time{}, 0, 0 }

// Asked tells that a request is made when nothing was owed.
func (w *Window) Asked(now time.Time) {
	if w.since.IsZero() {
		w.since = now
	}
}

// Arrived tells that bytes have come, which were asked for rtt ago. limited says that the window was full when they were: only
// then the round says what the path can carry.
func (w *Window) Arrived(now time.Time, bytes int, rtt time.Duration, limited bool) {
	if rtt > 0 && (w.minRTT == 0 || rtt < w.minRTT) {
		w.minRTT = rtt
	}
	if rtt > 0 && (w.rtt == 0 || rtt < w.rtt) {
		w.rtt = rtt
	}
	w.arrived += bytes
	if w.arrived < w.Size() || !now.After(w.since) {
		return
	}
	if limited {
		w.round(float64(w.arrived) / now.Sub(w.since).Seconds())
	}
	w.since, w.arrived, w.rtt = now, 0, 0
}

func (w *Window) round(rate float64) {
	faster := rate > 1.25*w.rate
	w.rate = max(rate, 0.9*w.rate) // what the path could once carry is forgotten slowly
	switch {
	case w.rtt > w.minRTT*5/2+50*time.Millisecond && w.Size() > w.least():
		w.size, w.grown = max(w.least(), w.Size()*3/4), true
	case !w.grown && faster:
		w.size = min(MaxWindow, 2*w.Size())
	default:
		w.grown = true
		product := w.rate * w.minRTT.Seconds()
		w.size = min(MaxWindow, max(w.least(), min(int(1.5*product)+w.least()/2, 2*w.Size())))
	}
}
