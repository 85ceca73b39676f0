//go:build amd64 || arm64

package relay

import (
	"net"
	"net/netip"

	"github.com/confab/confab/relay/mmsg"
)

// netViaConn is a socket of the net package that is bound to all addresses.
type netViaConn struct {
	*net.UDPConn
	ipv6    bool
	control [128]byte // of the one reader, like last
	last    netip.Addr
}

// newViaConn returns nil where the kernel does not tell.
func newViaConn(c *net.UDPConn) quickViaConn {
	raw, err := c.SyscallConn()
	if err != nil {
		return nil
	}
	v := &netViaConn{UDPConn: c}
	var failed error
	err = raw.Control(func(fd uintptr) {
		if v.ipv6, failed = mmsg.IsIPv6(int(fd)); failed == nil {
			failed = mmsg.HearVia(int(fd), v.ipv6)
		}
	})
	if err != nil || failed != nil {
		return nil
	}
	return v
}

func (c *netViaConn) ReadFromAddrPort(b []byte) (int, netip.AddrPort, error) {
	n, m, _, from, err := c.ReadMsgUDPAddrPort(b, c.control[:])
	if err == nil {
		c.last = mmsg.ViaOf(c.control[:m])
	}
	return n, from, err
}

func (c *netViaConn) WriteToAddrPort(b []byte, to netip.AddrPort) (int, error) {
	return c.WriteToUDPAddrPort(b, to)
}

func (c *netViaConn) lastVia() netip.Addr { return c.last }

func (c *netViaConn) writeVia(b []byte, to netip.AddrPort, via netip.Addr) (int, error) {
	var space [64]byte
	n, _, err := c.WriteMsgUDPAddrPort(b, mmsg.AppendVia(space[:0], via, c.ipv6), to)
	return n, err
}

// everywhere reports whether the worker's socket is bound to all addresses and tells them apart.
func (w *worker) everywhere() bool { return w.hears }

func (w *worker) lastVia() netip.Addr { return w.last }

func (w *worker) writeVia(b []byte, to netip.AddrPort, via netip.Addr) (int, error) {
	w.fds.RLock()
	defer w.fds.RUnlock()
	if w.fd < 0 {
		return 0, net.ErrClosed
	}
	var addr mmsg.Addr
	addr.Set(to, w.ipv6)
	addr.SetVia(via)
	if err := mmsg.SendTo(w.fd, b, &addr); err != nil {
		return 0, err
	}
	return len(b), nil
}
