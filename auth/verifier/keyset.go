package verifier

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/confab/confab/auth"
)

// keySet is what one URL has given.
type keySet struct {
	url  string
	last atomic.Pointer[fetched] // of the last good fetch; nil before

	mu       sync.Mutex    // guards the fields below; never held across I/O
	tried    time.Time     // when the last fetch began; zero: never
	due      time.Time     // when the next one is
	failures int           // since the last good one
	flight   chan struct{} // closed when the fetch under way ends; nil: none is
}

// fetched is one good answer.
type fetched struct {
	keys []auth.Key
	at   time.Time
}

func newKeySet(url string) (*keySet, error) {
	return &keySet{url: url}, checkURL(url)
}

// keys returns those of the last good fetch, unless that is too long ago.
func (s *keySet) keys(now time.Time, stale time.Duration) []auth.Key {
	if last := s.last.Load(); last != nil && now.Sub(last.at) < stale {
		return last.keys
	}
	return nil
}

// refresh fetches when it is time to, and says how long until the next time.
func (s *keySet) refresh(ctx context.Context, o *Options) time.Duration {
	if s.claim(o.Now(), false, o.MinAge) == nil {
		s.fetch(ctx, o)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return max(s.due.Sub(o.Now()), time.Second)
}

// refetch fetches because a key is missing, unless that was tried less than MinAge ago. Callers that come during a fetch wait for it.
// It reports whether there may be new keys.
func (s *keySet) refetch(o *Options) bool {
	flight := s.claim(o.Now(), true, o.MinAge)
	if flight == nil {
		s.fetch(context.Background(), o) // not the caller's context: others wait for it too; fetchTimeout bounds it
		return true
	}
	if flight == tooEarly {
		return false
	}
	<-flight // at most fetchTimeout
	return true
}

// tooEarly is what claim returns when there is nothing to wait for.
var tooEarly = make(chan struct{})

// claim says who fetches: nil is the caller, who must call fetch; otherwise it is the fetch to wait for, or tooEarly.
func (s *keySet) claim(now time.Time, missing bool, minAge time.Duration) chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.flight != nil:
		return s.flight
	case s.tried.IsZero():
	case missing && now.Sub(s.tried) < minAge, !missing && now.Before(s.due):
		return tooEarly
	}
	s.tried, s.flight = now, make(chan struct{})
	return nil
}

// fetch is called by whoever claim has chosen.
func (s *keySet) fetch(ctx context.Context, o *Options) {
	answer, err := fetch(ctx, o.Client, s.url)
	now := o.Now()
	if err == nil {
		s.last.Store(&fetched{answer.keys, now})
	}
	s.mu.Lock()
	age := min(max(answer.maxAge, o.MinAge), o.MaxAge)
	if err != nil {
		// Every failure doubles the wait, from MinAge to MaxAge.
		age = min(o.MinAge<<min(s.failures, 16), o.MaxAge)
		s.failures++
	} else {
		s.failures = 0
	}
	s.due = now.Add(age)
	close(s.flight)
	s.flight = nil
	s.mu.Unlock()

	switch {
	case ctx.Err() != nil:
	case err != nil:
		o.Log.Warn("JWK set cannot be fetched; the last keys go on serving", "url", s.url, "err", err, "keys", len(s.keys(now, o.Stale)), "again_in", age)
	default:
		for _, reason := range answer.skipped {
			o.Log.Debug("key of the JWK set skipped", "url", s.url, "err", reason)
		}
		o.Log.Debug("JWK set fetched", "url", s.url, "keys", len(answer.keys), "again_in", age)
	}
}
