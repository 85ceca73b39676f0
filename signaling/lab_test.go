package signaling

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/confab/confab/signaling/protocol"
	"github.com/confab/confab/store/memory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// lab is a whole server in virtual time, reached through pipes.
type lab struct {
	*testing.T
	srv      *Server
	media    *fakeMedia
	listener *pipeListener
	metrics  *prometheus.Registry
	stop     context.CancelFunc
}

// inLab runs a test in a bubble of virtual time. When it ends, the server is stopped and nothing may be left running.
func inLab(t *testing.T, o Options, test func(l *lab)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := &lab{T: t, listener: newPipeListener(), metrics: prometheus.NewRegistry()}
		l.media, _ = o.Media.(*fakeMedia)
		o.Registerer, o.Version = l.metrics, "test"
		o.Log = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelInfo}))
		o.ICEServers = func(_, participant string) ([]protocol.ICEServer, time.Duration) {
			return []protocol.ICEServer{{URLs: []string{"turn:turn.test:3478?transport=tcp"}, Username: participant, Credential: "c"}}, time.Hour
		}
		if o.Store == nil {
			kept := memory.New()
			defer kept.Close()
			o.Store = kept
		}
		l.srv = New(o)
		ctx, cancel := context.WithCancel(t.Context())
		web := &http.Server{Handler: l.srv.Handler()}
		var tasks sync.WaitGroup
		tasks.Go(func() { _ = l.srv.Run(ctx) })
		tasks.Go(func() { _ = web.Serve(l.listener) })
		defer time.Sleep(time.Second) // virtual; net/http lingers for half of it over a body that was not read
		defer tasks.Wait()
		defer web.Close()
		defer cancel()
		l.stop = cancel
		test(l)
	})
}

// pipeListener is a network without a kernel.
type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
	from   string // address of whoever dials; "": none
}

func newPipeListener() *pipeListener {
	return &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
}

func (p *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipeListener) Close() error   { p.once.Do(func() { close(p.closed) }); return nil }
func (p *pipeListener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80} }

