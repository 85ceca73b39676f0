package api

import (
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"
)

func TestLimiter(t *testing.T) {
	l, now := newLimiter(2, 3), time.Unix(1000, 0)
	a, b := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	for range 3 {
		if _, ok := l.take(a, now); !ok {
			t.Fatal("refused within the burst")
		}
	}
	if wait, ok := l.take(a, now); ok || wait != 500*time.Millisecond {
		t.Errorf("beyond the burst: %v, %s", ok, wait)
	}
	if _, ok := l.take(b, now); !ok {
		t.Error("another address has to wait too")
	}
	if _, ok := l.take(a, now.Add(500*time.Millisecond)); !ok {
		t.Error("refused after the wait")
	}
	if _, ok := l.take(netip.Addr{}, now); !ok {
		t.Error("who has no address is bounded")
	}
}

// A flood from everywhere costs bounded memory, is slowed down together, and is forgotten.
func TestLimiterIsBounded(t *testing.T) {
	l, now := newLimiter(1, 1), time.Unix(1000, 0)
	addr := netip.MustParseAddr("10.0.0.0")
	flood := func() (taken int) {
		for range maxAddresses + 1000 {
			if _, ok := l.take(addr, now); ok {
				taken++
			}
			addr = addr.Next()
		}
		return taken
	}
	if taken := flood(); taken != maxAddresses+1 || len(l.buckets) > maxAddresses+1 {
		t.Errorf("%d were taken, %d are remembered", taken, len(l.buckets))
	}
	now = now.Add(time.Minute)
	if _, ok := l.take(netip.MustParseAddr("192.0.2.1"), now); !ok || len(l.buckets) > 10 {
		t.Errorf("%v; %d are remembered", ok, len(l.buckets))
	}
}

func TestClientAddr(t *testing.T) {
	for remote, want := range map[string]string{
		"192.0.2.1:5": "192.0.2.1", "[::ffff:192.0.2.1]:5": "192.0.2.1", "[2001:db8:1:2:3::4%eth0]:5": "2001:db8:1:2::", "@": "invalid IP",
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = remote
		if got := clientAddr(r); got.String() != want {
			t.Errorf("%s: %s, want %s", remote, got, want)
		}
	}
}
