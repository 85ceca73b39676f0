package transport

import (
	"context"
	"log/slog"
	"net"
	"net/netip"

	"github.com/confab/confab/media/udp"
)

// Headroom is how many free bytes stand in front of a received packet, for a rewritten RTP header.
const Headroom = 64

// MuxOptions configure a Mux.
type MuxOptions struct {
	// Advertise returns the addresses to offer as host candidates; asked once per ICE gathering. See LocalAddrs.
	Advertise func() []netip.AddrPort
	Log       *slog.Logger // nil: silent
}

// Mux shares one UDP socket among all peers' transports and the TURN relay.
type Mux struct{}

// NewMux makes a Mux over sock, which it closes when Run ends. Nothing is read until Run.
func NewMux(sock *udp.Socket, o MuxOptions) *Mux { return &Mux{} }

// Socket is the socket under the Mux; each sender makes a Tx of its own on it.
func (m *Mux) Socket() *udp.Socket { return nil }

// Run receives until ctx ends or the socket fails, and closes the socket. Handlers are called on its goroutine.
func (m *Mux) Run(ctx context.Context) error { return nil }

// Relay is the part of the socket that belongs to no ICE agent: STUN for the server itself, TURN, ChannelData.
func (m *Mux) Relay() net.PacketConn { return nil }

// LocalAddrs returns the addresses that peers can reach sock at.
func LocalAddrs(sock netip.AddrPort, public []netip.Addr) ([]netip.AddrPort, error) { return nil, nil }
