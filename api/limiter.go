package api

import (
	"net/http"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/confab/confab/signaling/protocol"
)

// maxAddresses bounds the table of limiter; when that many are busy at once, newcomers share one bucket.
const maxAddresses = 1 << 14

// limiter is a token bucket per client address.
type limiter struct {
	rate  rate.Limit
	burst int

	mu      sync.Mutex // guards the fields below
	buckets map[netip.Addr]*rate.Limiter
	swept   time.Time
}

func newLimiter(perSecond float64, burst int) *limiter {
	return &limiter{rate: rate.Limit(perSecond), burst: burst, buckets: map[netip.Addr]*rate.Limiter{}}
}

// take takes one token, or says when there will be one. Who has no address (a Unix socket) is not bounded.
func (l *limiter) take(from netip.Addr, now time.Time) (wait time.Duration, ok bool) {
	if !from.IsValid() {
		return 0, true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.buckets[from]
	if b == nil {
		if len(l.buckets) >= maxAddresses {
			l.sweepLocked(now)
			if len(l.buckets) >= maxAddresses {
				from = netip.Addr{}
			}
		}
		if b = l.buckets[from]; b == nil {
			b = rate.NewLimiter(l.rate, l.burst)
			l.buckets[from] = b
		}
	}
	if b.AllowN(now, 1) {
		return 0, true
	}
	return time.Duration((1 - b.TokensAt(now)) / float64(l.rate) * float64(time.Second)), false
}

// sweepLocked forgets the buckets that are full again, at most once a second: it looks at all of them.
func (l *limiter) sweepLocked(now time.Time) {
	if now.Sub(l.swept) < time.Second {
		return
	}
	l.swept = now
	for addr, b := range l.buckets {
		if b.TokensAt(now) >= float64(l.burst) {
			delete(l.buckets, addr)
		}
	}
}

// clientAddr is who sent a request: an IPv6 client is its /64, because it has all of it.
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

func tooFast(wait time.Duration) *protocol.Error {
	return &protocol.Error{
		Code: protocol.CodeTooFast, Message: "too many requests come from your network address", Hint: "Try again in a moment.",
		Retry: true, After: int((wait + time.Millisecond - 1) / time.Millisecond),
	}
}
