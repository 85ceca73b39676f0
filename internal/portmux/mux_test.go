package portmux

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// a STUN Binding request without attributes.
const binding = "\x00\x01\x00\x00\x21\x12\xa4\x42abcdefghijkl"

func certificate(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	must(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// serve runs a Mux whose HTTP side says the path and whether it came by TLS, and whose TURN side says "turn" or "turns" and
// repeats the first 20 bytes.
func serve(t *testing.T, change func(*Options)) (m *Mux, addr string) {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	must(t, err)
	o := Options{Log: slog.New(slog.DiscardHandler), TLS: &tls.Config{Certificates: []tls.Certificate{certificate(t)}}}
	if change != nil {
		change(&o)
	}
	m = New(l, o)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := m.Run(ctx); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	web := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scheme := "http"
		if r.TLS != nil {
			scheme = "https"
		}
		_, _ = io.WriteString(w, scheme+" "+r.URL.Path)
	})}
	wg.Go(func() { _ = web.Serve(m.HTTP()) })
	wg.Go(func() {
		for {
			conn, err := m.TURN().Accept()
			if err != nil {
				if !errors.Is(err, net.ErrClosed) {
					t.Errorf("Accept: %v", err)
				}
				return
			}
			name := "turn "
			if _, ok := conn.(interface{ ConnectionState() tls.ConnectionState }); ok {
				name = "turns "
			}
			b := make([]byte, 20)
			_, _ = io.ReadFull(conn, b)
			_, _ = conn.Write(append([]byte(name), b...))
			_ = conn.Close()
		}
	})
	t.Cleanup(func() { cancel(); _ = web.Close(); wg.Wait() })
	return m, l.Addr().String()
}

// says dials, with TLS when config is not nil, sends text and returns all that comes back.
func says(t *testing.T, addr string, config *tls.Config, text string) string {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	must(t, err)
	defer conn.Close()
	must(t, conn.SetDeadline(time.Now().Add(5*time.Second)))
	if config != nil {
		config = config.Clone()
		config.InsecureSkipVerify = true
		conn = tls.Client(conn, config)
	}
	if _, err := io.WriteString(conn, text); err != nil {
		return "error: " + err.Error()
	}
	answer, err := io.ReadAll(conn)
	if isTimeout(err) {
		t.Fatal("no answer, no close")
	}
	return string(answer)
}

func TestOnePortForAll(t *testing.T) {
	_, addr := serve(t, nil)
	_, plainAddr := serve(t, func(o *Options) { o.TLS = nil })
	const get = "GET /page HTTP/1.1\r\nHost: example.org\r\nConnection: close\r\n\r\n"
	alpn := func(names ...string) *tls.Config { return &tls.Config{NextProtos: names} }
	for _, tt := range []struct {
		name, addr string
		tls        *tls.Config
		text, want string // want is part of the answer; "" means closed without one, or with a TLS alert
	}{
		{"HTTPS, ALPN http/1.1", addr, alpn("h2", "http/1.1"), get, "https /page"},
		{"HTTPS without ALPN", addr, alpn(), get, "https /page"},
		{"HTTPS, ALPN unknown to us", addr, alpn("spdy/1"), get, "https /page"},
		{"TURN over TLS, ALPN stun.turn", addr, alpn("stun.turn"), binding, "turns " + binding},
		{"TURN over TLS, all ALPN names", addr, alpn("http/1.1", "stun.turn", "stun.nat-discovery"), binding, "turns " + binding},
		{"STUN over TLS, ALPN stun.nat-discovery", addr, alpn("stun.nat-discovery"), binding, "turns " + binding},
		{"TURN over TLS without ALPN", addr, alpn(), binding, "turns " + binding},
		{"TURN over TCP beside TLS", addr, nil, binding, "turn " + binding},
		{"plain HTTP where TLS is spoken", addr, nil, get, "Location: https://example.org/page\r\n"},
		{"a plain WebSocket there", addr, nil, "GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n\r\n", "wss://"},
		{"a plain POST there", addr, nil, "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab", "400 Bad Request"},
		{"plain HTTP that is none", addr, nil, "GET and nothing\r\n\r\n", ""},
		{"garbage", addr, nil, "\xff\xfe\xfd", ""},
		{"garbage in TLS", addr, alpn(), "\xff\xfe\xfd", ""},
		{"TLS in TLS", addr, alpn(), "\x16\x03\x01", ""},
		{"a ClientHello that is none", addr, nil, "\x16\x03\x01\x00\x04\x01\x00\x00\x00", ""},
		{"plain HTTP", plainAddr, nil, get, "http /page"},
		{"TURN over TCP", plainAddr, nil, binding, "turn " + binding},
		{"TLS without a certificate", plainAddr, nil, "\x16\x03\x01\x02\x00\x01", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := says(t, tt.addr, tt.tls, tt.text)
			if tt.want == "" && got != "" && got[0] != 0x15 || !strings.Contains(got, tt.want) {
				t.Errorf("answer %q, want %q", got, tt.want)
			}
		})
	}
}

