package relay

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/stun/v3"
)

func TestFrameSize(t *testing.T) {
	for _, tt := range []struct {
		head string
		size int
		bad  bool
	}{
		{"\x00\x01\x00\x00", 20, false},
		{"\x00\x01\x00\x08", 28, false},
		{"\x3f\xff\xff\xfc", 65552, false}, // beyond 16 bits, where a sum in uint16 would be small
		{"\x00\x01\x00\x02", 0, true},
		{"\x40\x00\x00\x00", 4, false},
		{"\x40\x00\x00\x01", 8, false},
		{"\x4f\xff\x00\x04", 8, false},
		{"\x40\x00\xff\xff", 65540, false},
		{"\x7f\xff\x00\x04", 8, false},
		{"\x80\x00\x00\x04", 0, true},
		{"\xff\xff\xff\xff", 0, true},
	} {
		size, err := frameSize([]byte(tt.head))
		if size != tt.size || errors.Is(err, errNotTURN) != tt.bad {
			t.Errorf("%x: %d, %v; want %d", tt.head, size, err, tt.size)
		}
	}
}

// scripted is a connection that says a fixed text in pieces and then ends.
type scripted struct {
	net.Conn
	text  []byte
	piece int
}

func (c *scripted) Read(p []byte) (int, error) {
	if len(c.text) == 0 {
		return 0, io.EOF
	}
	n := copy(p, c.text[:min(c.piece, len(c.text))])
	c.text = c.text[n:]
	return n, nil
}

func (*scripted) Write(p []byte) (int, error)      { return len(p), nil }
func (*scripted) Close() error                     { return nil }
func (*scripted) SetReadDeadline(time.Time) error  { return nil }
func (*scripted) SetWriteDeadline(time.Time) error { return nil }
func (*scripted) RemoteAddr() net.Addr             { return &net.TCPAddr{IP: net.IPv4(9, 9, 9, 9), Port: 9} }
func (*scripted) LocalAddr() net.Addr              { return &net.TCPAddr{IP: net.IPv4(8, 8, 8, 8), Port: 8} }

// idle is a Server that is not running.
func idle(t testing.TB) *Server {
	s, err := New(Options{
		TCP: []net.Listener{nil}, PublicIPs: []netip.Addr{netip.MustParseAddr("8.8.4.4")}, Secrets: [][]byte{secret},
		Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// The framer gives the same frames however the bytes arrive, ends, and never gives more than came or less than a whole frame.
func FuzzFramer(f *testing.F) {
	binding := stun.MustBuild(stun.TransactionID, stun.BindingRequest).Raw
	f.Add(binding, uint8(1))
	f.Add(append(channelData(0x4000, "abc"), binding...), uint8(3))
	f.Add([]byte("\x00\x01\xff\xff"), uint8(9))
	f.Add([]byte("\x40\x00\xff\xfd"), uint8(9))
	f.Add(append([]byte("\x40\x00\x20\x00"), make([]byte, 0x2004)...), uint8(200))
	s := idle(f)
	f.Fuzz(func(t *testing.T, text []byte, piece uint8) {
		frames := func(piece int) (out [][]byte) {
			c := newStreamConn(s.streams[0], &scripted{text: bytes.Clone(text), piece: piece})
			total := 0
			for {
				frame, err := c.next()
				if err != nil {
					return out
				}
				if total += max(len(frame), channelHeader); total > len(text) {
					t.Fatalf("frames of %d bytes out of %d", total, len(text))
				}
				if frame == nil {
					continue
				}
				if size, err := frameSize(frame); err != nil || size != len(frame) || size > largestFrame {
					t.Fatalf("a frame of %d bytes says %d, %v", len(frame), size, err)
				}
				out = append(out, bytes.Clone(frame))
			}
		}
		whole, pieces := frames(len(text)+1), frames(int(piece)+1)
		if len(whole) != len(pieces) {
			t.Fatalf("%d frames at once, %d in pieces of %d", len(whole), len(pieces), piece)
		}
		for i := range whole {
			if !bytes.Equal(whole[i], pieces[i]) {
				t.Fatalf("frame %d differs in pieces of %d", i, piece)
			}
		}
	})
}

// sink is a client that counts what it is sent.
type sink struct{ bytes int }

func (s *sink) send(b []byte) error { s.bytes += len(b); return nil }
func (*sink) transport() string     { return "udp" }

// No message from outside makes the guard panic, let an unsigned change through, or answer much more than it got.
func FuzzGuard(f *testing.F) {
	r := &raw{username: "1:a", key: stun.MessageIntegrity("k"), nonce: stun.NewNonce("n")}
	for _, setters := range [][]stun.Setter{{requestUDP}, {peer("127.0.0.1:1")}, {peer("[::1]:1"), channelNumber(0x4000)}} {
		for _, method := range []stun.Method{stun.MethodAllocate, stun.MethodCreatePermission, stun.MethodChannelBind, stun.MethodRefresh, stun.MethodBinding} {
			all := append([]stun.Setter{stun.TransactionID, stun.NewType(method, stun.ClassRequest)}, setters...)
			f.Add(stun.MustBuild(all...).Raw)
			f.Add(stun.MustBuild(append(all, stun.NewUsername(r.username), stun.NewRealm("confab"), r.nonce, r.key)...).Raw)
		}
	}
	s := idle(f)
	s.limiter = newLimiter(1e9, 1e9)
	tuple := fiveTuple{client: netip.MustParseAddrPort("9.9.9.9:9"), server: netip.MustParseAddrPort("8.8.8.8:8")}
	f.Fuzz(func(t *testing.T, b []byte) {
		var to sink
		before := append(bytes.Clone(b), make([]byte, 64)...) // as in a stream, where the next frame follows
		buffer := bytes.Clone(before)
		r, pass := s.guard(buffer[:len(b)], tuple, &to)
		if !bytes.Equal(buffer, before) {
			t.Fatal("the message, or what follows it, was changed")
		}
		if r != nil {
			t.Fatal("an unsigned request is authentic")
		}
		if pass && to.bytes > 0 {
			t.Fatal("answered and passed on")
		}
		if to.bytes > 2*len(b)+64 {
			t.Fatalf("%d bytes answered to %d", to.bytes, len(b))
		}
	})
}
