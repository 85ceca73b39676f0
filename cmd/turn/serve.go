package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/sync/errgroup"

	"github.com/confab/confab/internal/certfile"
	"github.com/confab/confab/internal/config"
	"github.com/confab/confab/internal/ops"
	"github.com/confab/confab/internal/portmux"
	"github.com/confab/confab/relay"
	"github.com/confab/confab/relay/policy"
)

// serve runs the relay until a signal. Options have been validated.
func serve(p process, set *config.Set, o *options) error {
	log := newLogger(p, o)
	s, err := listen(context.Background(), set, o)
	if err != nil {
		return usageError{err}
	}
	c, err := compose(log, o, s)
	if err != nil {
		s.close()
		return err
	}
	attrs := []any{"version", buildVersion(), "udp", address(s.udp), "tcp", address(s.tcp), "tls", address(s.tls), "ops", address(s.ops)}
	log.Info("listening", attrs...)
	return c.run(p.signals, o)
}

func newLogger(p process, o *options) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(o.LogLevel)) // one of four, checked
	handler := slog.HandlerOptions{Level: level}
	if o.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(p.stderr, &handler))
	}
	return slog.New(slog.NewTextHandler(p.stderr, &handler))
}

// address is where a socket listens, or off.
func address(socket any) string {
	switch s := socket.(type) {
	case net.PacketConn:
		return s.LocalAddr().String()
	case net.Listener:
		return s.Addr().String()
	}
	return off
}

// composition is the relay and what stands around it, made and not yet running.
type composition struct {
	log   *slog.Logger
	relay *relay.Server
	parts []func(context.Context) error // beside the relay
	state chan struct{}                 // closed when draining
}

func compose(log *slog.Logger, o *options, s *sockets) (*composition, error) {
	c := &composition{log: log, state: make(chan struct{})}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	secrets, err := config.ReadSecrets(o.SecretFile)
	if err != nil {
		return nil, err
	}
	public, err := publicIPs(log, o)
	if err != nil {
		return nil, err
	}
	quota := policy.Quota{PerUser: o.Quota, PerAddress: relay.DefaultQuota.PerAddress}
	options := relay.Options{
		PublicIPs: public, RelayPorts: relay.PortRange(o.RelayPorts), Realm: o.Realm, Secrets: secrets, Quota: quota,
		AllowPeers: o.AllowPeers, DenyPeers: o.DenyPeers, WideChannels: true, // our ports are ours alone
		Log: log, Registerer: registry,
	}
	if s.udp != nil {
		options.UDP = append(options.UDP, s.udp)
	}
	if s.tcp != nil {
		options.TCP = append(options.TCP, s.tcp)
	}
	if s.tls != nil {
		pair, err := certfile.Load(o.TLSCert, o.TLSKey, log)
		if err != nil {
			return nil, err
		}
		ports := portmux.New(s.tls, portmux.Options{TLS: &tls.Config{GetCertificate: pair.Get, MinVersion: tls.VersionTLS12}, Log: log, Registerer: registry})
		_ = ports.HTTP().Close() // no web here: such clients are closed
		options.TCP = append(options.TCP, ports.TURN())
		c.parts = append(c.parts, ports.Run)
	}
	if c.relay, err = relay.New(options); err != nil {
		return nil, err
	}
	if s.ops != nil {
		c.parts = append(c.parts, func(ctx context.Context) error {
			return ops.Run(ctx, s.ops, ops.Options{Gatherer: registry, Ready: c.ready, Log: log})
		})
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

// ready is what /readyz says.
func (c *composition) ready() error {
	select {
	case <-c.state:
		return errors.New("draining")
	default:
		return nil
	}
}

// errAtOnce says that a second signal ended the process although allocations were live.
var errAtOnce = errors.New("ended at once by a second signal")

// run serves until a signal, drains, and returns when everything has ended; or when a part fails.
func (c *composition) run(signals <-chan os.Signal, o *options) error {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	g, ctx := errgroup.WithContext(ctx)
	for _, part := range append(c.parts, c.relay.Run) {
		g.Go(func() error {
			if err := part(ctx); err != nil && ctx.Err() == nil {
				return err
			}
			return nil
		})
	}
	g.Go(func() error {
		defer stop()
		select {
		case <-ctx.Done(): // a part failed
			return nil
		case sig := <-signals:
			return c.drain(ctx, sig, signals, o)
		}
	})
	return g.Wait()
}

// drain waits until the last allocation has ended, the timeout, or one more signal.
func (c *composition) drain(ctx context.Context, first os.Signal, signals <-chan os.Signal, o *options) error {
	close(c.state)
	c.log.Info("draining", "signal", first.String(), "allocations", c.relay.Allocations(), "timeout", o.DrainTimeout)
	ctx, cancel := context.WithTimeout(ctx, o.DrainTimeout)
	defer cancel()
	drained := make(chan error, 1)
	go func() { drained <- c.relay.Drain(ctx) }()
	select {
	case err := <-drained:
		if err != nil {
			c.log.Warn("allocations were live at the deadline", "allocations", c.relay.Allocations())
		}
		return nil
	case second := <-signals:
		c.log.Warn("ending at once", "signal", second.String())
		cancel()
		<-drained
		return errAtOnce
	}
}
