package relay

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/transport/v5/packetio"
)

// DTLS clients (RFC 7350) share one UDP socket. dtlsListener tells them apart by their addresses, and hands over those whose handshake is
// done as connections; from there on they are streamConns whose every record is one message.
//
//	socket ──▶ dtlsListener ──datagrams──▶ association ──▶ pion/dtls ──records──▶ dtlsConn ──frames──▶ streamConn
//
// pion/dtls asks for a cookie (HelloVerifyRequest, RFC 6347 §4.2.1), and keeps state while it does: it makes the cookie by chance and has no
// way to be given one. So what a stranger can make us keep is bounded instead, in number and in time, and before the cookie is back
// nothing is computed and less is sent than was received.
const (
	// maxGreetings bounds the handshakes at a time, greetingsPerAddress those of one address.
	maxGreetings        = 512
	greetingsPerAddress = 16
	// cookieWait is how long a handshake may go on before the client has shown that it reads what is sent to its address: three
	// retransmissions of a client that begins with a second's wait (RFC 6347 §4.2.4.1).
	cookieWait = 7 * time.Second
	// maxAssociations bounds the clients of one socket, which cost no descriptor.
	maxAssociations = 1 << 16
	// associationPackets and associationBytes bound what waits for one client's pion/dtls.
	associationPackets = 64
	associationBytes   = 64 << 10
	// largestRecord is what one record can carry (RFC 5246 §6.2.1).
	largestRecord = 1 << 14
)

// dtlsListener is one UDP socket of DTLS clients, as a net.Listener of their connections.
type dtlsListener struct {
	socket net.PacketConn
	s      *Server
	ready  chan net.Conn   // handshake done
	ctx    context.Context // until Close
	cancel context.CancelFunc

	mu           sync.Mutex // guards the fields below
	associations map[netip.AddrPort]*association
	perAddress   map[netip.Addr]int // handshakes by site
	greetings    int
}

func newDTLSListener(s *Server, socket net.PacketConn) *dtlsListener {
	l := &dtlsListener{socket: socket, s: s, ready: make(chan net.Conn), associations: map[netip.AddrPort]*association{}, perAddress: map[netip.Addr]int{}}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	return l
}

// Accept returns the next client whose handshake is done.
func (l *dtlsListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.ready:
		return c, nil
	case <-l.ctx.Done():
		return nil, net.ErrClosed
	}
}

// Close ends run and every handshake. Clients that are connected hear nothing from then on.
func (l *dtlsListener) Close() error {
	l.cancel()
	return l.socket.Close()
}

func (l *dtlsListener) Addr() net.Addr { return l.socket.LocalAddr() }

// run gives each datagram to its client's association, until Close.
func (l *dtlsListener) run() {
	buf := make([]byte, 1<<16)
	for {
		n, addr, err := l.socket.ReadFrom(buf)
		switch {
		case l.ctx.Err() != nil || errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			l.s.log.Warn("relay can't read from its DTLS socket", "error", err)
			time.Sleep(5 * time.Millisecond)
			continue
		}
		from := addrPort(addr)
		a := l.association(from)
		if a == nil {
			if a = l.begin(from, buf[:n]); a == nil {
				continue
			}
		}
		if _, err := a.in.Write(buf[:n], nil); err != nil {
			l.s.metrics.drop("queue_full")
		}
	}
}

func (l *dtlsListener) association(from netip.AddrPort) *association {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.associations[from]
}

