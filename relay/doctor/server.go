package doctor

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/confab/confab/auth"
	"github.com/pion/stun/v3"
)

// wrongPassword is refused by whoever looks at it.
const wrongPassword = "not the password"

// refusesWrong checks that a wrong password opens nothing.
func (d *doctor) refusesWrong(ctx context.Context, l leg, username string) Check {
	c := Check{Name: "wrong password"}
	s, err := d.signed(ctx, l, username, wrongPassword)
	if err != nil {
		return c.with(Skipped, "%v", err)
	}
	defer s.close()
	m, err := s.ask(ctx, stun.MethodAllocate, requestUDP)
	code, refused := refusedWith(err)
	switch {
	case refused && (code == stun.CodeUnauthorized || code == stun.CodeWrongCredentials || code == stun.CodeBadRequest):
		return c.with(OK, "refused: %d", code)
	case refused:
		return c.with(Note, "refused with %v, where RFC 8489 §9.2.4 has 401", err)
	case m != nil:
		return c.fail("an allocation was made", "The server does not look at passwords: make it check them, and treat it as open to everybody until then.")
	}
	return c.with(Note, "%v; RFC 8489 §9.2.4 has a 401", err)
}

// once are the checks of the server as such, on the session of a leg that has an allocation with the relayed address.
func (d *doctor) once(ctx context.Context, l leg, s *session, relayed netip.AddrPort) {
	if d.asked {
		return
	}
	d.asked = true
	d.add(server, d.privatePeers(ctx, s, relayed))
	if d.o.Secret != nil {
		d.add(server, d.clock(ctx, l))
	}
	d.add(server, d.relayedIPv6(ctx, l))
}

// forbidden are addresses that no relay on the internet should send to: each range once, and what hides it once.
var forbidden = []string{
	"127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255",
}

var forbiddenIPv6 = []string{"::1", "fe80::1", "fd00::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::1"}

// discard is a port that nothing of value listens on (RFC 863).
const discard = 9

// privatePeers asks for permissions for what is inside. An IPv4 relayed address knows only IPv4 peers; the notations of IPv6 are
// asked for all the same, since a server may unmap them.
func (d *doctor) privatePeers(ctx context.Context, s *session, relayed netip.AddrPort) Check {
	c := Check{Name: "private peers"}
	var open []string
	asked := 0
	for i, text := range append(append([]string{}, forbidden...), forbiddenIPv6...) {
		addr := netip.MustParseAddr(text)
		if d.meant(addr) {
			continue
		}
		asked++
		var err error
		if peer := netip.AddrPortFrom(addr, discard); addr.Unmap() == relayed.Addr() { // a test on one machine: only other ports are none of ours
			err = s.bind(ctx, uint16(0x4100+i), peer)
		} else {
			err = s.permit(ctx, peer)
		}
		if err == nil {
			open = append(open, text)
		} else if _, refused := refusedWith(err); !refused {
			return c.with(Skipped, "asking for %s: %v", text, err)
		}
	}
	if len(open) > 0 {
		return c.fail("it would send to "+strings.Join(open, ", "),
			"Whoever has credentials reaches your internal services: deny those ranges (turn serve does by itself; coturn: denied-peer-ip), or say --allow-peer if you mean it.")
	}
	return c.with(OK, "%d of %d refused: loopback, private, link-local (cloud metadata), shared, multicast", asked, asked)
}

// clock finds out whether the server agrees with this machine on what time it is: credentials of a minute ago must be refused, those for
// the next minute taken.
func (d *doctor) clock(ctx context.Context, l leg) Check {
	c := Check{Name: "clock"}
	good := func(until time.Duration) (bool, error) { return d.admits(ctx, l, time.Now().Add(until)) }
	const fix = "Let NTP set the clocks of the server and of this machine (timedatectl set-ntp true): credentials made now would be refused too early or taken too long."
	past, err := good(-time.Minute)
	if err != nil {
		return c.with(Skipped, "expired credentials: %v", err)
	}
	if past {
		ancient, err := d.admits(ctx, l, time.Unix(1e9, 0))
		switch {
		case err != nil:
			return c.with(Skipped, "expired credentials: %v", err)
		case ancient:
			return c.fail("credentials that expired in 2001 make an allocation", "The server does not look at the expiry: whoever has had credentials once has them for ever; use a server that does.")
		}
		return c.fail("credentials that expired a minute ago make an allocation: the server's clock is slow, or ours is fast", fix)
	}
	next, err := good(time.Minute)
	if err != nil {
		return c.with(Skipped, "credentials for a minute: %v", err)
	}
	if !next {
		return c.fail("credentials for the next minute are refused, those for an hour taken: the server's clock is fast, or ours is slow", fix)
	}
	return c.with(OK, "within a minute of ours; expired credentials are refused")
}

// admits reports whether credentials that expire at a time make an allocation. Its error is anything but a refusal of them.
func (d *doctor) admits(ctx context.Context, l leg, expires time.Time) (bool, error) {
	username, password := auth.TURNCredentials(d.o.Secret, userName, expires)
	s, err := d.signed(ctx, l, username, password)
	if err != nil {
		return false, err
	}
	defer s.close()
	_, _, err = s.allocate(ctx)
	if code, _ := refusedWith(err); code == stun.CodeUnauthorized || code == stun.CodeWrongCredentials || code == stun.CodeBadRequest {
		return false, nil
	}
	return err == nil, err
}

// relayedIPv6 reports whether clients can have an IPv6 relayed address (RFC 8656 §7.2).
func (d *doctor) relayedIPv6(ctx context.Context, l leg) Check {
	c := Check{Name: "IPv6 relaying"}
	username, password := d.credentials()
	s, err := d.signed(ctx, l, username, password)
	if err != nil {
		return c.with(Skipped, "%v", err)
	}
	defer s.close()
	at, _, err := s.allocate(ctx, raw(stun.AttrRequestedAddressFamily, familyIPv6, 0, 0, 0))
	code, refused := refusedWith(err)
	switch {
	case err == nil && at.Addr().Is6():
		return c.with(OK, "relayed address %s", at)
	case err == nil:
		return c.fail(fmt.Sprintf("asked for an IPv6 relayed address, it gives %s", at), "The server overlooks REQUESTED-ADDRESS-FAMILY; clients that need IPv6 peers fail: use one that knows RFC 8656.")
	case refused && code == stun.CodeAddrFamilyNotSupported:
		return c.with(Skipped, "not offered (440): peers that have IPv6 only can't be relayed to; give the server an IPv6 --public-ip if it has one")
	}
	return c.with(Note, "asking for an IPv6 relayed address: %v", err)
}
