package relay

import (
	"net"
	"testing"
	"time"

	"github.com/pion/stun/v3"
)

// A relayed datagram costs no allocation, in either direction, over either data path.
func TestForwardingDoesNotAllocate(t *testing.T) {
	peerConn := listen(t).(*net.UDPConn)
	at := addrPort(peerConn.LocalAddr())
	l := newLab(t, func(o *Options) { o.Services = []Service{{Public: at}} })
	r := l.raw("udp").alice()
	relayed := r.allocate()
	r.want(0, stun.MethodChannelBind, peer(at.String()), channelNumber(0x4000))
	frame, buf := channelData(0x4000, "some data"), make([]byte, 100)
	must(t, peerConn.SetReadDeadline(time.Now().Add(10*time.Second)))
	must(t, r.conn.SetReadDeadline(time.Now().Add(10*time.Second)))
	n := testing.AllocsPerRun(500, func() {
		if _, err := r.conn.Write(frame); err != nil {
			t.Fatal(err)
		}
		if n, _, err := peerConn.ReadFromUDPAddrPort(buf); err != nil || n != 9 {
			t.Fatal(n, err)
		}
		if _, err := peerConn.WriteToUDPAddrPort(buf[:9], relayed); err != nil {
			t.Fatal(err)
		}
		if n, err := r.conn.Read(buf); err != nil || n != 13 {
			t.Fatal(n, err)
		}
	})
	if n >= 1 { // AllocsPerRun rounds down: what others allocate now and then is not a packet's
		t.Errorf("%v allocations for two relayed datagrams, want 0", n)
	}
}

// Where the system has workers, a socket of the net package is served by one, unless the portable path is asked for.
func TestWorkerServes(t *testing.T) {
	l := newLab(t, nil)
	r := l.raw("udp").alice()
	r.allocate()
	if served := l.workers.Load() > 0; portable && served {
		t.Error("a worker on the portable path")
	} else if !portable && !served {
		t.Skip("no workers on this system")
	}
}

// Shares of one UDP address belong to one process: nobody else gets one, by mistake or to overhear.
func TestSharesAreOurs(t *testing.T) {
	conns, err := ListenUDP(t.Context(), "127.0.0.1:0", 1<<20)
	must(t, err)
	for _, c := range conns {
		defer c.Close()
		if c.LocalAddr().String() != conns[0].LocalAddr().String() {
			t.Errorf("%s is no share of %s", c.LocalAddr(), conns[0].LocalAddr())
		}
	}
	if more, err := ListenUDP(t.Context(), conns[0].LocalAddr().String(), 1<<20); err == nil {
		t.Error("a second set of shares of the same address")
		for _, c := range more {
			_ = c.Close()
		}
	}
}
