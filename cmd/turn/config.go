package main

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"github.com/confab/confab/internal/config"
	"github.com/confab/confab/relay"
	"github.com/confab/confab/relay/policy"
)

// envPrefix starts every environment variable that is read.
const envPrefix = "TURN"

// off is the value of an address option that does without the listener.
const off = "off"

// options is the configuration of serve. The tags are its reference.
type options struct {
	ListenUDP  string       `group:"Network" name:"listen-udp" unit:"host:port or off" default:":3478" help:"UDP address of STUN and TURN. Port 0 takes a free port."`
	ListenTCP  string       `name:"listen-tcp" unit:"host:port or off" default:":3478" help:"TCP address of TURN."`
	ListenTLS  string       `name:"listen-tls" unit:"host:port or off" default:":5349" help:"TCP address of TURN over TLS; used when there is a certificate."`
	ListenDTLS string       `name:"listen-dtls" unit:"host:port or off" default:":5349" help:"UDP address of TURN over DTLS; used when there is a certificate. Browsers don't use it."`
	TLSCert    string       `name:"tls-cert" unit:"path" help:"PEM file with the certificate chain. A renewed file is noticed within 10 s."`
	TLSKey     string       `name:"tls-key" unit:"path" help:"PEM file with the certificate's private key."`
	PublicIPs  []netip.Addr `name:"public-ip" unit:"IP address" help:"Address that this server is reached at; the first IPv4 one, and the first IPv6 one if any, are those of relayed addresses. Without it, an address of the machine is taken."`
	OpsListen  string       `name:"ops-listen" unit:"host:port or off" default:"127.0.0.1:9091" help:"TCP address of /healthz, /readyz, /metrics and /debug/pprof. They need no password: keep them from the public."`

	SecretFile string        `group:"Access" name:"secret-file" unit:"path" help:"File of secrets, one per line and at least 32 characters long, that credentials are made with. All are good: add a new one on top to rotate."`
	UsersFile  string        `name:"users-file" unit:"path" help:"File of users with a lasting password, beside or instead of --secret-file; a line is name:MD5(name:realm:password) in hexadecimal, as turnadmin -k prints it."`
	Realm      string        `name:"realm" unit:"text" default:"confab" help:"Realm of the credentials; clients take it from the relay."`
	Quota      int           `name:"quota" unit:"allocations" default:"100" help:"Live allocations of one user; 0 is no bound. A browser makes one per server address, transport and connection."`
	QuotaHost  int           `name:"quota-per-address" unit:"allocations" default:"1000" help:"Live allocations of one client address (of one /64 over IPv6); 0 is no bound. An office behind one NAT is one address."`
	QuotaTotal int           `name:"quota-total" unit:"allocations" default:"0" help:"Live allocations of the whole relay; 0 is no bound but the relay ports."`
	UserRate   int           `name:"max-bitrate-per-user" unit:"bit/s" default:"0" help:"What is relayed for one user, both directions together; 0 is no bound. What is above it is dropped."`
	TotalRate  int           `name:"max-bitrate-total" unit:"bit/s" default:"0" help:"What the whole relay relays, both directions together; 0 is no bound."`
	MaxAge     time.Duration `name:"max-age" default:"24h" help:"How long an allocation may live, however often it is refreshed; 0 is no bound."`
	TCPRelay   bool          `name:"tcp-relay" default:"on" help:"TCP connections to peers (RFC 6062). Browsers need none."`

	RelayPorts config.PortRange `group:"Peers" name:"relay-ports" unit:"port range" default:"49152-65535" help:"UDP ports of relayed addresses. Peers send to them: open them in the firewall."`
	AllowPeers []policy.Range   `name:"allow-peer" unit:"network, or network:ports" help:"Network that may be relayed to although it is private, such as 10.0.0.0/8."`
	DenyPeers  []policy.Range   `name:"deny-peer" unit:"network, or network:ports" help:"Network that may not be relayed to although it is public. Wins over --allow-peer."`

	DrainTimeout time.Duration `group:"Process" name:"drain-timeout" default:"25s" help:"How long SIGTERM waits for allocations to end. A second signal ends the process at once."`
	LogLevel     string        `name:"log-level" default:"info" oneof:"debug|info|warn|error" help:"The least that is logged."`
	LogFormat    string        `name:"log-format" default:"text" oneof:"text|json" help:"How logs are written to standard error."`
}

// Validate reports what single values cannot show, and every file that cannot be used.
func (o *options) Validate(report func(option, problem string)) {
	listening := false
	for _, address := range []struct{ option, value string }{
		{"listen-udp", o.ListenUDP}, {"listen-tcp", o.ListenTCP}, {"listen-tls", o.ListenTLS}, {"listen-dtls", o.ListenDTLS}, {"ops-listen", o.OpsListen},
	} {
		if address.value == off {
			continue
		}
		listening = listening || address.option == "listen-udp" || address.option == "listen-tcp" || (address.option == "listen-tls" || address.option == "listen-dtls") && o.TLSCert != ""
		if _, err := net.ResolveTCPAddr("tcp", address.value); err != nil {
			report(address.option, fmt.Sprintf("%q is not host:port; write :3478 for every address of the machine", address.value))
		}
	}
	if !listening {
		report("listen-udp", "everything is off: nothing to serve")
	}
	for _, ip := range o.PublicIPs {
		if ip.IsUnspecified() || ip.IsMulticast() || ip.Zone() != "" {
			report("public-ip", fmt.Sprintf("%s is not an address that people can reach; give the one that they connect to", ip))
		}
	}
	switch {
	case (o.TLSCert == "") != (o.TLSKey == ""):
		report("tls-cert", "a certificate and its key belong together: give --tls-cert and --tls-key")
	case o.TLSCert != "":
		if _, err := tls.LoadX509KeyPair(o.TLSCert, o.TLSKey); err != nil {
			report("tls-cert", err.Error())
		}
	}
	if o.UsersFile != "" {
		if _, err := relay.ReadUsers(o.UsersFile, slog.New(slog.DiscardHandler)); err != nil {
			report("users-file", err.Error())
		}
	}
	if o.SecretFile == "" && o.UsersFile == "" {
		report("secret-file", "needed: who may relay is who has credentials made with a secret. Make one with: (umask 077; openssl rand -hex 32 > secrets)")
	} else if _, err := readSecrets(o.SecretFile); err != nil {
		report("secret-file", err.Error())
	}
	if o.Realm == "" {
		report("realm", "must not be empty")
	}
	for _, quota := range []struct {
		option string
		value  int
	}{{"quota", o.Quota}, {"quota-per-address", o.QuotaHost}, {"quota-total", o.QuotaTotal}, {"max-bitrate-per-user", o.UserRate}, {"max-bitrate-total", o.TotalRate}} {
		if quota.value < 0 {
			report(quota.option, "must not be negative; 0 is no bound")
		}
	}
	if o.MaxAge < 0 {
		report("max-age", "must not be negative; 0 is no bound")
	}
	if o.DrainTimeout < 0 {
		report("drain-timeout", "must not be negative")
	}
}
