package relay

import (
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"
)

// Every port of a range is given once, whatever the range's size, and comes back.
func TestPorts(t *testing.T) {
	for _, span := range []PortRange{{1, 1}, {5, 68}, {5, 67}, {5, 69}, {65535, 65535}, {65400, 65535}, {1, 65535}} {
		p := newPorts(span)
		seen := map[uint16]bool{}
		for range span.size() {
			port, ok := p.take()
			if !ok || seen[port] || port < span.Min || port > span.Max {
				t.Fatalf("%s: took %d, %v; seen before: %v", span, port, ok, seen[port])
			}
			seen[port] = true
		}
		if port, ok := p.take(); ok {
			t.Fatalf("%s: took %d although all are taken", span, port)
		}
		if p.available() != 0 {
			t.Fatalf("%s: %d available, want 0", span, p.available())
		}
		p.give(span.Max)
		p.give(span.Max) // giving twice frees once
		if port, ok := p.take(); !ok || port != span.Max || p.available() != 0 {
			t.Fatalf("%s: took %d, %v after %d came back", span, port, ok, span.Max)
		}
	}
}

// Against a plain set: the same answers to any sequence.
func TestPortsAgainstAModel(t *testing.T) {
	span := PortRange{100, 299}
	p, model := newPorts(span), map[uint16]bool{}
	for range 20000 {
		port := uint16(90 + rand.IntN(220))
		switch rand.IntN(3) {
		case 0:
			got, ok := p.take()
			if ok != (len(model) < span.size()) || ok && model[got] {
				t.Fatalf("take: %d, %v with %d taken", got, ok, len(model))
			}
			if ok {
				model[got] = true
			}
		case 1:
			want := port >= span.Min && port <= span.Max && !model[port]
			if got := p.takeThis(port); got != want {
				t.Fatalf("takeThis(%d): %v, want %v", port, got, want)
			}
			if want {
				model[port] = true
			}
		case 2:
			if port >= span.Min && port <= span.Max {
				p.give(port)
				delete(model, port)
			}
		}
		if p.available() != span.size()-len(model) {
			t.Fatalf("available: %d, want %d", p.available(), span.size()-len(model))
		}
	}
}

// The next port can't be told from the last ones: over many takes, each port comes up.
func TestPortsAreSpread(t *testing.T) {
	p, seen := newPorts(PortRange{1000, 1199}), map[uint16]bool{}
	for range 20000 {
		port, _ := p.take()
		p.give(port)
		seen[port] = true
	}
	if len(seen) != 200 {
		t.Errorf("%d of 200 ports came up", len(seen))
	}
}

func TestLimiter(t *testing.T) {
	a, b := netip.MustParseAddr("9.9.9.9"), netip.MustParseAddr("2001:db8::1")
	now := time.Unix(0, 0)
	l := newLimiter(1, 3)
	for i, step := range []struct {
		after time.Duration
		addr  netip.Addr
		cost  float64
		want  bool
	}{
		{0, a, 1, true}, {0, a, 1, true}, {0, a, 1, true}, {0, a, 1, false},
		{0, b, 1, true},                             // another address has its own
		{time.Second, a, 1, true}, {0, a, 1, false}, // one a second comes back
		{time.Hour, a, 1, true}, {0, a, 9, true}, // a dear one goes below zero,
		{time.Second, a, 1, false}, {8 * time.Second, a, 1, true}, // and is paid off
		{0, b, 1, true}, {0, netip.MustParseAddr("2001:db8::ffff:1"), 2, true}, // the same /64
		{0, netip.MustParseAddr("2001:db8::2"), 1, false},
		{0, netip.MustParseAddr("2001:db8:0:1::1"), 1, true},
		{0, b, -1, false}, {0, b, 1, true}, // given back
	} {
		now = now.Add(step.after)
		if got := l.take(step.addr, now, step.cost); got != step.want {
			t.Errorf("step %d: %v, want %v", i, got, step.want)
		}
	}
}

// A flood from everywhere costs no memory, shares one bucket when the others are in use, and is forgotten.
func TestLimiterIsBounded(t *testing.T) {
	l, now := newLimiter(1, 2), time.Unix(0, 0)
	addr := func(i int) netip.Addr { return netip.AddrFrom4([4]byte{1, byte(i >> 16), byte(i >> 8), byte(i)}) }
	flood := func(from, n int) (served int) {
		for i := range n {
			if l.take(addr(from+i), now, 1) {
				served++
			}
		}
		return served
	}
	if served := flood(0, 4*maxBuckets); served > maxBuckets+2 || served < maxBuckets*9/10 {
		t.Errorf("%d served, want nearly one for each of %d buckets", served, maxBuckets)
	}
	if l.take(addr(9*maxBuckets), now, 1) {
		t.Error("a newcomer is served beside the flood")
	}
	now = now.Add(time.Minute)
	if served := flood(5*maxBuckets, 1000); served != 1000 {
		t.Errorf("%d of 1000 served after a minute of quiet", served)
	}
	if n := testing.AllocsPerRun(1000, func() { flood(7*maxBuckets, 10) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestSite(t *testing.T) {
	for addr, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "::ffff:192.0.2.1": "192.0.2.1", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::", "fe80::1%eth0": "fe80::",
	} {
		if got := site(netip.MustParseAddr(addr)); got.String() != want {
			t.Errorf("%s: %s, want %s", addr, got, want)
		}
	}
}
