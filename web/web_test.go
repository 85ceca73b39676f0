package web

import (
	"compress/gzip"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/confab/confab/web/build/bundle"
)

func newTestHandler(t *testing.T, o Options) http.Handler {
	t.Helper()
	h, err := Handler(o)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func get(t *testing.T, h http.Handler, path string, headers ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestPaths(t *testing.T) {
	h := newTestHandler(t, Options{})
	for _, c := range []struct {
		path   string
		status int
		kind   string
		to     string
	}{
		{"/", 200, "text/html; charset=utf-8", ""},
		{"/r/team-4_b", 200, "text/html; charset=utf-8", ""},
		{"/r/" + strings.Repeat("a", 64), 200, "text/html; charset=utf-8", ""},
		{"/r/" + strings.Repeat("a", 65), 404, "text/html; charset=utf-8", ""},
		{"/r/Team-4", 308, "text/html; charset=utf-8", "/r/team-4"},
		{"/r/Team-4/?mode=sfu", 308, "text/html; charset=utf-8", "/r/team-4?mode=sfu"},
		{"/r/", 404, "text/html; charset=utf-8", ""},
		{"/r/a/b", 404, "text/html; charset=utf-8", ""},
		{"/r/a%20b", 404, "text/html; charset=utf-8", ""},
		{"/send", 200, "text/html; charset=utf-8", ""},
		{"/send/drop-12345", 200, "text/html; charset=utf-8", ""},
		{"/send/a/b", 404, "text/html; charset=utf-8", ""},
		{"/send/share.js", 200, "text/javascript; charset=utf-8", ""},
		{"/nothing", 404, "text/html; charset=utf-8", ""},
		{"/inputs.sha256", 404, "text/html; charset=utf-8", ""},
		{"/index.html", 404, "text/html; charset=utf-8", ""},
		{"/icon.svg", 200, "image/svg+xml", ""},
		{"/app.webmanifest", 200, "application/manifest+json", ""},
		{"/brand.css", 200, "text/css; charset=utf-8", ""},
		{"/brand/logo", 404, "text/html; charset=utf-8", ""},
	} {
		r := get(t, h, c.path)
		if r.StatusCode != c.status || r.Header.Get("Content-Type") != c.kind || r.Header.Get("Location") != c.to {
			t.Errorf("GET %s: %d %q to %q, want %d %q to %q", c.path, r.StatusCode, r.Header.Get("Content-Type"),
				r.Header.Get("Location"), c.status, c.kind, c.to)
		}
		if r.Header.Get("Content-Security-Policy") == "" {
			t.Errorf("GET %s: no Content-Security-Policy", c.path)
		}
	}
}

func TestOnlyReading(t *testing.T) {
	h := newTestHandler(t, Options{})
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", strings.NewReader("x")))
	if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %d, Allow %q", w.Code, w.Header().Get("Allow"))
	}
	w = httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodHead, "/", nil))
	if w.Code != http.StatusOK || w.Body.Len() != 0 || w.Header().Get("Content-Length") == "" {
		t.Errorf("HEAD: %d with %d bytes, Content-Length %q", w.Code, w.Body.Len(), w.Header().Get("Content-Length"))
	}
}

var assetInPage = regexp.MustCompile(`"(/assets/[^"]+)" integrity="sha384-`)

func TestAssetsAreCachedForEver(t *testing.T) {
	h := newTestHandler(t, Options{})
	page := get(t, h, "/")
	if got := page.Header.Get("Cache-Control"); got != revalidate {
		t.Errorf("page: Cache-Control %q", got)
	}
	found := assetInPage.FindAllStringSubmatch(body(t, page), -1)
	if len(found) < 2 {
		t.Fatalf("the page names %d assets with integrity, want script and style at least", len(found))
	}
	for _, m := range found {
		r := get(t, h, m[1])
		if r.StatusCode != 200 || r.Header.Get("Cache-Control") != forever {
			t.Errorf("%s: %d, Cache-Control %q", m[1], r.StatusCode, r.Header.Get("Cache-Control"))
		}
	}
}

