package transport

import (
	"net/netip"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/logging"
	"github.com/pion/transport/v5/vnet"
	"github.com/pion/webrtc/v4"

	"github.com/confab/confab/media/udp"
)

// lab is a virtual network with a server and one client, for virtual time.
type lab struct {
	router *vnet.Router
	client *vnet.Net
	site   *site
}

func newLab(t *testing.T, delay time.Duration) *lab {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	router, err := vnet.NewRouter(&vnet.RouterConfig{CIDR: "192.0.2.0/24", MinDelay: delay, LoggerFactory: logging.NewDefaultLoggerFactory()})
	must(err)
	server, err := vnet.NewNet(&vnet.NetConfig{StaticIPs: []string{"192.0.2.1"}})
	must(err)
	client, err := vnet.NewNet(&vnet.NetConfig{StaticIPs: []string{"192.0.2.2"}})
	must(err)
	must(router.AddNet(server))
	must(router.AddNet(client))
	must(router.Start())
	t.Cleanup(func() { must(router.Stop()) })
	pc, err := server.ListenPacket("udp4", "192.0.2.1:7882")
	must(err)
	return &lab{router: router, client: client, site: newSite(t, udp.Wrap(pc), netip.MustParseAddrPort("192.0.2.1:7882"))}
}

func (l *lab) call(t *testing.T) *call {
	return newCall(t, l.site, func(e *webrtc.SettingEngine) { e.SetNet(l.client) })
}

// A whole call in virtual time: joined within a few round trips, disconnected when the client's link is cut, and back by
// an ICE restart.
func TestCallInVirtualTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, 25*time.Millisecond)
		c := l.call(t)
		start := time.Now()
		c.negotiate(nil)
		c.waitState(StateReady)
		if took := time.Since(start); took > time.Second {
			t.Errorf("ready after %v", took)
		}
		c.warmUp()
		for i := range 10 {
			c.exchange(i + 1)
		}
		time.Sleep(time.Minute)
		if got := c.server.State(); got != StateReady {
			t.Errorf("state after an idle minute: %v", got)
		}
		c.exchange(20)

		var up atomic.Bool
		l.router.AddChunkFilter(func(vnet.Chunk) bool { return up.Load() })
		c.waitState(StateDisconnected)
		c.waitState(StateFailed)
		if err := <-c.faults; err == nil {
			t.Error("failed without a reason")
		}
		up.Store(true)
		c.negotiate(&webrtc.OfferOptions{ICERestart: true})
		c.waitState(StateReady)
		c.waitConnected()
		for i := range 5 {
			c.exchange(i + 30)
		}
	})
}

// A client that vanishes without a word ends within the time that pion gives it.
func TestPeerVanishes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, 5*time.Millisecond)
		c := l.call(t)
		c.connect()
		l.router.AddChunkFilter(func(vnet.Chunk) bool { return false })
		start := time.Now()
		c.waitState(StateFailed)
		if took := time.Since(start); took < 5*time.Second || took > 40*time.Second {
			t.Errorf("failed after %v", took)
		}
	})
}

// When the client hangs up, DTLS says so and the Transport is closed at once.
func TestPeerHangsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, 5*time.Millisecond)
		c := l.call(t)
		c.connect()
		start := time.Now()
		if err := c.client.Close(); err != nil {
			t.Fatal(err)
		}
		c.waitState(StateClosed)
		if took := time.Since(start); took > time.Second {
			t.Errorf("closed after %v", took)
		}
	})
}
