package relay

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/confab/confab/auth"
	"github.com/pion/stun/v3"
	"github.com/pion/transport/v5/vnet"
)

// world is a relay, clients and a peer in a network and a time of their own: hours pass in milliseconds.
type world struct {
	*Server
	t      *testing.T
	router *vnet.Router
	client *vnet.Net
	peer   net.PacketConn
	own    atomic.Pointer[[]netip.Addr] // addresses of the relay's host
}

const (
	relayIP  = "9.9.9.1"
	clientIP = "9.9.9.2"
	peerAt   = "9.9.9.3:7000"
)

// inWorld runs f in a world that is gone afterwards.
func inWorld(t *testing.T, f func(w *world)) {
	synctest.Test(t, func(t *testing.T) {
		quiet := pionLog{slog.New(slog.DiscardHandler)}
		router, err := vnet.NewRouter(&vnet.RouterConfig{CIDR: "9.9.9.0/24", LoggerFactory: quiet})
		must(t, err)
		w := &world{t: t, router: router}
		host := func(ip string) *vnet.Net {
			n, err := vnet.NewNet(&vnet.NetConfig{StaticIPs: []string{ip}})
			must(t, err)
			must(t, router.AddNet(n))
			return n
		}
		server, peerNet := host(relayIP), host("9.9.9.3")
		w.client = host(clientIP)
		must(t, router.Start())
		udp, err := server.ListenPacket("udp4", relayIP+":3478")
		must(t, err)
		w.peer, err = peerNet.ListenPacket("udp4", peerAt)
		must(t, err)
		w.own.Store(&[]netip.Addr{netip.MustParseAddr(relayIP)})
		w.Server, err = New(Options{
			UDP: []net.PacketConn{udp}, PublicIPs: []netip.Addr{netip.MustParseAddr(relayIP)}, Secrets: [][]byte{secret},
			ListenPacket: server.ListenPacket, Log: slog.New(slog.DiscardHandler),
			Interfaces: func() ([]netip.Addr, error) { return *w.own.Load(), nil },
		})
		must(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- w.Run(ctx) }()
		f(w)
		cancel()
		must(t, <-done)
		must(t, w.peer.Close())
		must(t, router.Stop())
	})
}

// raw is a client with credentials for so long.
func (w *world) raw(credentials time.Duration) *raw {
	w.t.Helper()
	conn, err := w.client.DialUDP("udp4", nil, &net.UDPAddr{IP: net.ParseIP(relayIP), Port: 3478})
	must(w.t, err)
	w.t.Cleanup(func() { _ = conn.Close() })
	r := &raw{t: w.t, conn: conn}
	return r.as(auth.TURNCredentials(secret, "alice", time.Now().Add(credentials)))
}

// reaches says whether the peer's datagrams come to the client that has the relayed address.
func (w *world) reaches(r *raw, relayed netip.AddrPort) bool {
	w.t.Helper()
	_, err := w.peer.WriteTo([]byte("hello"), net.UDPAddrFromAddrPort(relayed))
	must(w.t, err)
	_, err = r.read(time.Second)
	return err == nil
}

// hears says whether channel data of the client comes to the peer.
func (w *world) hears(r *raw) bool {
	w.t.Helper()
	r.write(channelData(0x4000, "hello"))
	must(w.t, w.peer.SetReadDeadline(time.Now().Add(time.Second)))
	_, _, err := w.peer.ReadFrom(make([]byte, 100))
	return err == nil
}

func TestAllocationExpires(t *testing.T) {
	inWorld(t, func(w *world) {
		r := w.raw(time.Hour)
		r.allocate()
		free := w.ports.available()
		time.Sleep(9*time.Minute + 50*time.Second)
		if w.Allocations() != 1 {
			t.Fatal("the allocation ended before its 10 minutes")
		}
		r.want(0, stun.MethodRefresh, lifetime(1200))
		time.Sleep(19 * time.Minute)
		if w.Allocations() != 1 {
			t.Fatal("the allocation ended before the 20 minutes of its refresh")
		}
		time.Sleep(2 * time.Minute)
		if w.Allocations() != 0 || w.ports.available() != free+1 {
			t.Errorf("%d allocations, %d ports more", w.Allocations(), w.ports.available()-free)
		}
		r.allocate() // the five-tuple is free again
	})
}

func TestPermissionExpires(t *testing.T) {
	inWorld(t, func(w *world) {
		r := w.raw(time.Hour)
		relayed := r.allocate()
		if w.reaches(r, relayed) {
			t.Error("heard a peer without a permission")
		}
		r.want(0, stun.MethodCreatePermission, peer(peerAt))
		for range 3 {
			time.Sleep(4*time.Minute + 50*time.Second)
			if !w.reaches(r, relayed) {
				t.Fatal("the permission ended before its 5 minutes")
			}
			r.want(0, stun.MethodCreatePermission, peer(peerAt))
			r.want(0, stun.MethodRefresh, lifetime(600))
		}
		time.Sleep(5*time.Minute + 10*time.Second)
		if w.reaches(r, relayed) {
			t.Error("the permission outlived its 5 minutes")
		}
	})
}

