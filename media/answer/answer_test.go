package answer

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// chromium is what Chromium offers, shortened: a simulcast camera, a microphone, a receive-only pair and data.
func sample(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name+".sdp"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(strings.ReplaceAll(string(b), "\r\n", "\n"), "\n", "\r\n")
}

var local = Local{Ufrag: "abcd", Pwd: "0123456789012345678901", Fingerprint: "sha-256 AA", Candidates: []string{"1 1 udp 1 192.0.2.1 3478 typ host"}}

func TestChromiumIsAnswered(t *testing.T) {
	o, err := Parse(sample(t, "chromium"))
	if err != nil {
		t.Fatal(err)
	}
	if len(o.Sections) != 5 || !o.Data() || !o.Mixed || o.MaxMessage != 262144 {
		t.Fatalf("%d sections, data %v, mixed %v, max message %d", len(o.Sections), o.Data(), o.Mixed, o.MaxMessage)
	}
	cam := o.Section("1")
	if got := strings.Join(cam.RIDs, ","); got != "q,h,f" {
		t.Errorf("rids %s", got)
	}
	var names []string
	for _, c := range cam.Codecs {
		names = append(names, c.Name+c.Profile)
		if c.RTX == 0 || !c.Nack() || !c.PLI() {
			t.Errorf("%s: RTX %d, nack %v, pli %v", c.Name, c.RTX, c.Nack(), c.PLI())
		}
	}
	if got := strings.Join(names, " "); got != "VP8 VP9 H26442e0 H2644200 H264640c AV1" {
		t.Errorf("codecs %s", got)
	}
	text := o.Answer(local, 7, 2, func(s *Section) Reply {
		switch s.Mid {
		case "0", "1":
			return Reply{Receive: true}
		case "2":
			return Reply{Send: &Send{SSRC: 11, Stream: "pair-0", Track: "a", CName: "c"}}
		}
		return Reply{Send: &Send{SSRC: 21, RTX: 22, Stream: "pair-0", Track: "v", CName: "c"}}
	})
	want := sample(t, "chromium.answer")
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile("testdata/chromium.answer.sdp", []byte(strings.ReplaceAll(text, "\r\n", "\n")), 0o644); err != nil {
			t.Fatal(err)
		}
		want = text
	}
	if text != want {
		t.Errorf("answer:\n%s\nwant:\n%s", text, want)
	}
}

func TestOffersThatCannotBeAnswered(t *testing.T) {
	good := sample(t, "chromium")
	for _, c := range []struct{ name, old, new, says string }{
		{"no bundle", "a=group:BUNDLE 0 1 2 3 4", "a=x", "BUNDLE"},
		{"no rtcp-mux", "a=rtcp-mux\r\n", "", "rtcp-mux"},
		{"no mid", "a=mid:0", "a=x:0", "mid"},
		{"mid twice", "a=mid:1", "a=mid:0", "two sections"},
		{"short password", "a=ice-pwd:", "a=ice-pwd:x\r\na=y:", "ICE"},
		{"no fingerprint", "a=fingerprint:sha-256", "a=fingerprint:md5", "fingerprint"},
		{"payload type with two meanings", "a=rtpmap:96 VP8/90000", "a=rtpmap:96 AV1/90000", "means two things"},
		{"extension id with two meanings", "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid", "a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid", "means two things"},
		{"client as DTLS server", "a=setup:actpass", "a=setup:passive", "a=setup"},
		{"nothing that we speak", "m=", "m=x", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := -1
			if strings.HasPrefix(c.name, "payload") || strings.HasPrefix(c.name, "extension") {
				n = 1
			}
			_, err := Parse(strings.Replace(good, c.old, c.new, n))
			if !errors.Is(err, ErrBad) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v, want ErrBad that says %q", err, c.says)
			}
		})
	}
}

func TestASectionThatWeDoNotSpeakIsRefusedAlone(t *testing.T) {
	o, err := Parse(strings.Replace(sample(t, "chromium"), "m=audio 9", "m=audio 0", 1))
	if err != nil {
		t.Fatal(err)
	}
	text := o.Answer(local, 1, 1, func(*Section) Reply { return Reply{} })
	if !strings.Contains(text, "a=group:BUNDLE 1 2 3 4\r\n") || !strings.Contains(text, "m=audio 0 ") {
		t.Error(text)
	}
}

func TestCandidates(t *testing.T) {
	for v, want := range map[string]bool{
		"candidate:1 1 udp 2122 192.0.2.1 5000 typ host generation 0": true,
		"1 1 UDP 2122 2001:db8::1 5000 typ srflx":                     true,
		"1 1 tcp 2122 192.0.2.1 9 typ host tcptype active":            false,
		"1 1 udp 2122 0a1b.local 5000 typ host":                       false,
		"1 1 udp 2122 192.0.2.1 0 typ host":                           false,
		"1 1 udp 2122 192.0.2.1 99999 typ host":                       false,
		"1 1 udp 2122 example.com 5000 typ host":                      false,
		"":                                                            false,
	} {
		if got := Candidate(v); got != want {
			t.Errorf("Candidate(%q) = %v", v, got)
		}
	}
}

// FuzzParse: any text is answered or refused, and what is answered can be parsed again by us and by whoever reads lines.
func FuzzParse(f *testing.F) {
	f.Add(sample(f, "chromium"))
	f.Add(sample(f, "chromium.answer"))
	f.Add("v=0\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		o, err := Parse(text)
		if err != nil {
			if !errors.Is(err, ErrBad) {
				t.Fatalf("%v is not ErrBad", err)
			}
			return
		}
		out := o.Answer(local, 1, 1, func(*Section) Reply {
			return Reply{Receive: true, Send: &Send{SSRC: 1, Stream: "s", Track: "t", CName: "c"}}
		})
		if n := strings.Count(out, "\r\nm="); n != len(o.Sections) {
			t.Fatalf("%d sections answered of %d:\n%s", n, len(o.Sections), out)
		}
		if strings.Count(out, "\n") != strings.Count(out, "\r\n") {
			t.Fatalf("stray line ends:\n%q", out)
		}
		reduced := o.Transport()
		if strings.Count(reduced, "\r\nm=") != 1 {
			t.Fatalf("reduced offer:\n%s", reduced)
		}
	})
}
