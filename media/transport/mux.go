package transport

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/confab/confab/media/udp"
)

// Headroom is how many free bytes stand in front of a received packet, for a rewritten RTP header.
const Headroom = 64

// receiveBatch is how many datagrams one receive call takes at most: it fills one shard's send batch and stays in the cache.
const receiveBatch = 64

// MuxOptions configure a Mux.
type MuxOptions struct {
	// Advertise returns the addresses to offer as host candidates; asked once per ICE gathering. Nil means LocalAddrs of the socket.
	Advertise func() []netip.AddrPort
	Log       *slog.Logger // nil: silent
}

// Mux shares one UDP socket among all peers' transports and the TURN relay.
type Mux struct {
	sock  *udp.Socket
	log   *slog.Logger
	ask   func() []netip.AddrPort
	relay *relayConn
	table table
	count muxCounters

	// The receive loop's own.
	owners  map[netip.AddrPort]*Transport // a cache of the table, good for one epoch
	epoch   uint64
	pending []*Transport // with something in their inbox
}

// NewMux makes a Mux over sock, which it closes when Run ends. Nothing is read until Run.
func NewMux(sock *udp.Socket, o MuxOptions) *Mux {
	m := &Mux{sock: sock, log: o.Log, ask: o.Advertise, owners: map[netip.AddrPort]*Transport{}}
	if m.log == nil {
		m.log = slog.New(slog.DiscardHandler)
	}
	m.table.init()
	m.relay = newRelayConn(m)
	return m
}

// Socket is the socket under the Mux; each sender makes a Tx of its own on it.
func (m *Mux) Socket() *udp.Socket { return m.sock }

// Relay is the part of the socket that belongs to no ICE agent: STUN for the server itself, TURN, ChannelData, and DTLS from
// strangers. It also has ReadFromAddrPort and WriteToAddrPort, which do not allocate. Reading from it, or not, disturbs nobody:
// its queue is bounded.
func (m *Mux) Relay() net.PacketConn { return m.relay }

// advertise asks for the host candidates.
func (m *Mux) advertise() []netip.AddrPort {
	if m.ask != nil {
		return m.ask()
	}
	addrs, err := LocalAddrs(m.sock.LocalAddr(), nil)
	if err != nil {
		m.log.Warn("no local addresses to offer", "err", err)
	}
	return addrs
}

// Run receives until ctx ends, which is no error, or the socket fails, and closes the socket. Handlers are called on its goroutine.
func (m *Mux) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	closed := make(chan error)
	go func() {
		<-ctx.Done()
		closed <- m.sock.Close() // unblocks Recv
	}()
	err := m.receive()
	if ctx.Err() != nil {
		err = nil
	}
	cancel()
	if e := <-closed; err == nil && e != nil && !errors.Is(e, net.ErrClosed) {
		err = fmt.Errorf("close media socket: %w", e)
	}
	m.relay.in.close()
	return err
}

// receive is the loop; it returns why it ended.
func (m *Mux) receive() error {
	rx := m.sock.NewRx(receiveBatch, maxDatagram, Headroom)
	failures := 0
	for {
		n, err := rx.Recv()
		if err != nil {
			// Errors of single datagrams are rare on an unconnected socket; a socket that gives nothing else is broken.
			if failures++; failures > 100 || errors.Is(err, net.ErrClosed) {
				return fmt.Errorf("receive from media socket: %w", err)
			}
			continue
		}
		failures = 0
		if e := m.table.epoch.Load(); e != m.epoch {
			clear(m.owners)
			m.epoch = e
		}
		for i := range n {
			buf, size, from := rx.Msg(i)
			m.dispatch(buf, size, from, rx.Local(i))
		}
		if len(m.pending) == 0 {
			continue
		}
		now := time.Now()
		for i, t := range m.pending {
			t.deliver(now)
			m.pending[i] = nil
		}
		m.pending = m.pending[:0]
	}
}

// dispatch sends one datagram where it belongs. It decides per datagram and not per address, because a browser uses one
// socket for its ICE checks and as a TURN client of ours.
func (m *Mux) dispatch(buf []byte, size int, from netip.AddrPort, local netip.Addr) {
	b := buf[Headroom : Headroom+size]
	var to *iceConn
	switch classify(b) {
	case kindRTP, kindRTCP:
		if t := m.owner(from); t != nil {
			if len(t.inbox) == 0 {
				m.pending = append(m.pending, t)
			}
			t.inbox = append(t.inbox, Packet{Buf: buf, N: size})
		} else {
			m.count.strangers.Add(1)
		}
		return
	case kindSTUNRequest:
		username := stunUsername(b)
		if username == nil { // RFC 8489 §2: "what is my address?"
			m.relay.in.push(b, from, local)
			return
		}
		if to = m.table.byUfrag(localUfrag(username), local, from); to != nil {
			to.heardAt(local)
		}
	case kindSTUNResponse:
		to = m.table.answered(stunTransaction(b), from)
	case kindSTUNIndication:
		if t := m.owner(from); t != nil {
			to = m.table.byTransport(t, local, from)
		}
	case kindDTLS:
		t := m.owner(from)
		if t == nil {
			m.relay.in.push(b, from, local)
			return
		}
		to = m.table.byTransport(t, local, from)
	case kindTURN, kindChannel:
		m.relay.in.push(b, from, local)
		return
	case kindUnknown:
		m.count.malformed.Add(1)
		return
	}
	if to == nil {
		m.count.strangers.Add(1)
		return
	}
	to.in.push(b, from, local)
}

// owner is the Transport whose peer has proved to be at from, or nil.
func (m *Mux) owner(from netip.AddrPort) *Transport {
	if t, ok := m.owners[from]; ok {
		return t
	}
	t := m.table.owner(from)
	if t != nil {
		m.owners[from] = t
	}
	return t
}

// MuxStats counts what a Mux did not deliver, since it was made.
type MuxStats struct {
	Malformed     uint64 // datagrams that are none of the protocols (RFC 7983), or STUN that is not well-formed
	Strangers     uint64 // media, and ICE for unknown credentials, from addresses that nobody has proved to own
	ICEOverflow   uint64 // dropped because pion did not keep up with one peer's STUN, DTLS or SCTP
	RelayOverflow uint64 // dropped because the relay did not keep up
	ForeignMedia  uint64 // SRTP or SRTCP that pion tried to send, which must not be; stays 0
	Takeovers     uint64 // addresses that passed from one peer to another
	Refused       uint64 // takeovers refused, since the owner was alive
}

type muxCounters struct {
	malformed, strangers, iceOverflow, relayOverflow, foreignMedia atomic.Uint64
}

// Stats returns a snapshot of the counters.
func (m *Mux) Stats() MuxStats {
	c := &m.count
	return MuxStats{
		Malformed: c.malformed.Load(), Strangers: c.strangers.Load(), ICEOverflow: c.iceOverflow.Load(),
		RelayOverflow: c.relayOverflow.Load(), ForeignMedia: c.foreignMedia.Load(),
		Takeovers: m.table.takeovers.Load(), Refused: m.table.refused.Load(),
	}
}
