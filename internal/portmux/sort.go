package portmux

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"slices"
	"time"

	"github.com/confab/confab/internal/quicktcp"
)

// speech is what a client's first byte shows.
type speech int

const (
	other speech = iota
	speaksTLS
	speaksSTUN
	speaksHTTP
)

// classify tells by the first byte, RFC 7983 §7 and RFC 9110 §9.1.
func classify(first byte) speech {
	switch {
	case first == 0x16:
		return speaksTLS
	case first <= 3:
		return speaksSTUN
	case first >= 'A' && first <= 'Z':
		return speaksHTTP
	}
	return other
}

// ALPN names, RFC 7443 and RFC 7301.
const (
	alpnTURN = "stun.turn"
	alpnSTUN = "stun.nat-discovery"
	alpnHTTP = "http/1.1"
)

// serverConfig adds our ALPN names. A client that offers none of them is served as one without ALPN: it speaks for itself.
func serverConfig(base *tls.Config) *tls.Config {
	named := base.Clone()
	named.NextProtos = []string{alpnTURN, alpnSTUN, alpnHTTP} // in this order: coturn's client offers all three
	plain := base.Clone()
	plain.NextProtos = nil
	named.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		for _, name := range hello.SupportedProtos {
			if slices.Contains(named.NextProtos, name) {
				return nil, nil // named itself
			}
		}
		return plain, nil
	}
	return named
}

// sort finds out what conn is and gives it to its side, or closes it.
func (m *Mux) sort(conn net.Conn) {
	deadline := time.Now().Add(m.o.Timeout)
	if err := conn.SetDeadline(deadline); err != nil {
		m.refuse(conn, "gone")
		return
	}
	sniffed, first, err := sniff(quicktcp.Wrap(conn))
	if err != nil {
		m.refuse(conn, silence(err))
		return
	}
	switch kind := classify(first); {
	case kind == speaksTLS && m.tls == nil:
		m.refuse(conn, "tls_without_certificate")
	case kind == speaksTLS:
		m.sortTLS(tls.Server(holdable(sniffed), m.tls))
	case kind == speaksHTTP && m.tls != nil:
		m.redirect(sniffed)
	default:
		m.deliver(sniffed, kind)
	}
}

func (m *Mux) sortTLS(conn *tls.Conn) {
	if err := conn.HandshakeContext(context.Background()); err != nil { // conn has a deadline
		reason := "tls_handshake"
		if isTimeout(err) {
			reason = "timeout"
		}
		m.refuse(conn, reason)
		return
	}
	switch conn.ConnectionState().NegotiatedProtocol {
	case alpnHTTP:
		m.deliver(conn, speaksHTTP)
		return
	case alpnTURN, alpnSTUN:
		m.deliver(conn, speaksSTUN)
		return
	}
	sniffed, first, err := sniff(conn)
	if err != nil {
		m.refuse(conn, silence(err))
		return
	}
	kind := classify(first)
	if kind == speaksTLS { // TLS in TLS is nothing of ours
		kind = other
	}
	m.deliver(&tlsConn{sniffed, conn}, kind)
}

// deliver gives a connection that has shown what it is to its side.
func (m *Mux) deliver(conn net.Conn, kind speech) {
	to := m.http
	switch kind {
	case speaksSTUN:
		to = m.turn
	case speaksHTTP:
	default:
		m.refuse(conn, "unknown_protocol")
		return
	}
	if err := conn.SetDeadline(time.Time{}); err != nil {
		m.refuse(conn, "gone")
		return
	}
	if !to.give(conn) {
		m.refuse(conn, "nobody_serves_it")
	}
}

func silence(err error) string {
	if isTimeout(err) {
		return "timeout"
	}
	return "gone" // a health check, or a browser's connection made ahead and not needed
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

// sniffedConn is a connection whose first byte has been read and will be read again.
type sniffedConn struct {
	net.Conn
	first []byte // what is left of it
}

func sniff(conn net.Conn) (*sniffedConn, byte, error) {
	b := make([]byte, 1)
	if _, err := io.ReadFull(conn, b); err != nil {
		return nil, 0, err
	}
	return &sniffedConn{conn, b}, b[0], nil
}

// Read gives the first byte again, then the rest. Like any connection's, it has one caller at a time.
func (c *sniffedConn) Read(p []byte) (int, error) {
	if len(c.first) > 0 && len(p) > 0 {
		n := copy(p, c.first)
		c.first = c.first[n:]
		return n, nil
	}
	return c.Conn.Read(p)
}

// tlsConn is a sniffed TLS connection that still says so.
type tlsConn struct {
	*sniffedConn
	tls *tls.Conn
}

// ConnectionState is that of the TLS connection; net/http and package relay ask for it.
func (c *tlsConn) ConnectionState() tls.ConnectionState { return c.tls.ConnectionState() }

// NetConn is what is below TLS; package relay holds its writes together.
func (c *tlsConn) NetConn() net.Conn { return c.tls.NetConn() }