func TestCompressionAndTags(t *testing.T) {
	h := newTestHandler(t, Options{})
	plain := get(t, h, "/")
	packed := get(t, h, "/", "Accept-Encoding", "br, gzip")
	if packed.Header.Get("Content-Encoding") != "gzip" || packed.Header.Get("Vary") != "Accept-Encoding" {
		t.Fatalf("Content-Encoding %q, Vary %q", packed.Header.Get("Content-Encoding"), packed.Header.Get("Vary"))
	}
	if plain.Header.Get("ETag") == packed.Header.Get("ETag") {
		t.Error("the plain and the compressed page have one tag")
	}
	z, err := gzip.NewReader(packed.Body)
	if err != nil {
		t.Fatal(err)
	}
	unpacked, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	if string(unpacked) != body(t, plain) {
		t.Error("the compressed page is another one")
	}
	again := get(t, h, "/", "Accept-Encoding", "gzip", "If-None-Match", `"x", W/`+packed.Header.Get("ETag"))
	if again.StatusCode != http.StatusNotModified || body(t, again) != "" {
		t.Errorf("If-None-Match: %d", again.StatusCode)
	}
	if r := get(t, h, "/", "Accept-Encoding", "gzip;q=0, identity"); r.Header.Get("Content-Encoding") != "" {
		t.Error("gzip;q=0 is answered with gzip")
	}
}

// TestPolicyHoldsForThePages looks for what the policy would block, where a browser would only say so in its console.
func TestPolicyHoldsForThePages(t *testing.T) {
	h := newTestHandler(t, Options{Branding: Branding{Logo: []byte("<svg/>"), LogoType: "image/svg+xml", Accent: "#aa3300"}})
	inline := regexp.MustCompile(`(?i)<script(?:\s+[a-z]+="[^"]*")*\s*>[^<]|<style|\sstyle=|\son[a-z]+=|javascript:`)
	for _, path := range []string{"/", "/nothing"} {
		page := body(t, get(t, h, path))
		if hit := inline.FindString(page); hit != "" {
			t.Errorf("%s has inline script or style: %q", path, hit)
		}
	}
	policy := get(t, h, "/").Header.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self' ws: wss:", "frame-ancestors 'self'"} {
		if !strings.Contains(policy, want) {
			t.Errorf("policy %q lacks %q", policy, want)
		}
	}
	if strings.Contains(policy, "unsafe") {
		t.Errorf("policy %q has unsafe sources", policy)
	}
}

func TestFrameAncestors(t *testing.T) {
	h := newTestHandler(t, Options{FrameAncestors: []string{"https://intranet.example"}})
	if policy := get(t, h, "/").Header.Get("Content-Security-Policy"); !strings.Contains(policy, "frame-ancestors 'self' https://intranet.example") {
		t.Errorf("policy %q", policy)
	}
	for _, bad := range []string{"*", "intranet.example", "https://a.example; script-src *", "https://a.example/path", "https://a b"} {
		if _, err := Handler(Options{FrameAncestors: []string{bad}}); err == nil {
			t.Errorf("frame ancestor %q was taken", bad)
		}
	}
}

