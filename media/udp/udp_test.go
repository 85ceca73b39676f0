package udp

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// path is one way to have a Socket; all pass the same tests.
type path struct {
	name string
	open func(t testing.TB, addr string) *Socket
}

var paths = []path{
	{"batched", func(t testing.TB, addr string) *Socket { return open(t, addr, Options{}) }},
	{"batched without GSO", func(t testing.TB, addr string) *Socket { return open(t, addr, Options{NoGSO: true}) }},
	{"portable", func(t testing.TB, addr string) *Socket { return open(t, addr, Options{Portable: true}) }},
	{"wrapped", func(t testing.TB, addr string) *Socket {
		pc, err := net.ListenPacket("udp", addr)
		if err != nil {
			t.Skip("no such network here: ", err)
		}
		s := Wrap(opaque{pc})
		t.Cleanup(func() { _ = s.Close() })
		return s
	}},
}

// opaque hides that a PacketConn is a *net.UDPConn.
type opaque struct{ net.PacketConn }

func open(t testing.TB, addr string, o Options) *Socket {
	t.Helper()
	s, err := Listen(addr, o)
	if err != nil {
		t.Skip("no such network here: ", err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func eachPath(t *testing.T, addr string, f func(t *testing.T, s *Socket)) {
	for _, p := range paths {
		t.Run(p.name, func(t *testing.T) { f(t, p.open(t, addr)) })
	}
}

// message is what a test saw of one datagram.
type message struct {
	data  []byte
	from  netip.AddrPort
	local netip.Addr
}

// collect receives n datagrams on s and checks that headroom is kept free.
func collect(t testing.TB, s *Socket, n int) []message {
	t.Helper()
	const head = 8
	r := s.NewRx(16, 2048, head)
	guard := time.AfterFunc(10*time.Second, func() { _ = s.Close() })
	defer guard.Stop()
	var out []message
	for len(out) < n {
		k, err := r.Recv()
		if err != nil {
			t.Fatalf("after %d of %d datagrams: %v", len(out), n, err)
		}
		for i := range k {
			buf, size, from := r.Msg(i)
			out = append(out, message{bytes.Clone(buf[head : head+size]), from, r.Local(i)})
		}
	}
	return out
}

// A Tx of mixed sizes and destinations: all arrive, each destination's in order.
func TestTxKeepsOrderPerDestination(t *testing.T) {
	sizes := []int{1200, 1200, 1200, 1100, 1200, 1, 1, 0, 1400, 1400, 1400, 1400, 900, 1000, SlotSize}
	eachPath(t, "127.0.0.1:0", func(t *testing.T, s *Socket) {
		tx := s.NewTx(8) // less than is sent: Slot flushes
		sinks := []*Socket{open(t, "127.0.0.1:0", Options{}), open(t, "127.0.0.1:0", Options{})}
		dests := []*Dest{NewDest(sinks[0].LocalAddr()), NewDest(sinks[1].LocalAddr())}
		for i, size := range sizes {
			for _, d := range dests {
				b := tx.Slot()[:size]
				for j := range b {
					b[j] = byte(i)
				}
				tx.Commit(d, size)
			}
		}
		if tx.Pending() == 0 || tx.Free()+tx.Pending() != 8 {
			t.Errorf("pending %d, free %d", tx.Pending(), tx.Free())
		}
		if err := tx.Flush(); err != nil {
			t.Fatal(err)
		}
		for _, sink := range sinks {
			for i, m := range collect(t, sink, len(sizes)) {
				if len(m.data) != sizes[i] || !bytes.Equal(m.data, bytes.Repeat([]byte{byte(i)}, sizes[i])) {
					t.Fatalf("datagram %d has %d bytes, want %d of %d", i, len(m.data), sizes[i], i)
				}
				if m.from != s.LocalAddr() {
					t.Fatalf("from %v, want %v", m.from, s.LocalAddr())
				}
			}
		}
		if st := s.Stats(); st.Sent != uint64(2*len(sizes)) || st.SendErrors != 0 {
			t.Errorf("stats = %+v", st)
		}
	})
}

// A wildcard socket serves both families, shows plain IPv4 addresses, and answers from where it was asked.
func TestWildcard(t *testing.T) {
	for _, p := range paths {
		for _, host := range []string{"127.0.0.1", "127.0.0.2", "::1"} {
			t.Run(p.name+" "+host, func(t *testing.T) {
				s := p.open(t, ":0")
				client := open(t, net.JoinHostPort(host, "0"), Options{})
				to := netip.AddrPortFrom(netip.MustParseAddr(host), s.LocalAddr().Port())
				if _, err := client.WriteTo([]byte("question"), to); err != nil {
					t.Skip("no such network here: ", err)
				}
				m := collect(t, s, 1)[0]
				if m.from != client.LocalAddr() {
					t.Fatalf("from %v, want %v", m.from, client.LocalAddr())
				}
				if s.Batched() && m.local != to.Addr() {
					t.Fatalf("sent to %v, want %v", m.local, to.Addr())
				}
				d := NewDestFrom(m.local, m.from)
				if _, err := s.Send([]byte("answer"), d); err != nil {
					t.Fatal(err)
				}
				tx := s.NewTx(4)
				for range 3 {
					tx.Commit(d, copy(tx.Slot()[:6], "answer"))
				}
				if err := tx.Flush(); err != nil {
					t.Fatal(err)
				}
				for _, a := range collect(t, client, 4) {
					if string(a.data) != "answer" {
						t.Fatalf("got %q", a.data)
					}
					if s.Batched() && a.from != to {
						t.Fatalf("answered from %v, asked at %v", a.from, to)
					}
				}
			})
		}
	}
}

// A source that is not the host's (a public address in front of a NAT) must not stop anything.
func TestForeignSource(t *testing.T) {
	eachPath(t, ":0", func(t *testing.T, s *Socket) {
		sink := open(t, "127.0.0.1:0", Options{})
		foreign := netip.MustParseAddr("203.0.113.7")
		viaTx, viaSend := NewDestFrom(foreign, sink.LocalAddr()), NewDestFrom(foreign, sink.LocalAddr())
		tx := s.NewTx(4)
		for range 4 {
			tx.Commit(viaTx, copy(tx.Slot()[:4], "data"))
		}
		if err := tx.Flush(); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Send([]byte("data"), viaSend); err != nil {
			t.Fatal(err)
		}
		for _, m := range collect(t, sink, 5) {
			if string(m.data) != "data" {
				t.Fatalf("got %q", m.data)
			}
		}
		if s.Batched() && (viaTx.From().IsValid() || viaSend.From().IsValid()) {
			t.Errorf("still sending from %v and %v", viaTx.From(), viaSend.From())
		}
	})
}

func TestTruncatedIsDropped(t *testing.T) {
	eachPath(t, "127.0.0.1:0", func(t *testing.T, s *Socket) {
		client := open(t, "127.0.0.1:0", Options{})
		for _, size := range []int{0, 99, 101, 1} {
			if _, err := client.WriteTo(make([]byte, size), s.LocalAddr()); err != nil {
				t.Fatal(err)
			}
		}
		r := s.NewRx(8, 100, 0)
		var got []int
		for len(got) < 4 {
			n, err := r.Recv()
			if err != nil {
				t.Fatal(err)
			}
			for i := range n {
				_, size, _ := r.Msg(i)
				got = append(got, size)
			}
		}
		if want := "[0 99 0 1]"; fmt.Sprint(got) != want || s.Stats().Truncated != 1 {
			t.Errorf("sizes %v, %d truncated; want %s and 1", got, s.Stats().Truncated, want)
		}
	})
}

// What can't be sent is dropped and counted, and harms nothing else.
func TestUnreachable(t *testing.T) {
	eachPath(t, "127.0.0.1:0", func(t *testing.T, s *Socket) {
		sink := open(t, "127.0.0.1:0", Options{})
		tx := s.NewTx(8)
		for _, d := range []*Dest{
			NewDest(netip.MustParseAddrPort("[2001:db8::1]:9")), // the wrong family
			NewDest(netip.MustParseAddrPort("8.8.8.8:9")),       // not from loopback
			NewDest(netip.AddrPort{}),
			NewDest(sink.LocalAddr()),
		} {
			for range 2 {
				tx.Commit(d, copy(tx.Slot()[:4], "data"))
			}
		}
		if err := tx.Flush(); err != nil {
			t.Fatal(err)
		}
		if got := collect(t, sink, 2); string(got[1].data) != "data" {
			t.Fatalf("got %q", got[1].data)
		}
		if st := s.Stats(); st.SendErrors < 4 {
			t.Errorf("%d send errors, want 4 or more", st.SendErrors)
		}
	})
}

func TestClose(t *testing.T) {
	eachPath(t, "127.0.0.1:0", func(t *testing.T, s *Socket) {
		ended := make(chan error)
		go func() {
			_, err := s.NewRx(4, 100, 0).Recv()
			ended <- err
		}()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if err := <-ended; !errors.Is(err, net.ErrClosed) {
			t.Errorf("Recv: %v, want net.ErrClosed", err)
		}
		tx := s.NewTx(1)
		tx.Commit(NewDest(s.LocalAddr()), len(tx.Slot()[:1]))
		if err := tx.Flush(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Flush: %v, want net.ErrClosed", err)
		}
		if tx.Pending() != 0 {
			t.Error("Flush has left something queued")
		}
	})
}

func TestNoAllocations(t *testing.T) {
	for _, p := range paths[:3] { // an arbitrary PacketConn makes addresses of its own
		for _, addr := range []string{"127.0.0.1:0", "[::1]:0", ":0"} {
			t.Run(p.name+" "+addr, func(t *testing.T) {
				s := p.open(t, addr)
				to := s.LocalAddr()
				if to.Addr().IsUnspecified() {
					to = netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), to.Port())
				}
				d := NewDestFrom(to.Addr(), to)
				tx, rx := s.NewTx(8), s.NewRx(8, 2048, 64)
				one := []byte{1}
				n := testing.AllocsPerRun(200, func() {
					for i := range 4 {
						tx.Slot()
						tx.Commit(d, 1000-i/3)
					}
					if tx.Flush() != nil {
						t.Fatal("flush")
					}
					_, _ = s.Send(one, d)
					for got := 0; got < 5; {
						k, err := rx.Recv()
						if err != nil {
							t.Fatal(err)
						}
						got += k
					}
				})
				if n != 0 {
					t.Errorf("%v allocations per round, want 0", n)
				}
			})
		}
	}
}

func BenchmarkTx(b *testing.B) {
	for _, run := range []int{1, 3, 16} {
		for _, p := range paths[:3] {
			b.Run(fmt.Sprintf("%s/run=%d", p.name, run), func(b *testing.B) {
				s, sink := p.open(b, "127.0.0.1:0"), open(b, "127.0.0.1:0", Options{ReadBuffer: 4096})
				tx, d := s.NewTx(64), NewDest(sink.LocalAddr())
				b.ReportAllocs()
				for i := range b.N {
					tx.Slot()
					tx.Commit(d, 1140)
					if i%run == run-1 {
						_ = tx.Flush()
					}
				}
			})
		}
	}
}
