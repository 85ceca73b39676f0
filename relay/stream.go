package relay

import (
	"bufio"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"
)

// streamListener gives pion the connections of one listener, each as a streamConn.
type streamListener struct {
	net.Listener
	s *Server

	mu         sync.Mutex // guards the fields below
	conns      map[fiveTuple]*streamConn
	perAddress map[netip.Addr]int // by site
	closed     bool
}

func newStreamListener(s *Server, l net.Listener) *streamListener {
	return &streamListener{Listener: l, s: s, conns: map[fiveTuple]*streamConn{}, perAddress: map[netip.Addr]int{}}
}

// Accept returns the next connection whose address has room for one more. Errors that pass (out of descriptors) are waited
// out: pion takes any error for the end.
func (l *streamListener) Accept() (net.Conn, error) {
	delay := 5 * time.Millisecond
	for {
		conn, err := l.Listener.Accept()
		var passing interface{ Temporary() bool }
		switch {
		case errors.As(err, &passing) && passing.Temporary() && !errors.Is(err, net.ErrClosed):
			l.s.log.Warn("relay can't accept", "error", err)
			time.Sleep(delay)
			delay = min(2*delay, time.Second)
			continue
		case err != nil:
			return nil, err
		}
		delay = 5 * time.Millisecond
		c := newStreamConn(l, conn)
		if l.add(c) {
			return c, nil
		}
		_ = conn.Close() // unwanted: how it ends doesn't matter
	}
}

func (l *streamListener) add(c *streamConn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	addr := site(c.tuple.client.Addr())
	if l.closed || !addr.IsValid() || l.conns[c.tuple] != nil {
		return false
	}
	if l.perAddress[addr] >= l.s.o.ConnectionsPerAddress {
		l.s.metrics.refuse("connections")
		return false
	}
	l.perAddress[addr]++
	l.conns[c.tuple] = c
	l.s.running.Add(1)
	l.s.metrics.connections.Inc()
	return true
}

func (l *streamListener) remove(c *streamConn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.conns, c.tuple)
	addr := site(c.tuple.client.Addr())
	if l.perAddress[addr]--; l.perAddress[addr] == 0 {
		delete(l.perAddress, addr)
	}
	l.s.metrics.connections.Dec()
	l.s.running.Done()
}

func (l *streamListener) conn(tuple fiveTuple) *streamConn {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.conns[tuple]
}

// closeConns ends every connection; pion's loops see it and close theirs.
func (l *streamListener) closeConns() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	for _, c := range l.conns {
		_ = c.Conn.Close()
	}
}

// streamConn is a TCP or TLS connection cut into frames: each Read is one whole STUN message that passed the guard. ChannelData is
// forwarded on the way. pion's one loop per connection reads, and closes it in the end.
//
// The deadlines: a first frame soon (a TLS handshake is part of it), then no end while the client has an allocation, Idle
// without; and never long within a frame.
type streamConn struct {
	net.Conn
	s      *Server
	l      *streamListener
	tuple  fiveTuple
	kind   string // "tcp" or "tls"
	in     *bufio.Reader
	closed sync.Once
	now    *request // what pion is handling; used by its loop only
	used   int      // bytes of in that hold the last frame; likewise

	writing sync.Mutex // held during a write: its deadline is its own

	mu        sync.Mutex // guards the fields below; first is written by pion's loop only
	first     time.Time  // when the first frame must be there; zero once it is
	allocated bool
	inside    bool // a frame has begun
	armed     bool // a read deadline is set
}

func newStreamConn(l *streamListener, conn net.Conn) *streamConn {
	c := &streamConn{
		Conn: conn, s: l.s, l: l, kind: "tcp", in: bufio.NewReaderSize(conn, largestFrame),
		tuple: fiveTuple{stream: true, client: addrPort(conn.RemoteAddr()), server: addrPort(conn.LocalAddr())},
		first: time.Now().Add(l.s.o.FirstFrame),
	}
	if _, ok := conn.(interface{ ConnectionState() tls.ConnectionState }); ok {
		c.kind = "tls"
	}
	return c
}

// Read returns the next message for pion. Being called means that the last one is done with. Any error ends the connection.
func (c *streamConn) Read(p []byte) (int, error) {
	if c.now != nil {
		c.s.table.end(c.now)
		c.now = nil
	}
	for {
		frame, err := c.next()
		if err != nil {
			if errors.Is(err, errNotTURN) {
				c.s.metrics.refuse("not_turn")
			}
			return 0, err
		}
		switch {
		case frame == nil: // too long, skipped
		case isChannelData(frame[0]):
			c.s.forward(frame, c.s.table.lookup(c.tuple))
		case len(frame) > largestMessage:
			c.s.metrics.drop("oversized")
		default:
			r, pass := c.s.guard(frame, c.tuple, c)
			if pass {
				c.now = r
				return copy(p, frame), nil
			}
		}
	}
}

// next returns the next frame, valid until it is called again, or nil for one that is too long to keep.
func (c *streamConn) next() ([]byte, error) {
	if _, err := c.in.Discard(c.used); err != nil {
		return nil, err
	}
	c.used = 0
	if c.in.Buffered() == 0 {
		c.arm(func() { c.inside = false })
		if _, err := c.in.Peek(1); err != nil {
			return nil, err
		}
	}
	if c.in.Buffered() < channelHeader {
		c.arm(func() { c.inside = true })
	}
	head, err := c.in.Peek(channelHeader)
	if err != nil {
		return nil, err
	}
	size, err := frameSize(head)
	if err != nil {
		return nil, err
	}
	if c.in.Buffered() < size {
		c.arm(func() { c.inside = true })
	}
	if size > largestFrame {
		c.s.metrics.drop("oversized")
		_, err := c.in.Discard(size)
		return nil, err
	}
	frame, err := c.in.Peek(size)
	if err != nil {
		return nil, err
	}
	if frame[0]&0xc0 == 0 && !isSTUN(frame) {
		return nil, errNotTURN
	}
	c.used = size
	if !c.first.IsZero() {
		c.arm(func() { c.first = time.Time{} })
	}
	return frame, nil
}

// setAllocated tells whether the client has an allocation, and with it how long it may be silent.
func (c *streamConn) setAllocated(yes bool) { c.arm(func() { c.allocated = yes }) }

// arm changes the state and sets the read deadline that the new one asks for.
func (c *streamConn) arm(change func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change()
	var at time.Time
	switch {
	case !c.first.IsZero():
		at = c.first
	case c.inside:
		at = time.Now().Add(c.s.o.Stalled)
	case !c.allocated:
		at = time.Now().Add(c.s.o.Idle)
	}
	if !at.IsZero() || c.armed {
		_ = c.SetReadDeadline(at) // fails on a closed connection only
	}
	c.armed = !at.IsZero()
}

// Write sends one frame whole, or ends the connection: after half a frame nothing could follow.
func (c *streamConn) Write(b []byte) (int, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	_ = c.SetWriteDeadline(time.Now().Add(c.s.o.Stalled))
	n, err := c.Conn.Write(b)
	if err != nil {
		_ = c.Conn.Close()
	}
	return n, err
}

func (c *streamConn) send(b []byte) error {
	_, err := c.Write(b)
	return err
}

func (c *streamConn) transport() string { return c.kind }

// Close is called by pion's loop when it ends.
func (c *streamConn) Close() error {
	c.closed.Do(func() {
		if c.now != nil {
			c.s.table.end(c.now)
		}
		_ = c.Conn.Close()
		c.l.remove(c)
	})
	return nil
}
