package signaling

import (
	"net/netip"
	"sync"
	"time"
)

// Wrong passwords: an address has five in a room, and gets another every half minute; a room takes a hundred from everywhere, and
// gets two a second, so that nobody can lock others out for long by guessing.
const (
	guessBurst     = 5
	guessRate      = 1.0 / 30
	roomGuessBurst = 100
	roomGuessRate  = 2.0
)

// guessKey is who guesses where; without an address it is the room as a whole.
type guessKey struct {
	room string
	from netip.Addr
}

// guesses are token buckets. The table is bounded like that of limiter.
type guesses struct {
	mu      sync.Mutex // guards the field below
	buckets map[guessKey]bucket
}

func newGuesses() *guesses { return &guesses{buckets: map[guessKey]bucket{}} }

func (k guessKey) limits() (burst, rate float64) {
	if k.from.IsValid() {
		return guessBurst, guessRate
	}
	return roomGuessBurst, roomGuessRate
}

func (g *guesses) held(k guessKey, now time.Time) float64 {
	burst, rate := k.limits()
	b, known := g.buckets[k]
	if !known {
		return burst
	}
	return min(burst, b.tokens+now.Sub(b.at).Seconds()*rate)
}

// take takes one guess, or says when there will be one.
func (g *guesses) take(k guessKey, now time.Time) (wait time.Duration, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, known := g.buckets[k]; !known && len(g.buckets) >= maxBuckets {
		for k := range g.buckets {
			if burst, _ := k.limits(); g.held(k, now) >= burst {
				delete(g.buckets, k)
			}
		}
		if len(g.buckets) >= maxBuckets {
			k = guessKey{} // newcomers share one bucket
		}
	}
	_, rate := k.limits()
	held := g.held(k, now)
	if held < 1 {
		return time.Duration((1 - held) / rate * float64(time.Second)), false
	}
	g.buckets[k] = bucket{tokens: held - 1, at: now}
	return 0, true
}

// give gives a guess back that was right.
func (g *guesses) give(k guessKey) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if b, known := g.buckets[k]; known {
		b.tokens++
		g.buckets[k] = b
	}
}
