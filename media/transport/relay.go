package transport

import (
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/pion/ice/v4"

	"github.com/confab/confab/media/udp"
)

const (
	// relayQueue bounds the datagrams waiting for the relay: 10 ms at 100 000 packets per second.
	relayQueue = 1024

	// maxRelayPaths bounds each of the two generations of remembered local addresses.
	maxRelayPaths = 16384
)

// relayConn is Mux.Relay.
type relayConn struct {
	mux  *Mux
	in   *queue
	wild bool // the socket is bound to no address

	// On a wildcard socket an answer leaves from the address at which the client was heard last.
	mu         sync.RWMutex // guards the two generations
	paths, old map[netip.AddrPort]*udp.Dest
}

var (
	_ net.PacketConn           = (*relayConn)(nil)
	_ ice.AddrPortReaderWriter = (*relayConn)(nil)
)

func newRelayConn(m *Mux) *relayConn {
	bound := m.sock.LocalAddr().Addr()
	return &relayConn{mux: m, wild: !bound.IsValid() || bound.IsUnspecified(), in: newQueue(relayQueue, &m.count.relayOverflow), paths: map[netip.AddrPort]*udp.Dest{}}
}

// ReadFromAddrPort is ReadFrom without an allocation.
func (r *relayConn) ReadFromAddrPort(b []byte) (int, netip.AddrPort, error) {
	n, from, local, err := r.in.pop(b)
	if err == nil && local.IsValid() && r.wild {
		r.remember(from, local)
	}
	return n, from, err
}

func (r *relayConn) path(to netip.AddrPort) *udp.Dest {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if d := r.paths[to]; d != nil {
		return d
	}
	return r.old[to]
}

func (r *relayConn) remember(from netip.AddrPort, local netip.Addr) {
	if d := r.path(from); d != nil && d.From() == local {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.paths) >= maxRelayPaths {
		r.paths, r.old = map[netip.AddrPort]*udp.Dest{}, r.paths
	}
	r.paths[from] = udp.NewDestFrom(local, from)
}

// WriteToAddrPort is WriteTo without an allocation.
func (r *relayConn) WriteToAddrPort(b []byte, to netip.AddrPort) (int, error) {
	if d := r.path(unmap(to)); d != nil {
		return r.mux.sock.Send(b, d)
	}
	return r.mux.sock.WriteTo(b, to)
}

// ReadFrom implements net.PacketConn.
func (r *relayConn) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := r.ReadFromAddrPort(b)
	if err != nil {
		return 0, nil, err
	}
	return n, net.UDPAddrFromAddrPort(from), nil
}

// WriteTo implements net.PacketConn.
func (r *relayConn) WriteTo(b []byte, to net.Addr) (int, error) {
	a, ok := to.(*net.UDPAddr)
	if !ok {
		return 0, os.ErrInvalid
	}
	return r.WriteToAddrPort(b, a.AddrPort())
}

// Close ends the relay's part; the socket stays open for the others.
func (r *relayConn) Close() error {
	r.in.close()
	return nil
}

// LocalAddr implements net.PacketConn.
func (r *relayConn) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(r.mux.sock.LocalAddr()) }

// SetDeadline implements net.PacketConn, for reading: writes do not wait.
func (r *relayConn) SetDeadline(t time.Time) error { return r.SetReadDeadline(t) }

// SetReadDeadline implements net.PacketConn.
func (r *relayConn) SetReadDeadline(t time.Time) error {
	r.in.setDeadline(t)
	return nil
}

// SetWriteDeadline implements net.PacketConn.
func (r *relayConn) SetWriteDeadline(time.Time) error { return nil }
