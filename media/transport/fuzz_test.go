package transport

import (
	"net/netip"
	"testing"
	"time"

	"github.com/pion/srtp/v3"
	"github.com/pion/stun/v4"

	"github.com/confab/confab/media/udp"
)

// Whatever arrives, from an owned address or from a stranger's, is delivered or counted, and nothing forged is delivered.
func FuzzDispatch(f *testing.F) {
	f.Add([]byte{}, true)
	f.Add(stunMessage(f, stun.TransactionID, stun.BindingRequest, stun.NewUsername("here:there")), false)
	f.Add(make16(22), true)
	f.Add(append([]byte{0x90, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0xbe, 0xde, 0, 1}, make([]byte, 30)...), true)
	f.Add(append([]byte{0x81, 206, 0, 2}, make([]byte, 30)...), true)
	sock := listen(f, udp.Options{})
	f.Cleanup(func() { _ = sock.Close() })
	m := NewMux(sock, MuxOptions{})
	got := newInbox()
	mine, other := netip.MustParseAddrPort("192.0.2.1:4000"), netip.MustParseAddrPort("192.0.2.2:4000")
	server, _ := bareTransport(f, m, got, mine, srtp.ProtectionProfileAeadAes128Gcm)
	b := make([]byte, maxDatagram)
	f.Fuzz(func(t *testing.T, data []byte, owned bool) {
		from := other
		if owned {
			from = mine
		}
		data = data[:min(len(data), maxDatagram)]
		m.dispatch(append(make([]byte, Headroom), data...), len(data), from, netip.Addr{})
		for _, p := range m.pending {
			p.deliver(time.Now())
		}
		m.pending = m.pending[:0]
		for m.relay.in.n > 0 {
			_, _, _ = m.relay.ReadFromAddrPort(b)
		}
		if s := server.Stats(); s.RTP+s.RTCP != 0 {
			t.Fatalf("delivered % x", data)
		}
	})
}
