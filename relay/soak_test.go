package relay

import (
	"net"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/confab/confab/auth"
	"github.com/confab/confab/relay/policy"
	"github.com/pion/stun/v3"
)

// churn is how many allocations a second the soak makes and drops.
const churn = 200

// Allocations made and dropped leave nothing behind: no goroutine, no port, no memory. RELAY_SOAK=10m goes on for that long.
func TestSoak(t *testing.T) {
	lasts := 3 * time.Second
	if text := os.Getenv("RELAY_SOAK"); text != "" {
		var err error
		lasts, err = time.ParseDuration(text)
		must(t, err)
	}
	l := newLab(t, func(o *Options) {
		o.RequestRate, o.RequestBurst = 1e6, 1e6 // one address is everybody here
		o.Quota = policy.Quota{}
		o.Quota.Total = 1e6
	})
	ports := l.ports.available()
	dropOne(t, l, 0)
	dropOne(t, l, 1)
	dropOne(t, l, 2)
	settle := func() (goroutines int, heap uint64) {
		eventually(t, "all allocations have ended", func() bool { return l.Allocations() == 0 && l.ports.available() == ports })
		time.Sleep(100 * time.Millisecond) // what ends them ends after them
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return runtime.NumGoroutine(), m.HeapAlloc
	}
	warm := time.Now().Add(lasts / 10)
	made := 3
	run := func(until time.Time) {
		for begin, first := time.Now(), made; time.Now().Before(until); made++ {
			dropOne(t, l, made)
			if ahead := time.Until(begin.Add(time.Duration(made-first) * time.Second / churn)); ahead > 0 {
				time.Sleep(ahead)
			}
		}
	}
	run(warm)
	goroutines, heap := settle()
	start := time.Now()
	before := made
	run(start.Add(lasts - lasts/10))
	took := time.Since(start)
	eventually(t, "no goroutine is left", func() bool { n, _ := settle(); return n <= goroutines })
	end, heapEnd := settle()
	t.Logf("%d allocations in %s, %.0f a second; goroutines %d, then %d; heap %d KiB, then %d KiB",
		made-before, took.Round(time.Second), float64(made-before)/took.Seconds(), goroutines, end, heap>>10, heapEnd>>10)
	if heapEnd > heap+8<<20 {
		t.Errorf("the heap grew from %d to %d KiB", heap>>10, heapEnd>>10)
	}
	if made-before < 10 {
		t.Errorf("%d allocations: that is no soak", made-before)
	}
}

// dropOne makes an allocation with a channel that carries one datagram, and leaves it in one of three ways: with a Refresh, by silence
// until it expires, or, over TCP, by closing the connection.
func dropOne(t *testing.T, l *lab, turn int) {
	t.Helper()
	network, server := "udp", l.udp
	if turn%3 == 2 {
		network, server = "tcp", l.tcp
	}
	conn, err := net.Dial(network, server)
	must(t, err)
	defer conn.Close()
	if c, ok := conn.(*net.TCPConn); ok {
		must(t, c.SetLinger(0)) // no port of the machine waits for a minute
	}
	r := (&raw{t: t, conn: conn}).as(auth.TURNCredentials(secret, "soak", time.Now().Add(time.Minute)))
	lasts := lifetime(600)
	if turn%3 == 1 {
		lasts = 3 // silence ends it
	}
	switch got := code(t, r.ask(stun.MethodAllocate, requestUDP, lasts)); got {
	case 0:
	case stun.CodeAllocMismatch: // the machine has given us the port of one that is still to expire
		return
	default:
		t.Fatalf("Allocate: code %d", got)
	}
	r.want(0, stun.MethodChannelBind, peer("1.1.1.1:53"), channelNumber(0x4000))
	if turn%3 == 0 {
		r.want(0, stun.MethodRefresh, lifetime(0))
	}
}
