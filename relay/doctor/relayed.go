package doctor

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/pion/stun/v3"
)

// allocations makes two allocations on a leg and relays between them, and from outside.
func (d *doctor) allocations(ctx context.Context, l leg) {
	name := l.String()
	username, password := d.credentials()
	d.add(name, d.refusesWrong(ctx, l, username))

	c := Check{Name: "allocates"}
	first, a, err := d.allocation(ctx, l, username, password)
	if err != nil {
		d.add(name, c.noAllocation(err))
		return
	}
	defer first.close()
	d.add(name, c.good(l, a))
	d.once(ctx, l, first, a.relayed)

	c = Check{Name: "relays"}
	second, b, err := d.allocation(ctx, l, username, password)
	if err != nil {
		d.add(name, c.noAllocation(err))
		return
	}
	defer second.close()
	d.add(name, d.relays(ctx, first, second, a.relayed, b.relayed))
	d.add(name, d.outside(ctx, first, a.relayed, l))
}

// allocated is what an allocation has got.
type allocated struct {
	relayed netip.AddrPort
	lasts   time.Duration
}

func (d *doctor) allocation(ctx context.Context, l leg, username, password string) (*session, allocated, error) {
	s, err := d.signed(ctx, l, username, password)
	if err != nil {
		return nil, allocated{}, err
	}
	relayed, lasts, err := s.allocate(ctx)
	if err != nil {
		s.close()
		return nil, allocated{}, err
	}
	return s, allocated{relayed, lasts}, nil
}

// good describes an allocation, unless its address is of no use to anybody outside.
func (c Check) good(l leg, a allocated) Check {
	if public(l.server.Addr()) && !public(a.relayed.Addr()) {
		return c.fail(fmt.Sprintf("the relayed address is %s, a private one: nobody outside reaches it", a.relayed),
			fmt.Sprintf("Tell the server its public address: --public-ip %s (coturn: external-ip).", l.server.Addr()))
	}
	return c.with(OK, "relayed address %s for %s", a.relayed, a.lasts)
}

// noAllocation says what each refusal means.
func (c Check) noAllocation(err error) Check {
	code, refused := refusedWith(err)
	fix := map[stun.ErrorCode]string{
		stun.CodeUnauthorized:         "The user name or password is wrong, or expired: compare the secret (or the user's password) on both sides, and the clocks.",
		stun.CodeWrongCredentials:     "The user name or password is wrong: compare the secret (or the user's password) on both sides.",
		stun.CodeForbidden:            "The server lets this client or user not relay: see its list of allowed clients.",
		stun.CodeStaleNonce:           "The server finds every nonce stale: its clock jumps, or two servers share the address and not their nonces.",
		stun.CodeAllocQuotaReached:    "The quota of this user is used up: raise it (--quota; coturn: user-quota), or wait for old allocations to end.",
		stun.CodeInsufficientCapacity: "The server has no port or no address to relay with, or is draining: widen --relay-ports, and see its log.",
		stun.CodeAllocMismatch:        "The server believes that this socket has an allocation: something between us reuses ports; try again.",
	}[code]
	switch {
	case refused && fix != "":
	case refused:
		fix = "See the server's log for why it refuses allocations."
	case errors.Is(err, errSilent):
		fix = "It answers strangers and not us: see the server's log; a firewall may cut longer packets or a rate limit may have begun."
	default:
		fix = "See the server's log for why it ended the connection."
	}
	return c.fail(err.Error(), fix)
}

// loss that a call hardly hears; more is worth a failure.
const tolerable = 0.05

// burst is paced at a call's rate, so that it shows what a call would meet.
const pace = 5 * time.Millisecond

// payload is what a datagram of audio or a full one of video holds, in turns.
var payload = []int{160, 1000}

// relays sends a burst from one allocation to the other, by a channel, and back, by Send indications, and compares every byte.
func (d *doctor) relays(ctx context.Context, first, second *session, a, b netip.AddrPort) Check {
	c := Check{Name: "relays"}
	const number = 0x4001
	if err := errors.Join(first.bind(ctx, number, b), second.permit(ctx, a)); err != nil {
		if code, refused := refusedWith(err); refused && code == stun.CodeForbidden {
			return c.fail("the server refuses its own relayed addresses as peers", "Two people who both need the relay can't meet: allow its own address as a peer (coturn: allowed-peer-ip, or allow-loopback-peers for a test on one machine).")
		}
		return c.fail(err.Error(), "See the server's log for why it refuses permissions and channels.")
	}
	r := d.burst(ctx, echoing{
		send: func(p []byte) error { return first.sendChannel(number, p) },
		back: func(p []byte) error { return second.sendIndication(a, p) },
		at:   second.data, from: a, home: first.data, until: d.o.Timeout,
	})
	return r.check(c, "there and back between two allocations",
		"The server takes datagrams and does not deliver them: behind NAT it must know its public address (--public-ip) and reach it from inside (hairpinning), and its own firewall must let its relay ports through.")
}

