package portmux

import (
	"net"
	"sync"

	"github.com/confab/confab/internal/quicktcp"
)

// heldConn is a connection below TLS. Its writes can be held together: a batch of TLS records then leaves in one call of the kernel
// and not in one for each. What is held is bounded by who holds: package relay, with batches of at most 64 kB. And it reads more than TLS asks
// for, which is a little for each record's head.
type heldConn struct {
	net.Conn                // with the first byte again
	quick    *quicktcp.Conn // below it; nil: no reading ahead
	sniffed  bool           // Conn has given the first byte
	ahead    *[]byte        // of aheads; nil when all of it is used; of the one reader, like the next
	unused   []byte         // the rest of ahead

	mu      sync.Mutex // guards the fields below: TLS answers key updates from its reading side
	holding bool
	held    *[]byte
}

var (
	holds  = sync.Pool{New: func() any { return new([]byte) }}
	aheads = sync.Pool{New: func() any { b := make([]byte, 32<<10); return &b }}
)

// holdable makes a heldConn of a connection whose first byte has been looked at.
func holdable(conn *sniffedConn) *heldConn {
	quick, _ := conn.Conn.(*quicktcp.Conn)
	return &heldConn{Conn: conn, quick: quick}
}

// Read has one caller at a time: TLS sees to it.
func (c *heldConn) Read(p []byte) (int, error) {
	if c.quick == nil || !c.sniffed {
		c.sniffed = true
		return c.Conn.Read(p)
	}
	if c.ahead == nil {
		b, n, err := c.quick.ReadInto(&aheads)
		if err != nil {
			return 0, err
		}
		c.ahead, c.unused = b, (*b)[:n]
	}
	n := copy(p, c.unused)
	if c.unused = c.unused[n:]; len(c.unused) == 0 {
		aheads.Put(c.ahead)
		c.ahead = nil
	}
	return n, nil
}

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
