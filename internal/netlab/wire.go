package netlab

import (
	"errors"
	"net"
	"sync"
	"time"
)

// wire is one TCP connection between a client's host and the server: two pipes, and between them what the way does.
//
//	near ═ net.Pipe ═ carry ═ net.Pipe ═ far
//
// A chunk arrives after the delay. A stalled wire holds everything back until it goes on, as TCP does on a dead link; the bytes
// in flight are bounded, so a writer then blocks. A broken one tells both ends at once.
type wire struct {
	near, far net.Conn // client's and server's
	inner     [2]net.Conn
	delay     time.Duration

	mu   sync.Mutex
	open chan struct{} // closed while the wire is not stalled
	down bool          // stalled

	broken   chan struct{}
	breaking sync.Once
	carriers sync.WaitGroup
}

// flight is how many chunks may be on the way in one direction; a chunk has at most chunkSize bytes.
const (
	flight    = 32
	chunkSize = 4096
)

func newWire(delay time.Duration) *wire {
	w := &wire{delay: delay, open: make(chan struct{}), broken: make(chan struct{})}
	close(w.open)
	w.near, w.inner[0] = net.Pipe()
	w.inner[1], w.far = net.Pipe()
	w.carry(w.inner[0], w.inner[1])
	w.carry(w.inner[1], w.inner[0])
	return w
}

type chunk struct {
	due time.Time
	b   []byte
}

// carry moves bytes one way until either end is closed.
func (w *wire) carry(from, to net.Conn) {
	way := make(chan chunk, flight)
	w.carriers.Go(func() {
		defer close(way)
		buf := make([]byte, chunkSize)
		for {
			n, err := from.Read(buf)
			if err != nil {
				return
			}
			select {
			case way <- chunk{time.Now().Add(w.delay), append([]byte(nil), buf[:n]...)}:
			case <-w.broken:
				return
			}
		}
	})
	w.carriers.Go(func() {
		defer w.breakNow() // what came before the end has been delivered
		for c := range way {
			if !w.await(time.Until(c.due)) {
				return
			}
			if _, err := to.Write(c.b); err != nil {
				return
			}
		}
	})
}

// await waits for the time and until the wire is not stalled; it reports whether the wire still stands.
func (w *wire) await(d time.Duration) bool {
	if d > 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-w.broken:
			return false
		}
	}
	w.mu.Lock()
	open := w.open
	w.mu.Unlock()
	select {
	case <-open:
		return true
	case <-w.broken:
		return false
	}
}

// stall holds everything back, or lets it go on.
func (w *wire) stall(down bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case down && !w.down:
		w.open = make(chan struct{})
	case !down && w.down:
		close(w.open)
	}
	w.down = down
}

// breakNow ends the connection for both ends.
func (w *wire) breakNow() {
	w.breaking.Do(func() {
		close(w.broken)
		for _, c := range []net.Conn{w.near, w.far, w.inner[0], w.inner[1]} {
			_ = c.Close() // a pipe closes without errors
		}
	})
}

// listener hands the far ends of wires to an http.Server.
type listener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newListener() *listener {
	return &listener{conns: make(chan net.Conn), closed: make(chan struct{})}
}

var errRefused = errors.New("connection refused")

func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *listener) Addr() net.Addr { return wireAddr{} }

func (l *listener) offer(c net.Conn) error {
	select {
	case l.conns <- c:
		return nil
	case <-l.closed:
		return errRefused
	}
}

type wireAddr struct{}

func (wireAddr) Network() string { return "wire" }
func (wireAddr) String() string  { return serverHost }
