package signaling

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/confab/confab/signaling/protocol"
)

func networks(t testing.TB, texts ...string) []Network {
	t.Helper()
	list := make([]Network, len(texts))
	for i, text := range texts {
		if err := list[i].UnmarshalText([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	return list
}

func TestClientBehindProxies(t *testing.T) {
	trusted := networks(t, "10.0.0.0/8", "2001:db8:ffff::/48", "192.0.2.80")
	const refused = "refused"
	for _, tc := range []struct{ name, peer, list, forwarded, want string }{
		{"nobody's proxy is believed", "198.51.100.1:9", "203.0.113.7", "for=203.0.113.7", "198.51.100.1:9"},
		{"a proxy without headers", "10.0.0.1:9", "", "", "10.0.0.1:9"},
		{"one proxy", "10.0.0.1:9", "203.0.113.7", "", "203.0.113.7:0"},
		{"one address that is trusted", "192.0.2.80:9", "203.0.113.7:4711", "", "203.0.113.7:4711"},
		{"its neighbour is not", "192.0.2.81:9", "203.0.113.7", "", "192.0.2.81:9"},
		{"an IPv4 proxy on an IPv6 socket", "[::ffff:10.0.0.1]:9", "203.0.113.7", "", "203.0.113.7:0"},
		{"what the client wrote itself is older", "10.0.0.1:9", "10.9.9.9, 1.1.1.1, 203.0.113.7", "", "203.0.113.7:0"},
		{"a chain of proxies", "10.0.0.1:9", "1.1.1.1, 203.0.113.7, 10.0.0.3, 10.0.0.2", "", "203.0.113.7:0"},
		{"two lines are one list", "10.0.0.1:9", "1.1.1.1\n203.0.113.7", "", "203.0.113.7:0"},
		{"a client within the trusted network", "10.0.0.1:9", "10.0.0.7", "", "10.0.0.7:0"},
		{"an IPv6 client", "[2001:db8:ffff::1]:9", "2001:db8::7", "", "[2001:db8::7]:0"},
		{"with a port", "10.0.0.1:9", "[2001:db8::7]:80", "", "[2001:db8::7]:80"},
		{"unknown is the proxy", "10.0.0.1:9", "203.0.113.7, unknown", "", "10.0.0.1:9"},
		{"an empty list", "10.0.0.1:9", " ", "", "10.0.0.1:9"},
		{"rubbish is older", "10.0.0.1:9", `"',;%00, 203.0.113.7`, "", "203.0.113.7:0"},

		{"RFC 7239 §4, the examples", "10.0.0.1:9", "", `for="_gazonk"`, "10.0.0.1:9"},
		{"", "10.0.0.1:9", "", `For="[2001:db8:cafe::17]:4711"`, "[2001:db8:cafe::17]:4711"},
		{"", "10.0.0.1:9", "", `for=192.0.2.60;proto=http;by=203.0.113.43`, "192.0.2.60:0"},
		{"", "10.0.0.1:9", "", `for=192.0.2.43, for=198.51.100.17`, "198.51.100.17:0"},
		{"an obfuscated port", "10.0.0.1:9", "", `for="192.0.2.43:_x"`, "192.0.2.43:0"},
		{"without the quotes", "10.0.0.1:9", "", `for=192.0.2.43:47, for=10.0.0.2`, "192.0.2.43:47"},
		{"a comma in quotes parts nothing", "10.0.0.1:9", "", `for=1.1.1.1;by="a, for=2.2.2.2"`, "1.1.1.1:0"},
		{"an element without for hides the client", "10.0.0.1:9", "", `for=1.1.1.1, proto=https`, "10.0.0.1:9"},
		{"empty elements", "10.0.0.1:9", "", `, for=1.1.1.1 , ,`, "1.1.1.1:0"},
		{"an open quote would swallow the proxy's own element", "10.0.0.1:9", "", `for=", for=1.1.1.1`, refused},
		{"twice in an element", "10.0.0.1:9", "", `for=1.1.1.1;for=2.2.2.2`, refused},
		{"no value", "10.0.0.1:9", "", `for`, refused},

		{"both agree", "10.0.0.1:9", "203.0.113.7", `for=203.0.113.7`, "203.0.113.7:0"},
		{"the client adds the header that the proxy does not write", "10.0.0.1:9", "203.0.113.7", `for=198.51.100.1`, refused},
		{"", "10.0.0.1:9", "198.51.100.1", `for=203.0.113.7`, refused},
	} {
		lines := func(s string) []string {
			if s == "" {
				return nil
			}
			return strings.Split(s, "\n")
		}
		got, err := clientBehind(trusted, netip.MustParseAddrPort(tc.peer), lines(tc.list), lines(tc.forwarded))
		if text := got.String(); err == nil && text != tc.want || (err != nil) != (tc.want == refused) {
			t.Errorf("%s: from %s, %q and %q: %v %v, want %s", tc.name, tc.peer, tc.list, tc.forwarded, got, err, tc.want)
		}
	}
	hops := strings.Repeat("10.0.0.2,", 10_000) + "10.0.0.3"
	if got, err := clientBehind(trusted, netip.MustParseAddrPort("10.0.0.1:9"), []string{hops}, nil); err != nil || got.Addr() != netip.MustParseAddr("10.0.0.2") {
		t.Errorf("a long chain: %v %v", got, err)
	}
}

func TestNetworksAreRead(t *testing.T) {
	for text, want := range map[string]string{
		"10.1.2.3/8": "10.0.0.0/8", "192.0.2.1": "192.0.2.1/32", "::1": "::1/128", "2001:db8::/32": "2001:db8::/32",
		"0.0.0.0/0": "", "::/0": "", "example.org": "", "10.0.0.0/33": "", "": "",
	} {
		var n Network
		if err := n.UnmarshalText([]byte(text)); (err != nil) != (want == "") || err == nil && n.String() != want {
			t.Errorf("%q: %v %v, want %q", text, n, err, want)
		}
	}
}

func TestRequestsThroughProxiesAreTheirClients(t *testing.T) {
	var seen string
	h := BehindProxies(networks(t, "10.0.0.1"), http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = r.RemoteAddr }))
	ask := func(peer string, headers ...string) (string, int) {
		seen = ""
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = peer
		for i := 0; i < len(headers); i += 2 {
			r.Header.Add(headers[i], headers[i+1])
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return seen, w.Code
	}
	for _, tc := range []struct {
		peer, want string
		code       int
		headers    []string
	}{
		{"10.0.0.1:9", "203.0.113.7:0", 200, []string{"X-Forwarded-For", "203.0.113.7"}},
		{"10.0.0.2:9", "10.0.0.2:9", 200, []string{"X-Forwarded-For", "203.0.113.7"}},
		{"@", "@", 200, []string{"X-Forwarded-For", "203.0.113.7"}},
		{"10.0.0.1:9", "", 400, []string{"X-Forwarded-For", "203.0.113.7", "Forwarded", "for=203.0.113.8"}},
	} {
		if got, code := ask(tc.peer, tc.headers...); got != tc.want || code != tc.code {
			t.Errorf("%s %v: %q %d, want %q %d", tc.peer, tc.headers, got, code, tc.want, tc.code)
		}
	}
}

// Limits and bans know people by what a trusted proxy says, and by nothing that they say themselves.
func TestLimitsSeeThroughProxies(t *testing.T) {
	proxies := networks(t, "10.0.0.1")
	inLab(t, Options{Limits: Limits{SocketBurst: 2}}, func(l *lab) {
		h := BehindProxies(proxies, l.srv.Handler())
		dial := func(peer, claim string) int {
			r := httptest.NewRequest("GET", "/ws", nil).WithContext(l.Context())
			r.RemoteAddr = peer
			for name, value := range map[string]string{
				"Connection": "upgrade", "Upgrade": "websocket", "Sec-Websocket-Version": "13", "Sec-Websocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
				"Sec-Websocket-Protocol": protocol.Subprotocol, "X-Forwarded-For": claim,
			} {
				r.Header.Set(name, value)
			}
			w := httptest.NewRecorder() // cannot be upgraded: 500 for whom the limits let through
			h.ServeHTTP(w, r)
			return w.Code
		}
		for i, s := range []struct {
			peer, claim string
			want        int
		}{
			{"10.0.0.1:1", "203.0.113.1", 500}, {"10.0.0.1:2", "203.0.113.1", 500}, {"10.0.0.1:3", "203.0.113.1", 429},
			{"10.0.0.1:4", "203.0.113.2", 500}, // somebody else behind the same proxy
			{"10.0.0.1:5", "203.0.113.9, 203.0.113.1", 429},
			{"198.51.100.1:1", "203.0.113.3", 500}, {"198.51.100.1:2", "203.0.113.4", 500}, {"198.51.100.1:3", "203.0.113.5", 429},
		} {
			if got := dial(s.peer, s.claim); got != s.want {
				l.Errorf("request %d, %s claims %s: %d, want %d", i, s.peer, s.claim, got, s.want)
			}
		}
		time.Sleep(time.Second)
	})
}

func FuzzClientBehind(f *testing.F) {
	f.Add("203.0.113.7, 10.0.0.2", "")
	f.Add("", `for="[2001:db8::1]:80";by=x, for=_a`)
	f.Add("[::1", `for="\"`)
	trusted := networks(f, "10.0.0.0/8")
	peer := netip.MustParseAddrPort("10.0.0.1:1")
	f.Fuzz(func(t *testing.T, list, forwarded string) {
		got, err := clientBehind(trusted, peer, []string{list}, nil)
		if err != nil || !got.IsValid() {
			t.Fatalf("X-Forwarded-For %q: %v %v", list, got, err)
		}
		// Whatever a client writes first, what the proxy appends decides.
		got, err = clientBehind(trusted, peer, []string{list + ", 203.0.113.7"}, nil)
		if err != nil || got.Addr() != netip.MustParseAddr("203.0.113.7") {
			t.Fatalf("X-Forwarded-For %q spoofs: %v %v", list, got, err)
		}
		got, err = clientBehind(trusted, peer, nil, []string{forwarded, "for=203.0.113.7"})
		if err == nil && got.Addr() != netip.MustParseAddr("203.0.113.7") {
			t.Fatalf("Forwarded %q spoofs: %v", forwarded, got)
		}
	})
}
