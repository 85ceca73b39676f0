package relay

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/confab/confab/auth"
	"github.com/pion/turn/v4"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
)

// Every test runs twice: over the data path that the system has, and over the portable one.
func TestMain(m *testing.M) { goleak.VerifyTestMain(&bothPaths{m}) }

type bothPaths struct{ *testing.M }

// portable is what a lab's Options say of it.
var portable bool

func (b *bothPaths) Run() int {
	for _, portable = range []bool{false, true} {
		if code := b.M.Run(); code != 0 {
			fmt.Printf("portable data path: %v\n", portable)
			return code
		}
	}
	return 0
}

var (
	secret   = []byte("a secret for tests")
	loopback = netip.MustParseAddr("127.0.0.1")
)

// lab is a Server on loopback with one listener of each kind.
type lab struct {
	*Server
	t             *testing.T
	udp, tcp, tls string // where it listens
	metrics       *prometheus.Registry
}

// newLab starts a relay that ends with the test. 127.0.0.1 is its public address; change adjusts the options.
func newLab(t *testing.T, change func(*Options)) *lab {
	t.Helper()
	udp, err := net.ListenPacket("udp4", "127.0.0.1:0")
	must(t, err)
	tcp, err := net.Listen("tcp4", "127.0.0.1:0")
	must(t, err)
	secure, err := net.Listen("tcp4", "127.0.0.1:0")
	must(t, err)
	l := &lab{t: t, udp: udp.LocalAddr().String(), tcp: tcp.Addr().String(), tls: secure.Addr().String(), metrics: prometheus.NewRegistry()}
	o := Options{
		UDP:       []net.PacketConn{udp},
		TCP:       []net.Listener{tcp, tls.NewListener(secure, &tls.Config{Certificates: []tls.Certificate{testCertificate(t)}})},
		PublicIPs: []netip.Addr{loopback}, Portable: portable,
		Secrets: [][]byte{secret},
		Log:     slog.New(slog.DiscardHandler), Registerer: l.metrics,
	}
	if change != nil {
		change(&o)
	}
	l.Server, err = New(o)
	must(t, err)
	start(t, l.Server)
	return l
}

// start runs s until the test ends.
func start(t *testing.T, s *Server) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-done:
			must(t, err)
		case <-time.After(10 * time.Second):
			t.Error("Run did not end")
		}
	})
}

// client is a pion client of user "alice" over transport "udp", "tcp" or "tls", with credentials for an hour.
func (l *lab) client(transport string) *turn.Client {
	l.t.Helper()
	username, password := l.credentials("alice")
	return l.clientAs(transport, username, password)
}

// credentials are good for an hour.
func (*lab) credentials(user string) (username, password string) {
	return auth.TURNCredentials(secret, user, time.Now().Add(time.Hour))
}

func (l *lab) clientAs(transport, username, password string) *turn.Client {
	l.t.Helper()
	var conn net.PacketConn
	server := l.udp
	switch transport {
	case "udp":
		c, err := net.ListenPacket("udp4", "127.0.0.1:0")
		must(l.t, err)
		conn = c
	case "tcp":
		server = l.tcp
		c, err := net.Dial("tcp", server)
		must(l.t, err)
		conn = turn.NewSTUNConn(c)
	case "tls":
		server = l.tls
		c, err := tls.Dial("tcp", server, &tls.Config{InsecureSkipVerify: true})
		must(l.t, err)
		conn = turn.NewSTUNConn(c)
	}
	return newClient(l.t, conn, server, username, password)
}

func newClient(t *testing.T, conn net.PacketConn, server, username, password string) *turn.Client {
	t.Helper()
	c, err := turn.NewClient(&turn.ClientConfig{
		STUNServerAddr: server, TURNServerAddr: server, Conn: conn, Username: username, Password: password, Realm: "confab",
		LoggerFactory: pionLog{slog.New(slog.DiscardHandler)},
	})
	must(t, err)
	must(t, c.Listen())
	t.Cleanup(func() { c.Close(); _ = conn.Close() })
	return c
}

// allocate makes an allocation that ends with the test.
func allocate(t *testing.T, c *turn.Client) net.PacketConn {
	t.Helper()
	relayed, err := c.Allocate()
	must(t, err)
	t.Cleanup(func() { _ = relayed.Close() })
	return relayed
}

// count is the sum of counters or gauges whose first labels, in the order of their names, have these values.
func (l *lab) count(name string, labels ...string) (sum float64) {
	l.t.Helper()
	families, err := l.metrics.Gather()
	must(l.t, err)
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
	series:
		for _, m := range f.GetMetric() {
			for i, want := range labels {
				if m.GetLabel()[i].GetValue() != want {
					continue series
				}
			}
			sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return sum
}

// eventually waits for what other goroutines are about to do.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within 5 s: %s", what)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
