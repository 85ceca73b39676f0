package api

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
	"github.com/gorilla/websocket"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"

	"github.com/confab/confab/auth"
	"github.com/confab/confab/signaling"
	"github.com/confab/confab/signaling/protocol"
)

func TestMain(m *testing.M) {
	openapi3filter.RegisterBodyDecoder("application/x-ndjson", openapi3filter.PlainBodyDecoder)
	goleak.VerifyTestMain(m)
}

var secret = []byte(strings.Repeat("s", 32))

// bench is a signaling server with the API before it, and the description that every exchange is held against.
type bench struct {
	*testing.T
	url    string
	api    *API
	client *http.Client
	router routers.Router
}

func newBench(t *testing.T, change ...func(*Options)) *bench {
	t.Helper()
	signal := signaling.New(signaling.Options{Invites: func() [][]byte { return [][]byte{secret} }})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = signal.Run(ctx) }()
	o := Options{Rooms: signal.Admin(), Tokens: &auth.Keyring{Secrets: [][]byte{secret}}, Rate: 1e6, Burst: 1e6, Registerer: prometheus.NewRegistry()}
	for _, f := range change {
		f(&o)
	}
	b := &bench{T: t, api: New(o), client: &http.Client{Transport: &http.Transport{}, Timeout: 20 * time.Second}}
	mux := http.NewServeMux()
	mux.Handle("/ws", signal.Handler())
	mux.Handle(Prefix+"/", b.api)
	server := httptest.NewServer(mux)
	b.url = server.URL
	t.Cleanup(func() {
		b.client.CloseIdleConnections()
		cancel()
		<-done
		server.Close()
	})
	doc := load(t)
	doc.Servers = openapi3.Servers{{URL: server.URL + Prefix}}
	var err error
	if b.router, err = legacy.NewRouter(doc); err != nil {
		t.Fatal(err)
	}
	return b
}

// admin mints a token for the admin API.
func admin(t *testing.T, room string) string {
	t.Helper()
	c := auth.Claims{Room: room, Role: auth.RoleHost, Expires: time.Now().Add(time.Hour)}
	c.Admin = true
	token, err := auth.Sign(secret, c, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

func (a answer) code(t *testing.T) protocol.Code {
	t.Helper()
	var e refusal
	if err := json.Unmarshal([]byte(a.body), &e); err != nil || e.Message == "" {
		t.Fatalf("not an error: %d %s", a.status, a.body)
	}
	return e.Code
}

// send makes a request as it is. The answer is held against the description, and when it is a success, so is the request.
func (b *bench) send(method, path, token, body string, header ...string) answer {
	b.Helper()
	r, err := http.NewRequestWithContext(b.Context(), method, b.url+Prefix+path, strings.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	found, params, unrouted := b.router.FindRoute(r)
	response, err := b.client.Do(r)
	if err != nil {
		b.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		b.Fatal(err)
	}
	a := answer{response.StatusCode, response.Header, string(content)}
	if unrouted != nil {
		return a
	}
	again := r.Clone(b.Context())
	again.Body = io.NopCloser(strings.NewReader(body))
	input := &openapi3filter.RequestValidationInput{Request: again, PathParams: params, Route: found, Options: &openapi3filter.Options{
		AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true,
	}}
	if a.status < 300 {
		if err := openapi3filter.ValidateRequest(b.Context(), input); err != nil {
			b.Errorf("%s %s was taken, and is not as described: %v", method, path, err)
		}
	}
	if err := openapi3filter.ValidateResponse(b.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: input, Status: a.status, Header: a.header, Body: io.NopCloser(bytes.NewReader(content)),
	}); err != nil {
		b.Errorf("the answer to %s %s is not as described: %v", method, path, err)
	}
	return a
}

// must sends what shall succeed, and fills v from the answer.
func (b *bench) must(status int, method, path, body string, v any, header ...string) {
	b.Helper()
	a := b.send(method, path, admin(b.T, auth.AnyRoom), body, header...)
	if a.status != status {
		b.Fatalf("%s %s: %d %s, want %d", method, path, a.status, a.body, status)
	}
	if v != nil {
		if err := json.Unmarshal([]byte(a.body), v); err != nil {
			b.Fatal(err)
		}
	}
}

// guest is somebody in a room.
type guest struct {
	b    *bench
	conn *websocket.Conn
	id   string
	wait []json.RawMessage // of a frame with several messages
}

// visit opens a socket and asks to come in.
func (b *bench) visit(room, name string) *guest {
	b.Helper()
	dialer := websocket.Dialer{Subprotocols: []string{protocol.Subprotocol}}
	conn, response, err := dialer.DialContext(b.Context(), "ws"+strings.TrimPrefix(b.url, "http")+"/ws", nil)
	if err != nil {
		b.Fatal(err)
	}
	_ = response.Body.Close()
	b.Cleanup(func() { _ = conn.Close() })
	g := &guest{b: b, conn: conn}
	frame, err := protocol.EncodeCommand(&protocol.Join{ID: "join", Room: room, Name: name, Media: protocol.State{Microphone: true, Camera: true}})
	if err != nil {
		b.Fatal(err)
	}
	if err := conn.WriteMessage(websocket.TextMessage, frame); err != nil {
		b.Fatal(err)
	}
	return g
}

// join takes a seat.
func (b *bench) join(room, name string) *guest {
	b.Helper()
	g := b.visit(room, name)
	g.id = expect[*protocol.Joined](g).Self
	return g
}

// expect reads until a message of the type comes.
func expect[M protocol.Message](g *guest) M {
	g.b.Helper()
	for {
		for len(g.wait) > 0 {
			m, err := protocol.DecodeMessage(g.wait[0])
			g.wait = g.wait[1:]
			if err != nil {
				g.b.Fatal(err)
			}
			if got, ok := m.(M); ok {
				return got
			}
		}
		_ = g.conn.SetReadDeadline(time.Now().Add(10 * time.Second))
		_, frame, err := g.conn.ReadMessage()
		if err != nil {
			var none M
			g.b.Fatalf("no %T: %v", none, err)
		}
		if json.Unmarshal(frame, &g.wait) != nil {
			g.wait = []json.RawMessage{frame}
		}
	}
}

func (b *bench) refusals(code protocol.Code) float64 {
	return testutil.ToFloat64(b.api.metrics.refusals.WithLabelValues(string(code)))
}
