package doctor_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"log/slog"
	"math/big"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/confab/confab/auth"
	"github.com/confab/confab/relay"
	"github.com/confab/confab/relay/doctor"
	"github.com/pion/turn/v4"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var secret = []byte("a secret for the tests of the doctor")

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// certificate is self-signed, for 127.0.0.1, until a time.
func certificate(t *testing.T, until time.Time) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: until.Add(-90 * 24 * time.Hour), NotAfter: until,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	must(t, err)
	parsed, err := x509.ParseCertificate(der)
	must(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// ours is a relay of ours on loopback with every transport; it ends with the test.
func ours(t *testing.T, cert tls.Certificate) (udp, tcp, secure, datagrams string) {
	t.Helper()
	u, err := net.ListenPacket("udp4", "127.0.0.1:0")
	must(t, err)
	c, err := net.Listen("tcp4", "127.0.0.1:0")
	must(t, err)
	s, err := net.Listen("tcp4", "127.0.0.1:0")
	must(t, err)
	d, err := net.ListenPacket("udp4", "127.0.0.1:0")
	must(t, err)
	server, err := relay.New(relay.Options{
		DTLS: []net.PacketConn{d}, DTLSCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &cert, nil },
		UDP: []net.PacketConn{u}, TCP: []net.Listener{c, tls.NewListener(s, &tls.Config{Certificates: []tls.Certificate{cert}})},
		PublicIPs: []netip.Addr{netip.MustParseAddr("127.0.0.1")}, Secrets: [][]byte{secret}, Log: slog.New(slog.DiscardHandler),
	})
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx) }()
	t.Cleanup(func() {
		// A doctor leaves nothing behind: what it has allocated is given back before it reports.
		if n := server.Allocations(); n > 0 {
			t.Errorf("%d allocations are left", n)
		}
		cancel()
		must(t, <-ended)
	})
	return u.LocalAddr().String(), c.Addr().String(), s.Addr().String(), d.LocalAddr().String()
}

// stock is pion's server with a relay that does what it is told: permits every peer, and looks at passwords if strict.
func stock(t *testing.T, strict bool) string {
	t.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	must(t, err)
	server, err := turn.NewServer(turn.ServerConfig{
		Realm: "stock",
		AuthHandler: func(username, realm string, _ net.Addr) ([]byte, bool) {
			password := auth.TURNPassword(secret, username) // whatever the expiry says
			if !strict {
				password = "not the password"
			}
			return turn.GenerateAuthKey(username, realm, password), true
		},
		PacketConnConfigs: []turn.PacketConnConfig{{PacketConn: conn, RelayAddressGenerator: &turn.RelayAddressGeneratorStatic{
			RelayAddress: net.IPv4(127, 0, 0, 1), Address: "127.0.0.1",
		}}},
	})
	must(t, err)
	t.Cleanup(func() { _ = server.Close() })
	return conn.LocalAddr().String()
}

func examine(t *testing.T, o doctor.Options) *doctor.Report {
	t.Helper()
	if o.Timeout == 0 {
		o.Timeout = 5 * time.Second
	}
	o.Burst = 10
	report, err := doctor.Run(t.Context(), o)
	must(t, err)
	return report
}

