package quicktcp

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Conn is a TCP connection. Reads may go beside writes, and each takes turns with its own kind.
type Conn struct {
	net.Conn // without the shortcuts of io.Copy, which would read beside Read
	raw      syscall.RawConn
	in, out  transfer
}

// transfer is a read, or a write, under way.
type transfer struct {
	mu   sync.Mutex // guards the fields below
	b    []byte
	n    int // bytes done
	err  error
	pool *sync.Pool // where b is from; nil: the caller's
	got  *[]byte    // b, when it is from pool
	try  func(fd uintptr) bool
}

// Wrap makes the reads and writes of conn quick, if it is a *net.TCPConn.
func Wrap(conn net.Conn) net.Conn {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return conn
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return conn
	}
	c := &Conn{Conn: tcp, raw: raw}
	c.in.try, c.out.try = c.in.read, c.out.write
	return c
}

// Read implements net.Conn.
func (c *Conn) Read(b []byte) (int, error) {
	c.in.mu.Lock()
	defer c.in.mu.Unlock()
	c.in.pool = nil
	return c.in.run(c.raw.Read, b)
}

// ReadInto reads into a buffer of pool, which holds *[]byte, and returns it with the number of bytes: the buffer is taken when there is
// something to read, so that a connection at rest holds none. It is nil when there is an error.
func (c *Conn) ReadInto(pool *sync.Pool) (*[]byte, int, error) {
	c.in.mu.Lock()
	defer c.in.mu.Unlock()
	c.in.pool = pool
	n, err := c.in.run(c.raw.Read, nil)
	got := c.in.got
	c.in.got = nil
	if err != nil && got != nil {
		pool.Put(got)
		got = nil
	}
	return got, n, err
}

// Write implements net.Conn.
func (c *Conn) Write(b []byte) (int, error) {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	if len(b) == 0 {
		return 0, nil
	}
	return c.out.run(c.raw.Write, b)
}

func (t *transfer) run(wait func(func(uintptr) bool) error, b []byte) (int, error) {
	t.b, t.n, t.err = b, 0, nil
	err := wait(t.try)
	t.b = nil
	if t.err != nil {
		err = t.err
	}
	return t.n, err
}

func (t *transfer) read(fd uintptr) bool {
	if t.pool != nil {
		t.got = t.pool.Get().(*[]byte)
		t.b = *t.got
	} else if len(t.b) == 0 {
		return true
	}
	for {
		n, _, e := unix.RawSyscall(unix.SYS_READ, fd, uintptr(unsafe.Pointer(unsafe.SliceData(t.b))), uintptr(len(t.b)))
		switch {
		case e == 0 && n == 0:
			t.err = io.EOF
		case e == 0:
			t.n = int(n)
		case e == unix.EINTR:
			continue
		case e == unix.EAGAIN:
			if t.pool != nil {
				t.pool.Put(t.got)
				t.got, t.b = nil, nil
			}
			return false
		default:
			t.err = os.NewSyscallError("read", e)
		}
		return true
	}
}

func (t *transfer) write(fd uintptr) bool {
	for t.n < len(t.b) {
		left := t.b[t.n:]
		n, _, e := unix.RawSyscall(unix.SYS_WRITE, fd, uintptr(unsafe.Pointer(unsafe.SliceData(left))), uintptr(len(left)))
		switch e {
		case 0:
			t.n += int(n)
		case unix.EINTR:
		case unix.EAGAIN:
			return false
		default:
			t.err = os.NewSyscallError("write", e)
			return true
		}
	}
	return true
}
