package relay

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/confab/confab/auth"
	"github.com/confab/confab/relay/forward"
	"github.com/confab/confab/relay/policy"
	"github.com/pion/stun/v3"
)

// Addresses of each denied kind, as IPv4 and in the notations of IPv6. package policy tests the ranges one by one.
var forbidden = []string{
	"127.0.0.1:80", "10.0.0.1:80", "172.16.0.1:80", "192.168.1.1:80", "169.254.169.254:80", "100.64.0.1:80", "224.0.0.1:80",
	"255.255.255.255:80", "0.0.0.0:80", "192.0.2.1:80", "198.18.0.1:80",
	"[::ffff:127.0.0.1]:80", "[::ffff:10.0.0.1]:80", "[::7f00:1]:80", "[::a9fe:a9fe]:80", "[2002:7f00:1::1]:80", "[2002:a9fe:a9fe::]:80",
	"[2001:0:7f00:1::]:80", "[2001::80ff:fffe]:80", "[64:ff9b::7f00:1]:80", "[64:ff9b::10.0.0.1]:80", "[64:ff9b:1::1]:80", "[::]:80", "[::1]:80", "[fe80::1]:80",
	"[fc00::1]:80", "[ff02::1]:80", "[2001:db8::1]:80", "[fd00:ec2::254]:80",
	"9.9.9.9:80", "[::ffff:9.9.9.9]:80", "[2002:909:909::1]:80", // the server's own
}

func TestForbiddenPeers(t *testing.T) {
	l := newLab(t, func(o *Options) { // an own address besides that of the relay
		o.PublicIPs = []netip.Addr{netip.MustParseAddr("8.8.4.4"), netip.MustParseAddr("9.9.9.9")}
	})
	r := l.raw("udp").alice()
	r.allocate()
	for i, addr := range forbidden {
		r.want(stun.CodeForbidden, stun.MethodCreatePermission, peer(addr))
		r.want(stun.CodeForbidden, stun.MethodCreatePermission, peer("1.1.1.1:53"), peer(addr)) // whole or not at all
		r.want(stun.CodeForbidden, stun.MethodChannelBind, peer(addr), channelNumber(0x4000+i))
		// A Send indication passes pion only with a permission; the relayed socket has the last word.
		if ap := netip.MustParseAddrPort(addr); ap.Addr().Is4() {
			if _, reason := l.route(ap); reason == policy.Allowed {
				t.Errorf("%s would be sent to", addr)
			}
			if _, reason := l.origin(ap); reason == policy.Allowed {
				t.Errorf("%s would be heard from", addr)
			}
		}
	}
	a := l.table.all()[0]
	a.mu.Lock()
	n := a.forward.Permissions()
	a.mu.Unlock()
	if n != 0 {
		t.Errorf("%d permissions after refusals, want none", n)
	}
	r.want(stun.CodePeerAddrFamilyMismatch, stun.MethodCreatePermission, peer("[2606:4700::1111]:53"))
	r.want(stun.CodePeerAddrFamilyMismatch, stun.MethodCreatePermission, peer("[::ffff:1.1.1.1]:53"))
	r.want(0, stun.MethodCreatePermission, peer("1.1.1.1:53"), peer("1.0.0.1:53"))
	r.want(0, stun.MethodChannelBind, peer("1.1.1.1:53"), channelNumber(0x4000))
	if l.count("relay_refusals_total", "link_local") == 0 || l.count("relay_refusals_total", "own_address") == 0 {
		t.Error("refusals were not counted by reason")
	}
}

