package main

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"time"

	"github.com/confab/confab/internal/config"
	"github.com/confab/confab/relay/policy"
	"github.com/confab/confab/signaling"
)

// envPrefix starts every environment variable that serve and token read.
const envPrefix = "CONFAB"

// off is the value of an address option that does without the listener.
const off = "off"

// options is the configuration of serve. The tags are its reference (docs/configuration.md is made of them).
type options struct {
	Listen    string              `group:"Network" name:"listen" unit:"host:port" default:":8080" help:"TCP address for the web app, signaling (HTTP or HTTPS) and TURN over TCP and TLS. Port 0 takes a free port."`
	UDP       string              `name:"udp" unit:"host:port" default:":3478" help:"The one UDP address for ICE, media, STUN and TURN. Port 0 takes a free port."`
	PublicIPs []netip.Addr        `name:"public-ip" unit:"IP address" help:"Address that people reach this server at, when the machine does not have it itself (1:1 NAT, most clouds). Without it, the addresses of the machine are offered."`
	OpsListen string              `name:"ops-listen" unit:"host:port or off" default:"127.0.0.1:9090" help:"TCP address of /healthz, /readyz, /metrics and /debug/pprof. They need no password: keep them from the public."`
	Origins   []string            `name:"origin" unit:"origin" help:"Origin of another site whose pages may connect, such as https://example.org; * is any. The server's own pages always may."`
	Proxies   []signaling.Network `name:"trusted-proxy" unit:"network" help:"Network or address of reverse proxies in front of --listen. Who connects is then the newest address in their X-Forwarded-For or Forwarded that is not a proxy's; limits, bans and logs go by it. From anybody else these headers mean nothing."`

	TLSCert string `group:"TLS" name:"tls-cert" unit:"path" help:"PEM file with the certificate chain. With it, --listen speaks HTTPS and TURN over TLS. A renewed file is noticed within 10 s."`
	TLSKey  string `name:"tls-key" unit:"path" help:"PEM file with the certificate's private key."`

	Auth       string `group:"Access" name:"auth" default:"open" oneof:"open|token" help:"Who may join: anyone who knows a room's name, or only who has a token (see the token command)."`
	SecretFile string `name:"secret-file" unit:"path" help:"File of secrets, one per line and at least 32 characters long, that sign join tokens and TURN credentials. The first signs, all verify: add a new one on top to rotate. Without it, TURN credentials end with the process."`

	JWKS        []string `name:"jwks-url" unit:"URL" help:"JWK set of an identity provider whose keys sign join tokens (RS256, ES256, EdDSA); it is fetched again when it ages and when a token names a new key."`
	JWTKeyFiles []string `name:"jwt-key-file" unit:"path" help:"File with public keys that verify join tokens: PEM, a JWK or a JWK set."`
	JWTIssuer   string   `name:"jwt-issuer" unit:"text" help:"Issuer that join tokens must name."`

	Store      string        `group:"Rooms" name:"store" unit:"memory:, sqlite:, sqlite:PATH, postgres://… or redis://…" default:"sqlite:" help:"Where rooms are kept: chat, seats and settings. sqlite: is a file in the data folder; several servers on one PostgreSQL or Redis are one service; memory: forgets all with the process."`
	DataDir    string        `name:"data-dir" unit:"path" help:"Data folder. Without it: $STATE_DIRECTORY (systemd), else $XDG_STATE_HOME/confab, else ~/.local/state/confab or what the system has in its place."`
	RetainAge  time.Duration `name:"retain-age" default:"168h" help:"How long a room is kept after its last use; then it is deleted whole."`
	RetainSize int           `name:"retain-size" unit:"MiB" default:"16" help:"How much of one room is kept; beyond that the oldest goes first."`

	WebhookURL        string   `group:"Webhooks" name:"webhook-url" unit:"URL" help:"Where events of rooms are sent to, signed, by POST. See docs/api.md."`
	WebhookSecretFile string   `name:"webhook-secret-file" unit:"path" help:"File of secrets that sign webhooks, one per line and at least 32 characters long. All sign: add a new one to rotate, and remove the old one when the receiver knows the new."`
	WebhookEvents     []string `name:"webhook-events" unit:"event" help:"Which events are sent: room-opened, room-closed, joined, left, settings, recording, message. Without it all but message, which is what people write."`

	SFU bool `group:"Media" name:"sfu" default:"on" help:"Forward the media of group calls. Off: peer-to-peer calls only, signaling and relay stay."`

	RecordDir string `name:"record-dir" unit:"path" help:"Folder for recordings. With it, hosts and moderators whose token grants record can record a room; on an open server any host or moderator. Without it nobody can."`
	RecordMax int    `name:"record-max" unit:"MiB" default:"20480" help:"How large one recording may become. Then it ends, and the call goes on."`

	TURN       bool             `group:"Relay" name:"turn" default:"on" help:"Relay for people whose network lets nothing else through."`
	RelayPorts config.PortRange `name:"relay-ports" unit:"port range" default:"49152-65535" help:"UDP ports of relayed addresses. Peers outside of this server send to them."`
	AllowPeers []policy.Range   `name:"allow-peer" unit:"network, or network:ports" help:"Network that the relay may send to although it is private, such as 10.0.0.0/8. Private, loopback, link-local and own addresses are refused otherwise."`

	Name           string   `group:"Looks" name:"brand-name" unit:"text" help:"Name shown instead of Confab."`
	Accent         string   `name:"brand-accent" unit:"#rrggbb" help:"Accent colour of the pages."`
	Logo           string   `name:"brand-logo" unit:"path" help:"Picture shown instead of the logo: SVG, PNG, WebP or JPEG."`
	FrameAncestors []string `name:"frame-ancestor" unit:"origin" help:"Origin of a site that may show rooms in a frame."`

	DrainTimeout time.Duration `group:"Process" name:"drain-timeout" default:"25s" help:"How long SIGTERM waits for people to leave before it ends the process. A second signal ends it at once."`
	LogLevel     string        `name:"log-level" default:"info" oneof:"debug|info|warn|error" help:"The least that is logged."`
	LogFormat    string        `name:"log-format" default:"text" oneof:"text|json" help:"How logs are written to standard error."`
}

