package portmux

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// Options of a Mux. Zero values mean the defaults beside them.
type Options struct {
	// TLS serves clients that begin with a ClientHello; nil: they are closed. NextProtos are set by the Mux; give the
	// certificate by GetCertificate to renew it while running.
	TLS *tls.Config

	Timeout              time.Duration // for a client to show what it is; 10 s
	MaxPending           int           // clients that have not shown it; 1024
	MaxPendingPerAddress int           // of these, of one address, which in IPv6 is a /64; 64

	Log        *slog.Logger // nil: slog.Default()
	Registerer prometheus.Registerer
}

// Mux parts the connections of one listener. Make one with New, then call Run.
type Mux struct {
	o       Options // fixed at construction, like all fields up to mu
	inner   net.Listener
	tls     *tls.Config
	http    *side
	turn    *side
	closed  *prometheus.CounterVec // {reason}
	running sync.WaitGroup         // one per pending client

	mu         sync.Mutex // guards the fields below
	pending    map[net.Conn]struct{}
	perAddress map[netip.Addr]int
	ended      bool
}

// New makes a Mux over l, which it closes when Run ends. Nothing is accepted until Run.
func New(l net.Listener, o Options) *Mux {
	if o.Timeout == 0 {
		o.Timeout = 10 * time.Second
	}
	if o.MaxPending == 0 {
		o.MaxPending = 1024
	}
	if o.MaxPendingPerAddress == 0 {
		o.MaxPendingPerAddress = 64
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	m := &Mux{
		o: o, inner: l, http: newSide(l.Addr()), turn: newSide(l.Addr()),
		pending: map[net.Conn]struct{}{}, perAddress: map[netip.Addr]int{},
		closed: promauto.With(o.Registerer).NewCounterVec(prometheus.CounterOpts{
			Name: "portmux_closed_connections_total", Help: "Connections that were neither HTTP nor TURN, by reason.",
		}, []string{"reason"}),
	}
	if o.TLS != nil {
		m.tls = serverConfig(o.TLS)
	}
	return m
}

// HTTP gives the connections of web clients. Closing it closes only what it would have given.
func (m *Mux) HTTP() net.Listener { return m.http }

// TURN gives the connections of TURN clients, TLS taken off. Closing it closes only what it would have given.
func (m *Mux) TURN() net.Listener { return m.turn }

// Run accepts until ctx ends or the listener fails, closes what it has not given out, and waits for all it started. It
// returns nil when ctx ended it.
func (m *Mux) Run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { _ = m.inner.Close() }) // Accept sees it
	err := m.accept(ctx)
	stop()
	_ = m.inner.Close()
	_ = m.http.Close()
	_ = m.turn.Close()
	m.closePending()
	m.running.Wait()
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func (m *Mux) accept(ctx context.Context) error {
	const longest = time.Second
	delay := 5 * time.Millisecond
	for {
		conn, err := m.inner.Accept()
		var passing interface{ Temporary() bool }
		if errors.As(err, &passing) && passing.Temporary() && ctx.Err() == nil {
			m.o.Log.Warn("can't accept", "error", err) // out of descriptors: they come back
			select {
			case <-ctx.Done():
			case <-time.After(delay):
			}
			delay = min(2*delay, longest)
			continue
		}
		if err != nil {
			return err
		}
		delay = 5 * time.Millisecond
		if reason := m.admit(conn); reason != "" {
			m.refuse(conn, reason)
			continue
		}
		go func() {
			defer m.running.Done()
			m.sort(conn)
			m.release(conn)
		}()
	}
}

// admit counts conn as pending, or says why not.
func (m *Mux) admit(conn net.Conn) (reason string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	addr := remote(conn)
	switch {
	case len(m.pending) >= m.o.MaxPending:
		return "too_many"
	case m.perAddress[addr] >= m.o.MaxPendingPerAddress:
		return "too_many_of_address"
	}
	m.pending[conn] = struct{}{}
	m.perAddress[addr]++
	m.running.Add(1)
	return ""
}

func (m *Mux) release(conn net.Conn) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.pending, conn)
	addr := remote(conn)
	if m.perAddress[addr]--; m.perAddress[addr] == 0 {
		delete(m.perAddress, addr)
	}
}

func (m *Mux) closePending() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ended = true
	for conn := range m.pending {
		_ = conn.Close() // wakes its goroutine
	}
}

// refuse closes conn and counts why.
func (m *Mux) refuse(conn net.Conn, reason string) {
	_ = conn.Close() // unwanted: how it ends doesn't matter
	m.mu.Lock()
	ended := m.ended
	m.mu.Unlock()
	if ended { // we closed it
		return
	}
	m.closed.WithLabelValues(reason).Inc()
	m.o.Log.Debug("connection closed", "reason", reason, "client", conn.RemoteAddr())
}

// remote is whom a connection counts for. An IPv6 client has all of its /64.
func remote(conn net.Conn) netip.Addr {
	tcp, ok := conn.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	addr := tcp.AddrPort().Addr().Unmap().WithZone("")
	if addr.Is6() {
		network, _ := addr.Prefix(64) // fails only for a length out of range
		addr = network.Addr()
	}
	return addr
}
