//go:build amd64 || arm64

package main

import (
	"cmp"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// bench is one run of everything.
type bench struct {
	lab
	runs   int
	length time.Duration
	quick  bool
	missed int
}

// row is one line of the table: a load, what is looked at, and the bars of ours against coturn and stock.
type row struct {
	name          string
	load          load
	what          string // "per CPU-second", "highest rate", "memory"
	coturn, stock float64
	veth          bool
}

// audio and video are the loads that most rows are.
var (
	audio = load{transport: "udp", clients: 50, size: 160, burst: 1, channels: true, rate: 100_000}
	video = load{transport: "udp", clients: 50, size: 1200, burst: 8, coalesce: true, channels: true, rate: 100_000}
)

func rows() []row {
	with := func(w load, change func(*load)) load { change(&w); return w }
	stream := func(transport string) load {
		return with(video, func(w *load) { w.transport, w.rate = transport, 20_000 })
	}
	return []row{
		{name: "160 B scattered, 100k/s", load: audio, coturn: 1.15, stock: 1.45},
		{name: "160 B scattered, 20k/s", load: with(audio, func(w *load) { w.rate = 20_000 }), coturn: 1.15, stock: 1.8},
		{name: "1200 B bursts of 8, 100k/s", load: video, coturn: 2.3, stock: 3},
		{name: "the same, highest without loss", load: video, what: "highest rate", coturn: 2.7, stock: 4},
		{name: "bursts over veth, not coalesced", load: with(video, func(w *load) { w.coalesce = false }), coturn: 1.6, stock: 1.7, veth: true},
		{name: "Send/Data indications", load: with(audio, func(w *load) { w.channels = false }), coturn: 1.2, stock: 1.35},
		{name: "KiB per allocation", load: audio, what: "memory", coturn: 0.55, stock: 1},
		{name: "TCP, 1200 B", load: stream("tcp"), coturn: 1, stock: 2},
		{name: "TLS, 1200 B", load: stream("tls"), coturn: 1, stock: 2},
		{name: "beside 100k/s spoofed Allocates", load: with(audio, func(w *load) { w.rate, w.flood = 20_000, 100_000 }), what: "flood"},
	}
}

// all measures the rows that are asked for and prints the table.
func (b *bench) all(only string) error {
	kinds := []string{"confab", "coturn", "stock", "forwarder"}
	if _, err := exec.LookPath("turnserver"); err != nil {
		fmt.Println("coturn is not installed (apt-get install coturn): its column is left out")
		kinds = slices.DeleteFunc(kinds, func(k string) bool { return k == "coturn" })
	}
	fmt.Printf("%-34s %9s %9s %9s %9s   %-22s %-22s %s\n", "thousands per CPU-second", "confab", "coturn", "stock", "ceiling", "against coturn", "against stock", "of the ceiling; loss, round trip p50/p99")
	for _, r := range rows() {
		if only != "" && !slices.ContainsFunc(strings.Split(only, "|"), func(w string) bool { return strings.Contains(r.name, w) }) {
			continue
		}
		if (r.veth || r.load.flood > 0) && os.Geteuid() != 0 {
			fmt.Printf("%-34s skipped: needs root\n", r.name)
			continue
		}
		if err := b.row(r, kinds); err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
	}
	if b.missed > 0 {
		return fmt.Errorf("%d bars do not hold", b.missed)
	}
	return nil
}

// row measures one row: all servers in turn, again and again.
func (b *bench) row(r row, kinds []string) error {
	l := b.lab
	peer := peerAt
	if r.veth {
		remove, err := l.veth()
		defer remove()
		if err != nil {
			return err
		}
		peer = netip.MustParseAddrPort("10.99.7.1:7000")
	}
	figures, outcomes := map[string][]float64{}, map[string][]outcome{}
	for range b.runs {
		for _, kind := range kinds {
			if kind == "forwarder" && (r.veth || r.load.transport != "udp" || !r.load.channels || r.what == "memory" || r.what == "flood") {
				continue
			}
			figure, o, err := b.one(&l, kind, r, peer)
			if err != nil {
				return fmt.Errorf("%s: %w", kind, err)
			}
			figures[kind] = append(figures[kind], figure)
			outcomes[kind] = append(outcomes[kind], o)
		}
	}
	b.print(r, figures, outcomes)
	return nil
}

func (b *bench) one(l *lab, kind string, r row, peer netip.AddrPort) (float64, outcome, error) {
	s, err := l.start(kind, r.load.clients)
	if err != nil {
		return 0, outcome{}, err
	}
	defer s.stop()
	if r.what == "memory" {
		n, err := b.perAllocation(l, s, peer)
		return n, outcome{}, err
	}
	g, err := l.prepare(kind, r.load, peer)
	if g != nil {
		defer g.close()
	}
	if err != nil {
		return 0, outcome{}, err
	}
	g.run(s, r.load.rate/10, b.length/5) // warm
	switch r.what {
	case "highest rate":
		return b.highest(g, s)
	case "flood":
		before := s.resident()
		stop, done := make(chan struct{}), make(chan error, 1)
		go func() { done <- l.flood(r.load.flood, stop) }()
		o := g.run(s, r.load.rate, 2*b.length)
		close(stop)
		o.resident -= before
		return o.perCPU() / 1000, o, <-done
	}
	o := g.run(s, r.load.rate, b.length)
	return o.perCPU() / 1000, o, nil
}

// lossless is what counts as no loss: a scheduler's hiccup is not the server's.
const lossless = 0.001

// highest raises the rate until packets are lost, and returns the last one at which none were, in thousands.
func (b *bench) highest(g *generator, s *server) (float64, outcome, error) {
	var best outcome
	for rate := 40_000.0; rate < 1_200_000; rate *= 1.15 {
		o := g.run(s, int(rate), b.length/3)
		if o.loss() > lossless {
			if o = g.run(s, int(rate), b.length/3); o.loss() > lossless { // once more: others use the machine too
				break
			}
		}
		if o.relayed > best.relayed {
			best = o
		}
	}
	return float64(best.relayed) / max(best.elapsed.Seconds(), 0.001) / 1000, best, nil
}

// perAllocation is the memory of one allocation with one channel, in KiB.
func (b *bench) perAllocation(l *lab, s *server, peer netip.AddrPort) (float64, error) {
	const warm, measured = 200, 2000
	var open []*session
	defer func() {
		for _, s := range open {
			_ = s.conn.Close()
		}
	}()
	var before int64
	for i := range warm + measured {
		if i == warm {
			time.Sleep(time.Second)
			before = s.resident()
		}
		c, err := l.open("udp", i, peer, true)
		if err != nil {
			return 0, fmt.Errorf("allocation %d: %w", i, err)
		}
		open = append(open, c)
	}
	time.Sleep(time.Second)
	return float64(s.resident()-before) / measured / 1024, nil
}

// veth moves the servers to a network of their own, at the other end of a cable.
func (l *lab) veth() (remove func(), err error) {
	l.ns = fmt.Sprintf("turnbench-%d", os.Getpid())
	link := fmt.Sprintf("tb%d", os.Getpid()%100000)
	remove = func() { _ = exec.Command("ip", "netns", "del", l.ns).Run() } // the cable goes with it
	for _, line := range []string{
		"netns add " + l.ns,
		"link add " + link + " type veth peer name eth0 netns " + l.ns,
		"addr add 10.99.7.1/24 dev " + link, "link set " + link + " up",
		"-n " + l.ns + " addr add 10.99.7.2/24 dev eth0", "-n " + l.ns + " link set eth0 up", "-n " + l.ns + " link set lo up",
	} {
		if out, err := exec.Command("ip", strings.Fields(line)...).CombinedOutput(); err != nil {
			return remove, fmt.Errorf("ip %s: %w: %s", line, err, out)
		}
	}
	l.ip, l.peerNets = "10.99.7.2", "10.99.7.0/24"
	return remove, nil
}

func median[T cmp.Ordered](list []T) T {
	var zero T
	if len(list) == 0 {
		return zero
	}
	sorted := slices.Sorted(slices.Values(list))
	return sorted[len(sorted)/2]
}

func (b *bench) print(r row, figures map[string][]float64, outcomes map[string][]outcome) {
	column := func(kind string) string {
		if len(figures[kind]) == 0 {
			return "-"
		}
		return fmt.Sprintf("%.1f", median(figures[kind]))
	}
	bar := func(kind string, want float64) string {
		if want == 0 || len(figures[kind]) == 0 {
			return "-"
		}
		ratio := median(figures["confab"]) / max(median(figures[kind]), 0.001)
		sign, ok := "≥", ratio >= want
		if r.what == "memory" {
			sign, ok = "≤", ratio <= want
		}
		verdict := "pass"
		if !ok {
			verdict = "FAIL"
			b.missed++
		}
		return fmt.Sprintf("%.2f× (%s %.2f) %s", ratio, sign, want, verdict)
	}
	rest := ""
	if c := figures["forwarder"]; len(c) > 0 {
		rest = fmt.Sprintf("%.2f; ", median(figures["confab"])/max(median(c), 0.001))
	}
	if r.what != "memory" {
		var loss []float64
		var p50, p99 []time.Duration
		for _, o := range outcomes["confab"] {
			loss, p50, p99 = append(loss, o.loss()), append(p50, o.quantile(0.5)), append(p99, o.quantile(0.99))
		}
		rest += fmt.Sprintf("%.2f %%, %v/%v", 100*median(loss), median(p50).Round(10*time.Microsecond), median(p99).Round(10*time.Microsecond))
	}
	fmt.Printf("%-34s %9s %9s %9s %9s   %-22s %-22s %s\n", r.name, column("confab"), column("coturn"), column("stock"), column("forwarder"), bar("coturn", r.coturn), bar("stock", r.stock), rest)
	if r.what != "flood" {
		return
	}
	for _, kind := range []string{"confab", "coturn", "stock"} {
		if list := outcomes[kind]; len(list) > 0 {
			o := list[len(list)/2]
			fmt.Printf("  %-32s loss %.2f %%, median round trip %v, memory %+d KiB\n", kind, 100*o.loss(), o.quantile(0.5).Round(10*time.Microsecond), o.resident>>10)
		}
	}
	for _, o := range outcomes["confab"] {
		if o.loss() > lossless || o.quantile(0.5) > 2*time.Millisecond {
			b.missed++
		}
	}
}
