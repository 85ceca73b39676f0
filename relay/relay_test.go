package relay

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/confab/confab/auth"
	"github.com/pion/turn/v4"
)

// Two relayed clients, each over each transport: data flows both ways, in every size, by Send and Data indications first and by
// channels once pion's client has bound one.
func TestRelayToRelay(t *testing.T) {
	for _, a := range []string{"udp", "tcp", "tls"} {
		for _, b := range []string{"udp", "tls"} {
			t.Run(a+"-"+b, func(t *testing.T) {
				l := newLab(t, nil)
				alice, bob := connected(t, l.client(a), l.client(b))
				if n := l.Allocations(); n != 2 {
					t.Fatalf("allocations = %d, want 2", n)
				}
				for size := 5; size < 18; size++ { // pion's stream client waits for more after smaller frames: see TestSmallFrames
					exchange(t, bob, alice, bytes.Repeat([]byte{byte(size)}, size))
					exchange(t, alice, bob, bytes.Repeat([]byte{0xff - byte(size)}, size))
				}
				exchange(t, alice, bob, bytes.Repeat([]byte("x"), 1200))
				if l.count("relay_packets_total", "to_peer") < 26 || l.count("relay_packets_total", "to_client") < 25 {
					t.Errorf("packets counted: %v to peers, %v to clients", l.count("relay_packets_total", "to_peer"), l.count("relay_packets_total", "to_client"))
				}
			})
		}
	}
}

// connected makes two allocations with permissions for each other.
func connected(t *testing.T, a, b *turn.Client) (net.PacketConn, net.PacketConn) {
	t.Helper()
	atA, atB := allocate(t, a), allocate(t, b)
	must(t, a.CreatePermission(atB.LocalAddr()))
	must(t, b.CreatePermission(atA.LocalAddr()))
	return atA, atB
}

// exchange sends data from one relayed address to the other and checks it and its sender.
func exchange(t *testing.T, from, to net.PacketConn, data []byte) {
	t.Helper()
	_, err := from.WriteTo(data, to.LocalAddr())
	must(t, err)
	buf := make([]byte, 2000)
	must(t, to.SetReadDeadline(time.Now().Add(3*time.Second)))
	n, addr, err := to.ReadFrom(buf)
	must(t, err)
	if !bytes.Equal(buf[:n], data) || addr.String() != from.LocalAddr().String() {
		t.Fatalf("got %d bytes from %s, want %d from %s", n, addr, len(data), from.LocalAddr())
	}
}

// A client reaches the SFU's media address, and no other port of the same address: neither by sending nor by being sent to.
func TestServiceByExactPort(t *testing.T) {
	sfu, other := listen(t), listen(t)
	l := newLab(t, func(o *Options) { o.Services = []Service{{Public: addrPort(sfu.LocalAddr())}} })
	relayed := allocate(t, l.client("udp"))
	exchange(t, relayed, sfu, []byte("to the SFU"))
	exchange(t, sfu, relayed, []byte("and back"))

	_, _ = relayed.WriteTo([]byte("to its neighbour"), other.LocalAddr()) // the client may or may not see the refusal
	silent(t, other)
	_, err := other.WriteTo([]byte("from its neighbour"), relayed.LocalAddr())
	must(t, err)
	silent(t, relayed)
	if l.count("relay_dropped_packets_total", "own_address") == 0 {
		t.Error("no drop was counted")
	}
}

