//go:build !linux || !(amd64 || arm64)

package relay

import (
	"net"
	"net/netip"
)

// Elsewhere there is the portable data path only.

// worker is what other systems don't have: there is none.
type worker struct {
	net.PacketConn
	addrPortConn
}

func newWorker(*Server, *net.UDPConn) (*worker, error) { return nil, nil }

func (*worker) open(netip.AddrPort) (peerSocket, error) { return nil, errNoPort }

func (*worker) run() {}

func (*worker) nudge() {}

func (*worker) everywhere() bool { return false }

func (*worker) lastVia() netip.Addr { return netip.Addr{} }

func (*worker) writeVia([]byte, netip.AddrPort, netip.Addr) (int, error) { return 0, net.ErrClosed }

func newViaConn(*net.UDPConn) quickViaConn { return nil }

func newBatchSocket(*relayed, *net.UDPConn) peerSocket { return nil }