// A channel lives 10 minutes, and forwards only while the peer's permission lives (RFC 8656 §12.6).
func TestChannelExpires(t *testing.T) {
	inWorld(t, func(w *world) {
		r := w.raw(time.Hour)
		relayed := r.allocate()
		r.want(0, stun.MethodRefresh, lifetime(3000))
		r.want(0, stun.MethodChannelBind, peer(peerAt), channelNumber(0x4000))
		if !w.hears(r) || !w.reaches(r, relayed) {
			t.Fatal("a bound channel does not forward")
		}
		time.Sleep(5*time.Minute + 10*time.Second)
		if w.hears(r) || w.reaches(r, relayed) {
			t.Error("the channel forwards without a permission")
		}
		r.want(0, stun.MethodCreatePermission, peer(peerAt))
		if !w.hears(r) {
			t.Error("the channel does not forward with a new permission")
		}
		time.Sleep(4*time.Minute + 50*time.Second)
		r.want(0, stun.MethodCreatePermission, peer(peerAt))
		if w.hears(r) {
			t.Error("the channel outlived its 10 minutes")
		}
		if !w.reaches(r, relayed) {
			t.Error("without the channel there is no Data indication")
		}
	})
}

// An expired credential keeps the allocation it has made, and makes no other.
func TestExpiredCredentialKeepsItsAllocation(t *testing.T) {
	inWorld(t, func(w *world) {
		r, late := w.raw(time.Minute), w.raw(time.Minute)
		r.allocate()
		time.Sleep(2 * time.Minute)
		r.want(0, stun.MethodRefresh, lifetime(600))
		r.want(0, stun.MethodCreatePermission, peer(peerAt))
		r.want(0, stun.MethodChannelBind, peer(peerAt), channelNumber(0x4000))
		if !w.hears(r) {
			t.Error("the live allocation does not forward")
		}
		late.want(stun.CodeUnauthorized, stun.MethodAllocate, requestUDP)
		r.want(0, stun.MethodRefresh, lifetime(0))
		r.want(stun.CodeUnauthorized, stun.MethodAllocate, requestUDP)
	})
}

// A nonce goes stale after an hour; the client is told and goes on with a new one.
func TestStaleNonce(t *testing.T) {
	inWorld(t, func(w *world) {
		r := w.raw(time.Hour)
		r.allocate()
		r.want(0, stun.MethodRefresh, lifetime(3599))
		time.Sleep(59 * time.Minute)
		r.want(0, stun.MethodRefresh, lifetime(3599))
		time.Sleep(2 * time.Minute)
		stale := r.ask(stun.MethodRefresh, lifetime(3599))
		if got := code(t, stale); got != stun.CodeStaleNonce {
			t.Fatalf("code %d, want %d", got, stun.CodeStaleNonce)
		}
		must(t, r.nonce.GetFrom(stale))
		r.want(0, stun.MethodRefresh, lifetime(600))
	})
}

// Three hours of a call by an ordinary client, whose credentials were good for one.
func TestLongCall(t *testing.T) {
	inWorld(t, func(w *world) {
		conn, err := w.client.ListenPacket("udp4", clientIP+":5000")
		must(t, err)
		username, password := auth.TURNCredentials(secret, "alice", time.Now().Add(time.Hour))
		c := newClient(t, conn, relayIP+":3478", username, password)
		relayed, err := c.Allocate()
		must(t, err)
		for range 18 {
			exchange(t, relayed, w.peer, []byte("out"))
			exchange(t, w.peer, relayed, []byte("and back"))
			time.Sleep(10 * time.Minute)
		}
		must(t, relayed.Close())
		synctest.Wait()
		if w.Allocations() != 0 {
			t.Error("the allocation outlived its client")
		}
		c.Close()
		must(t, conn.Close())
	})
}

// An address that becomes the host's own stops being a peer, also of channels bound before.
func TestNewOwnAddressIsRefused(t *testing.T) {
	inWorld(t, func(w *world) {
		r := w.raw(time.Hour)
		relayed := r.allocate()
		r.want(0, stun.MethodChannelBind, peer(peerAt), channelNumber(0x4000))
		if !w.hears(r) {
			t.Fatal("a bound channel does not forward")
		}
		w.own.Store(&[]netip.Addr{netip.MustParseAddr(relayIP), netip.MustParseAddrPort(peerAt).Addr()})
		time.Sleep(interfacesEvery + time.Second)
		if w.hears(r) || w.reaches(r, relayed) {
			t.Error("an own address is still a peer")
		}
		r.want(stun.CodeForbidden, stun.MethodCreatePermission, peer(peerAt))
	})
}