func TestBranding(t *testing.T) {
	h := newTestHandler(t, Options{Branding: Branding{Name: `Fish & "Chips"`, Accent: "#aa3300", Logo: []byte("<svg/>"), LogoType: "image/svg+xml"}})
	if page := body(t, get(t, h, "/")); !strings.Contains(page, `<title>Fish &amp; &#34;Chips&#34;</title>`) || !strings.Contains(page, `content="/brand/logo"`) {
		t.Errorf("page without the brand: %s", page)
	}
	if manifest := body(t, get(t, h, "/app.webmanifest")); !strings.Contains(manifest, `"name": "Fish \u0026 \"Chips\""`) {
		t.Errorf("manifest: %s", manifest)
	}
	if css := body(t, get(t, h, "/brand.css")); !strings.Contains(css, "--accent: light-dark(#aa3300, #") {
		t.Errorf("css: %s", css)
	}
	if logo := get(t, h, "/brand/logo"); logo.StatusCode != 200 || logo.Header.Get("Content-Type") != "image/svg+xml" {
		t.Errorf("logo: %d %q", logo.StatusCode, logo.Header.Get("Content-Type"))
	}
	_, err := Handler(Options{Branding: Branding{Name: strings.Repeat("x", 41), Accent: "red", Logo: []byte("x"), LogoType: "text/html"}})
	if err == nil {
		t.Fatal("bad branding was taken")
	}
	for _, part := range []string{"name", "accent", "logo"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not name the %s", err, part)
		}
	}
}

func TestPaletteIsLegible(t *testing.T) {
	for _, accent := range []string{"#ffffff", "#000000", "#ffff00", "#0b6e69", "#aa3300", "#777777", "#00ff00"} {
		base, err := parseColour(accent)
		if err != nil {
			t.Fatal(err)
		}
		p := newPalette(base)
		for what, ratio := range map[string]float64{
			"accent on the light page": contrast(p.light, lightPage),
			"accent on the dark page":  contrast(p.dark, darkPage),
			"text on the light accent": contrast(p.onLight, p.light),
			"text on the dark accent":  contrast(p.onDark, p.dark),
		} {
			if ratio < legible {
				t.Errorf("%s, %s: %.2f:1", accent, what, ratio)
			}
		}
	}
	for _, bad := range []string{"", "#fff", "0b6e69", "#0b6e6g", "#0b6e6900", "red"} {
		if c, err := parseColour(bad); err == nil {
			t.Errorf("parseColour(%q) = %v", bad, c)
		}
	}
}

// TestBundleIsFresh needs no Node: the bundle carries the digest of what it was built from.
func TestBundleIsFresh(t *testing.T) {
	want, err := bundle.Digest(".")
	if err != nil {
		t.Fatal(err)
	}
	have, err := embedded.ReadFile("dist/" + bundle.InputsFile)
	if err != nil {
		t.Fatal(err)
	}
	if strings.TrimSpace(string(have)) != want {
		t.Error("web/dist is older than its sources: run \"go generate ./web\"")
	}
}

// A body has no use here, and one that never comes must not hold its connection.
func TestBodiesDoNotHoldConnections(t *testing.T) {
	for _, path := range []string{"/", "/nowhere"} {
		synctest.Test(t, func(t *testing.T) {
			client, server := net.Pipe()
			web := &http.Server{Handler: newTestHandler(t, Options{})}
			l := &oneConn{conn: server, closed: make(chan struct{})}
			served := make(chan error)
			go func() { served <- web.Serve(l) }()
			go io.WriteString(client, "POST "+path+" HTTP/1.1\r\nHost: confab.test\r\nContent-Length: 1000\r\n\r\nx")
			began := time.Now()
			if _, err := io.Copy(io.Discard, client); err != nil {
				t.Fatal(err)
			}
			if d := time.Since(began); d > bodyTime+time.Second {
				t.Errorf("%s: the connection was held for %v", path, d)
			}
			_ = web.Close()
			<-served
			time.Sleep(time.Second) // virtual; net/http lingers for half of it
		})
	}
}

// oneConn is a listener that has one connection to give.
type oneConn struct {
	conn   net.Conn
	given  atomic.Bool
	closed chan struct{}
	once   sync.Once
}

func (l *oneConn) Accept() (net.Conn, error) {
	if l.given.CompareAndSwap(false, true) {
		return l.conn, nil
	}
	<-l.closed
	return nil, net.ErrClosed
}

func (l *oneConn) Close() error   { l.once.Do(func() { close(l.closed) }); return nil }
func (l *oneConn) Addr() net.Addr { return l.conn.LocalAddr() }