// begin starts the handshake of a new client, or counts why not.
func (l *dtlsListener) begin(from netip.AddrPort, b []byte) *association {
	switch {
	case !isClientHello(b):
		l.s.metrics.drop("malformed")
		return nil
	case !l.s.limiter.take(from.Addr(), time.Now(), 1):
		l.s.metrics.drop("rate_limited")
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	addr := site(from.Addr())
	if l.greetings >= maxGreetings || l.perAddress[addr] >= greetingsPerAddress || len(l.associations) >= maxAssociations {
		l.s.metrics.refuse("handshakes")
		return nil
	}
	a := &association{l: l, remote: from, addr: net.UDPAddrFromAddrPort(from), in: packetio.NewBuffer()}
	a.in.SetLimitCount(associationPackets)
	a.in.SetLimitSize(associationBytes)
	l.associations[from] = a
	l.greetings++
	l.perAddress[addr]++
	l.s.running.Go(func() { l.greet(a) })
	return a
}

// isClientHello tells a datagram that can begin a handshake: an unencrypted record (RFC 6347 §4.1) with a ClientHello (§4.2.2).
func isClientHello(b []byte) bool {
	const recordHeader, handshakeHeader = 13, 12
	return len(b) >= recordHeader+handshakeHeader && b[0] == 22 && b[1] == 0xfe && b[3] == 0 && b[4] == 0 && b[recordHeader] == 1
}

// greet does the handshake of a.
func (l *dtlsListener) greet(a *association) {
	ctx, cancel := context.WithTimeout(l.ctx, l.s.o.FirstFrame)
	defer cancel()
	stranger := time.AfterFunc(cookieWait, cancel)
	defer stranger.Stop()
	conn, err := dtls.ServerWithOptions(a, a.addr,
		dtls.WithGetCertificate(func(h *dtls.ClientHelloInfo) (*tls.Certificate, error) {
			stranger.Stop() // asked for once the cookie is right
			return l.s.o.DTLSCertificate(&tls.ClientHelloInfo{ServerName: h.ServerName})
		}),
		dtls.WithSupportedProtocols("stun.turn", "stun.nat-discovery"), // RFC 7443
		dtls.WithExtendedMasterSecret(dtls.RequestExtendedMasterSecret),
		dtls.WithLoggerFactory(pionLog{l.s.log}),
	)
	if err == nil {
		if err = conn.HandshakeContext(ctx); err != nil {
			_ = conn.Close()
		}
	}
	l.greeted(a)
	if err != nil {
		_ = a.Close()
		if l.ctx.Err() == nil {
			l.s.metrics.refuse("handshake")
			l.s.log.Debug("DTLS handshake failed", "client", a.remote, "error", err)
		}
		return
	}
	select {
	case l.ready <- &dtlsConn{conn, l.s}:
	case <-l.ctx.Done():
		_ = conn.Close()
	}
}

// greeted ends the time in which a counts as a handshake.
func (l *dtlsListener) greeted(a *association) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.greetings--
	addr := site(a.remote.Addr())
	if l.perAddress[addr]--; l.perAddress[addr] == 0 {
		delete(l.perAddress, addr)
	}
}

// association is one client's share of the socket, as pion/dtls sees it.
type association struct {
	l      *dtlsListener
	remote netip.AddrPort
	addr   net.Addr // the same
	in     *packetio.Buffer
}

func (a *association) ReadFrom(b []byte) (int, net.Addr, error) {
	n, _, err := a.in.Read(b, nil)
	return n, a.addr, err
}

// WriteTo sends to the client. What can't be sent is lost, as any datagram may be, and does not end the connection.
func (a *association) WriteTo(b []byte, _ net.Addr) (int, error) {
	if _, err := a.l.socket.WriteTo(b, a.addr); errors.Is(err, net.ErrClosed) {
		return 0, err
	} else if err != nil {
		a.l.s.metrics.drop("send_failed")
	}
	return len(b), nil
}

// Close forgets the client. It may be called again.
func (a *association) Close() error {
	a.l.mu.Lock()
	if a.l.associations[a.remote] == a {
		delete(a.l.associations, a.remote)
	}
	a.l.mu.Unlock()
	return a.in.Close()
}

func (a *association) LocalAddr() net.Addr                { return a.l.socket.LocalAddr() }
func (a *association) SetDeadline(t time.Time) error      { return a.in.SetReadDeadline(t) }
func (a *association) SetReadDeadline(t time.Time) error  { return a.in.SetReadDeadline(t) }
func (a *association) SetWriteDeadline(_ time.Time) error { return nil } // writing does not wait

// dtlsConn is a client as streamConn wants it: a stream of padded frames, each of which comes in a Read of its own and leaves in a
// record of its own.
type dtlsConn struct {
	*dtls.Conn
	s *Server
}

// Read returns one message. A record that is none, or does not fit into p, is dropped: what follows is not harmed by it.
func (c *dtlsConn) Read(p []byte) (int, error) {
	const padding = 3
	room := p[:len(p)-padding]
	for {
		n, err := c.Conn.Read(room)
		var small *dtls.TemporaryError
		if errors.As(err, &small) {
			c.s.metrics.drop("oversized")
			continue
		}
		if err != nil {
			return 0, err
		}
		if n = oneFrame(p, n); n > 0 {
			return n, nil
		}
		c.s.metrics.drop("malformed")
	}
}

// oneFrame makes a frame of a stream of the record in the first n bytes of b, which has room for padding: padded ChannelData, without what may
// follow it, or a STUN message. It returns the frame's length, 0 for anything else.
func oneFrame(b []byte, n int) int {
	if isSTUN(b[:n]) {
		return n
	}
	_, data, ok := channelFrame(b[:n])
	if !ok {
		return 0
	}
	end := channelHeader + len(data)
	size := (end + 3) &^ 3
	clear(b[end:size])
	return size
}

// Write sends one message, ChannelData without its padding.
func (c *dtlsConn) Write(b []byte) (int, error) {
	record := b
	if _, data, ok := channelFrame(b); ok {
		record = b[:channelHeader+len(data)]
	}
	if len(record) > largestRecord {
		c.s.metrics.drop("oversized")
		return len(b), nil
	}
	if _, err := c.Conn.Write(record); err != nil {
		return 0, err
	}
	return len(b), nil
}

// SetWriteDeadline does nothing: writing does not wait.
func (c *dtlsConn) SetWriteDeadline(time.Time) error { return nil }
