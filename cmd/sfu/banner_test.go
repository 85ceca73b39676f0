package main

import (
	"net/netip"
	"regexp"
	"strings"
	"testing"
)

func TestBanner(t *testing.T) {
	lan := []netip.Addr{netip.MustParseAddr("192.168.1.5"), netip.MustParseAddr("2001:db8::5")}
	for _, tt := range []struct {
		name   string
		banner banner
		want   []string
		not    string
	}{
		{"a laptop", banner{tcp: netip.MustParseAddrPort("[::]:8080"), lan: lan},
			[]string{"http://localhost:8080/r/x\n", "http://192.168.1.5:8080/r/x   from other devices", "http://[2001:db8::5]:8080/r/x", "Other devices will see the page but get no camera"}, "token"},
		{"loopback alone needs no warning", banner{tcp: netip.MustParseAddrPort("127.0.0.1:9"), lan: lan}, []string{"http://127.0.0.1:9/r/x"}, "devices"},
		{"with a certificate", banner{tcp: netip.MustParseAddrPort("0.0.0.0:443"), tls: true, public: lan[:1]},
			[]string{"https://localhost/r/x", "https://192.168.1.5/r/x"}, "camera"},
		{"private addresses only", banner{tcp: netip.MustParseAddrPort("0.0.0.0:443"), tls: true, lan: lan[:1]}, []string{"give --public-ip"}, "camera"},
		{"one address of a network", banner{tcp: netip.MustParseAddrPort("192.168.1.5:80")}, []string{"http://192.168.1.5/r/x", "no camera"}, "from other"},
		{"tokens", banner{tcp: netip.MustParseAddrPort("[::]:8080"), token: true}, []string{"sfu token"}, "from other"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var b strings.Builder
			if err := tt.banner.write(&b, "x"); err != nil {
				t.Fatal(err)
			}
			for _, want := range tt.want {
				if !strings.Contains(b.String(), want) {
					t.Errorf("no %q in\n%s", want, b.String())
				}
			}
			if strings.Contains(b.String(), tt.not) {
				t.Errorf("%q in\n%s", tt.not, b.String())
			}
		})
	}
}

func TestRoomName(t *testing.T) {
	if len(adjectives) != 32 || len(nouns) != 32 {
		t.Fatalf("%d adjectives and %d nouns, want 32 of each", len(adjectives), len(nouns))
	}
	valid := regexp.MustCompile(`^[a-z]+-[a-z]+-[a-z2-9]{6}$`)
	seen := map[string]bool{}
	for range 1000 {
		name := roomName()
		if !valid.MatchString(name) || seen[name] {
			t.Fatalf("room name %q is not valid or came twice", name)
		}
		seen[name] = true
	}
}
