package netlab

import (
	"context"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/pion/logging"
	"github.com/pion/transport/v5/vnet"
)

// internet is the UDP between hosts, and the wires from them to the server.
type internet struct {
	t      testing.TB
	delay  time.Duration
	seed   uint64
	router *vnet.Router

	mu     sync.Mutex // guards the fields below; never held while calling anything
	hosts  map[netip.Addr]*Host
	apart  map[[2]netip.Addr]bool
	passed Traffic
	moves  int
}

// Traffic counts datagrams.
type Traffic struct{ Passed, Lost, Blocked int }

// Host is one machine on the internet.
type Host struct {
	net  *internet
	addr netip.Addr // guarded by net.mu
	vnet *vnet.Net

	mu    sync.Mutex // guards the fields below
	loss  float64    // chance that a datagram to or from here is lost, 0 to 1
	dice  *rand.Rand
	cut   bool
	wires map[*wire]bool
}

func newInternet(t testing.TB, delay time.Duration, seed uint64) *internet {
	router, err := vnet.NewRouter(&vnet.RouterConfig{CIDR: "9.9.0.0/16", MinDelay: delay, QueueSize: 1 << 16, LoggerFactory: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	n := &internet{t: t, delay: delay, seed: seed, router: router, hosts: map[netip.Addr]*Host{}, apart: map[[2]netip.Addr]bool{}}
	router.AddChunkFilter(n.pass)
	return n
}

func (n *internet) start() {
	if err := n.router.Start(); err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() { // after all others, who end their connections themselves
		for _, h := range n.hosts {
			for w := range h.wires {
				w.breakNow()
				w.carriers.Wait()
			}
		}
		if err := n.router.Stop(); err != nil {
			n.t.Error(err)
		}
	})
}

// host adds a machine; its address is unlike the others'.
func (n *internet) host(addr string) *Host {
	v, err := vnet.NewNet(&vnet.NetConfig{StaticIPs: []string{addr}})
	if err != nil {
		n.t.Fatal(err)
	}
	if err := n.router.AddNet(v); err != nil {
		n.t.Fatal(err)
	}
	name := fnv.New64()
	_, _ = io.WriteString(name, addr) // a hash takes everything
	h := &Host{net: n, addr: netip.MustParseAddr(addr), vnet: v, wires: map[*wire]bool{}, dice: rand.New(rand.NewPCG(n.seed, name.Sum64()))}
	n.mu.Lock()
	n.hosts[h.addr] = h
	n.mu.Unlock()
	return h
}

// pass is the router's filter: true lets a datagram through.
func (n *internet) pass(c vnet.Chunk) bool {
	from, to := ipOf(c.SourceAddr()), ipOf(c.DestinationAddr())
	n.mu.Lock()
	a, b, apart := n.hosts[from], n.hosts[to], n.apart[pairOf(from, to)]
	n.mu.Unlock()
	verdict := func(f func(*Traffic), pass bool) bool {
		n.mu.Lock()
		f(&n.passed)
		n.mu.Unlock()
		return pass
	}
	for _, h := range []*Host{a, b} {
		if h == nil {
			continue
		}
		switch down, lost := h.fate(); {
		case down:
			return verdict(func(t *Traffic) { t.Blocked++ }, false)
		case lost:
			return verdict(func(t *Traffic) { t.Lost++ }, false)
		}
	}
	if apart {
		return verdict(func(t *Traffic) { t.Blocked++ }, false)
	}
	return verdict(func(t *Traffic) { t.Passed++ }, true)
}

// fate says what becomes of the next datagram of a host.
func (h *Host) fate() (down, lost bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.cut, h.loss > 0 && h.dice.Float64() < h.loss
}

func ipOf(a net.Addr) netip.Addr {
	u, ok := a.(*net.UDPAddr)
	if !ok {
		return netip.Addr{}
	}
	return u.AddrPort().Addr().Unmap()
}

func pairOf(a, b netip.Addr) [2]netip.Addr {
	if b.Less(a) {
		a, b = b, a
	}
	return [2]netip.Addr{a, b}
}

// dial opens a connection to the server's HTTP port.
func (h *Host) dial(ctx context.Context, l *listener) (net.Conn, error) {
	h.mu.Lock()
	cut := h.cut
	h.mu.Unlock()
	if cut { // nobody answers
		<-ctx.Done()
		return nil, ctx.Err()
	}
	w := newWire(h.net.delay)
	h.mu.Lock()
	h.wires[w] = true
	h.mu.Unlock()
	if err := l.offer(w.far); err != nil {
		w.breakNow()
		return nil, err
	}
	return w.near, nil
}

// Lose makes the host's link lose datagrams with the given chance, 0 to 1, in both directions.
func (h *Host) Lose(chance float64) {
	h.mu.Lock()
	h.loss = chance
	h.mu.Unlock()
}

// CutMedia cuts or heals the UDP of the host.
func (h *Host) CutMedia(cut bool) {
	h.mu.Lock()
	h.cut = cut
	h.mu.Unlock()
}

// Cut cuts or heals the host's link altogether: datagrams vanish, connections hang.
func (h *Host) Cut(cut bool) {
	h.CutMedia(cut)
	for _, w := range h.live() {
		w.stall(cut)
	}
}

// Move takes the host to another network: it has a new address, what was bound to the old one is dead, and so are its connections.
func (h *Host) Move() {
	n := h.net
	n.mu.Lock()
	n.moves++
	to := net.IPv4(9, 9, 200, byte(n.moves))
	old := h.addr
	h.addr, _ = netip.AddrFromSlice(to.To4())
	n.hosts[old], n.hosts[h.addr] = &Host{cut: true}, h
	n.mu.Unlock()
	for _, err := range []error{
		h.vnet.RemoveAddress("eth0", old.AsSlice()),
		h.vnet.AddAddress("eth0", &net.IPNet{IP: to, Mask: net.CIDRMask(16, 32)}),
	} {
		if err != nil {
			n.t.Fatal(err)
		}
	}
	h.Reset()
}

// Reset breaks the host's TCP connections; new ones can be made.
func (h *Host) Reset() {
	for _, w := range h.live() {
		w.breakNow()
	}
}

// live returns the wires that stand.
func (h *Host) live() []*wire {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []*wire
	for w := range h.wires {
		select {
		case <-w.broken:
		default:
			out = append(out, w)
		}
	}
	return out
}

// quiet is a logger for pion: what matters of its troubles, tests see by their effects.
func quiet() logging.LoggerFactory {
	f := logging.NewDefaultLoggerFactory()
	f.Writer, f.DefaultLogLevel, f.ScopeLevels = io.Discard, logging.LogLevelDisabled, nil
	return f
}
