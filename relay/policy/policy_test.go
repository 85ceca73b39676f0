package policy

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"testing"
)

// notations writes an IPv4 address in every way an IPv6 address can carry it.
func notations(v4 netip.Addr) map[string]netip.Addr {
	b := v4.As4()
	n := binary.BigEndian.Uint32(b[:])
	hi, lo := n>>16, n&0xffff
	parse := func(format string, a ...any) netip.Addr { return netip.MustParseAddr(fmt.Sprintf(format, a...)) }
	return map[string]netip.Addr{
		"plain":         v4,
		"mapped":        parse("::ffff:%s", v4),
		"compatible":    parse("::%x:%x", hi, lo),
		"translated":    parse("::ffff:0:%x:%x", hi, lo),
		"nat64":         parse("64:ff9b::%x:%x", hi, lo),
		"6to4":          parse("2002:%x:%x::1", hi, lo),
		"teredo server": parse("2001:0:%x:%x:0:0:f7f7:f7f7", hi, lo),
		"teredo client": parse("2001:0:808:808::%x:%x", ^hi&0xffff, ^lo&0xffff),
		"isatap":        parse("2a00:1450::5efe:%x:%x", hi, lo),
		"isatap global": parse("2a00:1450::200:5efe:%x:%x", hi, lo),
	}
}

func TestEveryDeniedRangeInEveryNotation(t *testing.T) {
	p := NewPeers(nil, nil, []netip.Addr{netip.MustParseAddr("198.35.26.96"), netip.MustParseAddr("2620:0:862:ed1a::1")})
	for _, tt := range []struct {
		addr string
		want Reason
	}{
		{"127.0.0.1", Loopback}, {"127.255.255.254", Loopback},
		{"10.0.0.1", Private}, {"10.255.255.255", Private}, {"172.16.0.1", Private}, {"172.31.255.255", Private},
		{"192.168.0.1", Private}, {"192.168.255.255", Private},
		{"169.254.0.1", LinkLocal}, {"169.254.169.254", LinkLocal}, {"169.254.170.2", LinkLocal},
		{"100.64.0.1", SharedSpace}, {"100.127.255.255", SharedSpace}, {"100.100.100.200", Metadata},
		{"168.63.129.16", Metadata}, {"192.0.0.192", Metadata}, {"192.0.0.8", Reserved},
		{"224.0.0.1", Multicast}, {"239.255.255.250", Multicast}, {"255.255.255.255", Broadcast}, {"0.1.2.3", Unspecified},
		{"192.0.2.1", Document}, {"198.51.100.7", Document}, {"203.0.113.9", Document},
		{"198.18.0.1", Benchmark}, {"198.19.255.255", Benchmark}, {"240.0.0.1", Reserved}, {"192.88.99.1", Reserved},
		{"198.35.26.96", Own},
	} {
		for name, addr := range notations(netip.MustParseAddr(tt.addr)) {
			if got := p.CheckAddress(addr); got != tt.want {
				t.Errorf("%s as %s (%s): %q, want %q", tt.addr, name, addr, got, tt.want)
			}
		}
	}
	for addr, want := range map[string]Reason{
		"::": Unspecified, "::1": Loopback, "0.0.0.0": Unspecified, "fe80::1%eth0": LinkLocal, "febf::1": LinkLocal,
		"fe80::a9fe:a9fe": LinkLocal, "fd00:ec2::254": Metadata, "fd20:ce::254": Metadata, "fc00::1": Private,
		"fdff::1": Private, "fec0::1": Private, "ff02::1": Multicast, "ff05::2": Multicast, "2001:db8::1": Document,
		"3fff::1": Document, "2001:2::1": Benchmark, "2001:1::1": Reserved, "2001:20::1": Reserved, "100:0:0:1::1": Reserved, "fd00:c1::a9fe:a9fe": Metadata, "fd00:42::42": Metadata, "64:ff9b:1::a00:1": Private, "64:ff9b:1::808:808": Reserved, "100::1": Reserved,
		"5f00::1": Reserved, "2620:0:862:ed1a::1": Own,
	} {
		if got := p.CheckAddress(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s: %q, want %q", addr, got, want)
		}
	}
	if got := p.CheckAddress(netip.Addr{}); got != Unspecified {
		t.Errorf("no address: %q", got)
	}
}

