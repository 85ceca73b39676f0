package policy

import (
	"net/netip"
	"testing"
)

func ranges(s ...string) (out []Range) {
	for _, p := range s {
		r, err := ParseRange(p)
		if err != nil {
			panic(err)
		}
		out = append(out, r)
	}
	return out
}

func TestParseRange(t *testing.T) {
	for in, want := range map[string]string{
		"10.0.0.0/8":                "10.0.0.0/8",
		"10.1.2.3/8":                "10.0.0.0/8",
		"10.1.2.3":                  "10.1.2.3/32",
		"10.1.2.3:443":              "10.1.2.3/32:443",
		"10.0.0.0/8:5000-6000":      "10.0.0.0/8:5000-6000",
		"2001:db8::1":               "2001:db8::1/128",
		"2001:db8::/32":             "2001:db8::/32",
		"[2001:db8::/32]:5000-6000": "[2001:db8::/32]:5000-6000",
		"[2001:db8::]/32:443":       "[2001:db8::/32]:443",
		"[2001:db8::1]:443":         "[2001:db8::1/128]:443",
		"[2001:db8::1]":             "2001:db8::1/128",
		"::ffff:10.0.0.0/104":       "10.0.0.0/8",
		"[::ffff:10.0.0.1]:53":      "10.0.0.1/32:53",
		"":                          "",
		"10.0.0.0/33":               "",
		"10.0.0.0/8:":               "",
		"10.0.0.0/8:0":              "",
		"10.0.0.0/8:2-1":            "",
		"10.0.0.0/8:1-65536":        "",
		"10.0.0.0/8:-5":             "",
		"[2001:db8::1":              "",
		"[2001:db8::1]443":          "",
		"fe80::1%eth0":              "",
		"example.org":               "",
	} {
		got, err := ParseRange(in)
		if (err != nil) != (want == "") || err == nil && got.String() != want {
			t.Errorf("%q: %q, %v; want %q", in, got, err, want)
		}
		var again Range
		if err == nil && (again.UnmarshalText([]byte(got.String())) != nil || again != got) {
			t.Errorf("%q is not read back: %v", got, again)
		}
	}
}

func FuzzParseRange(f *testing.F) {
	f.Add("10.0.0.0/8:5000-6000")
	f.Add("[2001:db8::]/32:443")
	f.Fuzz(func(t *testing.T, s string) {
		r, err := ParseRange(s)
		if err != nil {
			return
		}
		if again, err := ParseRange(r.String()); err != nil || again != r {
			t.Errorf("%q became %q, which is read as %v, %v", s, r, again, err)
		}
	})
}

func TestPortsOfPeers(t *testing.T) {
	allow, deny := ranges("10.0.0.0/8:5000-6000", "[fd00::/8]:443"), ranges("9.9.9.9:25", "9.9.9.8")
	p := NewPeers(allow, deny, nil)
	for _, tt := range []struct {
		peer string
		want Reason
	}{
		{"10.1.2.3:4999", Private}, {"10.1.2.3:5000", Allowed}, {"10.1.2.3:6000", Allowed}, {"10.1.2.3:6001", Private},
		{"[::ffff:10.1.2.3]:5000", Allowed}, {"[::ffff:10.1.2.3]:22", Private},
		{"[fd00::1]:443", Allowed}, {"[fd00::1]:80", Private},
		{"9.9.9.9:25", Denied}, {"[2002:909:909::1]:25", Denied}, {"9.9.9.9:26", Allowed}, {"9.9.9.8:26", Denied}, {"9.9.9.7:25", Allowed},
		{"9.9.9.9:0", Unspecified},
	} {
		if got := p.Check(netip.MustParseAddrPort(tt.peer)); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.peer, got, tt.want)
		}
	}
	for addr, want := range map[string]Reason{"10.1.2.3": Allowed, "192.168.0.1": Private, "9.9.9.9": Allowed, "9.9.9.8": Denied} {
		if got := p.CheckAddress(netip.MustParseAddr(addr)); got != want {
			t.Errorf("permission for %s: %q, want %q", addr, got, want)
		}
	}
}
