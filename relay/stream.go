package relay

import (
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/confab/confab/internal/quicktcp"
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
	kind   string // "tcp", "tls" or "dtls"
	closed sync.Once
	pion   pionSide   // used by pion's loop only, like all fields up to writing
	in     []byte     // what is read and not used
	room   []byte     // what in is a part of
	out    []outgoing // datagrams in room for the peers of from
	from   *allocation
	joined *peerConn // a ConnectionBind has made it a data connection (RFC 6062)

	holder  holder     // below TLS, if it can; nil otherwise
	writing sync.Mutex // held during a write: its deadline is its own
	dueSet  time.Time  // when the deadline of writes was set; guarded by writing

	mu        sync.Mutex // guards the fields below; first is written by pion's loop only
	first     time.Time  // when the first frame must be there; zero once it is
	allocated bool
	inside    bool // a frame has begun
	armed     bool // a read deadline is set
}

// holder holds writes, so that several leave in one call of the kernel.
type holder interface {
	Hold()
	Release() error
}

// quickly makes plain TCP quick, where there is a quick path.
func (s *Server) quickly(conn net.Conn) net.Conn {
	if s.o.Portable {
		return conn
	}
	return quicktcp.Wrap(conn)
}

func newStreamConn(l *streamListener, conn net.Conn) *streamConn {
	c := &streamConn{
		Conn: l.s.quickly(conn), s: l.s, l: l, kind: "tcp", room: make([]byte, largestFrame), pion: pionSide{s: l.s},
		tuple: fiveTuple{stream: true, client: addrPort(conn.RemoteAddr()), server: addrPort(conn.LocalAddr())},
		first: time.Now().Add(l.s.o.FirstFrame),
	}
	if _, ok := conn.(interface{ ConnectionState() tls.ConnectionState }); ok {
		c.kind = "tls"
	}
	if below, ok := conn.(interface{ NetConn() net.Conn }); ok {
		c.holder, _ = below.NetConn().(holder)
	}
	if _, ok := conn.(*dtlsConn); ok {
		c.kind, c.tuple.stream = "dtls", false
	}
	return c
}

// Read returns the next message for pion. Being called means that the last one is done with. Any error ends the connection.
func (c *streamConn) Read(p []byte) (int, error) {
	c.pion.done()
	if r := c.pion.waiting(); r != nil {
		if n := c.pion.give(r, p); n > 0 {
			return n, nil
		}
	}
	for {
		frame, err := c.next()
		if err != nil {
			c.flush()
			var late net.Error
			switch {
			case errors.Is(err, errNotTURN):
				c.s.metrics.refuse("not_turn")
			case errors.As(err, &late) && late.Timeout(): // a slow TLS handshake, too
				c.s.metrics.refuse("timeout")
			}
			return 0, err
		}
		if frame == nil || isRelayedData(frame) && c.forward(frame) { // too long and skipped, or forwarded
			continue
		}
		if len(frame) > largestMessage {
			c.s.metrics.drop("oversized")
			continue
		}
		c.flush()
		r, pass := c.s.guard(frame, c.tuple, c)
		if r != nil {
			if n := c.pion.give(r, p); n > 0 {
				return n, nil
			}
		} else if pass {
			return copy(p, frame), nil
		}
		if c.joined != nil {
			c.setAllocated(true) // no deadline
			c.joined.join(c, c.in)
			return 0, net.ErrClosed
		}
	}
}

// forward queues the data of a frame for its peer, or drops it. It reports false for what is not to be forwarded.
func (c *streamConn) forward(frame []byte) bool {
	if c.from == nil {
		c.from = c.s.table.lookup(c.tuple)
	}
	o, ok, known := c.from.destination(c.s, frame)
	if ok {
		c.out = append(c.out, o)
		if len(c.out) >= streamBatch {
			c.flush()
		}
	}
	return known
}

// streamBatch bounds the datagrams that a stream's client sends at once.
const streamBatch = 64

// flush sends what forward has queued. The data lies in room: nothing is read before.
func (c *streamConn) flush() {
	a := c.from
	c.from = nil // it may end, and another begin
	if len(c.out) == 0 {
		return
	}
	begin, bytes := c.s.sample(), 0
	for _, o := range c.out {
		bytes += len(o.data)
	}
	a.sent(c.s, a.relayed.sock.send(c.out), len(c.out), bytes)
	c.s.observe(begin)
	clear(c.out)
	c.out = c.out[:0]
}