// outside sends to the relayed address from a plain socket, as a peer without a relay does, and has it sent back.
func (d *doctor) outside(ctx context.Context, s *session, relayed netip.AddrPort, l leg) Check {
	c := Check{Name: "from outside"}
	if l.server.Addr().Is4() != relayed.Addr().Is4() {
		return c.with(Skipped, "the relayed address is of the other IP version")
	}
	network := "udp4"
	if relayed.Addr().Is6() {
		network = "udp6"
	}
	peer, err := net.ListenUDP(network, nil)
	if err != nil {
		return c.with(Skipped, "%v", err)
	}
	defer peer.Close()
	self, err := whoAmI(peer, l.server, min(d.o.Timeout, whoWait))
	if err != nil {
		return c.with(Skipped, "our own UDP address is not known: %v", err)
	}
	const number = 0x4002
	if err := s.bind(ctx, number, self); err != nil {
		return c.with(Skipped, "the server does not relay to us at %s: %v", self, err)
	}
	heard := make(chan datagram, d.o.Burst)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		b := make([]byte, 2048)
		for {
			n, from, err := peer.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			if from.Addr().Unmap() == relayed.Addr() { // not a late answer of STUN
				heard <- datagram{from, slices.Clone(b[:n])}
			}
		}
	}()
	r := d.burst(ctx, echoing{
		send: func(p []byte) error { _, err := peer.WriteToUDPAddrPort(p, relayed); return err },
		back: func(p []byte) error { return s.sendChannel(number, p) },
		at:   s.data, from: self, home: heard, until: d.o.Timeout,
	})
	_ = peer.Close()
	for open := true; open; { // the reader may wait for room
		select {
		case <-ended:
			open = false
		case <-heard:
		}
	}
	return r.check(c, "from "+self.String()+" to the relayed address and back",
		fmt.Sprintf("Open the relay's UDP ports (--relay-ports, 49152-65535 unless you chose others; %d in this case) in the server's firewall and in its cloud's, and see that %s is the server's public address.", relayed.Port(), relayed.Addr()))
}

// whoWait is how long the server has to say who we are over UDP: on the port of a TCP leg there may be nobody.
const whoWait = time.Second

// whoAmI asks the server over UDP how it sees a socket.
func whoAmI(conn *net.UDPConn, server netip.AddrPort, wait time.Duration) (netip.AddrPort, error) {
	m, err := stun.Build(stun.TransactionID, stun.BindingRequest)
	if err != nil {
		return netip.AddrPort{}, err
	}
	answer, err := roundTrip(conn, m, server, wait)
	if err != nil {
		return netip.AddrPort{}, err
	}
	return xorAddress(answer, stun.AttrXORMappedAddress)
}

// echoing is a way there and a way back.
type echoing struct {
	send, back func([]byte) error
	at, home   <-chan datagram // where what was sent arrives, and where what was sent back does
	from       netip.AddrPort  // what arrives must come from there
	until      time.Duration   // what the last datagram has to arrive
}

// result counts a burst.
type result struct {
	sent, there, back int
	broken            int // arrived with other bytes, or from elsewhere
	times             []time.Duration
	err               error
}

// burst sends and echoes until everything is back or nothing more comes.
func (d *doctor) burst(ctx context.Context, e echoing) (r result) {
	sent := make([][]byte, d.o.Burst)
	at := make([]time.Time, d.o.Burst)
	back := make([]bool, d.o.Burst)
	number := func(p []byte) (int, bool) {
		if len(p) < 4 {
			return 0, false
		}
		n := int(binary.BigEndian.Uint32(p))
		return n, n < r.sent && bytes.Equal(sent[n], p)
	}
	next := time.NewTicker(pace)
	defer next.Stop()
	end := time.NewTimer(e.until + time.Duration(d.o.Burst)*pace)
	defer end.Stop()
	for r.back+r.broken < d.o.Burst {
		select {
		case <-ctx.Done():
			r.err = ctx.Err()
			return r
		case <-end.C:
			return r
		case <-next.C:
			if r.sent == d.o.Burst {
				continue
			}
			p := make([]byte, payload[r.sent%len(payload)])
			_, _ = rand.Read(p) // never fails
			binary.BigEndian.PutUint32(p, uint32(r.sent))
			sent[r.sent], at[r.sent] = p, time.Now()
			r.sent++
			r.err = errors.Join(r.err, e.send(p))
		case got := <-e.at:
			if _, good := number(got.data); !good || got.peer != e.from {
				r.broken++
				continue
			}
			r.there++
			r.err = errors.Join(r.err, e.back(got.data))
		case got := <-e.home:
			n, good := number(got.data)
			switch {
			case !good:
				r.broken++
			case !back[n]:
				back[n] = true
				r.back++
				r.times = append(r.times, time.Since(at[n]))
			}
		}
		if r.err != nil {
			return r
		}
	}
	return r
}

// check says what a burst has shown.
func (r result) check(c Check, way, fix string) Check {
	lost := float64(r.sent-r.back) / float64(max(r.sent, 1))
	switch {
	case r.err != nil:
		return c.fail(fmt.Sprintf("%s: %v", way, r.err), fix)
	case r.broken > 0:
		return c.fail(fmt.Sprintf("%s: %d of %d datagrams came with other bytes or from another address", way, r.broken, r.sent), "Something between changes datagrams: look for a proxy or a broken network card (ethtool -K … tx off), and try another network.")
	case r.back == 0 && r.there > 0:
		return c.fail(fmt.Sprintf("%s: %d of %d arrived, none came back", way, r.there, r.sent), fix)
	case r.back == 0:
		return c.fail(fmt.Sprintf("%s: none of %d datagrams arrived", way, r.sent), fix)
	}
	slices.Sort(r.times)
	c = c.with(OK, "%s: %d of %d, %.0f %% lost, round trip %s (slowest %s)", way, r.back, r.sent, 100*lost, round(r.times[len(r.times)/2]), round(r.times[len(r.times)-1]))
	if lost > tolerable {
		return c.fail(c.Detail, "Calls will stutter: look for a full link, a rate limit (--quota-… of bandwidth) or an overloaded server, and try from another network.")
	}
	return c
}
