package doctor

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/confab/confab/auth"
	"github.com/pion/stun/v3"
)

// Options say what is looked at, and as whom.
type Options struct {
	Server string // URI of RFC 7064 or RFC 7065: stun:, stuns:, turn:, turns:
	DTLS   bool   // look at DTLS too

	Username, Password string // of a user; or
	Secret             []byte // of the TURN REST scheme, to mint with; neither: only what needs no credentials

	AllowPeers []netip.Prefix // private networks that this relay is meant to reach
	Timeout    time.Duration  // of one answer; zero: 3 s
	Burst      int            // datagrams that go through the relay and back, per leg; zero: 50
	Roots      *x509.CertPool // of certificates; nil: the system's
}

// userName is whom minted credentials are for; the relay's log shows it.
const userName = "doctor"

// doctor is one run.
type doctor struct {
	o      Options
	report *Report
	asked  bool // what is asked once for the server has been
}

// Run looks at the server. Its error is one of the options; what is wrong with the server is in the report.
func Run(ctx context.Context, o Options) (*Report, error) {
	if o.Timeout == 0 {
		o.Timeout = 3 * time.Second
	}
	if o.Burst == 0 {
		o.Burst = 50
	}
	t, err := parseTarget(o.Server, o.DTLS)
	if err != nil {
		return nil, err
	}
	d := &doctor{o: o, report: &Report{Server: o.Server}}
	legs, err := t.legs(ctx)
	if err != nil {
		d.add(server, Check{Name: "name"}.fail(err.Error(), fmt.Sprintf("Make an A record (and AAAA, for IPv6) for %s that points to the server.", t.host)))
		return d.report, nil
	}
	d.credentialsAtHand(t)
	for _, l := range legs {
		d.walk(ctx, l, t.turn)
	}
	slices.SortStableFunc(d.report.Checks, func(a, b Check) int { return ofServer(a) - ofServer(b) })
	return d.report, nil
}

// ofServer puts the checks of the server behind those of the legs, one of which has made them.
func ofServer(c Check) int {
	if c.Leg == server {
		return 1
	}
	return 0
}

// server is the leg of what is not of one leg.
const server = "server"

func (d *doctor) add(leg string, checks ...Check) {
	for _, c := range checks {
		c.Leg = leg
		d.report.Checks = append(d.report.Checks, c)
	}
}

func (d *doctor) has() bool { return d.o.Secret != nil || d.o.Username != "" }

// credentials are those to use now.
func (d *doctor) credentials() (username, password string) {
	if d.o.Secret != nil {
		return auth.TURNCredentials(d.o.Secret, userName, time.Now().Add(time.Hour))
	}
	return d.o.Username, d.o.Password
}

// credentialsAtHand says what can be seen of the credentials before anything is sent.
func (d *doctor) credentialsAtHand(t target) {
	c := Check{Name: "credentials"}
	expires, _, err := auth.ParseTURNUsername(d.o.Username)
	switch {
	case !t.turn:
	case !d.has():
		d.add(server, c.with(Skipped, "none were given: allocations and relaying are not tested (--secret-file, or --username and --password)"))
	case d.o.Secret == nil && err == nil && time.Now().After(expires):
		d.add(server, c.fail("they expired at "+expires.UTC().Format(time.RFC3339)+" by the clock of this machine", "Mint new ones (turn credentials); if they are new, set the clock of this machine or of the one that mints."))
	}
}

// walk looks at one leg until there is no point in going on.
func (d *doctor) walk(ctx context.Context, l leg, turn bool) {
	name := l.String()
	s, chain, err := d.dial(ctx, l)
	if err != nil {
		d.away(l, "connect", err)
		return
	}
	defer s.close()
	if l.transport == overTLS || l.transport == overDTLS {
		d.add(name, certificate(chain, l.host, d.o.Roots, time.Now()))
	}
	mapped, ok := d.answers(ctx, s, l)
	if !ok {
		return
	}
	if l.transport == overUDP {
		d.add(name, d.nat(ctx, l, mapped))
	}
	if turn && d.asksWho(ctx, s, l) && d.has() {
		d.allocations(ctx, l)
	}
}