func TestPublicPeersAreAllowed(t *testing.T) {
	p := NewPeers(nil, nil, nil)
	for name, addr := range notations(netip.MustParseAddr("9.9.9.9")) {
		if got := p.CheckAddress(addr); got != Allowed {
			t.Errorf("public address as %s (%s): %q", name, addr, got)
		}
	}
	for _, addr := range []string{"1.1.1.1", "100.63.255.255", "100.128.0.1", "172.32.0.1", "223.255.255.254", "2606:4700::1111"} {
		if got := p.CheckAddress(netip.MustParseAddr(addr)); got != Allowed {
			t.Errorf("%s: %q", addr, got)
		}
	}
}

func TestOperatorLists(t *testing.T) {
	prefixes := ranges
	own := []netip.Addr{netip.MustParseAddr("10.0.0.1")}
	for _, tt := range []struct {
		name        string
		allow, deny []Range
		addr        string
		want        Reason
	}{
		{"allow opens a private range", prefixes("10.0.0.0/8"), nil, "10.1.2.3", Allowed},
		{"in every notation", prefixes("10.0.0.0/8"), nil, "::ffff:10.1.2.3", Allowed},
		{"allow opens own addresses: it was asked for", prefixes("10.0.0.0/8"), nil, "10.0.0.1", Allowed},
		{"and nothing else", prefixes("10.0.0.0/8"), nil, "192.168.1.1", Private},
		{"deny wins", prefixes("10.0.0.0/8"), prefixes("10.1.0.0/16"), "10.1.2.3", Denied},
		{"deny closes a public range", nil, prefixes("9.9.9.0/24"), "9.9.9.9", Denied},
		{"in every notation", nil, prefixes("9.9.9.0/24"), "2002:909:909::1", Denied},
		{"a mapped prefix is the IPv4 prefix", prefixes("::ffff:10.0.0.0/104"), nil, "10.1.2.3", Allowed},
		{"allow does not open what is no host", prefixes("0.0.0.0/0", "::/0"), nil, "224.0.0.1", Multicast},
		{"nor the unspecified address", prefixes("0.0.0.0/0", "::/0"), nil, "0.0.0.0", Unspecified},
		{"an open local translator does not open the IPv4 inside", prefixes("64:ff9b:1::/48"), nil, "64:ff9b:1::a00:2", Private},
		{"an open IPv6 range does not open the IPv4 inside", prefixes("2002::/16"), nil, "2002:a00:2::1", Private},
	} {
		if got := NewPeers(tt.allow, tt.deny, own).CheckAddress(netip.MustParseAddr(tt.addr)); got != tt.want {
			t.Errorf("%s: %s: %q, want %q", tt.name, tt.addr, got, tt.want)
		}
	}
}

func TestQuota(t *testing.T) {
	q := Quota{PerUser: 2, PerAddress: 3, Total: 4}
	for _, tt := range []struct {
		usage Usage
		want  Reason
	}{
		{Usage{}, Allowed},
		{Usage{User: 1, Address: 2, Total: 3}, Allowed},
		{Usage{User: 2, Address: 2, Total: 3}, UserQuota},
		{Usage{User: 1, Address: 3, Total: 3}, AddressQuota},
		{Usage{User: 1, Address: 2, Total: 4}, TotalQuota},
	} {
		if got := q.Admit(tt.usage); got != tt.want {
			t.Errorf("%+v: %q, want %q", tt.usage, got, tt.want)
		}
	}
	if got := (Quota{}).Admit(Usage{9, 9, 9}); got != Allowed {
		t.Errorf("no quota: %q", got)
	}
}

// No notation may open what the plain address closes.
func FuzzNotations(f *testing.F) {
	f.Add(uint32(0x7f000001))
	f.Add(uint32(0x0a000001))
	f.Fuzz(func(t *testing.T, n uint32) {
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], n)
		v4 := netip.AddrFrom4(b)
		p := NewPeers(nil, nil, []netip.Addr{netip.MustParseAddr("9.9.9.9")})
		plain := p.CheckAddress(v4)
		for name, addr := range notations(v4) {
			if plain != Allowed && p.CheckAddress(addr) == Allowed {
				t.Errorf("%s as %s (%s) is allowed, plain is %q", v4, name, addr, plain)
			}
		}
	})
}
