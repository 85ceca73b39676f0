package main

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/confab/confab/auth"
	"github.com/confab/confab/signaling/protocol"
	"github.com/confab/confab/signaling/room"
)

func TestICEServers(t *testing.T) {
	all := netip.MustParseAddrPort
	public := []netip.Addr{netip.MustParseAddr("203.0.113.7")}
	for _, tt := range []struct {
		name   string
		server iceServers
		host   string
		want   []string
	}{
		{"localhost is spelled out", iceServers{turn: true, tcp: all("[::]:8080"), udp: all("[::]:3478")}, "localhost:8080",
			[]string{"stun:127.0.0.1:3478", "turn:127.0.0.1:3478?transport=udp", "turn:127.0.0.1:8080?transport=tcp"}},
		{"what the client used works for it", iceServers{turn: true, tcp: all("[::]:80"), udp: all("[::]:3478")}, "Meet.Example.org",
			[]string{"stun:meet.example.org:3478", "turn:meet.example.org:3478?transport=udp", "turn:meet.example.org:80?transport=tcp"}},
		{"IPv6", iceServers{turn: true, tcp: all("[::]:8080"), udp: all("[::]:3478")}, "[2001:db8::1]:8080",
			[]string{"stun:[2001:db8::1]:3478", "turn:[2001:db8::1]:3478?transport=udp", "turn:[2001:db8::1]:8080?transport=tcp"}},
		{"a name may be a proxy's, a certificate is for the name", iceServers{turn: true, tls: true, tcp: all("[::]:443"), udp: all("[::]:3478"), public: public}, "meet.example.org",
			[]string{"stun:203.0.113.7:3478", "turn:203.0.113.7:3478?transport=udp", "turn:203.0.113.7:443?transport=tcp", "turns:meet.example.org:443?transport=tcp"}},
		{"an address is no proxy's", iceServers{turn: true, tcp: all("[::]:8080"), udp: all("[::]:3478"), public: public}, "192.168.1.2:8080",
			[]string{"stun:192.168.1.2:3478", "turn:192.168.1.2:3478?transport=udp", "turn:192.168.1.2:8080?transport=tcp"}},
		{"one address only", iceServers{turn: true, tcp: all("127.0.0.1:8080"), udp: all("192.168.1.2:3478")}, "localhost:8080",
			[]string{"stun:192.168.1.2:3478", "turn:192.168.1.2:3478?transport=udp", "turn:127.0.0.1:8080?transport=tcp"}},
		{"no relay", iceServers{tcp: all("[::]:8080"), udp: all("[::]:3478")}, "10.0.0.1",
			[]string{"stun:10.0.0.1:3478"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			now := time.Unix(1_800_000_000, 0)
			tt.server.secret = []byte("0123456789abcdef0123456789abcdef")
			servers, ttl := tt.server.forHost(tt.host, "p1", now)
			var got []string
			for _, s := range servers {
				got = append(got, s.URLs...)
				if s.Username == "" {
					continue
				}
				expires, user, err := auth.ParseTURNUsername(s.Username)
				if err != nil || user != "p1" || !expires.Equal(now.Add(ttl)) || s.Credential != auth.TURNPassword(tt.server.secret, s.Username) {
					t.Errorf("credentials %q %q: %v", s.Username, s.Credential, err)
				}
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("\n got %q\nwant %q", got, tt.want)
			}
		})
	}
}

type revoked map[string]time.Time

func (r revoked) Revoke(user string, until time.Time) { r[user] = until }

// The events are those that a room makes.
func TestSeatsThatLeaveLoseTheirRelay(t *testing.T) {
	got, now := revoked{}, time.Unix(1000, 0)
	observe := revokeLeft(got, func() time.Time { return now })
	state := room.New(room.Config{Node: "n", People: 10, Hold: time.Minute, HoldClosed: time.Minute, Linger: time.Minute, Timeout: time.Minute})
	for _, c := range []room.Command{
		room.Join{Seat: room.Seat{ID: "gone", Name: "Ada", Kind: protocol.KindPerson, Session: "s", Grants: auth.Participant("", "").Grants}},
		room.Join{Seat: room.Seat{ID: "held", Name: "Bob", Kind: protocol.KindPerson, Session: "t", Grants: auth.Participant("", "").Grants}},
		room.SetOnline{ID: "held"},
		room.Leave{ID: "gone"},
	} {
		events, err := room.Decide(state, c, now)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			state.Evolve(e)
			observe("room", nil, e)
		}
	}
	revokeGone(got, func() time.Time { return now })("viewer")
	if !got["viewer"].Equal(now.Add(turnLifetime)) {
		t.Errorf("revoked %v, want the viewer that is gone", got)
	}
	delete(got, "viewer")
	if len(got) != 1 || !got["gone"].Equal(now.Add(turnLifetime)) {
		t.Errorf("revoked %v, want gone for as long as its credentials last", got)
	}
}
