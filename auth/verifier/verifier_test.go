package verifier

import (
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/confab/confab/auth"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const issuer = "https://id.example.org/keys"

// endpoint is a JWKS URL in memory.
type endpoint struct {
	mu      sync.Mutex
	keys    []auth.Key
	header  string        // Cache-Control
	down    bool          // no connection
	delay   time.Duration // until the answer
	body    string        // instead of keys
	status  int           // 0: 200
	fetches int
	seen    []string // URLs
	to      string   // redirect the first URL there
}

func (e *endpoint) set(f func(*endpoint)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	f(e)
}

func (e *endpoint) count() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.fetches
}

func (e *endpoint) RoundTrip(r *http.Request) (*http.Response, error) {
	e.mu.Lock()
	e.fetches++
	e.seen = append(e.seen, r.URL.String())
	delay, down, body, status, header, to := e.delay, e.down, e.body, e.status, http.Header{}, e.to
	if header.Set("Cache-Control", e.header); body == "" {
		body = string(auth.MarshalJWKS(e.keys))
	}
	e.mu.Unlock()
	select {
	case <-time.After(delay):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	if down {
		return nil, errors.New("connection refused")
	}
	if to != "" && r.Response == nil {
		status = http.StatusFound
		header.Set("Location", to)
	}
	if status == 0 {
		status = http.StatusOK
	}
	return &http.Response{StatusCode: status, Status: http.StatusText(status), Header: header, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

// signer makes a key that follows from its number.
func signer(t testing.TB, n byte) *auth.Signer {
	t.Helper()
	seed := [ed25519.SeedSize]byte{n}
	der, err := x509.MarshalPKCS8PrivateKey(ed25519.NewKeyFromSeed(seed[:]))
	if err != nil {
		t.Fatal(err)
	}
	s, err := auth.ParseSigner(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func token(t testing.TB, s *auth.Signer) string {
	t.Helper()
	c := auth.Participant("r", "n")
	c.Expires = time.Now().Add(1000 * time.Hour)
	text, err := s.Sign(c, "", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// house is a verifier of one endpoint, in virtual time.
type house struct {
	*testing.T
	*endpoint
	v   *Verifier
	one *auth.Signer // whose key the endpoint has from the start
	two *auth.Signer // whose key it has not
}

func inHouse(t *testing.T, run bool, f func(h *house)) {
	synctest.Test(t, func(t *testing.T) {
		h := &house{T: t, endpoint: &endpoint{}, one: signer(t, 1), two: signer(t, 2)}
		h.endpoint.keys = []auth.Key{h.one.Key()}
		var err error
		if h.v, err = New(h.options()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		if run {
			running.Go(func() { _ = h.v.Run(ctx) })
			synctest.Wait()
		}
		f(h)
		cancel()
		running.Wait()
	})
}

func (h *house) options() Options {
	return Options{JWKS: []string{issuer}, Client: &http.Client{Transport: h.endpoint}}
}

func (h *house) verify(s *auth.Signer, want error) {
	h.Helper()
	if _, err := h.v.Verify(token(h, s), time.Now()); !errors.Is(err, want) {
		h.Errorf("%v, want %v", err, want)
	}
}

func (h *house) fetched(want int) {
	h.Helper()
	if got := h.count(); got != want {
		h.Errorf("fetched %d times, want %d", got, want)
	}
}

func TestTheFirstTokenFetches(t *testing.T) {
	inHouse(t, false, func(h *house) {
		h.verify(h.one, nil)
		h.verify(h.one, nil)
		h.fetched(1)
	})
}

func TestRotation(t *testing.T) {
	inHouse(t, true, func(h *house) {
		h.verify(h.one, nil)
		h.fetched(1)
		time.Sleep(2 * time.Minute)
		h.set(func(e *endpoint) { e.keys = []auth.Key{h.two.Key()} })
		h.verify(h.one, nil) // it is not asked at every token
		h.fetched(1)
		h.verify(h.two, nil) // a key that is not here is fetched
		h.fetched(2)
		h.verify(h.one, auth.ErrUnknownKey) // and one that is gone is gone
		h.fetched(2)
	})
}

func TestUnknownKeysFetchOncePerMinAge(t *testing.T) {
	inHouse(t, true, func(h *house) {
		for range 100 {
			h.verify(h.two, auth.ErrUnknownKey)
		}
		h.fetched(1) // Run's was less than MinAge ago
		time.Sleep(time.Minute)
		h.set(func(e *endpoint) { e.delay = time.Second })
		start := time.Now()
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() { h.verify(h.two, auth.ErrUnknownKey) })
		}
		synctest.Wait()
		h.verify(h.one, nil) // known keys wait for nothing
		if time.Since(start) != 0 {
			h.Error("a token of a known key waited for the fetch")
		}
		all.Wait()
		h.fetched(2)
		if took := time.Since(start); took != time.Second {
			h.Errorf("took %v", took)
		}
	})
}

func TestTheWaitIsBounded(t *testing.T) {
	inHouse(t, false, func(h *house) {
		h.set(func(e *endpoint) { e.delay = time.Hour })
		o := h.options()
		o.JWKS = []string{issuer, "https://id.example.net/keys"}
		if err := h.v.Reload(o); err != nil {
			h.Fatal(err)
		}
		start := time.Now()
		h.verify(h.one, auth.ErrUnknownKey)
		if took := time.Since(start); took != fetchTimeout {
			h.Errorf("two endpoints that do not answer took %v", took)
		}
	})
}

func TestAges(t *testing.T) {
	for _, tt := range []struct {
		header string
		want   time.Duration
	}{
		{"", defaultAge},
		{"public, max-age=1200", 20 * time.Minute},
		{"max-age=0", time.Minute},
		{"no-store", time.Minute},
		{"max-age=99999999", time.Hour},
		{"max-age=-1", defaultAge},
		{"max-age=x", defaultAge},
	} {
		inHouse(t, false, func(h *house) {
			h.set(func(e *endpoint) { e.header = tt.header })
			ctx, cancel := context.WithCancel(h.Context())
			var running sync.WaitGroup
			running.Go(func() { _ = h.v.Run(ctx) })
			time.Sleep(tt.want - time.Millisecond)
			h.fetched(1)
			time.Sleep(2 * time.Millisecond)
			h.fetched(2)
			cancel()
			running.Wait()
		})
	}
}

func TestStaleKeysServeWhileTheEndpointIsDown(t *testing.T) {
	inHouse(t, true, func(h *house) {
		h.set(func(e *endpoint) { e.down = true })
		time.Sleep(24*time.Hour - time.Second)
		h.verify(h.one, nil)
		if n := h.count(); n > 40 {
			h.Errorf("tried %d times in a day: no back-off", n)
		}
		time.Sleep(time.Second)
		h.verify(h.one, auth.ErrUnknownKey)
		h.set(func(e *endpoint) { e.down = false })
		time.Sleep(time.Hour)
		h.verify(h.one, nil)
	})
}

func TestABadAnswerChangesNothing(t *testing.T) {
	for name, spoil := range map[string]func(*endpoint){
		"an error":            func(e *endpoint) { e.status = http.StatusInternalServerError },
		"a page":              func(e *endpoint) { e.body = "<html>" },
		"another document":    func(e *endpoint) { e.body = `{"error":"x"}` },
		"too large":           func(e *endpoint) { e.body = `{"keys":[]}` + strings.Repeat(" ", maxBody) },
		"no usable key":       func(e *endpoint) { e.body = `{"keys":[{"kty":"oct","k":"AAAA"}]}` },
		"to another host":     func(e *endpoint) { e.to = "https://id.example.net/keys" },
		"to another port":     func(e *endpoint) { e.to = "https://id.example.org:444/keys" },
		"to plain HTTP":       func(e *endpoint) { e.to = "http://id.example.org/keys" },
		"to this machine":     func(e *endpoint) { e.to = "https://127.0.0.1/keys" },
		"redirected for ever": func(e *endpoint) { e.status = http.StatusFound },
	} {
		inHouse(t, true, func(h *house) {
			h.set(spoil)
			time.Sleep(12 * time.Minute)
			h.verify(h.one, nil)
			if h.count() < 2 {
				h.Errorf("%s: was not asked", name)
			}
			h.set(func(e *endpoint) {
				for _, url := range e.seen {
					if !strings.HasPrefix(url, "https://id.example.org/") {
						h.Errorf("%s: %s was asked", name, url)
					}
				}
			})
		})
	}
	inHouse(t, true, func(h *house) { // withdrawn on purpose
		h.set(func(e *endpoint) { e.body = `{"keys":[]}` })
		time.Sleep(12 * time.Minute)
		h.verify(h.one, auth.ErrUnknownKey)
	})
}

func TestARedirectOnTheHostIsFollowed(t *testing.T) {
	inHouse(t, false, func(h *house) {
		h.set(func(e *endpoint) { e.to = "/keys/current" })
		h.verify(h.one, nil)
		h.fetched(2)
	})
}

func TestReload(t *testing.T) {
	inHouse(t, true, func(h *house) {
		secret := []byte("0123456789abcdef0123456789abcdef")
		signed, err := auth.Sign(secret, auth.Participant("r", "n"), time.Now())
		if err != nil {
			h.Fatal(err)
		}
		if _, err := h.v.Verify(signed, time.Now()); !errors.Is(err, auth.ErrAlgorithm) {
			h.Errorf("without secrets: %v", err)
		}
		o := h.options()
		o.Secrets = [][]byte{secret}
		o.Keys = []auth.Key{h.two.Key()}
		if err := h.v.Reload(o); err != nil {
			h.Fatal(err)
		}
		synctest.Wait()
		h.fetched(1) // the URL is the same: what was fetched is kept
		h.verify(h.one, nil)
		h.verify(h.two, nil)
		if _, err := h.v.Verify(signed, time.Now()); err != nil || string(h.v.Secrets()[0]) != string(secret) {
			h.Error(err)
		}
		if err := h.v.Reload(Options{}); err == nil {
			h.Error("a reload with nothing was taken")
		}
		h.verify(h.two, nil) // as before
		o.JWKS = nil
		o.Keys = nil
		if err := h.v.Reload(o); err != nil {
			h.Fatal(err)
		}
		h.verify(h.one, auth.ErrUnknownKey)
		h.fetched(1)
	})
}

// Tokens are verified while everything is exchanged around them: each must be good at every moment.
func TestReloadWithoutDowntime(t *testing.T) {
	inHouse(t, true, func(h *house) {
		a, b := h.options(), h.options()
		a.Keys, b.Keys = []auth.Key{h.one.Key()}, []auth.Key{h.two.Key(), h.one.Key()}
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				text := token(h, h.one)
				for range 200 {
					if _, err := h.v.Verify(text, time.Now()); err != nil {
						h.Error(err)
						return
					}
				}
			})
		}
		for i := range 200 {
			if err := h.v.Reload([]Options{a, b}[i%2]); err != nil {
				h.Fatal(err)
			}
		}
		all.Wait()
	})
}

func TestOptionsRefused(t *testing.T) {
	ok := func() Options { return Options{Secrets: [][]byte{[]byte("0123456789abcdef")}} }
	for name, f := range map[string]func(*Options){
		"nothing":            func(o *Options) { o.Secrets = nil },
		"a short secret":     func(o *Options) { o.Secrets = append(o.Secrets, []byte("short")) },
		"plain HTTP":         func(o *Options) { o.JWKS = []string{"http://id.example.org/keys"} },
		"no host":            func(o *Options) { o.JWKS = []string{"https:///keys"} },
		"a file":             func(o *Options) { o.JWKS = []string{"file:///keys"} },
		"a password":         func(o *Options) { o.JWKS = []string{"https://u:p@id.example.org/keys"} },
		"a name like ours":   func(o *Options) { o.JWKS = []string{"http://127.0.0.1.example.org/keys"} },
		"too many URLs":      func(o *Options) { o.JWKS = strings.Fields(strings.Repeat(issuer+" ", MaxURLs+1)) },
		"much leeway":        func(o *Options) { o.Leeway = auth.MaxLeeway + 1 },
		"ages out of order":  func(o *Options) { o.MinAge = 2 * time.Hour },
		"stale before fresh": func(o *Options) { o.Stale = time.Minute },
	} {
		o := ok()
		if f(&o); true {
			if _, err := New(o); err == nil {
				t.Errorf("%s: taken", name)
			}
		}
	}
	for i, url := range []string{"http://127.0.0.1:8080/keys", "http://[::1]/keys", "http://localhost/keys", "http://[::ffff:127.0.0.1]/keys"} {
		o := ok()
		o.JWKS = []string{url}
		if _, err := New(o); err != nil {
			t.Error(fmt.Errorf("%d: %w", i, err))
		}
	}
}
