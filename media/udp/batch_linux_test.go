//go:build amd64 || arm64

package udp

import (
	"testing"

	"golang.org/x/sys/unix"
)

// A run of one size leaves as one call, and a way that takes no segments is found out once.
func TestSegmentation(t *testing.T) {
	for _, tc := range []struct {
		name      string
		refuse    bool // without a checksum the kernel refuses UDP_SEGMENT, like a device without offload
		segmented uint64
		fallbacks uint64
	}{
		{"taken", false, 20, 0},
		{"refused", true, 0, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, sink := open(t, "127.0.0.1:0", Options{}), open(t, "127.0.0.1:0", Options{})
			if !s.gso {
				t.Skip("a kernel without UDP_SEGMENT")
			}
			if tc.refuse {
				_ = s.raw.Control(func(fd uintptr) {
					if err := unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_NO_CHECK, 1); err != nil {
						t.Error(err)
					}
				})
			}
			tx, d := s.NewTx(64), NewDest(sink.LocalAddr())
			for range 2 {
				for range 10 {
					tx.Slot()
					tx.Commit(d, 1000)
				}
				if err := tx.Flush(); err != nil {
					t.Fatal(err)
				}
			}
			for i, m := range collect(t, sink, 20) {
				if len(m.data) != 1000 {
					t.Fatalf("datagram %d has %d bytes", i, len(m.data))
				}
			}
			if st := s.Stats(); st.Segmented != tc.segmented || st.Fallbacks != tc.fallbacks || st.Sent != 20 {
				t.Errorf("stats = %+v", st)
			}
		})
	}
}

// Runs longer than the kernel takes are cut.
func TestLongRun(t *testing.T) {
	s, sink := open(t, "127.0.0.1:0", Options{}), open(t, "127.0.0.1:0", Options{})
	tx, d := s.NewTx(200), NewDest(sink.LocalAddr())
	for i := range 200 {
		tx.Slot()
		tx.Commit(d, 1400+i/150*10) // 46 of these fill 65 000 bytes; then a longer size begins
	}
	if err := tx.Flush(); err != nil {
		t.Fatal(err)
	}
	collect(t, sink, 200)
	if st := s.Stats(); st.Sent != 200 || st.Fallbacks != 0 || st.SendErrors != 0 {
		t.Errorf("stats = %+v", st)
	}
}

func FuzzLocalAddr(f *testing.F) {
	f.Add([]byte{})
	d := NewDestFrom(open(f, "127.0.0.1:0", Options{}).LocalAddr().Addr(), open(f, "127.0.0.1:0", Options{}).LocalAddr())
	f.Add(d.control(true))
	f.Add(d.control(false))
	f.Fuzz(func(t *testing.T, b []byte) { localAddr(b) })
}
