package signaling

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"github.com/confab/confab/signaling/protocol"
)

func TestLimiter(t *testing.T) {
	l := newLimiter(2, 3)
	a, b, start := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2"), time.Now()
	for _, s := range []struct {
		addr netip.Addr
		at   time.Duration
		wait time.Duration // 0: taken
	}{
		{a, 0, 0}, {a, 0, 0}, {a, 0, 0}, {a, 0, 500 * time.Millisecond},
		{b, 0, 0}, // another address has its own
		{a, 400 * time.Millisecond, 100 * time.Millisecond}, {a, 500 * time.Millisecond, 0}, {a, 500 * time.Millisecond, 500 * time.Millisecond},
		{a, time.Hour, 0}, {a, time.Hour, 0}, {a, time.Hour, 0}, {a, time.Hour, 500 * time.Millisecond}, // never more than the burst
		{netip.Addr{}, 0, 0}, {netip.Addr{}, 0, 0}, {netip.Addr{}, 0, 0}, {netip.Addr{}, 0, 0}, // none is not bounded
	} {
		wait, ok := l.take(s.addr, start.Add(s.at))
		if wait.Round(time.Millisecond) != s.wait || ok != (s.wait == 0) {
			t.Errorf("%v at %v: wait %v %v, want %v", s.addr, s.at, wait, ok, s.wait)
		}
	}
}

func TestLimiterIsBounded(t *testing.T) {
	l := newLimiter(1, 2)
	now := time.Now()
	addr := netip.MustParseAddr("10.0.0.0")
	taken := 0
	for range maxBuckets + 1000 {
		addr = addr.Next()
		if _, ok := l.take(addr, now); ok {
			taken++
		}
	}
	if len(l.buckets) > maxBuckets+1 || taken != maxBuckets+2 {
		t.Errorf("%d buckets, %d taken", len(l.buckets), taken)
	}
	if _, ok := l.take(addr, now.Add(time.Minute)); !ok || len(l.buckets) > 10 {
		t.Errorf("a minute later: %v, %d buckets", ok, len(l.buckets))
	}
}

func TestClientAddr(t *testing.T) {
	for remote, want := range map[string]string{
		"192.0.2.1:5": "192.0.2.1", "[::ffff:192.0.2.1]:5": "192.0.2.1",
		"[2001:db8:1:2:3:4:5:6]:7": "2001:db8:1:2::", "[fe80::1%eth0]:7": "fe80::", "@": "invalid IP", "": "invalid IP",
	} {
		if got := clientAddr(&http.Request{RemoteAddr: remote}).String(); got != want {
			t.Errorf("%s: %s, want %s", remote, got, want)
		}
	}
}

func TestOriginWithAndWithoutPort(t *testing.T) {
	s := New(Options{})
	for _, tc := range []struct {
		origin, host string
		own          bool
	}{
		{"https://confab.test", "confab.test:443", true}, // a proxy that writes the port
		{"http://confab.test", "confab.test:80", true},
		{"https://confab.test:8443", "confab.test:8443", true},
		{"https://[2001:db8::1]", "[2001:db8::1]:443", true},
		{"https://[2001:db8::1]", "[2001:db8::1]", true},
		{"https://confab.test", "confab.test:80", false},
		{"https://confab.test", "confab.test:8443", false},
		{"https://confab.test:8443", "confab.test", false},
		{"null", "null", false},
		{"null", "", false},
		{"file://", "", false},
	} {
		r := httptest.NewRequest("GET", "/ws", nil)
		r.Host = tc.host
		r.Header.Set("Origin", tc.origin)
		if got := s.ownOrigin(r); got != tc.own {
			t.Errorf("origin %s at host %s: %v", tc.origin, tc.host, got)
		}
	}
}

func TestSocketsOfOneAddressAreBounded(t *testing.T) {
	inLab(t, Options{Limits: Limits{SocketRate: 1, SocketBurst: 3, SocketsPerAddress: 2}}, func(l *lab) {
		status := func() (int, protocol.Code, string, *websocket.Conn) {
			conn, res, err := l.dialSilent(nil)
			if err == nil {
				return http.StatusSwitchingProtocols, "", "", conn
			}
			var e protocol.Error
			if !errors.Is(err, websocket.ErrBadHandshake) || json.NewDecoder(res.Body).Decode(&e) != nil {
				l.Fatal(err)
			}
			return res.StatusCode, e.Code, res.Header.Get("Retry-After"), nil
		}
		expect := func(status int, code protocol.Code, after string) func(int, protocol.Code, string, *websocket.Conn) *websocket.Conn {
			l.Helper()
			return func(s int, c protocol.Code, a string, conn *websocket.Conn) *websocket.Conn {
				l.Helper()
				if s != status || c != code || a != after {
					l.Errorf("%d %s, Retry-After %q; want %d %s %q", s, c, a, status, code, after)
				}
				return conn
			}
		}
		l.listener.from = "[2001:db8::1]:1000"
		first := expect(101, "", "")(status())
		l.listener.from = "[2001:db8::2]:1000" // the same /64
		expect(101, "", "")(status())
		expect(503, protocol.CodeServerFull, "30")(status())
		expect(429, protocol.CodeTooFast, "1")(status())
		l.listener.from = "[2001:db8:0:1::1]:1000" // another one
		expect(101, "", "")(status())
		first.Close()
		time.Sleep(time.Second)
		l.listener.from = "[2001:db8::1]:1001"
		expect(101, "", "")(status())
	})
}

