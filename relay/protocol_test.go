package relay

import (
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/confab/confab/auth"
	"github.com/confab/confab/relay/policy"
	"github.com/pion/stun/v3"
)

func attribute(typ stun.AttrType, v ...byte) stun.Setter {
	return stun.RawAttribute{Type: typ, Length: uint16(len(v)), Value: v}
}

var (
	requestTCP = attribute(stun.AttrRequestedTransport, protocolTCP, 0, 0, 0)
	wantIPv6   = attribute(stun.AttrRequestedAddressFamily, familyIPv6, 0, 0, 0)
)

func relayedOf(t *testing.T, m *stun.Message) netip.AddrPort {
	t.Helper()
	var relayed stun.XORMappedAddress
	must(t, relayed.GetFromAs(m, stun.AttrXORRelayedAddress))
	addr, _ := netip.AddrFromSlice(relayed.IP)
	return netip.AddrPortFrom(addr.Unmap(), uint16(relayed.Port))
}

// An IPv6 relayed address carries IPv6, and nothing else (RFC 8656 §7.2, §9.2).
func TestIPv6RelayedAddress(t *testing.T) {
	sink, err := net.ListenPacket("udp6", "[::1]:0")
	if err != nil {
		t.Skip("no IPv6 here")
	}
	defer sink.Close()
	l := newLab(t, func(o *Options) {
		o.PublicIPs = append(o.PublicIPs, netip.IPv6Loopback())
		o.AllowPeers = []policy.Range{{Prefix: netip.MustParsePrefix("::1/128")}}
	})
	for _, network := range []string{"udp", "tcp"} {
		r := l.raw(network).alice()
		relayed := relayedOf(t, r.want(0, stun.MethodAllocate, requestUDP, wantIPv6))
		if relayed.Addr() != netip.IPv6Loopback() {
			t.Fatalf("relayed address %s", relayed)
		}
		r.want(stun.CodePeerAddrFamilyMismatch, stun.MethodCreatePermission, peer("1.1.1.1:1"))
		r.want(stun.CodePeerAddrFamilyMismatch, stun.MethodRefresh, attribute(stun.AttrRequestedAddressFamily, familyIPv4, 0, 0, 0))
		at := addrPort(sink.LocalAddr())
		r.want(0, stun.MethodChannelBind, xorPeer(at), channelNumber(0x4000))
		r.write(channelData(0x4000, "over IPv6"))
		b := make([]byte, 100)
		must(t, sink.SetReadDeadline(time.Now().Add(3*time.Second)))
		n, from, err := sink.ReadFrom(b)
		must(t, err)
		if string(b[:n]) != "over IPv6" || addrPort(from) != relayed {
			t.Errorf("%q from %s, want it from %s", b[:n], from, relayed)
		}
		_, err = sink.WriteTo([]byte("and back"), from)
		must(t, err)
		if b, err := r.read(3 * time.Second); err != nil || string(b[4:12]) != "and back" {
			t.Errorf("%q, %v", b, err)
		}
		r.want(0, stun.MethodRefresh, lifetime(0), wantIPv6)
	}
}

// Two families at once is more than there is: the client gets IPv4 and hears why there is no IPv6.
func TestAdditionalAddressFamily(t *testing.T) {
	l := newLab(t, nil)
	r := l.raw("udp").alice()
	m := r.want(0, stun.MethodAllocate, requestUDP, attribute(attrAdditionalAddressFamily, familyIPv6, 0, 0, 0))
	if v, err := m.Get(attrAddressErrorCode); err != nil || len(v) != 4 || v[0] != familyIPv6 || v[2] != 4 || v[3] != 40 {
		t.Errorf("ADDRESS-ERROR-CODE %v, %v", v, err)
	}
	r.want(0, stun.MethodRefresh, lifetime(0))
	r.want(stun.CodeBadRequest, stun.MethodAllocate, requestUDP, attribute(attrAdditionalAddressFamily, familyIPv4, 0, 0, 0))
}