// The server's own relayed address is a peer while it is alive, at its exact port.
func TestOwnRelayedAddressOnly(t *testing.T) {
	l := newLab(t, nil)
	alice, bob := l.raw("udp").alice(), l.raw("tcp").alice()
	_, at := alice.allocate(), bob.allocate()
	dead := at.Port() + 1
	for l.table.live(dead) {
		dead++
	}
	alice.want(0, stun.MethodChannelBind, xorPeer(at), channelNumber(0x4001))
	alice.want(stun.CodeForbidden, stun.MethodChannelBind, xorPeer(netip.AddrPortFrom(at.Addr(), dead)), channelNumber(0x4002))
	alice.want(stun.CodeForbidden, stun.MethodChannelBind, peer("127.0.0.1:22"), channelNumber(0x4002))

	bob.want(0, stun.MethodRefresh, lifetime(0))
	eventually(t, "bob's address is free", func() bool { return !l.table.live(at.Port()) })
	before := l.count("relay_packets_total", "to_peer")
	squatter, err := net.ListenPacket("udp4", at.String()) // someone else's service where bob was
	must(t, err)
	defer squatter.Close()
	alice.write(channelData(0x4001, "who is there?"))
	silent(t, squatter)
	if l.count("relay_packets_total", "to_peer") != before {
		t.Error("sent to an address that is no relayed one any more")
	}
}

func TestCredentials(t *testing.T) {
	l := newLab(t, nil)
	in := func(d time.Duration) (string, string) {
		return auth.TURNCredentials(secret, "alice", time.Now().Add(d))
	}
	for name, creds := range map[string]func() (string, string){
		"wrong password": func() (string, string) { u, _ := in(time.Minute); return u, "guess" },
		"wrong secret":   func() (string, string) { return auth.TURNCredentials([]byte("x"), "alice", time.Now().Add(time.Hour)) },
		"expired":        func() (string, string) { return in(-time.Second) },
		"expiry moved":   func() (string, string) { u, p := in(-time.Second); return "9" + u, p },
		"user changed":   func() (string, string) { u, p := in(time.Minute); return u + "2", p },
		"no expiry":      func() (string, string) { return "alice", auth.TURNPassword(secret, "alice") },
		"no user":        func() (string, string) { return "", auth.TURNPassword(secret, "") },
		"expiry in another spelling": func() (string, string) {
			u, _ := in(time.Minute)
			return "+" + u, auth.TURNPassword(secret, "+"+u)
		},
	} {
		t.Run(name, func(t *testing.T) {
			u, p := creds()
			if u == "" {
				u = ":"
			}
			m := l.raw("udp").as(u, p).want(stun.CodeUnauthorized, stun.MethodAllocate, requestUDP)
			if !m.Contains(stun.AttrRealm) || !m.Contains(stun.AttrNonce) {
				t.Error("the 401 lacks realm or nonce (RFC 8489 §9.2.4)")
			}
		})
	}
	if l.Allocations() != 0 {
		t.Errorf("%d allocations", l.Allocations())
	}
	if l.count("relay_auth_failures_total", "expired") == 0 || l.count("relay_auth_failures_total", "wrong_credentials") == 0 {
		t.Error("failures were not counted")
	}
}

