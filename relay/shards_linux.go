package relay

import (
	"context"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// shards opens n more sockets at the address of first. The option that permits it (SO_REUSEPORT) is set on first only after it has the
// address to itself, and taken off all of them in the end: another process can't join, by mistake or to overhear.
func shards(ctx context.Context, first *net.UDPConn, n int) (conns []net.PacketConn, err error) {
	if err := reusePort(first, 1); err != nil {
		return nil, err
	}
	lc := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error { return control(raw, 1) }}
	for range n {
		c, err := lc.ListenPacket(ctx, "udp", first.LocalAddr().String())
		if err != nil {
			return conns, err
		}
		conns = append(conns, c)
	}
	for _, c := range append(conns[:n:n], first) {
		if err := reusePort(c.(*net.UDPConn), 0); err != nil {
			return conns, err
		}
	}
	return conns, nil
}

func reusePort(c *net.UDPConn, on int) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	return control(raw, on)
}

func control(raw syscall.RawConn, on int) error {
	var failed error
	err := raw.Control(func(fd uintptr) { failed = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, on) })
	if err != nil {
		return err
	}
	return failed
}