// next returns the next frame, valid until it is called again, or nil for one that is too long to keep.
func (c *streamConn) next() ([]byte, error) {
	if len(c.in) == 0 {
		c.flush()
		c.arm(func() { c.inside = false })
		if err := c.fill(1); err != nil {
			return nil, err
		}
	}
	if err := c.whole(channelHeader); err != nil {
		return nil, err
	}
	size, err := frameSize(c.in)
	if err != nil {
		return nil, err
	}
	if size > largestFrame {
		c.s.metrics.drop("oversized")
		return nil, c.skip(size)
	}
	if err := c.whole(size); err != nil {
		return nil, err
	}
	frame := c.in[:size:size]
	if frame[0]&0xc0 == 0 && !isSTUN(frame) {
		return nil, errNotTURN
	}
	c.in = c.in[size:]
	if !c.first.IsZero() {
		c.arm(func() { c.first = time.Time{} })
	}
	return frame, nil
}

// whole waits until n bytes of a frame that has begun are there.
func (c *streamConn) whole(n int) error {
	if len(c.in) >= n {
		return nil
	}
	c.arm(func() { c.inside = true })
	return c.fill(n)
}

// skip drops n bytes, of a frame that has begun.
func (c *streamConn) skip(n int) error {
	for n > len(c.in) {
		n -= len(c.in)
		c.in = nil
		if err := c.whole(1); err != nil {
			return err
		}
	}
	c.in = c.in[n:]
	return nil
}

// fill reads until n bytes are there, at most largestFrame. A stream that fills its room gets more of it: it carries media.
func (c *streamConn) fill(n int) error {
	for len(c.in) < n {
		c.flush() // what is queued lies where the next bytes go
		kept := copy(c.room, c.in)
		m, err := c.Conn.Read(c.room[kept:])
		c.in = c.room[:kept+m]
		if len(c.in) >= n {
			break // an error comes again
		}
		if err != nil {
			return err
		}
	}
	if len(c.in) == len(c.room) && len(c.room) < streamBuffer {
		c.room = make([]byte, streamBuffer)
		c.in = c.room[:copy(c.room, c.in)]
	}
	return nil
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

// Write takes pion's answers.
func (c *streamConn) Write(b []byte) (int, error) {
	c.pion.answer(b)
	return len(b), nil
}

// write writes whole frames, each by itself or all at once, or ends the connection: after half a frame nothing could follow.
func (c *streamConn) write(b []byte, each bool) (err error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	if now := time.Now(); c.dueSet.IsZero() || now.Sub(c.dueSet) > c.s.o.Stalled/16 { // not for every packet: it costs a timer
		c.dueSet = now
		_ = c.SetWriteDeadline(now.Add(c.s.o.Stalled + c.s.o.Stalled/16))
	}
	if each && c.holder != nil {
		c.holder.Hold()
		defer func() {
			if failed := c.holder.Release(); err == nil && failed != nil {
				_ = c.Conn.Close()
				err = failed
			}
		}()
	}
	for size := len(b); len(b) > 0; b = b[size:] {
		if each {
			size, _ = frameSize(b) // ours: a frame it is
		}
		if _, err := c.Conn.Write(b[:size]); err != nil {
			_ = c.Conn.Close()
			return err
		}
	}
	return nil
}

func (c *streamConn) send(b []byte) error { return c.write(b, false) }

// sendAll sends the frames in b, one after the other: over TCP in one write, over TLS and DTLS in a record for each. coturn's client takes a
// record for a message, and never looks at what follows the first one in it.
func (c *streamConn) sendAll(b []byte) error {
	return c.write(b, c.kind != "tcp")
}

func (c *streamConn) transport() string { return c.kind }

// Close is called by pion's loop when it ends.
func (c *streamConn) Close() error {
	c.closed.Do(func() {
		c.pion.done()
		if r := c.pion.waiting(); r != nil {
			c.s.table.end(r)
		}
		_ = c.Conn.Close()
		if a := c.s.table.lookupTCP(c.tuple); a != nil {
			a.close()
		}
		c.l.remove(c)
	})
	return nil
}
