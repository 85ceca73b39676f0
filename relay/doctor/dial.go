package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/pion/dtls/v3"
)

// dial opens a session on a leg. The chain is what a TLS or DTLS server has shown; it has not been checked.
func (d *doctor) dial(ctx context.Context, l leg) (*session, []*x509.Certificate, error) {
	ctx, cancel := context.WithTimeout(ctx, d.o.Timeout)
	defer cancel()
	network := "tcp"
	if l.transport == overUDP || l.transport == overDTLS {
		network = "udp"
	}
	conn, err := new(net.Dialer).DialContext(ctx, network, l.server.String())
	if err != nil {
		return nil, nil, err
	}
	switch l.transport {
	case overTLS:
		return d.handshakeTLS(ctx, conn, l)
	case overDTLS:
		return d.handshakeDTLS(ctx, conn, l)
	}
	return newSession(conn, network == "tcp", d.o.Timeout), nil, nil
}

func (d *doctor) handshakeTLS(ctx context.Context, conn net.Conn, l leg) (*session, []*x509.Certificate, error) {
	client := tls.Client(conn, &tls.Config{
		ServerName: l.host, NextProtos: []string{"stun.turn"}, // RFC 7443
		InsecureSkipVerify: true, //nolint:gosec // the chain is looked at by itself, and the legs go on whatever it is
	})
	if err := client.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, nil, fmt.Errorf("TLS handshake: %w", err)
	}
	return newSession(client, true, d.o.Timeout), client.ConnectionState().PeerCertificates, nil
}

func (d *doctor) handshakeDTLS(ctx context.Context, conn net.Conn, l leg) (*session, []*x509.Certificate, error) {
	client, err := dtls.ClientWithOptions(packetConn{conn}, conn.RemoteAddr(),
		dtls.WithServerName(l.host), dtls.WithSupportedProtocols("stun.turn"), // RFC 7443
		dtls.WithInsecureSkipVerify(true), // as above
	)
	if err == nil {
		err = client.HandshakeContext(ctx)
	}
	if err != nil {
		_ = conn.Close()
		return nil, nil, fmt.Errorf("DTLS handshake: %w", err)
	}
	var chain []*x509.Certificate
	if state, ok := client.ConnectionState(); ok {
		for _, der := range state.PeerCertificates {
			if c, err := x509.ParseCertificate(der); err == nil {
				chain = append(chain, c)
			}
		}
	}
	return newSession(client, false, d.o.Timeout), chain, nil
}

// packetConn is a connected socket as the net.PacketConn that DTLS wants.
type packetConn struct{ net.Conn }

func (p packetConn) ReadFrom(b []byte) (int, net.Addr, error) {
	n, err := p.Read(b)
	return n, p.RemoteAddr(), err
}

func (p packetConn) WriteTo(b []byte, _ net.Addr) (int, error) { return p.Write(b) }

// unreachable says in words why a leg has no answer, and what to do.
func unreachable(l leg, err error, wait time.Duration) (detail, fix string) {
	port := fmt.Sprintf("%s port %d", map[transport]string{overUDP: "UDP", overDTLS: "UDP", overTCP: "TCP", overTLS: "TCP"}[l.transport], l.server.Port())
	var timeout net.Error
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "refused: nothing listens there", fmt.Sprintf("Start the server on %s, or correct the port in the address; in a container, publish it.", port)
	case errors.Is(err, errSilent), errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Sprintf("no answer within %s", wait), fmt.Sprintf("Open %s in the server's firewall (and in its cloud's), and in that of this network if other servers don't answer either.", port)
	}
	return err.Error(), fmt.Sprintf("See that a STUN or TURN server, and nothing else, listens on %s, and that no proxy stands before it.", port)
}

// noRoute tells a machine without that IP version from a server that is away.
func noRoute(err error) bool {
	return errors.Is(err, syscall.ENETUNREACH) || errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EAFNOSUPPORT)
}
