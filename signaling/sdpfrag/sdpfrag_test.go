package sdpfrag

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

func crlf(lines ...string) string { return strings.Join(lines, "\r\n") + "\r\n" }

var offer = crlf("v=0", "o=- 42 7 IN IP4 0.0.0.0", "s=-", "t=0 0", "a=group:BUNDLE 0 1",
	"m=audio 9 UDP/TLS/RTP/SAVPF 111", "a=mid:0", "a=ice-ufrag:old", "a=ice-pwd:oldpwd", "a=candidate:1 1 udp 1 10.0.0.1 9 typ host", "a=end-of-candidates", "a=sendonly",
	"m=video 9 UDP/TLS/RTP/SAVPF 96", "a=mid:1", "a=ice-ufrag:old", "a=ice-pwd:oldpwd", "a=sendonly")

func TestParse(t *testing.T) {
	for _, tc := range []struct {
		name, in string
		want     Fragment
		ok       bool
	}{
		{"empty", "", Fragment{}, false},
		{"says nothing", crlf("a=ice-options:trickle"), Fragment{}, false},
		{"candidate outside", crlf("a=candidate:1 1 udp 1 10.0.0.1 9 typ host"), Fragment{}, false},
		{"mid outside", crlf("a=mid:0"), Fragment{}, false},
		{"ufrag alone", crlf("a=ice-ufrag:u"), Fragment{}, false},
		{"two ufrags", crlf("a=ice-ufrag:u", "a=ice-pwd:p", "m=audio 9 RTP/AVP 0", "a=mid:0", "a=ice-ufrag:v"), Fragment{}, false},
		{"too many", "m=audio 9 RTP/AVP 0\r\na=mid:0\r\n" + strings.Repeat("a=candidate:1 1 udp 1 10.0.0.1 9 typ host\r\n", MaxCandidates+1), Fragment{}, false},
		// RFC 9725 §4.3.2, Figure 4.
		{
			"trickle", crlf("a=group:BUNDLE 0 1", "m=audio 9 UDP/TLS/RTP/SAVPF 111", "a=mid:0", "a=ice-ufrag:EsAw", "a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1",
				"a=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host generation 0 ufrag EsAw network-id 1", "a=end-of-candidates"),
			Fragment{"EsAw", "P2uYro0UCOQ4zxjKXaWCBui1", []Media{{"0", []string{"candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host generation 0 ufrag EsAw network-id 1"}, true}}}, true,
		},
		{"restart", "a=ice-ufrag:u\na=ice-pwd:p\n", Fragment{Ufrag: "u", Pwd: "p"}, true},
	} {
		got, err := Parse(tc.in)
		if (err == nil) != tc.ok || err != nil && !errors.Is(err, ErrMalformed) || !reflect.DeepEqual(got, tc.want) {
			t.Errorf("%s: got %+v, %v; want %+v", tc.name, got, err, tc.want)
		}
	}
}

func TestRestart(t *testing.T) {
	got, err := Restart(offer, Fragment{"new", "newpwd", []Media{{"0", []string{"candidate:2 1 udp 1 10.0.0.2 9 typ host"}, true}}})
	if err != nil {
		t.Fatal(err)
	}
	want := crlf("v=0", "o=- 42 8 IN IP4 0.0.0.0", "s=-", "t=0 0", "a=group:BUNDLE 0 1",
		"m=audio 9 UDP/TLS/RTP/SAVPF 111", "a=mid:0", "a=candidate:2 1 udp 1 10.0.0.2 9 typ host", "a=end-of-candidates", "a=ice-ufrag:new", "a=ice-pwd:newpwd", "a=sendonly",
		"m=video 9 UDP/TLS/RTP/SAVPF 96", "a=mid:1", "a=ice-ufrag:new", "a=ice-pwd:newpwd", "a=sendonly")
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for _, bad := range []string{"", "v=0\r\n", "o=- 1\r\n", "o=- 1 x\r\n"} {
		if got, err := Restart(bad, Fragment{Ufrag: "u", Pwd: "p"}); !errors.Is(err, ErrMalformed) {
			t.Errorf("%q: got %q, %v", bad, got, err)
		}
	}
}

func TestAnswer(t *testing.T) {
	got, err := Answer(offer)
	if err != nil {
		t.Fatal(err)
	}
	want := crlf("a=ice-ufrag:old", "a=ice-pwd:oldpwd", "m=audio 9 UDP/TLS/RTP/SAVPF 111", "a=mid:0", "a=candidate:1 1 udp 1 10.0.0.1 9 typ host", "a=end-of-candidates")
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if f, err := Parse(got); err != nil || f.Ufrag != "old" {
		t.Errorf("a client reads %+v, %v", f, err)
	}
	if _, err := Answer("v=0\r\n"); !errors.Is(err, ErrMalformed) {
		t.Errorf("err = %v", err)
	}
}

func FuzzFragment(f *testing.F) {
	f.Add(offer, "a=ice-ufrag:u\r\na=ice-pwd:p\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\na=candidate:1 1 udp 1 10.0.0.1 9 typ host\r\n")
	f.Fuzz(func(t *testing.T, offer, body string) {
		fragment, err := Parse(body)
		if err != nil {
			return
		}
		again, err := Restart(offer, fragment)
		if err != nil {
			return
		}
		if strings.Count(again, "\r\nm=") > strings.Count("\n"+strings.ReplaceAll(offer, "\r", "\n"), "\nm=") {
			t.Fatalf("a fragment added a section: %q and %q gave %q", offer, body, again)
		}
		_, _ = Answer(again)
	})
}