func TestEvenPortAndReservation(t *testing.T) {
	l := newLab(t, nil)
	rtp, rtcp, thief := l.raw("udp").alice(), l.raw("udp").alice(), l.raw("udp").as(auth.TURNCredentials(secret, "mallory", time.Now().Add(time.Minute)))
	m := rtp.want(0, stun.MethodAllocate, requestUDP, attribute(stun.AttrEvenPort, 0x80))
	even := relayedOf(t, m)
	token, err := m.Get(stun.AttrReservationToken)
	must(t, err)
	if even.Port()%2 != 0 || len(token) != tokenSize {
		t.Fatalf("port %d, token of %d bytes", even.Port(), len(token))
	}
	redeem := attribute(stun.AttrReservationToken, token...)
	rtcp.want(stun.CodeBadRequest, stun.MethodAllocate, requestUDP, redeem, attribute(stun.AttrEvenPort, 0))
	thief.want(stun.CodeInsufficientCapacity, stun.MethodAllocate, requestUDP, redeem)
	odd := relayedOf(t, rtcp.want(0, stun.MethodAllocate, requestUDP, redeem))
	if odd.Port() != even.Port()+1 {
		t.Errorf("port %d, want the one above %d", odd.Port(), even.Port())
	}
	thief.want(stun.CodeInsufficientCapacity, stun.MethodAllocate, requestUDP, redeem)
	if m := thief.want(0, stun.MethodAllocate, requestUDP, attribute(stun.AttrEvenPort, 0)); m.Contains(stun.AttrReservationToken) {
		t.Error("a reservation that nobody asked for")
	}
}

func TestReservationExpires(t *testing.T) {
	inWorld(t, func(w *world) {
		free := w.ports.available()
		r := w.raw(time.Hour)
		r.want(0, stun.MethodAllocate, requestUDP, attribute(stun.AttrEvenPort, 0x80))
		if got := w.ports.available(); got != free-2 {
			t.Errorf("%d ports taken, want 2", free-got)
		}
		time.Sleep(reservationLifetime + time.Second)
		if got := w.ports.available(); got != free-1 {
			t.Errorf("%d ports taken after the reservation, want 1", free-got)
		}
	})
}

// A seat's end ends its allocations at once and its credentials until they expire; others are not touched.
func TestRevoke(t *testing.T) {
	inWorld(t, func(w *world) {
		r := w.raw(time.Hour)
		r.allocate()
		w.Revoke("bob", time.Now().Add(time.Hour))
		r.want(0, stun.MethodRefresh, lifetime(600))
		w.Revoke("alice", time.Now().Add(time.Hour))
		if w.Allocations() != 0 {
			t.Error("the allocation goes on")
		}
		r.want(stun.CodeUnauthorized, stun.MethodAllocate, requestUDP)
		r.want(stun.CodeUnauthorized, stun.MethodRefresh, lifetime(600))
		time.Sleep(time.Hour)
		w.raw(time.Hour).allocate() // what was handed out later is another right
	})
}

func TestRevocationsAreBounded(t *testing.T) {
	var r revocations
	now := time.Unix(1000, 0)
	for i := range maxRevocations + 10 {
		r.add(string(binary.BigEndian.AppendUint32(nil, uint32(i))), now.Add(time.Hour+time.Duration(i)), now)
	}
	if len(r.until) > maxRevocations {
		t.Errorf("%d remembered", len(r.until))
	}
	r.add("x", now.Add(time.Minute), now)
	if !r.has("x", now) || r.has("x", now.Add(time.Minute)) {
		t.Error("a revocation holds until its time, and no longer")
	}
}

