package relay

import (
	"net/netip"
	"sync"
	"time"
)

// limiter is a token bucket per client site, for what strangers cost us: requests without or with wrong credentials. The table is bounded: beyond maxBuckets busy addresses at once, the newcomers share one
// bucket, so a spoofed flood from everywhere starves other newcomers but costs no memory, and who is authentic never comes here
// twice.
type limiter struct {
	rate, burst float64 // tokens per second; tokens at most

	mu      sync.Mutex // guards the fields below
	buckets map[netip.Addr]bucket
	rest    bucket
	swept   time.Time
}

type bucket struct {
	tokens float64
	at     time.Time // when tokens was right
}

const maxBuckets = 1 << 16

func newLimiter(rate, burst float64) *limiter {
	return &limiter{rate: rate, burst: burst, buckets: map[netip.Addr]bucket{}}
}

// take pays cost from addr's bucket at now and reports whether it held one token at least. A negative cost gives back.
func (l *limiter) take(addr netip.Addr, now time.Time, cost float64) bool {
	addr = site(addr)
	l.mu.Lock()
	defer l.mu.Unlock()
	b, known := l.buckets[addr]
	if !known && len(l.buckets) >= maxBuckets {
		l.sweepLocked(now)
		if len(l.buckets) >= maxBuckets {
			ok := l.rest.take(l, now, cost)
			return ok
		}
	}
	ok := b.take(l, now, cost)
	l.buckets[addr] = b
	return ok
}

// site is whom an address stands for where clients are bounded: an IPv6 client is its /64.
func site(addr netip.Addr) netip.Addr {
	addr = addr.Unmap().WithZone("")
	if addr.Is6() {
		p, _ := addr.Prefix(64) // can't fail: 64 is in range
		addr = p.Addr()
	}
	return addr
}

func (b *bucket) take(l *limiter, now time.Time, cost float64) bool {
	if b.at.IsZero() {
		b.tokens = l.burst
	} else {
		b.tokens = min(l.burst, b.tokens+now.Sub(b.at).Seconds()*l.rate)
	}
	b.at = now
	ok := b.tokens >= 1
	if ok || cost < 0 {
		b.tokens = min(l.burst, b.tokens-cost) // may go below zero: a wrong password waits longer
	}
	return ok
}

// sweepLocked forgets the buckets that are full again, at most once a second: it looks at all of them.
func (l *limiter) sweepLocked(now time.Time) {
	if now.Sub(l.swept) < time.Second {
		return
	}
	l.swept = now
	for addr, b := range l.buckets {
		if b.tokens+now.Sub(b.at).Seconds()*l.rate >= l.burst {
			delete(l.buckets, addr)
		}
	}
}
