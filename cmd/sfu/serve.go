package main

import (
	"context"
	"log/slog"
	"net"
	"time"

	"github.com/confab/confab/internal/cli"
	"github.com/confab/confab/internal/compose"
	"github.com/confab/confab/internal/config"
	"github.com/confab/confab/internal/ops"
	"github.com/confab/confab/internal/portmux"
	"github.com/confab/confab/media"
	"github.com/confab/confab/media/transport"
	"github.com/confab/confab/signaling"
)

// serve runs the server until a signal. Options have been validated.
func serve(p cli.Process, set *config.Set, o *options) error {
	log := cli.NewLogger(p.Stderr, o.LogLevel, o.LogFormat)
	s, err := listen(context.Background(), set, o)
	if err != nil {
		return cli.UsageError{Err: err}
	}
	c, err := assemble(log, set, o, s)
	if err != nil {
		s.close()
		return err
	}
	c.life.Signals = p.Signals
	attrs := []any{"version", cli.Version(), "tcp", s.tcp.Addr().String(), "udp", s.udp.LocalAddr().String(), "tls", o.TLSCert != "", "auth", o.Auth, "sfu", o.SFU, "turn", o.TURN}
	if s.ops != nil {
		attrs = append(attrs, "ops", s.ops.Addr().String())
	}
	log.Info("listening", attrs...)
	if err := c.banner.write(p.Stdout, roomName()); err != nil {
		log.Warn("the link could not be printed", "err", err)
	}
	return c.life.Run(c.base, c.parts)
}

// assembly is the server, made and not yet running.
type assembly struct {
	life        cli.Lifecycle
	base, parts []cli.Part // parts stand on base and end before it
	banner      banner
}

// assemble makes the parts and introduces them to each other.
func assemble(log *slog.Logger, set *config.Set, o *options, s *sockets) (*assembly, error) {
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
	c := &assembly{base: []cli.Part{{Name: "udp", Run: mux.Run}}}

	var sfu signaling.Media
	var recorder signaling.Recorder
	if o.SFU {
		engine, err := media.New(media.Options{Mux: mux, Log: log.With("part", "media"), Registerer: registry})
		if err != nil {
			return nil, err
		}
		sfu = compose.Media(engine)
		if o.RecordDir != "" {
			recorder = compose.Recorder(engine, o.RecordDir, int64(o.RecordMax)<<20)
		}
		c.parts = append(c.parts, cli.Part{Name: "media", Run: engine.Run})
	}

	ports := portmux.New(s.tcp, portmux.Options{TLS: tlsConfig, Log: log.With("part", "tcp"), Registerer: registry})
	c.parts = append(c.parts, cli.Part{Name: "tcp", Run: ports.Run})

	turn, err := newRelay(log, registry, o, s.udp.LocalAddr(), mux.Relay(), ports.TURN(), secrets, addresses)
	if err != nil {
		return nil, err
	}
	c.parts = append(c.parts, cli.Part{Name: "relay", Run: turn.Run})

	ice := iceServers{
		secret: secrets[0], turn: o.TURN, tls: tlsConfig != nil, public: o.PublicIPs,
		tcp: s.tcp.Addr().(*net.TCPAddr).AddrPort(), udp: s.udp.LocalAddr(),
	}
	observe := []observer{revokeLeft(turn, time.Now)}
	hooks, err := newHooks(log.With("part", "webhooks"), registry, o)
	if err != nil {
		return nil, err
	}
	if hooks != nil {
		observe = append(observe, hooks.Observe)
		c.base = append(c.base, cli.Part{Name: "webhooks", Run: hooks.Run})
	}
	signalOptions := signaling.Options{
		Media: sfu, Recorder: recorder, ICEServers: ice.now, ViewerGone: revokeGone(turn, time.Now), Observer: observers(observe...), Origins: o.Origins,
		Retention: retention(o), Invites: func() [][]byte { return secrets },
		Log: log.With("part", "signaling"), Registerer: registry, Version: cli.Version(),
	}
	if o.Auth == "token" {
		tokens, err := newVerifier(log.With("part", "tokens"), o, secrets)
		if err != nil {
			return nil, err
		}
		signalOptions.Tokens = tokens
		c.base = append(c.base, cli.Part{Name: "tokens", Run: func(ctx context.Context) error {
			_ = tokens.Run(ctx) // ctx's
			return nil
		}})
	}
	site, err := newSite(log, o)
	if err != nil {
		return nil, err
	}
	rooms, err := openStore(log.With("part", "store"), set, o)
	if err != nil {
		return nil, err
	}
	c.base = append(c.base, cli.Part{Name: "store", Run: func(ctx context.Context) error {
		<-ctx.Done()
		return rooms.Close()
	}})
	signalOptions.Store = rooms
	signal := signaling.New(signalOptions)
	admin := newAPI(log.With("part", "api"), registry, o, secrets, signalOptions.Tokens, signal)
	c.parts = append(c.parts, cli.Part{Name: "signaling", Run: signal.Run}, cli.Part{Name: "http", Run: httpServer(log, ports.HTTP(), signaling.BehindProxies(o.Proxies, routes(signal.Handler(), admin, site)))})

	c.life = cli.Lifecycle{Log: log, Timeout: o.DrainTimeout, Drain: signal.Drain, Late: "people were still there at the deadline"}
	if s.ops != nil {
		c.base = append(c.base, cli.Part{Name: "ops", Run: func(ctx context.Context) error {
			return ops.Run(ctx, s.ops, ops.Options{Gatherer: registry, Ready: c.life.Ready, Log: log.With("part", "ops")})
		}})
	}
	c.banner = banner{tcp: ice.tcp, tls: ice.tls, token: o.Auth == "token", public: o.PublicIPs, lan: hosts(addresses)}
	return c, nil
}
