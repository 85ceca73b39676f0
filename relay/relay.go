package relay

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/confab/confab/relay/policy"
	"github.com/pion/turn/v4"
	"github.com/prometheus/client_golang/prometheus"
)

// Options say what a Server serves. Zero values of the limits mean the defaults beside them.
type Options struct {
	UDP []net.PacketConn // client side; remote addresses are *net.UDPAddr. The Server closes them when Run ends.
	TCP []net.Listener   // client side, TLS already taken off or done by the connection itself; closed when Run ends

	// DTLS are UDP sockets of clients that speak DTLS (RFC 7350), and nothing else; closed when Run ends. DTLSCertificate is asked for the
	// certificate of each handshake, as tls.Config.GetCertificate is; of its argument, ServerName is set.
	DTLS            []net.PacketConn
	DTLSCertificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)

	// PublicIPs are the addresses this host is reached at. The first IPv4 one and the first IPv6 one are those of relayed addresses; without
	// any, only STUN is served. All are own addresses: no peers.
	PublicIPs []netip.Addr
	// LocalIP is the address relay sockets are bound to. Zero: the public one if it is on an interface, else all addresses.
	LocalIP  netip.Addr
	LocalIP6 netip.Addr // the same for IPv6
	// RelayPorts are the ports of relayed addresses; zero: DefaultPorts.
	RelayPorts PortRange

	Realm   string   // zero: "confab"
	Secrets [][]byte // of the TURN REST scheme; each one is good, the first is the one to mint with
	// Users and Credentials are asked after Secrets. One of the three must be there.
	Users       *Users
	Credentials Credentials

	AllowPeers, DenyPeers []policy.Range // see relay/policy for the order
	Services              []Service      // own addresses clients may reach, such as the SFU's media address

	// WideChannels accepts the channel numbers of RFC 5766, up to 0x7FFF, for old clients. Not for a UDP port shared with other
	// protocols: there the first bytes above 0x4F are theirs (RFC 7983).
	WideChannels bool

	Quota                     policy.Quota     // zero: DefaultQuota
	Bandwidth                 policy.Bandwidth // zero: no bounds
	MaxLifetime               time.Duration    // between two Refreshes; zero: an hour less a second, which is also the most
	MaxAge                    time.Duration    // of an allocation, refreshed or not; zero: a day; negative: no bound
	NoTCPRelay                bool             // no TCP allocations (RFC 6062)
	ConnectionsPerAddress     int              // of TCP and TLS; zero: 256
	RequestRate               float64          // per second and address, for requests without or with wrong credentials; zero: 50
	RequestBurst              float64          // zero: 200
	FirstFrame, Idle, Stalled time.Duration    // of a connection: until its first message (10 s); without an allocation (30 s); within a message, and for a write (10 s)

	// Portable takes the portable data path where a quicker one could be had: UDP sockets of the net package on 64-bit Linux are otherwise
	// served by workers, one for each (worker_linux.go).
	Portable bool

	// ListenPacket opens relay sockets and Interfaces lists the addresses of this host; nil: the net package. For tests and other networks.
	ListenPacket func(network, address string) (net.PacketConn, error)
	Interfaces   func() ([]netip.Addr, error)

	Log        *slog.Logger          // nil: slog.Default()
	Registerer prometheus.Registerer // nil: metrics are counted, not registered
}

// A Service is one UDP address of our own that clients may have as a peer.
type Service struct {
	Public netip.AddrPort // as clients know it, from its candidates
	Local  netip.AddrPort // where this host reaches it; zero: Public, or its port on LocalIP or loopback when Public is on no interface
}

// DefaultQuota leaves room for a mesh of four with an ICE restart per user, and for an office behind one address.
var DefaultQuota = policy.Quota{PerUser: 100, PerAddress: 1000}

// Server is a TURN server. Make one with New, then call Run.
type Server struct {
	o       Options // fixed at construction, like all fields up to peers
	log     *slog.Logger
	metrics *metrics
	limiter *limiter
	ports   *ports
	nonces  *nonces

	reloading    sync.Mutex // held by Reload and while interfaces are looked at
	set          atomic.Pointer[settings]
	revoked      revocations
	reservations reservations
	pion         pionState

	streams   []*streamListener
	datagrams []*udpConn
	dtls      []*dtlsListener // each in streams too

	peers      atomic.Pointer[policy.Peers]
	paths      atomic.Pointer[paths]
	generation atomic.Uint64 // of the answers of route and origin
	epoch      time.Time     // monotonic times count from here
	ownNetwork bool          // relay sockets are those of the net package

	draining atomic.Bool
	workers  atomic.Int32 // that serve UDP sockets
	table    table
	running  sync.WaitGroup // stream connections and relay sockets
}

