package netlab

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/confab/confab/auth"
	"github.com/confab/confab/internal/compose"
	"github.com/confab/confab/media"
	"github.com/confab/confab/media/transport"
	"github.com/confab/confab/media/udp"
	"github.com/confab/confab/relay"
	"github.com/confab/confab/signaling"
	"github.com/confab/confab/signaling/protocol"
)

const (
	serverHost = "9.9.0.1"
	serverUDP  = serverHost + ":3478"
)

// Server is what cmd/sfu serves, on the lab's network: one UDP address for ICE, media, STUN and TURN, and HTTP.
type Server struct {
	Host      *Host
	Signaling *signaling.Server
	Relay     *relay.Server
	Metrics   *prometheus.Registry

	http *listener
}

var secret = []byte("a secret that only the lab knows")

// newServer starts a server that ends with the test.
func newServer(t testing.TB, host *Host, o options) *Server {
	must := func(err error) {
		if err != nil {
			t.Helper()
			t.Fatal(err)
		}
	}
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelInfo}))
	s := &Server{Host: host, Metrics: prometheus.NewRegistry(), http: newListener()}
	at := netip.MustParseAddrPort(serverUDP)
	conn, err := host.vnet.ListenPacket("udp4", serverUDP)
	must(err)
	mux := transport.NewMux(udp.Wrap(conn), transport.MuxOptions{Advertise: func() []netip.AddrPort { return []netip.AddrPort{at} }, Log: log})
	run(t, "transport", mux.Run) // ends last

	var sfu signaling.Media
	if !o.noSFU {
		engine, err := media.New(media.Options{Mux: mux, Log: log, Registerer: s.Metrics, Shards: 2})
		must(err)
		sfu = compose.Media(engine)
		run(t, "media", engine.Run)
	}
	s.Relay, err = relay.New(relay.Options{
		UDP: []net.PacketConn{mux.Relay()}, PublicIPs: []netip.Addr{at.Addr()}, Secrets: [][]byte{secret},
		Services: []relay.Service{{Public: at, Local: at}}, ListenPacket: host.vnet.ListenPacket,
		Interfaces: func() ([]netip.Addr, error) { return []netip.Addr{at.Addr()}, nil },
		Log:        slog.New(slog.DiscardHandler), Registerer: s.Metrics,
	})
	must(err)
	run(t, "relay", s.Relay.Run)

	s.Signaling = signaling.New(signaling.Options{
		Media: sfu, ICEServers: iceServers(!o.noTURN), Limits: o.limits, Log: log, Registerer: s.Metrics, Version: "netlab",
	})
	run(t, "signaling", s.Signaling.Run)
	web := &http.Server{Handler: s.Signaling.Handler(), ReadHeaderTimeout: 10 * time.Second, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug)}
	run(t, "http", func(ctx context.Context) error {
		stop := context.AfterFunc(ctx, func() { _ = web.Close() })
		defer stop()
		if err := web.Serve(s.http); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	return s
}

// run runs a part until the test ends. What was started last ends first.
func run(t testing.TB, name string, part func(context.Context) error) {
	ctx, stop := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		if err := part(ctx); err != nil {
			t.Errorf("%s ended: %v", name, err)
		}
	})
	t.Cleanup(func() { stop(); done.Wait() })
}

// iceServers tells participants of the STUN server, and of the TURN server if it shall be known.
func iceServers(turn bool) func(_, participant string) ([]protocol.ICEServer, time.Duration) {
	return func(_, participant string) ([]protocol.ICEServer, time.Duration) {
		servers := []protocol.ICEServer{{URLs: []string{"stun:" + serverUDP}}}
		if turn {
			username, password := auth.TURNCredentials(secret, participant, time.Now().Add(time.Hour))
			servers = append(servers, protocol.ICEServer{URLs: []string{"turn:" + serverUDP + "?transport=udp"}, Username: username, Credential: password})
		}
		return servers, time.Hour
	}
}

// Metric returns the sum of a metric's series.
func (s *Server) Metric(t testing.TB, name string) float64 {
	t.Helper()
	families, err := s.Metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	sum, found := 0.0, false
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			found = true
			sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	if !found {
		t.Fatalf("there is no metric %s", name)
	}
	return sum
}
