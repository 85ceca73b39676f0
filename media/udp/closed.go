package udp

import (
	"errors"
	"io"
	"net"
)

// isClosed knows the ways in which a PacketConn says that it was closed.
func isClosed(err error) bool {
	return errors.Is(err, net.ErrClosed) || errors.Is(err, io.ErrClosedPipe)
}
