//go:build !linux

package quicktcp

import (
	"net"
	"sync"
)

// Conn is what other systems don't have: there is none.
type Conn struct{ net.Conn }

// Wrap returns conn.
func Wrap(conn net.Conn) net.Conn { return conn }

// ReadInto is never called.
func (*Conn) ReadInto(*sync.Pool) (*[]byte, int, error) { return nil, 0, net.ErrClosed }
