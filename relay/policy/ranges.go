package policy

import "net/netip"

// A Reason says why something was refused. It is a metric label and a log attribute: the set of values is fixed.
type Reason string

const (
	Allowed     Reason = ""
	Denied      Reason = "denied_by_operator"
	Own         Reason = "own_address"
	Loopback    Reason = "loopback"
	Private     Reason = "private"
	LinkLocal   Reason = "link_local" // holds the metadata services 169.254.169.254, 169.254.170.2 and fe80::a9fe:a9fe
	SharedSpace Reason = "shared_space"
	Multicast   Reason = "multicast"
	Broadcast   Reason = "broadcast"
	Unspecified Reason = "unspecified"
	Document    Reason = "documentation"
	Benchmark   Reason = "benchmarking"
	Metadata    Reason = "metadata"
	Reserved    Reason = "reserved"
)

type rule struct {
	prefix netip.Prefix
	reason Reason
}

// never holds what is no peer under any configuration: a datagram there reaches no single host.
var never = []rule{
	{netip.MustParsePrefix("0.0.0.0/8"), Unspecified}, // RFC 1122 §3.2.1.3; Linux sends 0.0.0.0 to loopback
	{netip.MustParsePrefix("224.0.0.0/4"), Multicast}, // RFC 5771
	{netip.MustParsePrefix("255.255.255.255/32"), Broadcast},
	{netip.MustParsePrefix("::/128"), Unspecified},
	{netip.MustParsePrefix("ff00::/8"), Multicast}, // RFC 4291 §2.7
}

// special holds the special-purpose ranges (IANA registries of RFC 6890) that are no public unicast, narrower ones first.
var special = []rule{
	{netip.MustParsePrefix("100.100.100.200/32"), Metadata},     // Alibaba Cloud
	{netip.MustParsePrefix("168.63.129.16/32"), Metadata},       // Azure's host services, a public address in every subnet
	{netip.MustParsePrefix("192.0.0.192/32"), Metadata},         // Oracle Cloud
	{netip.MustParsePrefix("fd00:ec2::/32"), Metadata},          // AWS over IPv6
	{netip.MustParsePrefix("fd20:ce::254/128"), Metadata},       // Google Cloud over IPv6
	{netip.MustParsePrefix("fd00:c1::a9fe:a9fe/128"), Metadata}, // Oracle Cloud over IPv6
	{netip.MustParsePrefix("fd00:42::42/128"), Metadata},        // Scaleway over IPv6

	{netip.MustParsePrefix("10.0.0.0/8"), Private},        // RFC 1918
	{netip.MustParsePrefix("172.16.0.0/12"), Private},     // RFC 1918
	{netip.MustParsePrefix("192.168.0.0/16"), Private},    // RFC 1918
	{netip.MustParsePrefix("100.64.0.0/10"), SharedSpace}, // RFC 6598, carrier-grade NAT
	{netip.MustParsePrefix("127.0.0.0/8"), Loopback},      // RFC 1122
	{netip.MustParsePrefix("169.254.0.0/16"), LinkLocal},  // RFC 3927
	{netip.MustParsePrefix("192.0.0.0/24"), Reserved},     // RFC 6890, protocol assignments
	{netip.MustParsePrefix("192.0.2.0/24"), Document},     // RFC 5737
	{netip.MustParsePrefix("198.51.100.0/24"), Document},
	{netip.MustParsePrefix("203.0.113.0/24"), Document},
	{netip.MustParsePrefix("192.88.99.0/24"), Reserved}, // RFC 7526, 6to4 anycast
	{netip.MustParsePrefix("198.18.0.0/15"), Benchmark}, // RFC 2544
	{netip.MustParsePrefix("240.0.0.0/4"), Reserved},    // RFC 1112

	{netip.MustParsePrefix("::1/128"), Loopback},
	{netip.MustParsePrefix("64:ff9b:1::/48"), Reserved}, // RFC 8215, a translator of the local network
	{netip.MustParsePrefix("100::/64"), Reserved},       // RFC 6666, discard
	{netip.MustParsePrefix("100:0:0:1::/64"), Reserved}, // RFC 9780, dummy
	{netip.MustParsePrefix("2001:1::/32"), Reserved},    // RFC 7723, RFC 8155: anycast of the local network's PCP and TURN
	{netip.MustParsePrefix("2001:2::/48"), Benchmark},   // RFC 5180
	{netip.MustParsePrefix("2001:10::/28"), Reserved},   // RFC 4843, ORCHID
	{netip.MustParsePrefix("2001:20::/28"), Reserved},   // RFC 7343, ORCHIDv2
	{netip.MustParsePrefix("2001:db8::/32"), Document},  // RFC 3849
	{netip.MustParsePrefix("3fff::/20"), Document},      // RFC 9637
	{netip.MustParsePrefix("5f00::/16"), Reserved},      // RFC 9602, segment routing
	{netip.MustParsePrefix("fc00::/7"), Private},        // RFC 4193
	{netip.MustParsePrefix("fe80::/10"), LinkLocal},     // RFC 4291
	{netip.MustParsePrefix("fec0::/10"), Private},       // RFC 3879, site-local
}

func match(rules []rule, addr netip.Addr) Reason {
	for _, r := range rules {
		if r.prefix.Contains(addr) {
			return r.reason
		}
	}
	return Allowed
}
