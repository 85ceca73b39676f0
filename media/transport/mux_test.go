package transport

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/pion/stun/v4"

	"github.com/confab/confab/media/udp"
)

// One remote address is a peer's ICE candidate and a TURN client at once, as in Chromium: each datagram goes where it belongs.
func TestRelayBesideICE(t *testing.T) {
	s := newSite(t, listen(t, udp.Options{}))
	answers := make(chan []byte, 16)
	conn, setting := tap(t, func(b []byte) bool {
		if string(b) == "answer" {
			answers <- bytes.Clone(b)
			return false
		}
		return true
	}, nil)
	c := newCall(t, s, setting)
	c.connect()
	relay := s.Relay()
	me := netip.MustParseAddrPort(conn.LocalAddr().String())
	buf := make([]byte, 2048)
	for i, b := range [][]byte{
		stunMessage(t, stun.TransactionID, stun.NewType(stun.MethodAllocate, stun.ClassRequest), stun.NewUsername("1700000000:alice")),
		stunMessage(t, stun.TransactionID, stun.BindingRequest), // what is my address?
		stunMessage(t, stun.TransactionID, stun.NewType(stun.MethodSend, stun.ClassIndication)),
		{0x40, 0, 0, 4, 1, 2, 3, 4},
	} {
		if _, err := conn.PacketConn.WriteTo(b, s.addr()); err != nil {
			t.Fatal(err)
		}
		if err := relay.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		n, from, err := relay.ReadFrom(buf)
		if err != nil || !bytes.Equal(buf[:n], b) || from.(*net.UDPAddr).AddrPort() != me {
			t.Fatalf("message %d: relay read % x from %v, %v", i, buf[:n], from, err)
		}
		if _, err := relay.WriteTo([]byte("answer"), from); err != nil {
			t.Fatal(err)
		}
		receive(t, answers, "answer of the relay")
		c.exchange(i + 1)
	}
}

// The relay's part works with no ICE at all, and strangers' DTLS is its own.
func TestRelayAlone(t *testing.T) {
	s := newSite(t, listen(t, udp.Options{}))
	stranger := listen(t, udp.Options{})
	defer stranger.Close()
	hello := make16(22)
	if _, err := stranger.WriteTo(hello, s.Socket().LocalAddr()); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 100)
	n, from, err := s.Relay().ReadFrom(b)
	if err != nil || !bytes.Equal(b[:n], hello) || from.String() != stranger.LocalAddr().String() {
		t.Fatalf("read % x from %v, %v", b[:n], from, err)
	}
	if err := s.Relay().SetReadDeadline(time.Now().Add(time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Relay().ReadFrom(b); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("after the deadline: %v", err)
	}
	if err := s.Relay().SetReadDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() {
		_, _, err := s.Relay().ReadFrom(b)
		ended <- err
	}()
	s.stop()
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Errorf("after the end of the Mux: %v", err)
	}
}

// A relay that nobody reads stands in nobody's way.
func TestRelayOverflow(t *testing.T) {
	m := NewMux(listen(t, udp.Options{}), MuxOptions{})
	defer m.Socket().Close()
	buf := append(make([]byte, Headroom), make16(64)...)
	for range relayQueue + 10 {
		m.dispatch(buf, 16, netip.MustParseAddrPort("192.0.2.1:9"), netip.Addr{})
	}
	if got := m.Stats().RelayOverflow; got != 10 {
		t.Errorf("%d dropped, want 10", got)
	}
	m.relay.in.close()
}

// Noise from strangers and from the peer's own address harms no call.
func TestHostileDatagrams(t *testing.T) {
	s := newSite(t, listen(t, udp.Options{}))
	conn, setting := tap(t, nil, nil)
	c := newCall(t, s, setting)
	c.connect()
	stranger := listen(t, udp.Options{})
	defer stranger.Close()
	random := rand.NewChaCha8([32]byte{1})
	r := rand.New(random)
	forged := uint64(0)
	for i := range 400 {
		b := make([]byte, []int{0, 1, 2, 12, 13, 20, 40, 200, 1500, 4000, 60000}[r.IntN(11)])
		_, _ = random.Read(b)
		switch {
		case len(b) == 0:
		case i%4 == 0:
			b[0] = 0x80 // looks like RTP or RTCP
		case i%4 == 1 && len(b) >= 20: // looks like STUN
			binary.BigEndian.PutUint16(b, 1)
			binary.BigEndian.PutUint16(b[2:], uint16(len(b)-20))
			binary.BigEndian.PutUint32(b[4:], stunCookie)
		case i%4 == 2:
			b[0] = 22 // looks like DTLS
		}
		if k := classify(b); len(b) <= maxDatagram && (k == kindRTP || k == kindRTCP) {
			forged++
		}
		if _, err := conn.PacketConn.WriteTo(b, s.addr()); err != nil {
			t.Fatal(err)
		}
		if _, err := stranger.WriteTo(b, s.Socket().LocalAddr()); err != nil {
			t.Fatal(err)
		}
		if i%50 == 0 {
			c.exchange(i + 1)
		}
	}
	c.exchange(1000)
	st := c.server.Stats()
	if st.Forged+st.Replayed != forged {
		t.Errorf("%d forged packets counted of %d: %+v", st.Forged+st.Replayed, forged, st)
	}
	if m := s.Stats(); m.Strangers < forged || m.Malformed == 0 {
		t.Errorf("stats = %+v", m)
	}
	if s.Socket().Stats().Truncated == 0 {
		t.Error("no datagram was too long")
	}
}

