package relay

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"time"
)

// limiter is a token bucket per client site, for what strangers cost us: requests without or with wrong credentials. Its memory is fixed and
// small, whoever sends: a site has its place in a set of eight, which it leaves when its bucket is full again and another wants it. Where all
// eight are in use the newcomer takes from one bucket for all such, so a spoofed flood from everywhere starves other newcomers but costs no
// memory, and who is authentic never comes here twice.
type limiter struct {
	rate, burst float64 // tokens per second; tokens at most
	seed        maphash.Seed
	epoch       time.Time // times count from the first take; the zero time until then

	mu   sync.Mutex // guards the fields below, and epoch
	sets []set
	rest bucket
}

const (
	maxBuckets = 1 << 16
	perSet     = 8
)

type set [perSet]bucket

// bucket is what a site has spent and not got back. The zero value is a full one.
type bucket struct {
	tag   uint32  // which site's: a part of its hash, with a seed that nobody knows
	at    uint32  // when spent was right, in milliseconds; after 25 days at rest a bucket may seem less full than it is, once
	spent float32 // tokens
}

func newLimiter(rate, burst float64) *limiter {
	return &limiter{rate: rate, burst: burst, seed: maphash.MakeSeed(), sets: make([]set, maxBuckets/perSet)}
}

// take pays cost from addr's bucket at now and reports whether it held one token at least. A negative cost gives back.
func (l *limiter) take(addr netip.Addr, now time.Time, cost float64) bool {
	site := site(addr).As16()
	hash := maphash.Bytes(l.seed, site[:])
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.epoch.IsZero() {
		l.epoch = now
	}
	at := uint32(now.Sub(l.epoch).Milliseconds())
	return l.bucketLocked(hash, at).take(l, at, cost)
}

// bucketLocked finds the bucket of a hash: its own, a full one, or that of the rest.
func (l *limiter) bucketLocked(hash uint64, at uint32) *bucket {
	own, free := &l.sets[hash%uint64(len(l.sets))], (*bucket)(nil)
	tag := uint32(hash >> 32)
	for i := range own {
		b := &own[i]
		if b.tag == tag {
			return b
		}
		if free == nil && b.left(l, at) == 0 {
			free = b
		}
	}
	if free == nil {
		return &l.rest
	}
	*free = bucket{tag: tag, at: at}
	return free
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

// left is what is still spent at a time.
func (b *bucket) left(l *limiter, at uint32) float64 {
	since := max(0, int32(at-b.at)) // takers may overtake each other on their way here
	return max(0, float64(b.spent)-float64(since)/1000*l.rate)
}

func (b *bucket) take(l *limiter, at uint32, cost float64) bool {
	spent := b.left(l, at)
	ok := l.burst-spent >= 1
	if ok || cost < 0 {
		spent = max(0, spent+cost) // may go beyond burst: a wrong password waits longer
	}
	b.at, b.spent = at, float32(spent)
	return ok
}