func listen(t *testing.T) net.PacketConn {
	t.Helper()
	c, err := net.ListenPacket("udp4", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// silent checks that nothing arrives.
func silent(t *testing.T, c net.PacketConn) {
	t.Helper()
	must(t, c.SetReadDeadline(time.Now().Add(50*time.Millisecond)))
	if n, from, err := c.ReadFrom(make([]byte, 100)); err == nil {
		t.Fatalf("got %d bytes from %s, want nothing", n, from)
	}
}

// The public address is on no interface, as behind 1:1 NAT or in a container: our own sockets are reached inside, and clients see
// public addresses only.
func TestPublicAddressElsewhere(t *testing.T) {
	sfu := listen(t)
	elsewhere := netip.MustParseAddr("9.9.9.9")
	port := addrPort(sfu.LocalAddr()).Port()
	l := newLab(t, func(o *Options) {
		o.PublicIPs = []netip.Addr{elsewhere}
		o.Services = []Service{{Public: netip.AddrPortFrom(elsewhere, port)}}
	})
	alice, bob := connected(t, l.client("udp"), l.client("tcp"))
	if got := addrPort(alice.LocalAddr()).Addr(); got != elsewhere {
		t.Fatalf("relayed address %s, want %s", got, elsewhere)
	}
	exchange(t, bob, alice, []byte("relay to relay"))
	exchange(t, alice, bob, []byte("and back"))

	face := net.UDPAddrFromAddrPort(netip.AddrPortFrom(elsewhere, port))
	_, err := alice.WriteTo([]byte("to the SFU"), face)
	must(t, err)
	buf := make([]byte, 100)
	must(t, sfu.SetReadDeadline(time.Now().Add(3*time.Second)))
	_, from, err := sfu.ReadFrom(buf)
	must(t, err)
	_, err = sfu.WriteTo([]byte("and back"), from)
	must(t, err)
	must(t, alice.SetReadDeadline(time.Now().Add(3*time.Second)))
	_, seen, err := alice.ReadFrom(buf)
	must(t, err)
	if seen.String() != face.String() {
		t.Errorf("the SFU is shown as %s, want %s", seen, face)
	}
}

func TestNewReportsBadOptions(t *testing.T) {
	good := func() Options {
		return Options{UDP: []net.PacketConn{nil}, PublicIPs: []netip.Addr{loopback}, Secrets: [][]byte{secret}}
	}
	for name, spoil := range map[string]func(*Options){
		"no listener":       func(o *Options) { o.UDP = nil },
		"no secret":         func(o *Options) { o.Secrets = nil },
		"an empty secret":   func(o *Options) { o.Secrets = [][]byte{secret, {}} },
		"a range backwards": func(o *Options) { o.RelayPorts = PortRange{Min: 2, Max: 1} },
		"a range from zero": func(o *Options) { o.RelayPorts = PortRange{Min: 0, Max: 9} },
		"an IPv6 local IP":  func(o *Options) { o.LocalIP = netip.IPv6Loopback() },
		"no interface list": func(o *Options) { o.Interfaces = func() ([]netip.Addr, error) { return nil, fmt.Errorf("no") } },
	} {
		o := good()
		spoil(&o)
		if _, err := New(o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// Draining refuses new allocations and lets the live one go on until it ends.
func TestDrain(t *testing.T) {
	l := newLab(t, nil)
	peer := listen(t)
	relayed, err := l.client("udp").Allocate()
	must(t, err)
	drained := make(chan error, 1)
	go func() { drained <- l.Drain(t.Context()) }()
	eventually(t, "draining", l.draining.Load)

	if _, err := l.client("udp").Allocate(); err == nil {
		t.Error("a new allocation while draining")
	}
	_, _ = relayed.WriteTo([]byte("still here"), peer.LocalAddr())
	select {
	case err := <-drained:
		t.Fatalf("drained with a live allocation: %v", err)
	default:
	}
	must(t, relayed.Close())
	select {
	case err := <-drained:
		must(t, err)
	case <-time.After(3 * time.Second):
		t.Error("not drained after the last allocation")
	}

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.Drain(ctx); err != nil {
		t.Errorf("nothing to wait for: %v", err)
	}
}

// Any of several secrets is good, as during a rotation.
func TestSecretRotation(t *testing.T) {
	old, fresh := []byte("old"), []byte("new")
	l := newLab(t, func(o *Options) { o.Secrets = [][]byte{fresh, old} })
	for _, s := range [][]byte{old, fresh} {
		username, password := auth.TURNCredentials(s, "bob", time.Now().Add(time.Minute))
		allocate(t, l.clientAs("udp", username, password))
	}
}