// What pion leaves unanswered or answers with something else than asked for.
func TestRefusalsHaveTheirCodes(t *testing.T) {
	l := newLab(t, nil)
	attr := func(typ stun.AttrType, v ...byte) stun.Setter {
		return stun.RawAttribute{Type: typ, Length: uint16(len(v)), Value: v}
	}
	r := l.raw("udp").alice()
	r.want(stun.CodeAllocMismatch, stun.MethodRefresh, lifetime(600))
	r.want(stun.CodeAllocMismatch, stun.MethodCreatePermission, peer("1.1.1.1:1"))
	r.want(stun.CodeAllocMismatch, stun.MethodChannelBind, peer("1.1.1.1:1"), channelNumber(0x4000))
	r.want(stun.CodeUnsupportedTransProto, stun.MethodAllocate, attr(stun.AttrRequestedTransport, 132, 0, 0, 0))
	r.want(stun.CodeBadRequest, stun.MethodAllocate, attr(stun.AttrRequestedTransport, 6, 0, 0, 0)) // RFC 6062 §5.1: over UDP
	r.want(stun.CodeAddrFamilyNotSupported, stun.MethodAllocate, requestUDP, attr(stun.AttrRequestedAddressFamily, 2, 0, 0, 0))
	r.want(stun.CodeInsufficientCapacity, stun.MethodAllocate, requestUDP, attr(stun.AttrReservationToken, 1, 2, 3, 4, 5, 6, 7, 8))
	r.want(stun.CodeUnknownAttribute, stun.MethodAllocate, requestUDP, attr(stun.AttrDontFragment))
	r.want(stun.CodeBadRequest, stun.MethodAllocate)
	m := r.want(stun.CodeUnknownAttribute, stun.MethodAllocate, requestUDP, attr(0x7abc, 1, 2, 3, 4), attr(0xfabc, 1, 2, 3, 4))
	var unknown stun.UnknownAttributes
	must(t, unknown.GetFrom(m))
	if len(unknown) != 1 || unknown[0] != 0x7abc {
		t.Errorf("unknown attributes %v, want 0x7abc", unknown)
	}
	must(t, r.key.Check(m)) // an answer to an authentic request is signed

	r.allocate()
	r.want(stun.CodeAllocMismatch, stun.MethodAllocate, requestUDP)
	r.want(stun.CodeBadRequest, stun.MethodCreatePermission)
	for _, number := range []channelNumber{0, 0x3fff, 0x5000, 0x7fff, 0xffff} {
		r.want(stun.CodeBadRequest, stun.MethodChannelBind, peer("1.1.1.1:1"), number)
	}
	r.want(0, stun.MethodChannelBind, peer("1.1.1.1:1"), channelNumber(0x4000))
	r.want(stun.CodeBadRequest, stun.MethodChannelBind, peer("1.1.1.1:2"), channelNumber(0x4000)) // bound to another peer
	r.want(stun.CodeBadRequest, stun.MethodChannelBind, peer("1.1.1.1:1"), channelNumber(0x4001)) // bound to another number
	r.want(stun.CodePeerAddrFamilyMismatch, stun.MethodRefresh, attr(stun.AttrRequestedAddressFamily, 2, 0, 0, 0))

	mallory := *r
	mallory.username, _ = auth.TURNCredentials(secret, "mallory", time.Now().Add(time.Minute))
	mallory.key = stun.NewLongTermIntegrity(mallory.username, "confab", auth.TURNPassword(secret, mallory.username))
	mallory.want(stun.CodeWrongCredentials, stun.MethodRefresh, lifetime(0))
	if l.Allocations() != 1 {
		t.Error("another user ended the allocation")
	}
}

func TestFloodsAreBounded(t *testing.T) {
	l := newLab(t, func(o *Options) { o.RequestRate, o.RequestBurst = 1e-3, 20 })
	r := l.raw("udp").alice()
	r.allocate()
	for i := range forward.MaxPermissions {
		r.want(0, stun.MethodCreatePermission, peer(fmt.Sprintf("1.1.%d.%d:1", i/256, i%256)))
	}
	r.want(stun.CodeInsufficientCapacity, stun.MethodCreatePermission, peer("1.2.0.0:1"))
	r.want(stun.CodeInsufficientCapacity, stun.MethodChannelBind, peer("1.2.0.0:1"), channelNumber(0x4000))

	answered := 0
	stranger := l.raw("udp")
	for range 30 {
		stranger.write(stranger.build(stun.MethodBinding))
		if _, err := stranger.read(60 * time.Millisecond); err == nil {
			answered++
		}
	}
	if answered == 0 || answered > 20 {
		t.Errorf("%d of 30 requests without credentials answered, want at most the burst of 20", answered)
	}
}

// Guessing costs ten times as much as asking.
func TestGuessingIsSlowed(t *testing.T) {
	l := newLab(t, func(o *Options) { o.RequestRate, o.RequestBurst = 1e-3, 40 })
	username, _ := auth.TURNCredentials(secret, "alice", time.Now().Add(time.Minute))
	r := l.raw("udp").as(username, "guess")
	answered := 0
	for range 10 {
		r.write(r.build(stun.MethodAllocate, requestUDP))
		if _, err := r.read(60 * time.Millisecond); err == nil {
			answered++
		}
	}
	if answered == 0 || answered > 4 {
		t.Errorf("%d of 10 guesses answered, want 4", answered)
	}
}