// find returns the one check of a name.
func find(t *testing.T, r *doctor.Report, name string) doctor.Check {
	t.Helper()
	for _, c := range r.Checks {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("no check %q in %+v", name, r.Checks)
	return doctor.Check{}
}

// wantFailed checks that a check failed, says what it saw, and has a fix.
func wantFailed(t *testing.T, r *doctor.Report, name, detail, fix string) {
	t.Helper()
	c := find(t, r, name)
	if c.Status != doctor.Failed || !strings.Contains(c.Detail, detail) || !strings.Contains(c.Fix, fix) {
		t.Errorf("%s: %+v; want it to fail with %q and the fix %q", name, c, detail, fix)
	}
	if !r.Failed() {
		t.Error("the report does not say that something failed")
	}
}

func TestOursIsWell(t *testing.T) {
	cert, roots := certificate(t, time.Now().Add(60*24*time.Hour))
	udp, tcp, secure, datagrams := ours(t, cert)
	for name, tt := range map[string]struct {
		uri    string
		checks []string
	}{
		"UDP":  {"turn:" + udp + "?transport=udp", []string{"answers", "NAT before us", "asks for a login", "wrong password", "allocates", "private peers", "clock", "relays", "from outside"}},
		"TCP":  {"turn:" + tcp + "?transport=tcp", []string{"answers", "wrong password", "allocates", "private peers", "clock", "relays"}},
		"DTLS": {"turns:" + datagrams + "?transport=udp", []string{"certificate", "answers", "wrong password", "allocates", "private peers", "clock", "relays"}},
		"TLS":  {"turns:" + secure + "?transport=tcp", []string{"certificate", "answers", "wrong password", "allocates", "private peers", "clock", "relays"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := examine(t, doctor.Options{Server: tt.uri, Secret: secret, Roots: roots})
			for _, c := range r.Checks {
				if c.Status == doctor.Failed {
					t.Errorf("failed: %+v", c)
				}
			}
			for _, name := range tt.checks {
				// Loopback is no peer of ours, not even for the doctor itself.
				if c := find(t, r, name); c.Status != doctor.OK && name != "from outside" {
					t.Errorf("%+v, want it ok", c)
				}
			}
		})
	}
}

func TestFaultsAreNamed(t *testing.T) {
	cert, roots := certificate(t, time.Now().Add(-time.Hour))
	udp, tcp, secure, _ := ours(t, cert)
	username, _ := auth.TURNCredentials(secret, "ada", time.Now().Add(time.Hour))
	expired, password := auth.TURNCredentials(secret, "ada", time.Now().Add(-time.Hour))

	r := examine(t, doctor.Options{Server: "turn:" + udp + "?transport=udp", Username: username, Password: "guess"})
	wantFailed(t, r, "allocates", "401", "password is wrong")

	r = examine(t, doctor.Options{Server: "turn:" + tcp + "?transport=tcp", Username: expired, Password: password})
	wantFailed(t, r, "credentials", "expired at", "Mint new ones")
	wantFailed(t, r, "allocates", "401", "expired")

	r = examine(t, doctor.Options{Server: "turn:" + udp + "?transport=udp", Secret: []byte("the secret of another relay, which is long enough")})
	wantFailed(t, r, "allocates", "401", "compare the secret")

	r = examine(t, doctor.Options{Server: "turns:" + secure, Secret: secret, Roots: roots})
	wantFailed(t, r, "certificate", "expired on", "Renew")
	if c := find(t, r, "relays"); c.Status != doctor.OK {
		t.Errorf("%+v: the rest of the leg is looked at all the same", c)
	}

	good, _ := certificate(t, time.Now().Add(60*24*time.Hour))
	_, _, secure, _ = ours(t, good)
	r = examine(t, doctor.Options{Server: "turns:" + secure, Secret: secret})
	wantFailed(t, r, "certificate", "self-signed", "public authority")
	good, roots = certificate(t, time.Now().Add(60*24*time.Hour))
	_, _, secure, _ = ours(t, good)
	_, port, err := net.SplitHostPort(secure)
	must(t, err)
	r = examine(t, doctor.Options{Server: "turns:localhost:" + port, Secret: secret, Roots: roots})
	wantFailed(t, r, "certificate", "localhost", "certificate for localhost")
}

func TestARelayThatPermitsEverything(t *testing.T) {
	r := examine(t, doctor.Options{Server: "turn:" + stock(t, true) + "?transport=udp", Secret: secret})
	wantFailed(t, r, "private peers", "169.254.169.254", "denied-peer-ip")
	wantFailed(t, r, "clock", "2001", "expiry")
	for _, name := range []string{"relays", "from outside"} { // and every byte comes through
		if c := find(t, r, name); c.Status != doctor.OK || !strings.Contains(c.Detail, "10 of 10") {
			t.Errorf("%+v", c)
		}
	}
	allowed := []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}
	r = examine(t, doctor.Options{Server: "turn:" + stock(t, true) + "?transport=udp", Secret: secret, AllowPeers: allowed})
	if c := find(t, r, "private peers"); c.Status != doctor.OK {
		t.Errorf("%+v: it was said that these are meant", c)
	}
	r = examine(t, doctor.Options{Server: "turn:" + stock(t, false) + "?transport=udp", Username: "ada", Password: "not the password"})
	wantFailed(t, r, "wrong password", "an allocation was made", "does not look at passwords")
}

func TestLegsThatLeadNowhere(t *testing.T) {
	silent, err := net.ListenPacket("udp4", "127.0.0.1:0") // as behind a firewall that drops
	must(t, err)
	defer silent.Close()
	r := examine(t, doctor.Options{Server: "stun:" + silent.LocalAddr().String(), Timeout: 300 * time.Millisecond})
	wantFailed(t, r, "answers", "no answer", "Open UDP port")

	deaf, err := net.Listen("tcp4", "127.0.0.1:0")
	must(t, err)
	closed := deaf.Addr().String()
	must(t, deaf.Close())
	r = examine(t, doctor.Options{Server: "turn:" + closed + "?transport=tcp", Secret: secret})
	wantFailed(t, r, "connect", "nothing listens", "Start the server on TCP port")
	r = examine(t, doctor.Options{Server: "turn:" + closed})
	for _, c := range r.Checks {
		if strings.HasPrefix(c.Leg, "TLS") && c.Status != doctor.Skipped {
			t.Errorf("%+v: nobody has asked for TLS", c)
		}
	}
	r = examine(t, doctor.Options{Server: "turn:no-such-host.invalid"})
	wantFailed(t, r, "name", "no-such-host", "A record")
}

func TestReportIsReadable(t *testing.T) {
	r := &doctor.Report{Server: "turn:h", Checks: []doctor.Check{
		{Leg: "UDP", Name: "answers", Status: doctor.OK, Detail: "in 1ms"},
		{Leg: "UDP", Name: "allocates", Status: doctor.Failed, Detail: "401", Fix: "Compare the secrets."},
	}}
	var table, encoded strings.Builder
	must(t, r.WriteTable(&table))
	for _, want := range []string{"FAILED  allocates", "→ Compare the secrets.", "1 ok, 1 failed"} {
		if !strings.Contains(table.String(), want) {
			t.Errorf("%q is not in\n%s", want, table.String())
		}
	}
	must(t, r.WriteJSON(&encoded))
	var again doctor.Report
	must(t, json.Unmarshal([]byte(encoded.String()), &again))
	if len(again.Checks) != 2 || again.Checks[1] != r.Checks[1] {
		t.Errorf("read back: %+v", again)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for _, uri := range []string{"", "example.org", "http://example.org", "turn:", "turn:h?transport=sctp"} {
		if _, err := doctor.Run(t.Context(), doctor.Options{Server: uri}); err == nil {
			t.Errorf("%q was taken", uri)
		}
	}
}
