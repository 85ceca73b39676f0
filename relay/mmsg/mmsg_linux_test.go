//go:build amd64 || arm64

package mmsg

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func socket(t *testing.T, at string) (int, *Addr) {
	t.Helper()
	fd, err := Socket(netip.MustParseAddrPort(at), 1<<20)
	if err != nil {
		t.Skipf("no socket at %s: %v", at, err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	sa, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	a := new(Addr)
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		a.Set(netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port)), false)
	case *unix.SockaddrInet6:
		a.Set(netip.AddrPortFrom(netip.AddrFrom16(sa.Addr), uint16(sa.Port)), true)
	}
	return fd, a
}

// collect takes datagrams until there are n, coalesced or not.
func collect(t *testing.T, rx *Rx, fd, n int) (all [][]byte) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); len(all) < n; {
		got, errno := rx.Recv(fd, 0, rx.Slots())
		if errno != 0 || time.Now().After(deadline) {
			t.Fatalf("%d of %d datagrams: %v", len(all), n, errno)
		}
		for i := range got {
			b, size := rx.Bytes(i), rx.Segment(i)
			for first := true; first || len(b) > 0; first = false {
				m := min(size, len(b))
				all = append(all, bytes.Clone(b[:m]))
				b = b[m:]
			}
		}
	}
	return all
}

// Heads, bodies and padding arrive as they were put, coalesced or not, in order.
func TestBatches(t *testing.T) {
	for _, at := range []string{"127.0.0.1:0", "[::1]:0"} {
		for _, gso := range []bool{true, false} {
			from, _ := socket(t, at)
			to, addr := socket(t, at)
			rx, err := NewRx(16, 48, 3)
			if err != nil {
				t.Fatal(err)
			}
			defer rx.Close()
			tx := NewTx(gso)
			var want [][]byte
			for i, size := range []int{100, 100, 100, 60, 100, 0, 200, 1200, 1200, 1200, 7} {
				body := bytes.Repeat([]byte{byte(i)}, size)
				head := bytes.Repeat([]byte{0xee}, i%2*4)
				padding := -size & 3 * (i % 2)
				tx.Put(from, addr, head, body, padding)
				want = append(want, append(append(bytes.Clone(head), body...), zeros[:padding]...))
			}
			tx.Flush()
			got := collect(t, rx, to, len(want))
			for i := range want {
				if !bytes.Equal(got[i], want[i]) {
					t.Fatalf("%s, gso %v: datagram %d has %d bytes, want %d", at, gso, i, len(got[i]), len(want[i]))
				}
			}
			if tx.Failed != 0 {
				t.Errorf("%d failed", tx.Failed)
			}
		}
	}
}

// What a device refuses to cut goes out one by one, and the destination is remembered.
func TestRefusedRun(t *testing.T) {
	from, _ := socket(t, "127.0.0.1:0")
	to, addr := socket(t, "127.0.0.1:0")
	rx, err := NewRx(16, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer rx.Close()
	tx := NewTx(true)
	put := func() {
		for i := range 4 {
			tx.Put(from, addr, []byte{1, 2, 3, byte(i)}, bytes.Repeat([]byte{byte(i)}, 96-i/3), 0)
		}
	}
	put()
	if tx.n != 1 || tx.runs[0].segments != 4 {
		t.Fatalf("%d messages, want 1 of 4 datagrams", tx.n)
	}
	tx.hdrs[0].msg.Namelen, tx.hdrs[0].msg.Iov = addr.size(), &tx.iovs[0]
	tx.apart(0) // as after EIO
	tx.n, tx.nIovs, tx.nHead = 0, 0, 0
	got := collect(t, rx, to, 4)
	for i, b := range got {
		if len(b) != 100-i/3 || b[3] != byte(i) {
			t.Errorf("datagram %d: %d bytes, %x", i, len(b), b[:4])
		}
	}
	put()
	if tx.n != 4 {
		t.Errorf("%d messages for a destination that refuses runs, want 4", tx.n)
	}
	tx.Flush()
	collect(t, rx, to, 4)
}

func TestBatchesDoNotAllocate(t *testing.T) {
	from, _ := socket(t, "127.0.0.1:0")
	to, addr := socket(t, "127.0.0.1:0")
	rx, err := NewRx(16, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer rx.Close()
	tx, body := NewTx(true), make([]byte, 100)
	if n := testing.AllocsPerRun(200, func() {
		for range 8 {
			tx.Put(from, addr, body[:4], body, 0)
		}
		tx.Flush()
		got, _ := rx.Recv(to, 0, rx.Slots())
		for i := range got {
			_, _, _ = rx.Segment(i), rx.From(i).Key(), rx.From(i).AddrPort()
		}
	}); n != 0 {
		t.Errorf("%v allocations per batch, want 0", n)
	}
}

func TestAddresses(t *testing.T) {
	var v4, mapped Addr
	ap := netip.MustParseAddrPort("192.0.2.1:4321")
	v4.Set(ap, false)
	mapped.Set(ap, true)
	if v4.Key() != mapped.Key() || v4.AddrPort() != ap || mapped.AddrPort() != ap {
		t.Errorf("%v and %v are not one address", v4.AddrPort(), mapped.AddrPort())
	}
	zoned := netip.MustParseAddrPort("[fe80::1%7]:9")
	var a Addr
	a.Set(zoned, true)
	if a.Zoned() != zoned {
		t.Errorf("%s became %s", zoned, a.Zoned())
	}
}

func FuzzGROSize(f *testing.F) {
	b := make([]byte, ctlSpace)
	putSegment(b, 1200)
	f.Add(b)
	binary.NativeEndian.PutUint64(b, 1<<63)
	f.Add(bytes.Clone(b))
	f.Fuzz(func(_ *testing.T, b []byte) { groSize(b) }) // ends, within b
}
