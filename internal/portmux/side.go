package portmux

import (
	"net"
	"sync"
)

// side is one of the two listeners that a Mux gives out.
type side struct {
	addr  net.Addr
	conns chan net.Conn // unbuffered: a connection is given when it is taken
	once  sync.Once
	done  chan struct{}
}

func newSide(addr net.Addr) *side {
	return &side{addr: addr, conns: make(chan net.Conn), done: make(chan struct{})}
}

// give hands conn to Accept, or reports that nobody will take it.
func (s *side) give(conn net.Conn) bool {
	select {
	case <-s.done:
		return false
	case s.conns <- conn:
		return true
	}
}

// Accept waits for the next connection; after Close it returns net.ErrClosed.
func (s *side) Accept() (net.Conn, error) {
	select {
	case <-s.done:
		return nil, &net.OpError{Op: "accept", Net: "tcp", Addr: s.addr, Err: net.ErrClosed}
	case conn := <-s.conns:
		return conn, nil
	}
}

// Close ends Accept; connections already given live on.
func (s *side) Close() error {
	s.once.Do(func() { close(s.done) })
	return nil
}

// Addr is the address of the shared port.
func (s *side) Addr() net.Addr { return s.addr }
