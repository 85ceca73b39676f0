package main

import (
	"net/netip"
	"strings"
	"syscall"
	"testing"

	"github.com/confab/confab/signaling/protocol"
	"github.com/confab/confab/store/storetest"
)

// Two servers on one database are one service: people at different ones chat and signal, the SFU of one answers those of the other, and who loses a server that is
// killed goes on at the other with nothing lost or doubled.
func TestServersShareAStore(t *testing.T) {
	for name, start := range map[string]func(t *testing.T) *storetest.Server{
		"Redis":      func(t *testing.T) *storetest.Server { return storetest.StartRedis(t) },
		"PostgreSQL": storetest.StartPostgres,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			location := start(t).URL
			one, two := launch(t, "--store="+location), launch(t, "--store="+location)
			ann := arrive(t, "ann", one.where, protocol.Join{Room: "r"})
			bob := arrive(t, "bob", two.where, protocol.Join{Room: "r"})
			people := []*person{ann, bob}
			for range 30 {
				ann.say()
				bob.say()
			}
			settled(people) // so that both servers know of both
			ann.send(&protocol.Signal{To: bob.joined.Self, Generation: 1, Candidate: &protocol.Candidate{Candidate: "from-ann"}})
			next(bob, func(s *protocol.PeerSignal) bool {
				return s.From == ann.joined.Self && s.Candidate.Candidate == "from-ann"
			})
			bob.send(&protocol.Signal{To: ann.joined.Self, Generation: 1, Candidate: &protocol.Candidate{Candidate: "from-bob"}})
			next(ann, func(s *protocol.PeerSignal) bool {
				return s.From == bob.joined.Self && s.Candidate.Candidate == "from-bob"
			})
			answeredElsewhere(t, one, two)

			one.signal(syscall.SIGKILL)
			for range 10 { // while nobody knows yet
				ann.say()
				bob.say()
			}
			ann.move(two.where)
			ann.until("the other server", func() bool { return ann.resumes > 0 && ann.conn != nil })
			settled(people)
			two.signal(syscall.SIGTERM)
			checkLog(t, location, "r", people)
		})
	}
}

// answeredElsewhere has the SFU of one server answer an offer of somebody at another.
func answeredElsewhere(t *testing.T, one, two *program) {
	t.Helper()
	first := arrive(t, "first", one.where, protocol.Join{Room: "media", Mode: protocol.ModeSFU})
	second := arrive(t, "second", two.where, protocol.Join{Room: "media"})
	if route := second.joined.Route; route.Transport != protocol.TransportSFU {
		t.Fatalf("route = %+v", route)
	}
	for _, p := range []*person{first, second} {
		p.send(&protocol.SFUOffer{ID: "offer", Revision: 1, SDP: audioOffer, Tracks: map[string]protocol.Source{"0": protocol.Microphone}})
		answer := next(p, func(a *protocol.SFUAnswer) bool { return a.Revision == 1 })
		if where := netip.MustParseAddrPort(one.udp); !strings.Contains(answer.SDP, where.Addr().String()+" "+portOf(where)+" typ host") {
			t.Errorf("%s's media shall go elsewhere than to %s:\n%s", p.name, where, answer.SDP)
		}
	}
	first.leave()
	second.leave()
}

func portOf(a netip.AddrPort) string {
	_, port, _ := strings.Cut(a.String(), ":")
	return port
}

// audioOffer is that of a client with a microphone.
var audioOffer = strings.ReplaceAll(`v=0
o=- 4611731400430051336 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0
m=audio 9 UDP/TLS/RTP/SAVPF 111
c=IN IP4 0.0.0.0
a=ice-ufrag:Uf1g
a=ice-pwd:pwd45678901234567890123
a=fingerprint:sha-256 `+strings.TrimSuffix(strings.Repeat("AB:", 32), ":")+`
a=setup:actpass
a=mid:0
a=sendonly
a=msid:s a
a=rtcp-mux
a=rtpmap:111 opus/48000/2
`, "\n", "\r\n")