// Never more bytes than came, beyond the challenge that RFC 8656 §7.2 needs.
func TestAmplification(t *testing.T) {
	l := newLab(t, nil)
	r := l.raw("udp")
	for _, tt := range []struct {
		name    string
		request []byte
		most    float64
	}{
		{"Allocate", r.build(stun.MethodAllocate, requestUDP), 4}, // the nonce is 40 bytes, the request 28
		{"Binding", r.build(stun.MethodBinding), 2.1},
		{"Refresh", r.build(stun.MethodRefresh), 5},
		{"CreatePermission", r.build(stun.MethodCreatePermission, peer("1.1.1.1:1")), 1.7},
	} {
		r.write(tt.request)
		b, err := r.read(3 * time.Second)
		must(t, err)
		if factor := float64(len(b)) / float64(len(tt.request)); factor > tt.most {
			t.Errorf("%s: %d bytes for %d, factor %.1f", tt.name, len(b), len(tt.request), factor)
		}
	}
}

func TestBadDatagrams(t *testing.T) {
	l := newLab(t, nil)
	r := l.raw("udp")
	good := r.build(stun.MethodBinding)
	with := func(change func(b []byte) []byte) []byte { return change(append([]byte{}, good...)) }
	for name, b := range map[string][]byte{
		"truncated header": good[:19],
		"wrong cookie":     with(func(b []byte) []byte { b[4] = 0; return b }),
		"length too long":  with(func(b []byte) []byte { b[3] = 4; return b }),
		"length too short": with(func(b []byte) []byte { return append(b, 0, 0, 0, 0) }),
		"length not of 4":  with(func(b []byte) []byte { b[3] = 2; return append(b, 0, 0) }),
		"attribute beyond": with(func(b []byte) []byte { b[3] = 4; return append(b, 0, 6, 0, 9) }),
		"a response":       with(func(b []byte) []byte { b[0], b[1] = 1, 1; return b }),
		"unknown method":   with(func(b []byte) []byte { b[1] = 0x0e; return b }),
		"an ICE check":     r.build(stun.MethodBinding, stun.NewUsername("a:b")),
		"channel data":     channelData(0x4000, "without an allocation"),
		"short channel":    {0x40, 0, 0, 9, 1},
		"garbage":          []byte("GET / HTTP/1.1\r\n\r\n"),
		"one byte":         {0},
		"too long":         with(func(b []byte) []byte { b[2], b[3] = 0x10, 0; return append(b, make([]byte, 0x1000)...) }),
	} {
		r.write(b)
		if b, err := r.read(30 * time.Millisecond); err == nil {
			t.Errorf("%s: an answer of %d bytes", name, len(b))
		}
	}
	r.want(0, stun.MethodBinding) // and the relay serves on
}

