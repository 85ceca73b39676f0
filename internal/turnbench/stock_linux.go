//go:build amd64 || arm64

package main

import (
	"crypto/tls"
	"net"

	"github.com/pion/logging"
	"github.com/pion/turn/v4"
)

// stock is the server that pion/turn's examples show, over UDP, TCP and TLS, with the socket buffers that ours has.
func stock(ip string, port int, certificate tls.Certificate) error {
	at := net.UDPAddr{IP: net.ParseIP(ip), Port: port}
	udp, err := net.ListenUDP("udp4", &at)
	if err != nil {
		return err
	}
	buffers(udp)
	tcp, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: at.IP, Port: port})
	if err != nil {
		return err
	}
	secure, err := tls.Listen("tcp4", (&net.TCPAddr{IP: at.IP, Port: port + 1}).String(), &tls.Config{Certificates: []tls.Certificate{certificate}})
	if err != nil {
		return err
	}
	quiet := logging.NewDefaultLoggerFactory()
	quiet.DefaultLogLevel = logging.LogLevelDisabled
	relays := stockRelays{at.IP}
	_, err = turn.NewServer(turn.ServerConfig{
		Realm: realm, LoggerFactory: quiet, AuthHandler: turn.LongTermTURNRESTAuthHandler(secret, quiet.NewLogger("auth")),
		PacketConnConfigs: []turn.PacketConnConfig{{PacketConn: udp, RelayAddressGenerator: relays}},
		ListenerConfigs:   []turn.ListenerConfig{{Listener: tcp, RelayAddressGenerator: relays}, {Listener: secure, RelayAddressGenerator: relays}},
	})
	if err != nil {
		return err
	}
	select {}
}

type stockRelays struct{ ip net.IP }

func (stockRelays) Validate() error { return nil }

func (r stockRelays) AllocatePacketConn(network string, port int) (net.PacketConn, net.Addr, error) {
	c, err := net.ListenUDP(network, &net.UDPAddr{IP: r.ip, Port: port})
	if err != nil {
		return nil, nil, err
	}
	buffers(c)
	return c, c.LocalAddr(), nil
}

func (stockRelays) AllocateConn(string, int) (net.Conn, net.Addr, error) {
	return nil, nil, net.ErrClosed
}

func buffers(c *net.UDPConn) { _ = c.SetReadBuffer(4 << 20); _ = c.SetWriteBuffer(4 << 20) }
