package forward

import (
	"net/netip"
	"slices"

	"github.com/confab/confab/relay/policy"
)

// Rules is what a Table asks about addresses. Its answers hold as long as Generation stays the same.
type Rules interface {
	Generation() uint64
	// Route says where a datagram for peer is sent, or why nowhere.
	Route(peer netip.AddrPort) (to netip.AddrPort, reason policy.Reason)
	// Origin says as whom the sender of a datagram is shown to the client, or why it is not heard.
	Origin(from netip.AddrPort) (peer netip.AddrPort, reason policy.Reason)
}

// Reasons of our own to drop a datagram.
const (
	NoChannel    policy.Reason = "no_channel"
	NoPermission policy.Reason = "no_permission"
)

// Bounds per allocation; RFC 8656 leaves them to the server: a conference of a hundred peers needs a few addresses each.
const (
	MaxPermissions = 256
	MaxChannels    = 256
)

// A Verdict says what becomes of a datagram.
type Verdict struct {
	Addr   netip.AddrPort // where it is sent; of a datagram heard, its sender as the client knows it
	Number uint16         // of a datagram heard: its channel, 0 for none
	Reason policy.Reason  // why it is dropped; policy.Allowed when it is not
}

type channel struct {
	number uint16
	peer   netip.AddrPort
}

// Table is the permissions and channels of one allocation. The zero value has none.
type Table struct {
	permissions []netip.Addr
	channels    []channel

	generation uint64 // of the Rules that the answers below are from
	numbers    cache[uint16]
	sends      cache[netip.AddrPort]
	heard      cache[netip.AddrPort]
}

// Permit adds a permission.
func (t *Table) Permit(addr netip.Addr) {
	if !slices.Contains(t.permissions, addr) {
		t.permissions = append(t.permissions, addr)
		t.forget()
	}
}

// Revoke takes a permission away.
func (t *Table) Revoke(addr netip.Addr) {
	if i := slices.Index(t.permissions, addr); i >= 0 {
		t.permissions = slices.Delete(t.permissions, i, i+1)
		t.forget()
	}
}

// Bind binds a channel to a peer. What either was bound to before is forgotten.
func (t *Table) Bind(number uint16, peer netip.AddrPort) {
	t.Unbind(number, netip.AddrPort{})
	t.Unbind(0, peer)
	t.channels = append(t.channels, channel{number, peer})
	t.forget()
}

// Unbind ends the channels that have this number or this peer.
func (t *Table) Unbind(number uint16, peer netip.AddrPort) {
	t.channels = slices.DeleteFunc(t.channels, func(c channel) bool { return c.number == number || c.peer == peer })
	t.forget()
}

// Bound reports whether peer has a channel.
func (t *Table) Bound(peer netip.AddrPort) bool {
	return slices.ContainsFunc(t.channels, func(c channel) bool { return c.peer == peer })
}

// Permitted reports whether addr has a permission.
func (t *Table) Permitted(addr netip.Addr) bool { return slices.Contains(t.permissions, addr) }

// Permissions is the number of permissions.
func (t *Table) Permissions() int { return len(t.permissions) }

// Channels is the number of channels.
func (t *Table) Channels() int { return len(t.channels) }

// Channel says where data for a channel goes. A channel does not keep its permission alive (RFC 8656 §12).
func (t *Table) Channel(r Rules, number uint16) Verdict {
	t.refresh(r)
	v, known := t.numbers.get(number)
	if !known {
		i := slices.IndexFunc(t.channels, func(c channel) bool { return c.number == number })
		if i < 0 {
			return Verdict{Reason: NoChannel} // not remembered: there are 2^14 numbers, and none of them costs a look at the rules
		}
		v = t.route(r, t.channels[i].peer)
		t.numbers.put(number, v)
	}
	return v
}

// Send says where the data of a Send indication for peer goes.
func (t *Table) Send(r Rules, peer netip.AddrPort) Verdict {
	t.refresh(r)
	v, known := t.sends.get(peer)
	if !known {
		v = t.route(r, peer)
		t.sends.put(peer, v)
	}
	return v
}

func (t *Table) route(r Rules, peer netip.AddrPort) (v Verdict) {
	if v.Addr, v.Reason = r.Route(peer); v.Reason == policy.Allowed && !t.Permitted(peer.Addr()) {
		v.Reason = NoPermission
	}
	return v
}

// Heard says as what a datagram from an address is handed to the client.
func (t *Table) Heard(r Rules, from netip.AddrPort) Verdict {
	t.refresh(r)
	v, known := t.heard.get(from)
	if !known {
		v.Addr, v.Reason = r.Origin(from)
		switch {
		case v.Reason != policy.Allowed:
		case !t.Permitted(v.Addr.Addr()):
			v.Reason = NoPermission
		default:
			if i := slices.IndexFunc(t.channels, func(c channel) bool { return c.peer == v.Addr }); i >= 0 {
				v.Number = t.channels[i].number
			}
		}
		t.heard.put(from, v)
	}
	return v
}

func (t *Table) refresh(r Rules) {
	if g := r.Generation(); g != t.generation {
		t.forget()
		t.generation = g
	}
}

func (t *Table) forget() {
	t.numbers.clear()
	t.sends.clear()
	t.heard.clear()
}