func TestStreamsAreClosed(t *testing.T) {
	l := newLab(t, func(o *Options) {
		o.FirstFrame, o.Stalled, o.Idle = 150*time.Millisecond, 150*time.Millisecond, 400*time.Millisecond
	})
	binding := l.raw("udp").build(stun.MethodBinding)
	for name, text := range map[string]string{
		"silent":                     "",
		"not TURN":                   "GET / HTTP/1.1\r\n",
		"neither STUN nor a channel": "\x80\x00\x00\x04abcd",
		"a wrong cookie":             "\x00\x01\x00\x00abcdefghijklmnop",
		"length 65535":               "\x00\x01\xff\xff" + strings.Repeat("x", 100),
		"length 65532, never sent":   "\x00\x01\xff\xfc" + strings.Repeat("x", 100),
		"channel length 65533":       "\x40\x00\xff\xfd" + strings.Repeat("x", 100),
		"half a message":             string(binding[:10]),
		"a message and a half":       string(binding) + string(binding[:10]),
		"idle after a message":       string(binding),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, dial := range []func() (net.Conn, error){
				func() (net.Conn, error) { return net.Dial("tcp", l.tcp) },
				func() (net.Conn, error) { return tls.Dial("tcp", l.tls, &tls.Config{InsecureSkipVerify: true}) },
			} {
				conn, err := dial()
				must(t, err)
				defer conn.Close()
				_, err = io.WriteString(conn, text)
				must(t, err)
				must(t, conn.SetReadDeadline(time.Now().Add(5*time.Second)))
				if _, err := io.Copy(io.Discard, conn); err != nil && strings.Contains(err.Error(), "timeout") {
					t.Error("still connected")
				}
			}
		})
	}
	t.Run("a slow TLS handshake", func(t *testing.T) { // the others begin when this one has ended: they are parallel
		before := l.count("relay_refusals_total", "timeout")
		conn, err := net.Dial("tcp", l.tls)
		must(t, err)
		defer conn.Close()
		_, err = io.WriteString(conn, "\x16\x03\x01")
		must(t, err)
		must(t, conn.SetReadDeadline(time.Now().Add(5*time.Second)))
		if _, err := io.Copy(io.Discard, conn); err != nil && strings.Contains(err.Error(), "timeout") {
			t.Error("still connected")
		}
		eventually(t, "the handshake is counted", func() bool { return l.count("relay_refusals_total", "timeout") > before })
	})
}

// Small frames wait for nothing, long ones are skipped, and frames may arrive in any pieces. A client with an allocation may be silent.
func TestStreamFrames(t *testing.T) {
	sink := listen(t)
	l := newLab(t, func(o *Options) {
		o.Services = []Service{{Public: addrPort(sink.LocalAddr())}}
		o.Idle, o.FirstFrame = 100*time.Millisecond, 100*time.Millisecond
	})
	r := l.raw("tcp").alice()
	r.allocate()
	time.Sleep(250 * time.Millisecond) // beyond every deadline of a client without an allocation
	r.want(0, stun.MethodChannelBind, xorPeer(addrPort(sink.LocalAddr())), channelNumber(0x4000))
	received := func(want string) net.Addr {
		t.Helper()
		b := make([]byte, 5000)
		must(t, sink.SetReadDeadline(time.Now().Add(3*time.Second)))
		n, from, err := sink.ReadFrom(b)
		must(t, err)
		if string(b[:n]) != want {
			t.Fatalf("received %q, want %q", b[:n], want)
		}
		return from
	}
	for _, text := range []string{"", "a", "ab", "abc", "abcd", "abcde"} {
		r.write(channelData(0x4000, text))
		from := received(text)
		_, err := sink.WriteTo([]byte(text), from)
		must(t, err)
		if b, err := r.read(3 * time.Second); err != nil || string(b) != string(channelData(0x4000, text)) {
			t.Fatalf("back: %x, %v", b, err)
		}
	}
	r.write(append(channelData(0x4000, strings.Repeat("x", 60000)), channelData(0x4000, "after the long one")...))
	received("after the long one")
	r.write(append(r.build(stun.MethodRefresh, lifetime(600)), channelData(0x4000, "right behind a request")...))
	received("right behind a request")
	if got := code(t, r.answer()); got != 0 {
		t.Fatalf("Refresh with data behind it: code %d", got)
	}
	for _, b := range channelData(0x4000, "in pieces") {
		r.write([]byte{b})
	}
	received("in pieces")
	_ = r.conn.Close()
	eventually(t, "the allocation ends with its connection", func() bool { return l.Allocations() == 0 })
}