func TestOffersOverHTTPOfOneAddressAreBounded(t *testing.T) {
	inLab(t, Options{Media: &fakeMedia{}, Limits: Limits{PostBurst: 2, Resources: 3}}, func(l *lab) {
		l.listener.from = "192.0.2.1:1000"
		post := func(room int) *http.Response {
			res, _ := l.http("POST", fmt.Sprintf("/whip/r%d", room), fakeOffer("1"), "Content-Type", typeSDP)
			return res
		}
		for room, want := range []int{201, 201, 429} {
			if res := post(room); res.StatusCode != want || want == 429 && res.Header.Get("Retry-After") != "1" {
				l.Errorf("offer %d: %d %v", room, res.StatusCode, res.Header)
			}
		}
		time.Sleep(time.Second) // two more
		for room, want := range []int{201, 503} {
			if res := post(10 + room); res.StatusCode != want {
				l.Errorf("offer %d a second later: %d", room, res.StatusCode)
			}
		}
		synctest.Wait()
		equal(t, "rooms", l.count("signaling_rooms"), 3.0)
		time.Sleep(31 * time.Second) // none of them connected
		synctest.Wait()
		equal(t, "resources", l.count("signaling_http_resources"), 0.0)
	})
}

func TestOffersOfOneSocketAreBounded(t *testing.T) {
	inLab(t, Options{Media: &fakeMedia{}}, func(l *lab) {
		c := l.dial()
		c.send(&protocol.Join{ID: "j", Room: "r", Name: "Ann", Mode: protocol.ModeSFU})
		await[*protocol.Joined](c)
		for i := range 60 { // each would be a new connection
			c.send(&protocol.SFUOffer{ID: "o", Revision: uint32(i), SDP: fakeOffer(fmt.Sprint(i))})
			time.Sleep(time.Millisecond)
		}
		synctest.Wait()
		l.media.mu.Lock()
		defer l.media.mu.Unlock()
		if n := len(l.media.peers); n > 21 {
			l.Errorf("%d connections were made for one socket", n)
		}
	})
}

// A body that does not come holds a connection, and nobody else may be kept by it for ever.
func TestBodiesComeInTime(t *testing.T) {
	inLab(t, Options{Media: &fakeMedia{}, Secrets: func() [][]byte { return nil }}, func(l *lab) {
		for _, tc := range []struct {
			path, auth string
			status     int
		}{
			{"/whip/r", "", 401}, // refused before the body is read: net/http reads on by itself
			{"/ws", "", 400},
		} {
			conn, err := l.listener.dial(l.Context(), "", "")
			if err != nil {
				l.Fatal(err)
			}
			began := time.Now()
			go fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: confab.test\r\nContent-Type: application/sdp\r\nContent-Length: 1000\r\n\r\nv=0", tc.path)
			in := bufio.NewReader(conn)
			res, err := http.ReadResponse(in, nil)
			if err != nil || res.StatusCode != tc.status {
				l.Fatalf("%s: %v %+v", tc.path, err, res)
			}
			_, _ = in.WriteTo(discard{})
			if d := time.Since(began); d > 11*time.Second {
				l.Errorf("%s: the connection was held for %v", tc.path, d)
			}
			conn.Close()
		}
	})
	inLab(t, Options{Media: &fakeMedia{}}, func(l *lab) {
		conn, err := l.listener.dial(l.Context(), "", "")
		if err != nil {
			l.Fatal(err)
		}
		defer conn.Close()
		go fmt.Fprint(conn, "POST /whip/r HTTP/1.1\r\nHost: confab.test\r\nContent-Type: application/sdp\r\nContent-Length: 1000\r\n\r\nv=0")
		began := time.Now()
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || res.StatusCode != http.StatusRequestTimeout || time.Since(began) > 11*time.Second {
			l.Fatalf("%v %+v after %v", err, res, time.Since(began))
		}
	})
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
