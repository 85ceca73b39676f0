package media

import (
	"context"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/logging"
	"github.com/pion/transport/v5/vnet"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/confab/confab/media/transport"
	"github.com/confab/confab/media/udp"
)

// bench is an engine with a network: loopback, or a virtual one.
type bench struct {
	t      *testing.T
	engine *Engine
	reg    *prometheus.Registry
	wan    *vnet.Router // nil: loopback
	hosts  int

	mu   sync.Mutex
	lose func(from, to string, payload []byte) bool
}

// loopback runs test over real sockets.
func loopback(t *testing.T, test func(b *bench)) {
	t.Helper()
	sock, err := udp.Listen("127.0.0.1:0", udp.Options{})
	if err != nil {
		t.Fatal(err)
	}
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
	b := &bench{t: t}
	b.start(sock, sock.LocalAddr())
	test(b)
}

// virtual runs test in virtual time and a virtual network with 10 ms from host to host.
func virtual(t *testing.T, test func(b *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &bench{t: t}
		wan, err := vnet.NewRouter(&vnet.RouterConfig{CIDR: "10.0.0.0/8", MinDelay: 10 * time.Millisecond, QueueSize: 10000,
			LoggerFactory: logging.NewDefaultLoggerFactory()})
		if err != nil {
			t.Fatal(err)
		}
		wan.AddChunkFilter(func(c vnet.Chunk) bool {
			b.mu.Lock()
			lose := b.lose
			b.mu.Unlock()
			return lose == nil || !lose(c.SourceAddr().(*net.UDPAddr).IP.String(), c.DestinationAddr().(*net.UDPAddr).IP.String(), c.UserData())
		})
		b.wan = wan
		host := b.host()
		if err := wan.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = wan.Stop() })
		pc, err := host.ListenPacket("udp4", "10.0.0.1:3478")
		if err != nil {
			t.Fatal(err)
		}
		b.start(udp.Wrap(pc), netip.MustParseAddrPort("10.0.0.1:3478"))
		test(b)
	})
}

// host adds a host to the virtual network: 10.0.0.1 is the server, clients follow in the order they join. Nil on loopback.
func (b *bench) host() *vnet.Net {
	if b.wan == nil {
		return nil
	}
	b.hosts++
	n, err := vnet.NewNet(&vnet.NetConfig{StaticIPs: []string{"10.0.0." + strconv.Itoa(b.hosts)}})
	if err != nil {
		b.t.Fatal(err)
	}
	if err := b.wan.AddNet(n); err != nil {
		b.t.Fatal(err)
	}
	return n
}

// losing lets f decide which datagrams are lost.
func (b *bench) losing(f func(from, to string, payload []byte) bool) {
	b.mu.Lock()
	b.lose = f
	b.mu.Unlock()
}

func (b *bench) start(sock *udp.Socket, addr netip.AddrPort) {
	mux := transport.NewMux(sock, transport.MuxOptions{Advertise: func() []netip.AddrPort { return []netip.AddrPort{addr} }})
	b.reg = prometheus.NewRegistry()
	e, err := New(Options{Mux: mux, Registerer: b.reg, Shards: 2})
	if err != nil {
		b.t.Fatal(err)
	}
	b.engine = e
	ctx, stop := context.WithCancel(context.Background())
	muxCtx, stopMux := context.WithCancel(context.Background())
	var engineDone, muxDone sync.WaitGroup
	muxDone.Go(func() { _ = mux.Run(muxCtx) })
	engineDone.Go(func() { _ = e.Run(ctx) })
	b.t.Cleanup(func() {
		stop()
		engineDone.Wait()
		stopMux()
		muxDone.Wait()
	})
}

// metric is a counter's or gauge's value; label is the value of its one label, or empty.
func (b *bench) metric(name, label string) float64 {
	families, err := b.reg.Gather()
	if err != nil {
		b.t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == name && (label == "" || m.GetLabel()[0].GetValue() == label) {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	b.t.Fatalf("no metric %s{%s}", name, label)
	return 0
}
