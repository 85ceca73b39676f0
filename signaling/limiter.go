package signaling

import (
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/confab/confab/signaling/protocol"
)

// limiter is a token bucket per client address, for what costs before anybody is known: sockets and offers over HTTP.
//
// Its table is bounded. When that many addresses are busy at once, newcomers share one bucket: a flood from everywhere
// slows newcomers down, and costs no memory.
type limiter struct {
	rate, burst float64 // tokens per second; tokens at most

	mu      sync.Mutex // guards the fields below
	buckets map[netip.Addr]bucket
	swept   time.Time
}

// bucket held tokens at a moment. The zero bucket was full always.
type bucket struct {
	tokens float64
	at     time.Time
}

// take takes n tokens of a bucket that is filled at rate per second up to burst, or none. The owner of the bucket locks it.
func (b *bucket) take(n, rate, burst float64, now time.Time) bool {
	held := burst
	if !b.at.IsZero() {
		held = min(burst, b.tokens+now.Sub(b.at).Seconds()*rate)
	}
	b.at = now
	if held < n {
		b.tokens = held
		return false
	}
	b.tokens = held - n
	return true
}

// maxBuckets takes some 5 MB when it is reached.
const maxBuckets = 1 << 16

func newLimiter(rate float64, burst int) *limiter {
	return &limiter{rate: rate, burst: float64(burst), buckets: map[netip.Addr]bucket{}}
}

// take takes one token of addr's, or says when there will be one. Who has no address (a Unix socket) is not bounded.
func (l *limiter) take(addr netip.Addr, now time.Time) (wait time.Duration, ok bool) {
	if !addr.IsValid() {
		return 0, true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, known := l.buckets[addr]; !known && len(l.buckets) >= maxBuckets {
		l.sweepLocked(now)
		if len(l.buckets) >= maxBuckets {
			addr = netip.Addr{}
		}
	}
	b := bucket{tokens: l.heldLocked(addr, now), at: now}
	if b.tokens < 1 {
		return time.Duration((1 - b.tokens) / l.rate * float64(time.Second)), false
	}
	b.tokens--
	l.buckets[addr] = b
	return 0, true
}

func (l *limiter) heldLocked(addr netip.Addr, now time.Time) float64 {
	b, known := l.buckets[addr]
	if !known {
		return l.burst
	}
	return min(l.burst, b.tokens+now.Sub(b.at).Seconds()*l.rate)
}

// sweepLocked forgets the buckets that are full again, at most once a second: it looks at all of them.
func (l *limiter) sweepLocked(now time.Time) {
	if now.Sub(l.swept) < time.Second {
		return
	}
	l.swept = now
	for addr := range l.buckets {
		if l.heldLocked(addr, now) >= l.burst {
			delete(l.buckets, addr)
		}
	}
}

// tooFast is the refusal for who shall wait that long.
func tooFast(wait time.Duration) *protocol.Error {
	return &protocol.Error{
		Code: protocol.CodeTooFast, Message: "too many requests come from your network address", Hint: "Try again in a moment.",
		Retry: true, After: int((wait + time.Millisecond - 1) / time.Millisecond),
	}
}

// clientAddr is who sent a request, for limits: an IPv6 client is its /64, because it has all of it. It is not valid for
// a listener without IP addresses.
func clientAddr(r *http.Request) netip.Addr {
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	addr := from.Addr().Unmap().WithZone("")
	if addr.Is6() {
		network, _ := addr.Prefix(64) // fails only for a length out of range
		addr = network.Addr()
	}
	return addr
}
