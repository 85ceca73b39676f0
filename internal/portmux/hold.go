package portmux

import (
	"net"
	"sync"
)

// heldConn is a connection below TLS whose writes can be held together: a batch of TLS records then leaves in one call of the kernel
// and not in one for each. What is held is bounded by who holds: package relay, with batches of at most 64 kB.
type heldConn struct {
	net.Conn

	mu      sync.Mutex // guards the fields below: TLS answers key updates from its reading side
	holding bool
	held    *[]byte
}

var holds = sync.Pool{New: func() any { return new([]byte) }}

// Hold keeps what is written until Release. Errors of the writes come then.
func (c *heldConn) Hold() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.holding {
		c.holding, c.held = true, holds.Get().(*[]byte)
	}
}

// Release writes what was held.
func (c *heldConn) Release() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.holding {
		return nil
	}
	var err error
	if len(*c.held) > 0 {
		_, err = c.Conn.Write(*c.held)
	}
	*c.held = (*c.held)[:0]
	holds.Put(c.held)
	c.holding, c.held = false, nil
	return err
}

func (c *heldConn) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.holding {
		*c.held = append(*c.held, b...)
		return len(b), nil
	}
	return c.Conn.Write(b)
}
