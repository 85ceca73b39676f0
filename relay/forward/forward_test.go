package forward

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"testing"

	"github.com/confab/confab/relay/policy"
	"github.com/pion/stun/v3"
)

// plan is Rules that a test changes as it goes.
type plan struct {
	generation uint64
	refused    map[netip.AddrPort]policy.Reason
	asked      int
}

func (p *plan) Generation() uint64 { return p.generation }

func (p *plan) Route(peer netip.AddrPort) (netip.AddrPort, policy.Reason) {
	p.asked++
	return peer, p.refused[peer]
}

func (p *plan) Origin(from netip.AddrPort) (netip.AddrPort, policy.Reason) {
	p.asked++
	return from, p.refused[from]
}

var bob = netip.MustParseAddrPort("9.9.9.9:99")

func TestVerdictsFollowChanges(t *testing.T) {
	var table Table
	rules := &plan{refused: map[netip.AddrPort]policy.Reason{}}
	expect := func(when string, channel, send, heard policy.Reason, number uint16) {
		t.Helper()
		for range 2 { // worked out, and remembered
			c, s, h := table.Channel(rules, 0x4000), table.Send(rules, bob), table.Heard(rules, bob)
			if c.Reason != channel || s.Reason != send || h.Reason != heard || h.Number != number {
				t.Fatalf("%s: channel %q, send %q, heard %q as %#x", when, c.Reason, s.Reason, h.Reason, h.Number)
			}
		}
	}
	expect("nothing yet", NoChannel, NoPermission, NoPermission, 0)
	table.Permit(bob.Addr())
	expect("permitted", NoChannel, "", "", 0)
	table.Bind(0x4000, bob)
	expect("bound", "", "", "", 0x4000)
	table.Revoke(bob.Addr())
	expect("the permission has expired, the channel has not", NoPermission, NoPermission, NoPermission, 0)
	table.Permit(bob.Addr())
	expect("permitted again", "", "", "", 0x4000)
	rules.refused[bob] = policy.Denied
	expect("a rule changed unsaid", "", "", "", 0x4000)
	rules.generation++
	expect("a rule changed", policy.Denied, policy.Denied, policy.Denied, 0)
	delete(rules.refused, bob)
	rules.generation++
	table.Unbind(0x4000, bob)
	expect("unbound", NoChannel, "", "", 0)
}

// A peer that sends from all its ports is remembered within bounds, and a channel costs no look at the rules once it is known.
func TestMemoryIsBounded(t *testing.T) {
	var table Table
	rules := &plan{}
	table.Permit(bob.Addr())
	for port := range 1 << 16 {
		if v := table.Heard(rules, netip.AddrPortFrom(bob.Addr(), uint16(port))); v.Reason != policy.Allowed {
			t.Fatal(v.Reason)
		}
	}
	if n := len(table.heard.more) + len(table.heard.list); n > many {
		t.Errorf("%d senders remembered, want at most %d", n, many)
	}
	for i := range MaxChannels {
		table.Bind(uint16(0x4000+i), netip.AddrPortFrom(bob.Addr(), uint16(1000+i)))
	}
	for range 2 {
		for i := range MaxChannels {
			if v := table.Channel(rules, uint16(0x4000+i)); v.Addr.Port() != uint16(1000+i) {
				t.Fatalf("channel %d goes to %s", i, v.Addr)
			}
		}
	}
	asked := rules.asked
	table.Channel(rules, 0x4000+MaxChannels-1)
	if rules.asked != asked {
		t.Error("the rules were asked about a known channel")
	}
}

func TestForwardingDoesNotAllocate(t *testing.T) {
	var table Table
	rules := &plan{}
	table.Permit(bob.Addr())
	table.Bind(0x4000, bob)
	message := send(t, bob, []byte("data"))
	buf := make([]byte, 0, MaxHead)
	if n := testing.AllocsPerRun(1000, func() {
		table.Channel(rules, 0x4000)
		table.Channel(rules, 0x4001)
		peer, _, _ := ParseSend(message)
		table.Send(rules, peer)
		v := table.Heard(rules, bob)
		AppendDataHead(buf, v.Addr, 4, 1, 2)
	}); n != 0 {
		t.Errorf("%v allocations per datagram, want 0", n)
	}
}

func send(t testing.TB, peer netip.AddrPort, data []byte) []byte {
	t.Helper()
	m, err := stun.Build(stun.TransactionID, stun.NewType(stun.MethodSend, stun.ClassIndication),
		xor{stun.XORMappedAddress{IP: peer.Addr().AsSlice(), Port: int(peer.Port())}}, stun.RawAttribute{Type: stun.AttrData, Length: uint16(len(data)), Value: data})
	if err != nil {
		t.Fatal(err)
	}
	return m.Raw
}

type xor struct{ stun.XORMappedAddress }

func (x xor) AddTo(m *stun.Message) error { return x.AddToAs(m, stun.AttrXORPeerAddress) }

// What we write, pion's parser reads, for every length of padding and both families.
func TestDataIndication(t *testing.T) {
	for _, peer := range []netip.AddrPort{bob, netip.MustParseAddrPort("[2606:4700::1111]:53")} {
		for n := range 9 {
			data := bytes.Repeat([]byte{7}, n)
			b := append(AppendDataHead(nil, peer, n, 0x0102030405060708, 9), data...)
			b = append(b, make([]byte, Padding(n))...)
			m := &stun.Message{Raw: b}
			var from stun.XORMappedAddress
			if err := m.Decode(); err != nil || from.GetFromAs(m, stun.AttrXORPeerAddress) != nil {
				t.Fatalf("%s, %d bytes: %v", peer, n, err)
			}
			got, err := m.Get(stun.AttrData)
			if err != nil || !bytes.Equal(got, data) || !from.IP.Equal(peer.Addr().AsSlice()) || from.Port != int(peer.Port()) || m.Type.Method != stun.MethodData {
				t.Errorf("%s, %d bytes: read as %v from %s", peer, n, got, from)
			}
		}
	}
}

// FuzzParseSend: whatever is taken for a Send indication, pion's parser reads the same way.
func FuzzParseSend(f *testing.F) {
	f.Add(send(f, bob, []byte("data")))
	f.Add(send(f, netip.MustParseAddrPort("[2606:4700::1111]:53"), []byte("x")))
	f.Add(send(f, bob, nil))
	f.Add(binary.BigEndian.AppendUint32(nil, 0x00160000))
	f.Fuzz(func(t *testing.T, b []byte) {
		peer, data, ok := ParseSend(b)
		if !ok {
			return
		}
		m := &stun.Message{Raw: bytes.Clone(b)}
		var at stun.XORMappedAddress
		if err := m.Decode(); err != nil {
			t.Fatalf("pion does not read it: %v", err)
		}
		if err := at.GetFromAs(m, stun.AttrXORPeerAddress); err != nil {
			t.Fatalf("pion does not read the peer: %v", err)
		}
		want, err := m.Get(stun.AttrData)
		if err != nil || !bytes.Equal(want, data) || !at.IP.Equal(peer.Addr().AsSlice()) || at.Port != int(peer.Port()) {
			t.Fatalf("%s %x, pion says %s %x", peer, data, at, want)
		}
	})
}