func (p *pipeListener) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	mine, theirs := net.Pipe()
	if p.from != "" {
		theirs = comesFrom{theirs, net.TCPAddrFromAddrPort(netip.MustParseAddrPort(p.from))}
	}
	select {
	case p.conns <- theirs:
		return mine, nil
	case <-p.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// comesFrom is a connection with a remote address.
type comesFrom struct {
	net.Conn
	addr net.Addr
}

func (c comesFrom) RemoteAddr() net.Addr { return c.addr }

// client is a WebSocket client that reads all the time, unless it is made with dialSilent.
type client struct {
	l    *lab
	conn *websocket.Conn
	in   chan protocol.Message
	err  error // why reading ended; readable after in is closed

	joined *protocol.Joined
	seq    uint64
	acks   []protocol.Ack // they come beside what a test looks for
}

func (l *lab) dialSilent(header http.Header) (*websocket.Conn, *http.Response, error) {
	d := websocket.Dialer{NetDialContext: l.listener.dial, Subprotocols: []string{protocol.Subprotocol}}
	return d.Dial("ws://confab.test/ws", header)
}

func (l *lab) dial() *client {
	l.Helper()
	conn, _, err := l.dialSilent(nil)
	if err != nil {
		l.Fatal(err)
	}
	c := &client{l: l, conn: conn, in: make(chan protocol.Message, 10_000)}
	go func() {
		defer close(c.in)
		for {
			_, frame, err := conn.ReadMessage()
			if err != nil {
				c.err = err
				conn.Close()
				return
			}
			messages, err := protocol.DecodeMessages(frame)
			if err != nil {
				c.err = err
				conn.Close()
				return
			}
			for _, m := range messages {
				c.in <- m
			}
		}
	}()
	return c
}

func (c *client) send(commands ...protocol.Command) {
	c.l.Helper()
	for _, command := range commands {
		frame, err := protocol.EncodeCommand(command)
		if err != nil {
			c.l.Fatal(err)
		}
		if err := c.conn.WriteMessage(websocket.TextMessage, frame); err != nil {
			c.l.Fatalf("send %T: %v", command, err)
		}
	}
}

// next returns the next message, and checks that events follow each other.
func (c *client) next() protocol.Message {
	c.l.Helper()
	select {
	case m, ok := <-c.in:
		if !ok {
			c.l.Fatalf("the socket ended: %v", c.err)
		}
		switch m := m.(type) {
		case *protocol.Ack:
			c.acks = append(c.acks, *m)
			return c.next()
		case *protocol.Joined:
			c.joined, c.seq = m, m.Seq
		case protocol.Event:
			if c.seq++; m.Sequence() != c.seq {
				c.l.Fatalf("event %d comes where %d is due", m.Sequence(), c.seq)
			}
		}
		return m
	case <-time.After(time.Minute):
		c.l.Fatal("nothing came for a minute")
		return nil
	}
}

// await returns the next message of type T and drops what comes before it, if nothing else is expected.
func await[T protocol.Message](c *client) T {
	c.l.Helper()
	for {
		if m, ok := c.next().(T); ok {
			return m
		}
	}
}

// expect returns the next message, which must be of type T. What is withheld from the client is not looked at, unless it is looked for.
func expect[T protocol.Message](c *client) T {
	c.l.Helper()
	m := c.next()
	got, ok := m.(T)
	if _, withheld := m.(*protocol.Withheld); withheld && !ok {
		return expect[T](c)
	}
	if !ok {
		var want T
		c.l.Fatalf("got %T%+v, want %T", m, m, want)
	}
	return got
}

// quiet checks that nothing more has come.
func (c *client) quiet() {
	c.l.Helper()
	synctest.Wait()
	for {
		select {
		case m, ok := <-c.in:
			switch m := m.(type) {
			case *protocol.Ack:
				c.acks = append(c.acks, *m)
				continue
			case *protocol.Withheld:
				c.seq++
				continue
			}
			if ok {
				c.l.Fatalf("unexpected %T%+v", m, m)
			}
			c.l.Fatalf("the socket ended: %v", c.err)
		default:
		}
		return
	}
}

// ended waits for the end of the socket, drops what comes before, and returns the close code.
func (c *client) ended() int {
	c.l.Helper()
	for range c.in {
	}
	var closed *websocket.CloseError
	if errors.As(c.err, &closed) {
		return closed.Code
	}
	return 0
}

func (c *client) refused(code protocol.Code, id string) *protocol.Error {
	c.l.Helper()
	e := expect[*protocol.Error](c)
	if e.Code != code || e.ID != id {
		c.l.Fatalf("got %+v, want code %s for %q", e, code, id)
	}
	return e
}

// join opens a socket and takes a seat.
func (l *lab) join(room, name string) *client {
	l.Helper()
	c := l.dial()
	c.send(&protocol.Join{ID: "join", Room: room, Name: name, Media: protocol.State{Microphone: true, Camera: true}})
	expect[*protocol.Joined](c)
	return c
}

// resume opens a socket and takes c's seat back from where c stopped reading.
func (l *lab) resume(c *client) *client {
	l.Helper()
	n := l.dial()
	n.send(&protocol.Resume{ID: "resume", Session: c.joined.Session, Epoch: c.joined.Epoch, Seq: c.seq})
	return n
}

// cut ends a socket without a word.
func (c *client) cut() {
	c.conn.Close()
	c.ended()
	synctest.Wait()
}

// leave ends a client in the proper way.
func (c *client) leave() {
	c.l.Helper()
	c.send(&protocol.Leave{ID: "leave"})
	await[*protocol.Left](c)
	if code := c.ended(); code != protocol.CloseStay {
		c.l.Fatalf("close code %d", code)
	}
}

// http sends a request and returns the answer and its body.
func (l *lab) http(method, path, body string, header ...string) (*http.Response, string) {
	l.Helper()
	r, err := http.NewRequestWithContext(l.Context(), method, "http://confab.test"+path, strings.NewReader(body))
	if err != nil {
		l.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	transport := &http.Transport{DialContext: l.listener.dial, DisableKeepAlives: true}
	res, err := transport.RoundTrip(r)
	if err != nil {
		l.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		l.Fatal(err)
	}
	return res, string(b)
}

// count returns the sum of a metric over its labels.
func (l *lab) count(name string) float64 {
	families, err := l.metrics.Gather()
	if err != nil {
		l.Fatal(err)
	}
	sum := 0.0
	for _, f := range families {
		if f.GetName() == name {
			for _, m := range f.GetMetric() {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return sum
}

func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s = %+v, want %+v", what, got, want)
	}
}