// A replayed packet is delivered once.
func TestReplay(t *testing.T) {
	s := newSite(t, listen(t, udp.Options{}))
	seen := make(chan []byte, 4096)
	conn, setting := tap(t, nil, func(b []byte) bool {
		if k := classify(b); k == kindRTP || k == kindRTCP {
			seen <- bytes.Clone(b)
		}
		return true
	})
	c := newCall(t, s, setting)
	c.connect()
	c.exchange(1)
	n := uint64(0)
	for len(seen) > 0 {
		n++
		if _, err := conn.PacketConn.WriteTo(<-seen, s.addr()); err != nil {
			t.Fatal(err)
		}
	}
	c.exchange(2)
	if st := c.server.Stats(); st.Replayed != n || st.Forged != 0 {
		t.Errorf("%d replayed: %+v", n, st)
	}
	if len(c.inbox.rtp) != 0 {
		t.Errorf("%d packets delivered twice", len(c.inbox.rtp))
	}
}

// A closed Transport leaves nothing behind, and its address is free for the next.
func TestCloseAndReuse(t *testing.T) {
	s := newSite(t, listen(t, udp.Options{}))
	_, setting := tap(t, nil, nil)
	c := newCall(t, s, setting)
	c.connect()
	if err := c.server.Close(); err != nil {
		t.Fatal(err)
	}
	c.waitState(StateClosed)
	if err := c.server.WriteRTP(c.tx, make([]byte, 12), nil); !errors.Is(err, ErrNotReady) {
		t.Errorf("WriteRTP after Close: %v", err)
	}
	x := &s.table
	x.mu.Lock()
	if len(x.agents) != 0 || len(x.owned) != 0 {
		t.Errorf("left behind: %d agents, %d addresses", len(x.agents), len(x.owned))
	}
	x.mu.Unlock()
	second := newCall(t, s, setting)
	second.connect()
	second.exchange(1)
}

// Who names or forges a living peer's address does not get it; an address that has gone silent changes hands.
func TestTakeover(t *testing.T) {
	m := NewMux(listen(t, udp.Options{}), MuxOptions{})
	defer m.Socket().Close()
	alice, bob := &Transport{mux: m}, &Transport{mux: m}
	at := netip.MustParseAddrPort("192.0.2.1:4000")
	m.claim(alice, at)
	m.claim(bob, at)
	if m.owner(at) != alice || m.Stats().Refused != 1 {
		t.Fatal("bob took alice's address")
	}
	m.table.owned[at].heard = time.Now().Add(-takeoverAfter)
	epoch := m.table.epoch.Load()
	m.claim(bob, at)
	if m.table.owner(at) != bob || m.table.epoch.Load() == epoch || len(alice.owned) != 0 {
		t.Fatal("the silent address did not change hands")
	}
	for i := range 2 * maxAddresses {
		m.claim(bob, netip.AddrPortFrom(at.Addr(), uint16(5000+i)))
	}
	if len(bob.owned) != maxAddresses || len(m.table.owned) != maxAddresses {
		t.Errorf("bob owns %d addresses", len(bob.owned))
	}
	m.table.release(bob)
	m.claim(bob, at)
	if len(m.table.owned) != 0 {
		t.Error("a closed transport owns addresses")
	}
}

// Checks that are never answered take bounded room, and responses find their way wherever they come from.
func TestChecks(t *testing.T) {
	m := NewMux(listen(t, udp.Options{}), MuxOptions{})
	defer m.Socket().Close()
	c := &iceConn{mux: m, t: &Transport{mux: m}}
	id := func(i int) (x transactionID) {
		binary.BigEndian.PutUint64(x[:], uint64(i))
		return x
	}
	for i := range 3*maxChecks + 5 {
		m.expect(id(i), c)
	}
	if n := len(m.table.checks) + len(m.table.old); n > 2*maxChecks {
		t.Errorf("%d checks are kept", n)
	}
	last := id(3*maxChecks + 4)
	if m.table.answered(last, netip.AddrPort{}) != c || m.table.answered(last, netip.AddrPort{}) != nil {
		t.Error("the response is not answered exactly once")
	}
	if m.table.answered(id(0), netip.AddrPort{}) != nil {
		t.Error("the oldest check is still there")
	}
}
