package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/netip"

	"github.com/confab/confab/internal/certfile"
	"github.com/confab/confab/internal/cli"
	"github.com/confab/confab/internal/config"
	"github.com/confab/confab/internal/ops"
	"github.com/confab/confab/internal/portmux"
	"github.com/confab/confab/relay"
)

// serve runs the relay until a signal. Options have been validated.
func serve(p cli.Process, set *config.Set, o *options) error {
	log := cli.NewLogger(p.Stderr, o.LogLevel, o.LogFormat)
	s, err := listen(context.Background(), set, o)
	if err != nil {
		return cli.UsageError{Err: err}
	}
	c, err := compose(log, &settings{log: log, set: set, environ: p.Environ, first: o, now: o}, s)
	if err != nil {
		s.close()
		return err
	}
	attrs := []any{"version", cli.Version(), "udp", address(s.udp), "tcp", address(s.tcp), "tls", address(s.tls), "dtls", address(s.dtls), "ops", address(s.ops)}
	log.Info("listening", attrs...)
	c.life.Signals = p.Signals
	return c.life.Run(nil, c.parts)
}

// address is where a socket listens, or off.
func address(socket any) string {
	switch s := socket.(type) {
	case []net.PacketConn:
		if len(s) > 0 {
			return s[0].LocalAddr().String()
		}
	case net.PacketConn:
		return s.LocalAddr().String()
	case net.Listener:
		return s.Addr().String()
	}
	return off
}

// composition is the relay and what stands around it, made and not yet running.
type composition struct {
	life  cli.Lifecycle
	parts []cli.Part
}

func compose(log *slog.Logger, set *settings, s *sockets) (*composition, error) {
	c, o := &composition{}, set.now
	registry := cli.NewRegistry()
	options, err := set.rules(o)
	if err != nil {
		return nil, err
	}
	options.RelayPorts, options.Realm, options.NoTCPRelay = relay.PortRange(o.RelayPorts), o.Realm, !o.TCPRelay
	options.WideChannels = true // our ports are ours alone
	options.Log, options.Registerer = log, registry
	options.UDP = s.udp
	if s.tcp != nil {
		options.TCP = append(options.TCP, s.tcp)
	}
	var certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)
	if s.tls != nil || s.dtls != nil {
		pair, err := certfile.Load(o.TLSCert, o.TLSKey, log)
		if err != nil {
			return nil, err
		}
		certificate = pair.Get
	}
	if s.dtls != nil {
		options.DTLS, options.DTLSCertificate = []net.PacketConn{s.dtls}, certificate
	}
	if s.tls != nil {
		ports := portmux.New(s.tls, portmux.Options{TLS: &tls.Config{GetCertificate: certificate, MinVersion: tls.VersionTLS12}, Log: log, Registerer: registry})
		_ = ports.HTTP().Close() // no web here: such clients are closed
		options.TCP = append(options.TCP, ports.TURN())
		c.parts = append(c.parts, cli.Part{Name: "tls", Run: ports.Run})
	}
	server, err := relay.New(options)
	if err != nil {
		return nil, err
	}
	c.parts = append(c.parts, cli.Part{Name: "relay", Run: server.Run}, cli.Part{Name: "reload", Run: func(ctx context.Context) error {
		return set.follow(ctx, server)
	}})
	c.life = cli.Lifecycle{
		Log: log, Timeout: o.DrainTimeout, Drain: server.Drain,
		Remaining: func() []any { return []any{"allocations", server.Allocations()} }, Late: "allocations were live at the deadline",
	}
	if s.ops != nil {
		c.parts = append(c.parts, cli.Part{Name: "ops", Run: func(ctx context.Context) error {
			return ops.Run(ctx, s.ops, ops.Options{Gatherer: registry, Ready: c.life.Ready, Log: log})
		}})
	}
	return c, nil
}

// publicIPs are those given, or one of the machine's, with a word to those it will disappoint.
func publicIPs(log *slog.Logger, o *options) ([]netip.Addr, error) {
	if len(o.PublicIPs) > 0 {
		return o.PublicIPs, nil
	}
	interfaces, err := net.InterfaceAddrs()
	if err != nil {
		return nil, fmt.Errorf("list addresses of the machine: %w", err)
	}
	ip := detectPublic(interfaces)
	if ip.IsPrivate() || ip.IsLoopback() {
		log.Warn("the machine has no public IPv4 address: relayed addresses can be reached in this network only; give --public-ip if there is one outside", "address", ip)
	}
	return []netip.Addr{ip}, nil
}
