package main

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/confab/confab/internal/certfile"
	"github.com/confab/confab/internal/cli"
	"github.com/confab/confab/internal/config"
	"github.com/confab/confab/media/transport"
	"github.com/confab/confab/relay"
	"github.com/confab/confab/web"
)

// newRegistry counts what every Go process has, and tells which build this is.
func newRegistry() *prometheus.Registry {
	registry := cli.NewRegistry()
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "confab_build_info", Help: "Always 1; the label is the version.", ConstLabels: prometheus.Labels{"version": cli.Version()},
	})
	build.Set(1)
	registry.MustRegister(build)
	return registry
}

// newTLS returns nil when the server speaks plain HTTP.
func newTLS(log *slog.Logger, o *options) (*tls.Config, error) {
	if o.TLSCert == "" {
		return nil, nil
	}
	pair, err := certfile.Load(o.TLSCert, o.TLSKey, log)
	if err != nil {
		return nil, err
	}
	return &tls.Config{GetCertificate: pair.Get, MinVersion: tls.VersionTLS12}, nil
}

// secretsOf returns those of the file, or one that nobody knows and that ends with the process.
func secretsOf(o *options) ([][]byte, error) {
	if o.SecretFile != "" {
		return config.ReadSecrets(o.SecretFile)
	}
	return [][]byte{randomSecret()}, nil
}

func randomSecret() []byte {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // never fails (crypto/rand)
	return secret
}

// newRelay makes the part that answers STUN, and TURN when it is on. Off, its secret is thrown away, so that no credentials for
// it exist: peer-to-peer calls need STUN all the same.
func newRelay(log *slog.Logger, registry prometheus.Registerer, o *options, udp netip.AddrPort, client net.PacketConn, tcp net.Listener, secrets [][]byte, addresses []netip.AddrPort) (*relay.Server, error) {
	options := relay.Options{
		UDP: []net.PacketConn{client}, TCP: []net.Listener{tcp},
		PublicIPs:  hosts(addresses),
		RelayPorts: relay.PortRange(o.RelayPorts),
		Secrets:    secrets, AllowPeers: o.AllowPeers,
		Log: log.With("part", "relay"), Registerer: registry,
	}
	local := udp
	if local.Addr().IsUnspecified() {
		local = netip.AddrPort{} // the relay finds the way
	}
	if !o.TURN {
		options.Secrets = [][]byte{randomSecret()}
	} else if o.SFU {
		for _, a := range addresses {
			options.Services = append(options.Services, relay.Service{Public: a, Local: local})
		}
	}
	return relay.New(options)
}

// newSite makes the web app.
func newSite(log *slog.Logger, o *options) (http.Handler, error) {
	branding := web.Branding{Name: o.Name, Accent: o.Accent}
	if o.Logo != "" {
		logo, err := os.ReadFile(o.Logo)
		if err != nil {
			return nil, err
		}
		branding.Logo, branding.LogoType = logo, mime.TypeByExtension(filepath.Ext(o.Logo))
	}
	return web.Handler(web.Options{Branding: branding, FrameAncestors: o.FrameAncestors, Log: log.With("part", "web")})
}

// routes puts signaling, the admin API and the pages behind one address. Below /api/v1, signaling has what carries sessions and events.
func routes(signal, admin, site http.Handler) http.Handler {
	mux := http.NewServeMux()
	for _, path := range []string{"/ws", "/whip/", "/whep/", "/api/v1/session", "/api/v1/session/", "/api/v1/transports"} {
		mux.Handle(path, signal)
	}
	mux.Handle("/api/v1/", admin)
	mux.Handle("/", site)
	return mux
}

// httpServer returns what serves the handler on the listener. Bodies have no read deadline here: handlers that take one set it, and
// a WebSocket has none.
func httpServer(log *slog.Logger, listener net.Listener, handler http.Handler) func(context.Context) error {
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(log.With("part", "http").Handler(), slog.LevelDebug), // strangers' broken requests
	}
	return func(ctx context.Context) error {
		g, ctx := errgroup.WithContext(ctx)
		g.Go(func() error {
			if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) && ctx.Err() == nil {
				return err
			}
			return nil
		})
		g.Go(func() error { <-ctx.Done(); return server.Close() })
		return g.Wait()
	}
}

// hosts returns the addresses without ports, each once.
func hosts(addresses []netip.AddrPort) []netip.Addr {
	var out []netip.Addr
	for _, a := range addresses {
		if !slices.Contains(out, a.Addr()) {
			out = append(out, a.Addr())
		}
	}
	return out
}

// advertise returns the addresses that peers are told now: a laptop moves between networks.
func advertise(log *slog.Logger, bound netip.AddrPort, public []netip.Addr) func() []netip.AddrPort {
	return func() []netip.AddrPort {
		addresses, err := transport.LocalAddrs(bound, public)
		if err != nil {
			log.Warn("own addresses are not known", "err", err)
		}
		return addresses
	}
}
