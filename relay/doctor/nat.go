package doctor

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/pion/stun/v3"
)

// CHANGE-REQUEST asks for the answer from another address or port of the server (RFC 5780 §7.2).
const (
	changePort    = 0x02
	changeAddress = 0x04
)

// filteringWait is how long a datagram may be away that is expected not to come.
const filteringWait = 750 * time.Millisecond

// nat finds out how the NAT before us maps and filters (RFC 5780 §4.3 and §4.4). It judges this network, not the server.
func (d *doctor) nat(ctx context.Context, l leg, mapped netip.AddrPort) Check {
	c := Check{Name: "NAT before us"}
	if ctx.Err() != nil {
		return c.with(Skipped, "%v", ctx.Err())
	}
	conn, err := net.ListenUDP("udp", nil)
	if err != nil {
		return c.with(Skipped, "%v", err)
	}
	defer conn.Close()
	first, other, err := bindingAt(conn, l.server, d.o.Timeout)
	if err != nil {
		return c.with(Skipped, "%v", err)
	}
	if !other.IsValid() {
		if onThisMachine(mapped.Addr()) {
			return c.with(OK, "none: the server sees an address of this machine")
		}
		return c.with(Skipped, "the server has no second address to tell its kind (OTHER-ADDRESS, RFC 5780)")
	}
	if onThisMachine(first.Addr()) {
		return c.with(OK, "none: the server sees an address of this machine")
	}
	mapping := "one port for every destination (endpoint-independent)"
	second, _, err := bindingAt(conn, netip.AddrPortFrom(other.Addr(), l.server.Port()), d.o.Timeout)
	if err != nil {
		return c.with(Skipped, "the server's second address %s: %v", other, err)
	}
	if second != first {
		third, _, err := bindingAt(conn, other, d.o.Timeout)
		switch {
		case err != nil:
			return c.with(Skipped, "the server's second address %s: %v", other, err)
		case third == second:
			mapping = "another port for each address (address-dependent): direct calls often fail and need the relay"
		default:
			mapping = "another port for each address and port (symmetric): direct calls mostly fail and need the relay"
		}
	}
	return c.with(OK, "%s; lets in %s", mapping, filtering(l.server))
}

// filtering asks for answers from where nothing was sent to, on a socket of its own: an old mapping would let them in.
func filtering(server netip.AddrPort) string {
	conn, err := net.ListenUDP("udp", nil)
	if err != nil {
		return "what is not known: " + err.Error()
	}
	defer conn.Close()
	answered := func(change byte) bool {
		m, err := stun.Build(stun.TransactionID, stun.BindingRequest, raw(stun.AttrChangeRequest, 0, 0, 0, change))
		if err != nil {
			return false
		}
		_, err = roundTrip(conn, m, server, filteringWait)
		return err == nil
	}
	switch {
	case answered(changeAddress | changePort):
		return "everybody (endpoint-independent)"
	case answered(changePort):
		return "whom we have sent to, from any port (address-dependent)"
	}
	return "exactly whom we have sent to (address- and port-dependent)"
}

// bindingAt asks one address of the server how it sees the socket, and for its other address.
func bindingAt(conn *net.UDPConn, at netip.AddrPort, wait time.Duration) (mapped, other netip.AddrPort, err error) {
	m, err := stun.Build(stun.TransactionID, stun.BindingRequest)
	if err != nil {
		return mapped, other, err
	}
	answer, err := roundTrip(conn, m, at, wait)
	if err != nil {
		return mapped, other, err
	}
	if mapped, err = xorAddress(answer, stun.AttrXORMappedAddress); err != nil {
		return mapped, other, err
	}
	var a stun.OtherAddress
	if a.GetFrom(answer) == nil {
		if ip, ok := netip.AddrFromSlice(a.IP); ok {
			other = netip.AddrPortFrom(ip.Unmap(), uint16(a.Port))
		}
	}
	return mapped, other, nil
}

// roundTrip sends a request from an unconnected socket and waits for its answer, from wherever.
func roundTrip(conn *net.UDPConn, m *stun.Message, to netip.AddrPort, wait time.Duration) (*stun.Message, error) {
	end := time.Now().Add(wait)
	buffer := make([]byte, 2048)
	for rto := firstRTO; time.Now().Before(end); rto *= 2 {
		if _, err := conn.WriteToUDPAddrPort(m.Raw, to); err != nil {
			return nil, err
		}
		again := time.Now().Add(rto)
		if end.Before(again) {
			again = end
		}
		if err := conn.SetReadDeadline(again); err != nil {
			return nil, err
		}
		for {
			n, _, err := conn.ReadFromUDPAddrPort(buffer)
			if errors.Is(err, os.ErrDeadlineExceeded) {
				break
			} else if err != nil {
				return nil, err
			}
			answer := &stun.Message{Raw: append([]byte{}, buffer[:n]...)}
			if answer.Decode() == nil && answer.TransactionID == m.TransactionID && answer.Type.Class == stun.ClassSuccessResponse {
				return answer, conn.SetReadDeadline(time.Time{})
			}
		}
	}
	return nil, errSilent
}

func onThisMachine(a netip.Addr) bool {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return false
	}
	for _, i := range addrs {
		if p, err := netip.ParsePrefix(i.String()); err == nil && p.Addr().Unmap() == a {
			return true
		}
	}
	return false
}