// New checks the options and makes a Server. Nothing is served until Run.
func New(o Options) (*Server, error) {
	ownNetwork := o.ListenPacket == nil
	setDefaults(&o)
	s := &Server{o: o, log: o.Log, ports: newPorts(o.RelayPorts), limiter: newLimiter(o.RequestRate, o.RequestBurst), epoch: time.Now(), ownNetwork: ownNetwork}
	s.nonces, s.reservations.ports = newNonces(), s.ports
	s.pion.init()
	switch {
	case len(o.UDP)+len(o.TCP)+len(o.DTLS) == 0:
		return nil, errors.New("relay: nothing to listen on")
	case len(o.DTLS) > 0 && o.DTLSCertificate == nil:
		return nil, errors.New("relay: DTLS without a certificate")
	case o.RelayPorts.Min == 0 || o.RelayPorts.Max < o.RelayPorts.Min:
		return nil, fmt.Errorf("relay: no such port range: %s", o.RelayPorts)
	}
	n, err := newSettings(o)
	if err != nil {
		return nil, err
	}
	s.set.Store(n)
	s.metrics = newMetrics(o.Registerer, s.ports.available)
	s.table.init()
	s.table.limit(n.bandwidth)
	if err := s.lookAtInterfaces(); err != nil {
		return nil, err
	}
	for _, c := range o.UDP {
		s.datagrams = append(s.datagrams, newUDPConn(s, c))
	}
	for _, l := range o.TCP {
		s.streams = append(s.streams, newStreamListener(s, l))
	}
	for _, c := range o.DTLS {
		l := newDTLSListener(s, c)
		s.dtls = append(s.dtls, l)
		s.streams = append(s.streams, newStreamListener(s, l))
	}
	return s, nil
}

func setDefaults(o *Options) {
	def := func(d *time.Duration, to time.Duration) {
		if *d == 0 {
			*d = to
		}
	}
	def(&o.FirstFrame, 10*time.Second)
	def(&o.Idle, 30*time.Second)
	def(&o.Stalled, 10*time.Second)
	if o.RelayPorts == (PortRange{}) {
		o.RelayPorts = DefaultPorts
	}
	if o.Realm == "" {
		o.Realm = "confab"
	}
	if o.ConnectionsPerAddress == 0 {
		o.ConnectionsPerAddress = 256
	}
	if o.RequestRate == 0 {
		o.RequestRate = 50
	}
	if o.RequestBurst == 0 {
		o.RequestBurst = 200
	}
	if o.ListenPacket == nil {
		o.ListenPacket = net.ListenPacket
	}
	if o.Interfaces == nil {
		o.Interfaces = interfaceAddrs
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
}

// interfacesEvery is how often addresses of this host are looked up again: a new one must not become a peer for long.
const interfacesEvery = 30 * time.Second

// Run serves until ctx ends; then it closes every listener, connection and allocation, waits for them, and returns nil. Use
// Drain before to let allocations end by themselves.
func (s *Server) Run(ctx context.Context) error {
	config := turn.ServerConfig{
		Realm:         s.o.Realm,
		LoggerFactory: pionLog{s.log},
		AuthHandler:   s.keyOf,
		QuotaHandler:  s.reserve,
		EventHandler:  s.events(),
	}
	workers := s.startWorkers()
	s.workers.Store(int32(workers))
	defer processors(workers)()
	for _, c := range s.datagrams {
		config.PacketConnConfigs = append(config.PacketConnConfigs, turn.PacketConnConfig{PacketConn: c, RelayAddressGenerator: generator{s, c.worker}})
	}
	for _, l := range s.streams {
		config.ListenerConfigs = append(config.ListenerConfigs, turn.ListenerConfig{Listener: l, RelayAddressGenerator: generator{s, nil}})
	}
	server, err := turn.NewServer(config)
	if err != nil {
		for _, c := range s.datagrams {
			_ = c.Close()
		}
		return fmt.Errorf("relay: start pion/turn: %w", err)
	}
	for _, l := range s.dtls {
		s.running.Go(l.run)
	}
	n := s.set.Load()
	if !n.public.IsValid() {
		s.log.Warn("no public IPv4 address: STUN is served, IPv4 allocations are refused")
	}
	s.log.Info("relay serving", "public_ip", n.public, "public_ipv6", n.public6, "relay_ports", s.o.RelayPorts.String(), "realm", s.o.Realm,
		"udp_listeners", len(s.datagrams), "workers", workers, "stream_listeners", len(s.o.TCP), "dtls_listeners", len(s.dtls))

	ticker := time.NewTicker(interfacesEvery)
	defer ticker.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-ticker.C:
			s.reloading.Lock()
			err := s.lookAtInterfaces()
			s.reloading.Unlock()
			if err != nil {
				s.log.Warn("relay keeps its list of own addresses", "error", err)
			}
		}
	}

	s.draining.Store(true) // no allocation begins while the others end
	_ = server.Close()     // closes our wrappers, whose errors are those of sockets closed twice
	for _, l := range s.streams {
		l.closeConns()
	}
	for _, a := range s.table.all() {
		_ = a.relayed.Close() // pion's loop sees it and forgets the allocation
	}
	for _, a := range s.table.allTCP() {
		a.close()
	}
	s.reservations.end()
	for _, c := range s.datagrams {
		<-c.ended
	}
	s.running.Wait()
	return nil
}

// Drain refuses new allocations (508) and returns when the last live one has ended, or with ctx's error when ctx ends first.
// Live allocations go on: refreshes, permissions and channels are served.
func (s *Server) Drain(ctx context.Context) error {
	s.draining.Store(true)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for s.Allocations() > 0 {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
	return nil
}

// Allocations is the number of live allocations.
func (s *Server) Allocations() int { return s.table.len() }