func TestConnectionsPerAddress(t *testing.T) {
	l := newLab(t, func(o *Options) { o.ConnectionsPerAddress = 2 })
	first, second := l.raw("tcp"), l.raw("tcp")
	first.want(0, stun.MethodBinding)
	second.want(0, stun.MethodBinding)
	third := l.raw("tcp")
	if _, err := third.read(3 * time.Second); err == nil {
		t.Error("a third connection was served")
	}
	if n := l.count("relay_refusals_total", "connections"); n != 1 {
		t.Errorf("%v connections too many are counted, want 1", n)
	}
	_ = first.conn.Close()
	eventually(t, "room again", func() bool { return l.count("relay_connections") == 1 })
	l.raw("tcp").want(0, stun.MethodBinding)
}

// Ports run out with a 508 and come back.
func TestPortExhaustion(t *testing.T) {
	l := newLab(t, func(o *Options) { o.RelayPorts = freeRange(t, 3) })
	var held []*raw
	for range 3 {
		r := l.raw("udp").alice()
		r.allocate()
		held = append(held, r)
	}
	late := l.raw("udp").alice()
	late.want(stun.CodeInsufficientCapacity, stun.MethodAllocate, requestUDP)
	held[1].want(0, stun.MethodRefresh, lifetime(0))
	eventually(t, "a port is free", func() bool { return l.ports.available() == 1 })
	late.allocate()
	if l.count("relay_refusals_total", "no_port") != 1 {
		t.Error("the refusal was not counted")
	}
}

// freeRange finds n ports in a row that nobody has, on loopback.
func freeRange(t *testing.T, n int) PortRange {
	t.Helper()
search:
	for low := 20000; low < 60000; low += n {
		for port := low; port < low+n; port++ {
			c, err := net.ListenPacket("udp4", fmt.Sprintf("127.0.0.1:%d", port))
			if err != nil {
				continue search
			}
			must(t, c.Close())
		}
		return PortRange{uint16(low), uint16(low + n - 1)}
	}
	t.Fatal("no free ports")
	return PortRange{}
}

func TestQuotas(t *testing.T) {
	for name, quota := range map[string]policy.Quota{"user": {PerUser: 2}, "address": {PerAddress: 2}, "total": {Total: 2}} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, func(o *Options) { o.Quota = quota })
			first := l.raw("udp").alice()
			first.allocate()
			l.raw("tcp").alice().allocate()
			late := l.raw("udp").alice()
			late.want(stun.CodeAllocQuotaReached, stun.MethodAllocate, requestUDP)
			first.want(0, stun.MethodRefresh, lifetime(0))
			eventually(t, "the first has ended", func() bool { return l.Allocations() == 1 })
			late.allocate()
			if l.count("relay_refusals_total", name+"_quota") != 1 {
				t.Error("the refusal was not counted")
			}
		})
	}
}

// Where the SFU's media address is our own, a client reaches this relay through this relay. Allocations made that way would
// multiply its datagrams.
func TestNoAllocationThroughAnAllocation(t *testing.T) {
	for name, public := range map[string]netip.Addr{"on an interface": loopback, "elsewhere": netip.MustParseAddr("9.9.9.9")} {
		t.Run(name, func(t *testing.T) {
			var face netip.AddrPort
			l := newLab(t, func(o *Options) {
				o.PublicIPs = []netip.Addr{public}
				face = netip.AddrPortFrom(public, addrPort(o.UDP[0].LocalAddr()).Port())
				o.Services = []Service{{Public: face}}
			})
			outer := allocate(t, l.client("tcp"))
			username, password := auth.TURNCredentials(secret, "alice", time.Now().Add(time.Hour))
			inner := newClient(t, outer, face.String(), username, password)
			if _, err := inner.SendBindingRequest(); err != nil {
				t.Errorf("the media address is not reached: %v", err)
			}
			if _, err := inner.Allocate(); err == nil {
				t.Error("an allocation was made through an allocation")
			}
			if n := l.Allocations(); n != 1 {
				t.Errorf("%d allocations, want 1", n)
			}
			if l.count("relay_refusals_total", "relayed_client") == 0 {
				t.Error("no refusal was counted")
			}
		})
	}
}
