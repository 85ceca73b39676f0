package policy

import (
	"net/netip"
	"slices"
)

var (
	mapped     = netip.MustParsePrefix("::ffff:0:0/96")   // RFC 4291 §2.5.5.2
	compatible = netip.MustParsePrefix("::/96")           // RFC 4291 §2.5.5.1
	translated = netip.MustParsePrefix("::ffff:0:0:0/96") // RFC 2765 §2.1
	nat64      = netip.MustParsePrefix("64:ff9b::/96")    // RFC 6052 §2.1
	localNAT64 = netip.MustParsePrefix("64:ff9b:1::/48")  // RFC 8215; refused by default, and looked into where an operator opens it
	sixToFour  = netip.MustParsePrefix("2002::/16")       // RFC 3056
	teredo     = netip.MustParsePrefix("2001::/32")       // RFC 4380 §4
)

// embedded returns the IPv4 addresses that an IPv6 address carries: none, one, or two (Teredo names its server and its
// client). A v4-compatible ::1 or :: carries none.
func embedded(addr netip.Addr) []netip.Addr {
	if !addr.Is6() {
		return nil
	}
	b := addr.As16()
	at := func(i int) netip.Addr { return netip.AddrFrom4([4]byte(b[i : i+4])) }
	switch {
	case addr.Is4In6():
		return []netip.Addr{addr.Unmap()}
	case mapped.Contains(addr), translated.Contains(addr), nat64.Contains(addr), localNAT64.Contains(addr):
		return []netip.Addr{at(12)}
	case compatible.Contains(addr) && addr != netip.IPv6Loopback() && !addr.IsUnspecified():
		return []netip.Addr{at(12)}
	case sixToFour.Contains(addr):
		return []netip.Addr{at(2)}
	case teredo.Contains(addr):
		client := [4]byte{^b[12], ^b[13], ^b[14], ^b[15]} // RFC 4380 §4: the client's address is stored inverted
		return []netip.Addr{at(4), netip.AddrFrom4(client)}
	case slices.Equal(b[9:12], []byte{0x00, 0x5e, 0xfe}) && b[8]&^0x03 == 0:
		return []netip.Addr{at(12)} // ISATAP, RFC 5214 §6.1
	}
	return nil
}
