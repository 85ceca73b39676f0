package transport

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/srtp/v3"

	"github.com/confab/confab/media/udp"
)

// forwarder sends what it receives to others, as the engine does with one publisher.
type forwarder struct {
	tx   *udp.Tx
	to   []*Transport
	errs atomic.Uint64
}

func (f *forwarder) HandleRTP(_ time.Time, packets []Packet) {
	for _, t := range f.to {
		for _, p := range packets {
			b := p.Bytes()
			if t.WriteRTP(f.tx, b[:12], b[12:]) != nil {
				f.errs.Add(1)
			}
		}
	}
	_ = f.tx.Flush()
}

func (f *forwarder) HandleRTCP(time.Time, []byte) {}

// bareTransport is one with keys and a path, and without a PeerConnection.
func bareTransport(t testing.TB, m *Mux, h Handler, at netip.AddrPort, profile srtp.ProtectionProfile) (server *Transport, client *srtp.Context) {
	t.Helper()
	keyLen, err := profile.KeyLen()
	if err != nil {
		t.Fatal(err)
	}
	saltLen, err := profile.SaltLen()
	if err != nil {
		t.Fatal(err)
	}
	key, salt := make([]byte, keyLen), make([]byte, saltLen)
	context := func(o ...srtp.ContextOption) *srtp.Context {
		c, err := srtp.CreateContext(key, salt, profile, o...)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	server = &Transport{mux: m, handler: h}
	server.keysIn.Store(context(srtp.SRTPReplayProtection(512)))
	server.keysOut.Store(context())
	server.dest.Store(udp.NewDest(at))
	m.claim(server, at)
	return server, context()
}

// encrypted makes packets of a client, in order.
func encrypted(t testing.TB, client *srtp.Context, n, payload int) [][]byte {
	t.Helper()
	out := make([][]byte, n)
	for i := range out {
		b := make([]byte, 12+payload)
		b[0], b[1] = 0x80, 96
		binary.BigEndian.PutUint16(b[2:], uint16(i))
		var err error
		if out[i], err = client.EncryptRTP(nil, b, nil); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// The path of a packet, from the receive loop to the kernel, allocates nothing.
func TestForwardingDoesNotAllocate(t *testing.T) {
	sock, sink := listen(t, udp.Options{}), listen(t, udp.Options{ReadBuffer: 4096})
	defer sock.Close()
	defer sink.Close()
	m := NewMux(sock, MuxOptions{})
	f := &forwarder{tx: sock.NewTx(64)}
	from := sink.LocalAddr()
	server, client := bareTransport(t, m, f, from, srtp.ProtectionProfileAeadAes128Gcm)
	f.to = []*Transport{server}
	const runs = 300
	packets := encrypted(t, client, 4*(runs+10), 1000)
	bufs := make([][]byte, 4)
	for i := range bufs {
		bufs[i] = make([]byte, Headroom+maxDatagram)
	}
	next, now := 0, time.Now()
	round := func() {
		for _, b := range bufs {
			m.dispatch(b, copy(b[Headroom:], packets[next]), from, netip.Addr{})
			next++
		}
		for _, t := range m.pending {
			t.deliver(now)
		}
		m.pending = m.pending[:0]
	}
	for range 5 {
		round()
	}
	if n := testing.AllocsPerRun(runs, round); n != 0 {
		t.Errorf("%v allocations for 4 packets, want 0", n)
	}
	if server.Stats().RTP != uint64(next) || f.errs.Load() != 0 {
		t.Errorf("stats = %+v, %d errors", server.Stats(), f.errs.Load())
	}
}

// What comes before the keys is kept, up to a bound, and delivered in order once there are keys.
func TestEarlyPackets(t *testing.T) {
	sock := listen(t, udp.Options{})
	defer sock.Close()
	m := NewMux(sock, MuxOptions{})
	got := newInbox()
	from := netip.MustParseAddrPort("192.0.2.1:4000")
	server, client := bareTransport(t, m, got, from, srtp.ProtectionProfileAeadAes128Gcm)
	keys := server.keysIn.Swap(nil)
	for _, b := range encrypted(t, client, maxEarly+7, 10) {
		if server.receive.early.Load() == 6 {
			server.keysIn.Store(keys)
		}
		m.dispatch(append(make([]byte, Headroom), b...), len(b), from, netip.Addr{})
		for _, t := range m.pending {
			t.deliver(time.Now())
		}
		m.pending = m.pending[:0]
	}
	for want := range maxEarly {
		if seq := binary.BigEndian.Uint16(receive(t, got.rtp, "early packet")[2:]); int(seq) != want {
			t.Fatalf("sequence number %d, want %d", seq, want)
		}
	}
	if b := receive(t, got.rtp, "packet with keys"); binary.BigEndian.Uint16(b[2:]) != maxEarly+6 || len(got.rtp) != 0 {
		t.Errorf("then % x, and %d more", b[:4], len(got.rtp))
	}
	if s := server.Stats(); s.Early != 6 || s.RTP != maxEarly+1 {
		t.Errorf("stats = %+v", s)
	}
}

func TestWriteTooLong(t *testing.T) {
	sock := listen(t, udp.Options{})
	defer sock.Close()
	m := NewMux(sock, MuxOptions{})
	server, _ := bareTransport(t, m, newInbox(), sock.LocalAddr(), srtp.ProtectionProfileAeadAes128Gcm)
	tx := sock.NewTx(1)
	if err := server.WriteRTP(tx, make([]byte, 12), make([]byte, udp.SlotSize)); err != ErrTooLong {
		t.Errorf("WriteRTP: %v", err)
	}
	if err := server.WriteRTCP(tx, make([]byte, udp.SlotSize)); err != ErrTooLong {
		t.Errorf("WriteRTCP: %v", err)
	}
	if err := server.WriteRTP(tx, []byte{0x80}, nil); err == nil || tx.Pending() != 0 {
		t.Errorf("a header cut short: %v, %d pending", err, tx.Pending())
	}
}

// One packet received from the kernel, decrypted, and encrypted and sent to n subscribers; ns/op is per packet sent.
// Packets come in frames of 10.
func BenchmarkForward(b *testing.B) {
	for _, o := range []struct {
		name string
		udp.Options
	}{{"batched", udp.Options{}}, {"portable", udp.Options{Portable: true}}} {
		for _, profile := range []srtp.ProtectionProfile{srtp.ProtectionProfileAeadAes128Gcm, srtp.ProtectionProfileAes128CmHmacSha1_80} {
			for _, n := range []int{1, 100} {
				b.Run(fmt.Sprintf("%s/%v/subscribers=%d", o.name, profile, n), func(b *testing.B) { benchmarkForward(b, o.Options, profile, n) })
			}
		}
	}
}

func benchmarkForward(b *testing.B, o udp.Options, profile srtp.ProtectionProfile, n int) {
	sock, publisher := listen(b, o), listen(b, udp.Options{})
	defer sock.Close()
	defer publisher.Close()
	m := NewMux(sock, MuxOptions{})
	f := &forwarder{tx: sock.NewTx(64)}
	_, client := bareTransport(b, m, f, publisher.LocalAddr(), profile)
	for range n {
		sink := listen(b, udp.Options{ReadBuffer: 4096}) // too small to queue: the receivers cost little
		defer sink.Close()
		t, _ := bareTransport(b, m, f, sink.LocalAddr(), profile)
		f.to = append(f.to, t)
	}
	const frame = 10
	rx, tx, to := sock.NewRx(receiveBatch, maxDatagram, Headroom), publisher.NewTx(frame), udp.NewDest(sock.LocalAddr())
	plain := make([]byte, 12+1100)
	plain[0], plain[1] = 0x80, 96
	seq := uint16(0)
	b.ReportAllocs()
	for sent := 0; sent < b.N; sent += frame * n {
		b.StopTimer()
		for range frame {
			seq++
			binary.BigEndian.PutUint16(plain[2:], seq)
			e, err := client.EncryptRTP(tx.Slot(), plain, nil)
			if err != nil {
				b.Fatal(err)
			}
			tx.Commit(to, len(e))
		}
		if err := tx.Flush(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		for got := 0; got < frame; {
			k, err := rx.Recv()
			if err != nil {
				b.Fatal(err)
			}
			for i := range k {
				buf, size, from := rx.Msg(i)
				m.dispatch(buf, size, from, rx.Local(i))
			}
			got += k
			now := time.Now()
			for _, t := range m.pending {
				t.deliver(now)
			}
			m.pending = m.pending[:0]
		}
	}
}