// away reports a leg that leads nowhere.
func (d *doctor) away(l leg, check string, err error) {
	c := Check{Name: check}
	switch detail, fix := unreachable(l, err, d.o.Timeout); {
	case noRoute(err):
		d.add(l.String(), c.with(Skipped, "this machine has no route to that address: %v", err))
	case l.guessed:
		d.add(l.String(), c.with(Skipped, "%s; name a turns: address if TLS is elsewhere", detail))
	default:
		d.add(l.String(), c.fail(detail, fix))
	}
}

// answers sends a Binding request: the server is there and sees us under an address.
func (d *doctor) answers(ctx context.Context, s *session, l leg) (mapped netip.AddrPort, ok bool) {
	c := Check{Name: "answers"}
	start := time.Now()
	m, err := s.request(ctx, stun.MethodBinding)
	took := time.Since(start)
	if err != nil {
		if _, refused := refusedWith(err); refused {
			d.add(l.String(), c.fail("a Binding request is refused: "+err.Error(), "Allow STUN without credentials (coturn: remove secure-stun); browsers send none."))
			return mapped, true
		}
		d.away(l, c.Name, err)
		return mapped, false
	}
	if mapped, err = xorAddress(m, stun.AttrXORMappedAddress); err != nil {
		d.add(l.String(), c.fail("the answer has no XOR-MAPPED-ADDRESS", "This is a server of RFC 3489; use one of RFC 8489."))
		return mapped, true
	}
	if public(l.server.Addr()) && !public(mapped.Addr()) {
		d.add(l.String(), c.fail(fmt.Sprintf("sees us as %s, a private address, although it is a public server", mapped),
			"Something before the server hides its clients: use host networking for a container (docker run --network host), and no proxy or load balancer that rewrites addresses."))
		return mapped, true
	}
	d.add(l.String(), c.with(OK, "in %s; sees us as %s", round(took), mapped))
	return mapped, true
}

// asksWho checks that the server wants credentials, and says what to look for when it does not.
func (d *doctor) asksWho(ctx context.Context, s *session, l leg) (turn bool) {
	c := Check{Name: "asks for a login"}
	switch err := s.challenge(ctx); {
	case err == nil:
		d.add(l.String(), c.with(OK, "401, realm %q", string(s.realm)))
		return true
	case errors.Is(err, errOpen):
		d.add(l.String(), c.fail("it relays for everybody, without credentials", "Make it ask for credentials, now: open relays are found and used for attacks (turn serve always asks; coturn: use-auth-secret, and no no-auth)."))
		return false
	case errors.Is(err, errSilent):
		d.add(l.String(), c.fail("no answer to an Allocate request", "This may be a STUN server that does not relay; see that TURN is switched on."))
	default:
		d.add(l.String(), c.fail("an Allocate request without credentials gets: "+err.Error(), "See that TURN is switched on, with credentials (coturn: lt-cred-mech or use-auth-secret), and that the server is not draining."))
	}
	return false
}

// signed opens one more session of a leg, signed by the given credentials.
func (d *doctor) signed(ctx context.Context, l leg, username, password string) (*session, error) {
	s, _, err := d.dial(ctx, l)
	if err != nil {
		return nil, err
	}
	if err := s.challenge(ctx); err != nil {
		s.close()
		return nil, err
	}
	s.signAs(username, password)
	return s, nil
}

// public tells addresses of the internet from those of a network inside.
func public(a netip.Addr) bool {
	return a.IsGlobalUnicast() && !a.IsPrivate() && !sharedSpace.Contains(a)
}

var sharedSpace = netip.MustParsePrefix("100.64.0.0/10") // RFC 6598

// meant reports whether the operator has said that the relay shall reach this address.
func (d *doctor) meant(a netip.Addr) bool {
	return slices.ContainsFunc(d.o.AllowPeers, func(p netip.Prefix) bool { return p.Contains(a.Unmap()) })
}

func round(d time.Duration) time.Duration {
	if d < time.Millisecond {
		return d.Round(time.Microsecond)
	}
	return d.Round(100 * time.Microsecond)
}