// A nonce is good for the address it was given to, for an hour.
func TestNonceIsBoundToTheAddress(t *testing.T) {
	n, now := newNonces(), time.Unix(1_000_000, 0)
	alice, bob := netip.MustParseAddr("9.9.9.9"), netip.MustParseAddr("9.9.9.8")
	nonce := n.mint(alice, now)
	for _, tt := range []struct {
		name  string
		nonce []byte
		from  netip.Addr
		at    time.Duration
		want  bool
	}{
		{"its own", nonce, alice, 0, true},
		{"mapped", nonce, netip.MustParseAddr("::ffff:9.9.9.9"), 0, true},
		{"after an hour", nonce, alice, time.Hour, true},
		{"later", nonce, alice, time.Hour + time.Second, false},
		{"another address", nonce, bob, 0, false},
		{"from the future", nonce, alice, -time.Minute, false},
		{"another server's", newNonces().mint(alice, now), alice, 0, false},
		{"cut", nonce[:len(nonce)-1], alice, 0, false},
		{"none", nil, alice, 0, false},
	} {
		if got := n.valid(tt.nonce, tt.from, now.Add(tt.at)); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}

func TestNonceOfAnotherAddressIsStale(t *testing.T) {
	l := newLab(t, nil)
	r := l.raw("udp").alice()
	r.nonce = l.nonces.mint(netip.MustParseAddr("9.9.9.9"), time.Now())
	m := r.want(stun.CodeStaleNonce, stun.MethodAllocate, requestUDP)
	must(t, r.nonce.GetFrom(m))
	r.want(0, stun.MethodAllocate, requestUDP)
}

func TestUsersFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "users")
	write := func(names ...string) {
		content := "# people\n\n"
		for _, name := range names {
			line, err := UserLine(name, "confab", "pw-"+name)
			must(t, err)
			content += line + "\n"
		}
		must(t, os.WriteFile(path, []byte(content), 0o600))
	}
	write("ada")
	users, err := ReadUsers(path, nil)
	must(t, err)
	l := newLab(t, func(o *Options) { o.Secrets, o.Users = nil, users })
	ada := l.raw("udp").as("ada", "pw-ada")
	ada.allocate()
	l.raw("udp").as("ada", "pw-grace").want(stun.CodeUnauthorized, stun.MethodAllocate, requestUDP)
	write("ada", "grace")
	users.mu.Lock()
	users.looked = time.Time{}
	users.mu.Unlock()
	l.raw("udp").as("grace", "pw-grace").allocate()
	must(t, os.WriteFile(path, []byte("ada:broken\nand more of it, so that the size differs"), 0o600))
	users.mu.Lock()
	users.looked = time.Time{}
	users.mu.Unlock()
	ada.want(0, stun.MethodRefresh, lifetime(600)) // a broken file changes nothing
	if users.Len() != 2 {
		t.Errorf("%d users", users.Len())
	}
}

func FuzzParseUsers(f *testing.F) {
	f.Add([]byte("ada:0123456789abcdef0123456789abcdef\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		keys, err := parseUsers(b)
		for name, key := range keys {
			if err == nil && (name == "" || len(key) != 16) {
				t.Errorf("%q: a key of %d bytes", name, len(key))
			}
		}
	})
}

// Reload changes what is allowed, and drops no allocation.
func TestReload(t *testing.T) {
	l := newLab(t, func(o *Options) { o.AllowPeers = []policy.Range{{Prefix: netip.MustParsePrefix("127.0.0.1/32")}} })
	sink, err := net.ListenPacket("udp4", "127.0.0.1:0")
	must(t, err)
	defer sink.Close()
	r := l.raw("udp").alice()
	before := r.allocate()
	r.want(0, stun.MethodChannelBind, xorPeer(addrPort(sink.LocalAddr())), channelNumber(0x4000))
	o := l.o
	o.Secrets, o.AllowPeers, o.PublicIPs = [][]byte{[]byte("another"), secret}, nil, []netip.Addr{netip.MustParseAddr("127.0.0.2"), loopback}
	must(t, l.Reload(o))
	r.want(0, stun.MethodRefresh, lifetime(600))
	r.write(channelData(0x4000, "no more"))
	silent(t, sink)
	next := l.raw("udp").as(auth.TURNCredentials([]byte("another"), "bob", time.Now().Add(time.Minute)))
	after := next.allocate()
	if after.Addr() != o.PublicIPs[0] {
		t.Errorf("relayed address %s after the public address changed", after)
	}
	next.want(0, stun.MethodChannelBind, xorPeer(before), channelNumber(0x4000)) // the old one lives, and is a peer
	o.Secrets = nil
	if l.Reload(o) == nil {
		t.Error("no credentials were accepted")
	}
	r.want(0, stun.MethodRefresh, lifetime(600))
}

