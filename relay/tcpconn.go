package relay

import (
	"encoding/binary"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/pion/stun/v3"
)

// peerConn is a connection with a peer.
type peerConn struct {
	a    *tcpAllocation
	id   uint32
	peer netip.AddrPort

	// guarded by a.mu
	conn    net.Conn // nil while it is being made
	data    net.Conn // the client's; nil until bound
	unbound *time.Timer
}

// peerConn finds the connection that a ConnectionBind names. Only its allocation's user may have it (RFC 6062 §5.4).
func (t *table) peerConn(id uint32, username string) *peerConn {
	for _, a := range t.allTCP() {
		if a.username != username {
			continue
		}
		a.mu.Lock()
		c := a.conns[id]
		a.mu.Unlock()
		if c != nil {
			return c
		}
	}
	return nil
}

// begin keeps a place for a connection with peer.
func (a *tcpAllocation) begin(peer netip.AddrPort) (*peerConn, stun.ErrorCode) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed || len(a.conns) >= maxPeerConns {
		return nil, stun.CodeInsufficientCapacity
	}
	for _, c := range a.conns {
		if c.peer == peer {
			return nil, stun.CodeConnAlreadyExists
		}
	}
	c := &peerConn{a: a, peer: peer}
	for c.id == 0 || a.conns[c.id] != nil {
		c.id = rand.Uint32()
	}
	a.conns[c.id] = c
	return c, 0
}

// made says that c's connection is there; it waits for its ConnectionBind from now on. It reports false when the allocation has ended.
func (a *tcpAllocation) made(c *peerConn, conn net.Conn) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		_ = conn.Close()
		return false
	}
	c.conn = conn
	c.unbound = time.AfterFunc(tcpPatience, func() { a.drop(c) })
	return true
}

// drop ends a connection with a peer, and the client's connection that is joined to it.
func (a *tcpAllocation) drop(c *peerConn) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.conns[c.id] == c {
		delete(a.conns, c.id)
	}
	c.closeLocked()
}

func (c *peerConn) closeLocked() {
	if c.unbound != nil {
		c.unbound.Stop()
	}
	for _, conn := range []net.Conn{c.conn, c.data} {
		if conn != nil {
			_ = conn.Close()
		}
	}
}

// connectionBind is RFC 6062 §5.4: control is the connection that carries bytes from here on.
func (s *Server) connectionBind(m *stun.Message, r *request, control *streamConn, answer answerer) {
	id, err := m.Get(stun.AttrConnectionID)
	if err != nil || len(id) != 4 || s.table.lookup(r.tuple) != nil || s.table.lookupTCP(r.tuple) != nil {
		_, _ = answer.refuse(stun.CodeBadRequest, "bad_request")
		return
	}
	c := s.table.peerConn(binary.BigEndian.Uint32(id), r.username)
	if c == nil || !c.bind(control.Conn) {
		_, _ = answer.refuse(stun.CodeBadRequest, "no_connection")
		return
	}
	answer.succeed()
	control.joined = c
}

// bind gives the client's connection; it reports false when there is one already.
func (c *peerConn) bind(data net.Conn) bool {
	c.a.mu.Lock()
	defer c.a.mu.Unlock()
	if c.conn == nil || c.data != nil || c.a.closed || !c.unbound.Stop() {
		return false
	}
	c.data = data
	return true
}

// join carries bytes both ways until one side ends; then it ends the other (RFC 6062 §5.5). first is what the client has sent already.
func (c *peerConn) join(data *streamConn, first []byte) {
	traffic := c.a.s.metrics.trafficOf(data.kind)
	var back sync.WaitGroup
	back.Go(func() {
		c.pipe(data.Conn, c.conn, nil, traffic.toClient)
		c.a.drop(c)
	})
	c.pipe(c.conn, data.Conn, first, traffic.toPeer)
	c.a.drop(c)
	back.Wait()
}

// pipe copies from one connection to the other, no faster than the meter allows.
func (c *peerConn) pipe(to, from net.Conn, first []byte, count flow) {
	buf := make([]byte, 16<<10)
	n := copy(buf, first)
	for {
		if n > 0 {
			for !c.a.meter.Load().take(n, c.a.s.now()) {
				select {
				case <-time.After(20 * time.Millisecond):
				case <-c.a.ctx.Done():
					return
				}
			}
			_ = to.SetWriteDeadline(time.Now().Add(c.a.s.o.Stalled))
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
			count.count(n)
		}
		var err error
		if n, err = from.Read(buf); err != nil && (n == 0 || err != io.EOF) {
			return
		}
	}
}