// Clients that say nothing, or stop within the handshake, are closed in time and hold up nobody.
func TestSlowClients(t *testing.T) {
	_, addr := serve(t, func(o *Options) { o.Timeout = 200 * time.Millisecond })
	var slow []net.Conn
	for _, start := range []string{"", "\x16", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "GET / HT"} {
		for range 5 {
			conn, err := net.Dial("tcp", addr)
			must(t, err)
			defer conn.Close()
			_, err = io.WriteString(conn, start)
			must(t, err)
			slow = append(slow, conn)
		}
	}
	began := time.Now()
	if got := says(t, addr, nil, binding); got != "turn "+binding {
		t.Errorf("beside slow clients: %q", got)
	}
	if waited := time.Since(began); waited > 150*time.Millisecond {
		t.Errorf("waited %v behind slow clients", waited)
	}
	for i, conn := range slow {
		must(t, conn.SetReadDeadline(time.Now().Add(3*time.Second)))
		if _, err := io.Copy(io.Discard, conn); isTimeout(err) {
			t.Errorf("slow client %d is still connected", i)
		}
	}
}

func TestPendingIsBounded(t *testing.T) {
	for name, change := range map[string]func(*Options){
		"in all":      func(o *Options) { o.MaxPending = 3 },
		"per address": func(o *Options) { o.MaxPendingPerAddress = 3 },
	} {
		t.Run(name, func(t *testing.T) {
			m, addr := serve(t, change)
			var silent []net.Conn
			for range 3 {
				conn, err := net.Dial("tcp", addr)
				must(t, err)
				defer conn.Close()
				silent = append(silent, conn)
			}
			waitPending(t, m, 3)
			if got := says(t, addr, nil, binding); got != "" && !strings.HasPrefix(got, "error") {
				t.Errorf("the fourth was served: %q", got)
			}
			_ = silent[0].Close()
			waitPending(t, m, 2)
			if got := says(t, addr, nil, binding); got != "turn "+binding {
				t.Errorf("with room again: %q", got)
			}
		})
	}
}

func waitPending(t *testing.T, m *Mux, want int) {
	t.Helper()
	for deadline := time.Now().Add(3 * time.Second); ; time.Sleep(time.Millisecond) {
		m.mu.Lock()
		n := len(m.pending)
		m.mu.Unlock()
		if n == want {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d pending, want %d", n, want)
		}
	}
}

// A connection that nobody takes is closed when the Mux ends.
func TestEndsWithUntakenConnections(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	must(t, err)
	m := New(l, Options{Log: slog.New(slog.DiscardHandler)})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- m.Run(ctx) }()
	for _, text := range []string{binding, "GET / HTTP/1.1\r\n", ""} {
		conn, err := net.Dial("tcp", l.Addr().String())
		must(t, err)
		defer conn.Close()
		_, err = io.WriteString(conn, text)
		must(t, err)
	}
	waitPending(t, m, 3)
	cancel()
	select {
	case err := <-done:
		must(t, err)
	case <-time.After(3 * time.Second):
		t.Fatal("Run did not end")
	}
	if _, err := m.HTTP().Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept after the end: %v", err)
	}
}

func FuzzFirstBytes(f *testing.F) {
	for _, seed := range []string{binding, "GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01\x00\x05hello", "", "\xff"} {
		f.Add([]byte(seed))
	}
	cert := func() tls.Certificate { t := new(testing.T); return certificate(t) }()
	f.Fuzz(func(t *testing.T, b []byte) {
		m := New(nopListener{}, Options{Log: slog.New(slog.DiscardHandler), TLS: &tls.Config{Certificates: []tls.Certificate{cert}}, Timeout: 50 * time.Millisecond})
		_ = m.HTTP().Close() // nobody takes: sort must end by itself
		_ = m.TURN().Close()
		client, server := net.Pipe()
		done := make(chan struct{})
		go func() { defer close(done); m.sort(server); _ = server.Close() }()
		go func() { _, _ = client.Write(b); _ = client.Close() }()
		_, _ = io.Copy(io.Discard, bufio.NewReader(client))
		<-done
	})
}

type nopListener struct{ net.Listener }

func (nopListener) Addr() net.Addr { return &net.TCPAddr{} }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestPendingAddressIsANetworkInIPv6(t *testing.T) {
	for from, want := range map[string]string{
		"192.0.2.1:5": "192.0.2.1", "[::ffff:192.0.2.1]:5": "192.0.2.1", "[2001:db8:1:2:3:4:5:6]:7": "2001:db8:1:2::",
	} {
		if got := remote(fromAddr(from)); got.String() != want {
			t.Errorf("%s counts for %s, want %s", from, got, want)
		}
	}
}

// fromAddr is a connection of which only the remote address is known.
func fromAddr(addr string) net.Conn { return addressed{addr: netip.MustParseAddrPort(addr)} }

type addressed struct {
	net.Conn
	addr netip.AddrPort
}

func (a addressed) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(a.addr) }