func TestMaxAge(t *testing.T) {
	inWorld(t, func(w *world) {
		o := w.o
		o.MaxAge = 30 * time.Minute
		must(t, w.Reload(o))
		r := w.raw(time.Hour)
		r.allocate()
		for range 3 {
			time.Sleep(9 * time.Minute)
			r.want(0, stun.MethodRefresh, lifetime(600))
		}
		if w.Allocations() != 1 {
			t.Fatal("the allocation ended before its age")
		}
		time.Sleep(4 * time.Minute)
		if w.Allocations() != 0 {
			t.Error("the allocation outlived its age")
		}
	})
}

// What a user sends above its rate is dropped, over all its allocations; Reload changes the rate of allocations that live.
func TestBandwidth(t *testing.T) {
	inWorld(t, func(w *world) {
		clients := []*raw{w.raw(time.Hour), w.raw(time.Hour)}
		for _, r := range clients {
			r.allocate()
			r.want(0, stun.MethodChannelBind, peer(peerAt), channelNumber(0x4000))
		}
		data := string(make([]byte, 1000))
		minute := func() (passed int) { // at 20 kB/s
			for range 60 * 10 {
				for _, r := range clients {
					r.write(channelData(0x4000, data))
				}
				time.Sleep(100 * time.Millisecond)
				for {
					must(t, w.peer.SetReadDeadline(time.Now().Add(time.Millisecond)))
					n, _, err := w.peer.ReadFrom(make([]byte, 2000))
					if err != nil {
						break
					}
					passed += n
				}
			}
			return passed
		}
		const all, burst = 60 * 20_000, 1 << 16
		for _, tt := range []struct {
			limit policy.Bandwidth
			want  int
		}{
			{policy.Bandwidth{}, all},
			{policy.Bandwidth{PerUser: 80_000}, 600_000},
			{policy.Bandwidth{PerUser: 40_000}, 300_000},
			{policy.Bandwidth{PerAllocation: 40_000}, 600_000},
			{policy.Bandwidth{PerAddress: 80_000}, 600_000},
			{policy.Bandwidth{Total: 40_000, PerUser: 80_000}, 300_000},
			{policy.Bandwidth{}, all},
		} {
			o := w.o
			o.Bandwidth = tt.limit
			must(t, w.Reload(o))
			for _, r := range clients {
				r.want(0, stun.MethodChannelBind, peer(peerAt), channelNumber(0x4000))
				r.want(0, stun.MethodRefresh, lifetime(600))
			}
			if passed := minute(); passed < tt.want-10_000 || passed > tt.want+2*burst+10_000 {
				t.Errorf("%+v: %d bytes in a minute, want %d", tt.limit, passed, tt.want)
			}
		}
	})
}

