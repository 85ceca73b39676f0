package main

import (
	"context"
	"log/slog"
	"net"

	"github.com/confab/confab/internal/compose"
	"github.com/confab/confab/internal/config"
	"github.com/confab/confab/internal/ops"
	"github.com/confab/confab/internal/portmux"
	"github.com/confab/confab/media"
	"github.com/confab/confab/media/transport"
	"github.com/confab/confab/signaling"
)

// serve runs the server until a signal. Options have been validated.
func serve(p process, set *config.Set, o *options) error {
	log := newLogger(p, o)
	s, err := listen(context.Background(), set, o)
	if err != nil {
		return usageError{err}
	}
	c, err := assemble(log, o, s)
	if err != nil {
		s.close()
		return err
	}
	c.life.signals = p.signals
	attrs := []any{"version", buildVersion(), "tcp", s.tcp.Addr().String(), "udp", s.udp.LocalAddr().String(), "tls", o.TLSCert != "", "auth", o.Auth, "sfu", o.SFU, "turn", o.TURN}
	if s.ops != nil {
		attrs = append(attrs, "ops", s.ops.Addr().String())
	}
	log.Info("listening", attrs...)
	if err := c.banner.write(p.stdout, roomName()); err != nil {
		log.Warn("the link could not be printed", "err", err)
	}
	return c.life.run(c.base, c.parts)
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

// assembly is the server, made and not yet running.
type assembly struct {
	life        lifecycle
	base, parts []part // parts stand on base and end before it
	banner      banner
}

// assemble makes the parts and introduces them to each other.
func assemble(log *slog.Logger, o *options, s *sockets) (*assembly, error) {
	registry := newRegistry()
	tlsConfig, err := newTLS(log, o)
	if err != nil {
		return nil, err
	}
	secrets, err := secretsOf(o)
	if err != nil {
		return nil, err
	}
	addresses, err := transport.LocalAddrs(s.udp.LocalAddr(), o.PublicIPs)
	if err != nil {
		return nil, err
	}
	mux := transport.NewMux(s.udp, transport.MuxOptions{Advertise: advertise(log, s.udp.LocalAddr(), o.PublicIPs), Log: log.With("part", "transport")})
	c := &assembly{base: []part{{"udp", mux.Run}}}

	var sfu signaling.Media
	if o.SFU {
		engine, err := media.New(media.Options{Mux: mux, Log: log.With("part", "media"), Registerer: registry})
		if err != nil {
			return nil, err
		}
		sfu = compose.Media(engine)
		c.parts = append(c.parts, part{"media", engine.Run})
	}

	ports := portmux.New(s.tcp, portmux.Options{TLS: tlsConfig, Log: log.With("part", "tcp"), Registerer: registry})
	c.parts = append(c.parts, part{"tcp", ports.Run})

	turn, err := newRelay(log, registry, o, s.udp.LocalAddr(), mux.Relay(), ports.TURN(), secrets, addresses)
	if err != nil {
		return nil, err
	}
	c.parts = append(c.parts, part{"relay", turn.Run})

	ice := iceServers{
		secret: secrets[0], turn: o.TURN, tls: tlsConfig != nil, public: o.PublicIPs,
		tcp: s.tcp.Addr().(*net.TCPAddr).AddrPort(), udp: s.udp.LocalAddr(),
	}
	signalOptions := signaling.Options{
		Media: sfu, ICEServers: ice.now, Origins: o.Origins,
		Log: log.With("part", "signaling"), Registerer: registry, Version: buildVersion(),
	}
	if o.Auth == "token" {
		signalOptions.Secrets = func() [][]byte { return secrets }
	}
	signal := signaling.New(signalOptions)
	site, err := newSite(log, o)
	if err != nil {
		return nil, err
	}
	c.parts = append(c.parts, part{"signaling", signal.Run}, part{"http", httpServer(log, ports.HTTP(), routes(signal.Handler(), site))})

	c.life = lifecycle{log: log, timeout: o.DrainTimeout, drain: signal.Drain}
	if s.ops != nil {
		c.base = append(c.base, part{"ops", func(ctx context.Context) error {
			return ops.Run(ctx, s.ops, ops.Options{Gatherer: registry, Ready: c.life.ready, Log: log.With("part", "ops")})
		}})
	}
	c.banner = banner{tcp: ice.tcp, tls: ice.tls, token: o.Auth == "token", public: o.PublicIPs, lan: hosts(addresses)}
	return c, nil
}