// Validate reports what single values cannot show, and every file that cannot be used.
func (o *options) Validate(report func(option, problem string)) {
	for _, address := range []struct{ option, value string }{{"listen", o.Listen}, {"udp", o.UDP}, {"ops-listen", o.OpsListen}} {
		if address.option == "ops-listen" && address.value == off {
			continue
		}
		if problem := checkAddress(address.value); problem != "" {
			report(address.option, problem)
		}
	}
	for _, ip := range o.PublicIPs {
		if ip.IsUnspecified() || ip.IsMulticast() || ip.Zone() != "" {
			report("public-ip", fmt.Sprintf("%s is not an address that people can reach; give the one that they connect to", ip))
		}
	}
	o.validateTLS(report)
	if o.SecretFile != "" {
		if _, err := config.ReadSecrets(o.SecretFile); err != nil {
			report("secret-file", err.Error())
		}
	} else if o.Auth == "token" && len(o.JWKS) == 0 && len(o.JWTKeyFiles) == 0 {
		report("auth", "tokens need something to verify them with: give --secret-file, --jwt-key-file or --jwks-url")
	}
	for _, path := range o.JWTKeyFiles {
		if _, err := readKeys(path); err != nil {
			report("jwt-key-file", err.Error())
		}
	}
	if o.RecordDir != "" && !o.SFU {
		report("record-dir", "records what goes through the SFU, which is off: take --sfu=false away")
	}
	if o.RecordMax < 1 {
		report("record-max", "must be at least 1 MiB")
	}
	if o.RetainAge < time.Minute {
		report("retain-age", "must be at least 1m: a call is one use")
	}
	if o.RetainSize < 1 {
		report("retain-size", "must be at least 1")
	}
	o.validateWebhooks(report)
	if o.Logo != "" {
		if _, err := os.Stat(o.Logo); err != nil {
			report("brand-logo", err.Error())
		}
	}
	if o.DrainTimeout < 0 {
		report("drain-timeout", "must not be negative")
	}
}

func (o *options) validateTLS(report func(option, problem string)) {
	switch {
	case o.TLSCert == "" && o.TLSKey == "":
	case o.TLSKey == "":
		report("tls-cert", "a certificate is of no use without its key: give --tls-key too")
	case o.TLSCert == "":
		report("tls-key", "a key is of no use without its certificate: give --tls-cert too")
	default:
		if _, err := tls.LoadX509KeyPair(o.TLSCert, o.TLSKey); err != nil {
			report("tls-cert", err.Error())
		}
	}
}

func checkAddress(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		if _, number := strconv.Atoi(address); number == nil {
			return fmt.Sprintf("%q is a port without its colon: write :%s", address, address)
		}
		return fmt.Sprintf("%q is not host:port; write :8080 for every address of the machine", address)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fmt.Sprintf("port %q is not a number from 0 to 65535", port)
	} else if _ = n; host != "" && host != "localhost" {
		if _, err := netip.ParseAddr(host); err != nil {
			return fmt.Sprintf("%q is not an IP address of this machine; leave it out to listen on all", host)
		}
	}
	return ""
}