// Each of RFC 6062's ways: to a peer, from a peer, and what is refused.
func TestTCPAllocation(t *testing.T) {
	l := newLab(t, func(o *Options) { o.AllowPeers = []policy.Range{{Prefix: netip.MustParsePrefix("127.0.0.1/32")}} })
	echo, err := net.Listen("tcp4", "127.0.0.1:0")
	must(t, err)
	defer echo.Close()
	go func() {
		for {
			c, err := echo.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(c, c); _ = c.Close() }()
		}
	}()
	l.raw("udp").alice().want(stun.CodeBadRequest, stun.MethodAllocate, requestTCP)
	username, password := l.credentials("alice") // ConnectionBind wants those of the Allocate
	control := l.raw("tcp").as(username, password)
	relayed := relayedOf(t, control.want(0, stun.MethodAllocate, requestTCP))
	control.want(stun.CodeAllocMismatch, stun.MethodAllocate, requestTCP)
	control.want(stun.CodeBadRequest, stun.MethodChannelBind, peer("1.1.1.1:1"), channelNumber(0x4000))
	control.want(stun.CodeForbidden, stun.MethodConnect, peer("10.0.0.1:80"))
	control.want(stun.CodeConnTimeoutOrFailure, stun.MethodConnect, peer("127.0.0.1:1"))
	at := xorPeer(addrPort(echo.Addr()))
	id, err := control.want(0, stun.MethodConnect, at).Get(stun.AttrConnectionID)
	must(t, err)
	control.want(stun.CodeConnAlreadyExists, stun.MethodConnect, at)

	l.raw("tcp").as(auth.TURNCredentials(secret, "mallory", time.Now().Add(time.Minute))).
		want(stun.CodeBadRequest, stun.MethodConnectionBind, attribute(stun.AttrConnectionID, id...))
	data := l.raw("tcp").as(username, password)
	data.want(0, stun.MethodConnectionBind, attribute(stun.AttrConnectionID, id...))
	talk := func(to, from net.Conn, text string) {
		t.Helper()
		_, err := to.Write([]byte(text))
		must(t, err)
		must(t, from.SetReadDeadline(time.Now().Add(3*time.Second)))
		b := make([]byte, len(text))
		if _, err := io.ReadFull(from, b); err != nil || string(b) != text {
			t.Fatalf("%q, %v", b, err)
		}
	}
	talk(data.conn, data.conn, "an echo of bytes that are no frame")

	// A peer without a permission is closed; with one, the client is told.
	stranger, err := net.Dial("tcp4", relayed.String())
	must(t, err)
	must(t, stranger.SetReadDeadline(time.Now().Add(3*time.Second)))
	if _, err := stranger.Read(make([]byte, 1)); err == nil {
		t.Error("a peer without a permission was served")
	}
	_ = stranger.Close()
	control.want(0, stun.MethodCreatePermission, peer("127.0.0.1:0"))
	friend, err := net.Dial("tcp4", relayed.String())
	must(t, err)
	defer friend.Close()
	attempt := control.answer()
	if attempt.Type != stun.NewType(stun.MethodConnectionAttempt, stun.ClassIndication) {
		t.Fatalf("%s", attempt.Type)
	}
	id, err = attempt.Get(stun.AttrConnectionID)
	must(t, err)
	second := l.raw("tcp").as(username, password)
	second.want(0, stun.MethodConnectionBind, attribute(stun.AttrConnectionID, id...))
	talk(second.conn, friend, "hello, friend")
	talk(friend, second.conn, "hello")

	free := l.ports.available()
	control.want(0, stun.MethodRefresh, lifetime(0))
	eventually(t, "the port is back", func() bool { return l.ports.available() == free+1 && l.Allocations() == 0 })
	must(t, friend.SetReadDeadline(time.Now().Add(3*time.Second)))
	if _, err := friend.Read(make([]byte, 1)); err == nil {
		t.Error("the connection outlived its allocation")
	}
}

// A request that is sent again because its answer was lost gets the same answer, and makes nothing twice (RFC 8489 §6.3.1).
func TestRetransmissions(t *testing.T) {
	l := newLab(t, nil)
	r := l.raw("udp").alice()
	ask := func(b []byte) *stun.Message {
		r.write(b)
		m := r.answer()
		if got := code(t, m); got != 0 {
			t.Fatalf("%s: code %d", m.Type.Method, got)
		}
		return m
	}
	request := r.build(stun.MethodAllocate, requestUDP)
	first, second := relayedOf(t, ask(request)), relayedOf(t, ask(request))
	if first != second || l.Allocations() != 1 {
		t.Errorf("relayed addresses %s and %s, %d allocations", first, second, l.Allocations())
	}
	for _, request := range [][]byte{
		r.build(stun.MethodCreatePermission, peer("1.1.1.1:1")),
		r.build(stun.MethodChannelBind, peer("1.1.1.1:1"), channelNumber(0x4000)),
		r.build(stun.MethodRefresh, lifetime(600)),
	} {
		ask(request)
		ask(request)
	}
	a := l.table.all()[0]
	a.mu.Lock()
	permissions, channels := a.forward.Permissions(), a.forward.Channels()
	a.mu.Unlock()
	if permissions != 1 || channels != 1 {
		t.Errorf("%d permissions, %d channels", permissions, channels)
	}
	end := r.build(stun.MethodRefresh, lifetime(0))
	ask(end)
	r.write(end) // there is nothing left to end: RFC 8656 §8.2 has a 437 for it
	if got := code(t, r.answer()); got != stun.CodeAllocMismatch {
		t.Errorf("code %d", got)
	}
}
