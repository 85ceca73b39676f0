package relay

import (
	"bytes"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"os"
	"testing"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/stun/v3"
	"github.com/pion/turn/v4"
)

// dtlsLab is a lab with one more listener, for DTLS, at the address returned.
func dtlsLab(t *testing.T, change func(*Options)) (*lab, string) {
	t.Helper()
	socket, err := net.ListenPacket("udp4", "127.0.0.1:0")
	must(t, err)
	cert := testCertificate(t)
	l := newLab(t, func(o *Options) {
		o.DTLS = []net.PacketConn{socket}
		o.DTLSCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &cert, nil }
		if change != nil {
			change(o)
		}
	})
	return l, socket.LocalAddr().String()
}

func dialDTLS(t *testing.T, server string) *dtls.Conn {
	t.Helper()
	to, err := net.ResolveUDPAddr("udp4", server)
	must(t, err)
	socket, err := net.ListenPacket("udp4", "127.0.0.1:0")
	must(t, err)
	conn, err := dtls.ClientWithOptions(socket, to, dtls.WithInsecureSkipVerify(true), dtls.WithSupportedProtocols("stun.turn"), dtls.WithLoggerFactory(pionLog{slog.New(slog.DiscardHandler)}))
	must(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	must(t, conn.HandshakeContext(t.Context()))
	return conn
}

// records is a DTLS connection as pion's client wants it.
type records struct{ *dtls.Conn }

func (r records) ReadFrom(b []byte) (int, net.Addr, error) {
	n, err := r.Read(b)
	return n, r.RemoteAddr(), err
}

func (r records) WriteTo(b []byte, _ net.Addr) (int, error) { return r.Write(b) }

// Clients over DTLS relay as others do: every size, both ways, channels and indications, a message in each record.
func TestDTLS(t *testing.T) {
	l, server := dtlsLab(t, nil)
	client := func() (*dtls.Conn, *turn.Client) {
		conn := dialDTLS(t, server)
		username, password := l.credentials("alice")
		return conn, newClient(t, records{conn}, server, username, password)
	}
	conn, a := client()
	state, ok := conn.ConnectionState()
	if !ok || state.NegotiatedProtocol != "stun.turn" {
		t.Errorf("ALPN %q", state.NegotiatedProtocol)
	}
	_, b := client()
	alice, bob := connected(t, a, b)
	for size := 1; size < 18; size++ {
		exchange(t, bob, alice, bytes.Repeat([]byte{byte(size)}, size))
		exchange(t, alice, bob, bytes.Repeat([]byte{0xff - byte(size)}, size))
	}
	exchange(t, alice, bob, bytes.Repeat([]byte("x"), 1200))
	if n := l.count("relay_allocations", "dtls"); n != 2 {
		t.Errorf("%v allocations over DTLS are counted, want 2", n)
	}
	if n := l.count("relay_packets_total", "to_peer", "dtls"); n < 35 {
		t.Errorf("%v packets over DTLS are counted", n)
	}
}

// A record that is no message harms none that follows, and those of the wrong kind get their answers.
func TestDTLSRecords(t *testing.T) {
	sink := listen(t)
	l, server := dtlsLab(t, func(o *Options) { o.Services = []Service{{Public: addrPort(sink.LocalAddr())}} })
	conn := dialDTLS(t, server)
	r := &raw{t: t, conn: conn}
	dropped := func() float64 {
		return l.count("relay_dropped_packets_total", "malformed") + l.count("relay_dropped_packets_total", "oversized")
	}
	for i, junk := range [][]byte{{0}, {0x40, 0, 0}, {0x40, 0, 0, 9, 1}, []byte("GET / HTTP/1.1\r\n\r\n"), bytes.Repeat([]byte{0}, 5000), r.build(stun.MethodBinding)[:19]} {
		eventually(t, "the record is dropped", func() bool { // what comes while pion/dtls is not ready is lost, as any datagram may be
			r.write(junk)
			time.Sleep(20 * time.Millisecond)
			return dropped() > float64(i)
		})
	}
	username, password := l.credentials("alice")
	r.as(username, password)
	r.want(stun.CodeBadRequest, stun.MethodAllocate, requestTCP) // RFC 6062 is for streams
	r.allocate()
	r.want(0, stun.MethodChannelBind, xorPeer(addrPort(sink.LocalAddr())), channelNumber(0x4000))
	b := make([]byte, 100)
	for _, frame := range [][]byte{channelData(0x4000, "a")[:5], channelData(0x4000, "a"), append(channelData(0x4000, "a"), "and more"...)} {
		r.write(frame)
		must(t, sink.SetReadDeadline(time.Now().Add(3*time.Second)))
		n, from, err := sink.ReadFrom(b)
		must(t, err)
		if string(b[:n]) != "a" {
			t.Errorf("%x became %q", frame, b[:n])
		}
		_, err = sink.WriteTo([]byte("b"), from)
		must(t, err)
		if got, err := r.read(3 * time.Second); err != nil || !bytes.Equal(got, []byte{0x40, 0, 0, 1, 'b'}) {
			t.Errorf("%x, %v: want channel data without padding", got, err)
		}
	}
	if n := dropped(); n < 6 {
		t.Errorf("%v records are counted as dropped, want 6", n)
	}
	must(t, conn.Close()) // close_notify
	eventually(t, "the connection has ended", func() bool { return l.count("relay_connections") == 0 })
}

// clientHello is the first datagram of a handshake.
func clientHello(t *testing.T) []byte {
	t.Helper()
	here, there := net.Pipe()
	defer there.Close()
	conn, err := dtls.ClientWithOptions(pipe{here}, &net.UDPAddr{}, dtls.WithInsecureSkipVerify(true), dtls.WithLoggerFactory(pionLog{slog.New(slog.DiscardHandler)}))
	must(t, err)
	ended := make(chan error, 1)
	go func() { ended <- conn.HandshakeContext(t.Context()) }()
	b := make([]byte, 2000)
	n, err := there.Read(b)
	must(t, err)
	_ = there.Close()
	_ = conn.Close()
	<-ended
	return b[:n]
}

type pipe struct{ net.Conn }

func (p pipe) ReadFrom(b []byte) (int, net.Addr, error) {
	n, err := p.Read(b)
	return n, p.RemoteAddr(), err
}

func (p pipe) WriteTo(b []byte, _ net.Addr) (int, error) { return p.Write(b) }

// Who does not answer the cookie is sent less than it sent, holds one of few places, and loses it; what is no handshake gets nothing.
func TestDTLSStrangers(t *testing.T) {
	l, server := dtlsLab(t, func(o *Options) { o.FirstFrame = 500 * time.Millisecond })
	hello := clientHello(t)
	dial := func() net.Conn {
		conn, err := net.Dial("udp4", server)
		must(t, err)
		t.Cleanup(func() { _ = conn.Close() })
		return conn
	}
	b := make([]byte, 2000)
	for _, junk := range []string{"x", "GET / HTTP/1.1\r\n\r\nand so forth", string(l.raw("udp").build(stun.MethodBinding))} {
		conn := dial()
		_, err := io.WriteString(conn, junk)
		must(t, err)
		must(t, conn.SetReadDeadline(time.Now().Add(30*time.Millisecond)))
		if n, err := conn.Read(b); err == nil {
			t.Errorf("%q is answered with %d bytes", junk, n)
		}
	}
	answered := 0
	for range greetingsPerAddress + 4 {
		conn := dial()
		_, err := conn.Write(hello)
		must(t, err)
		must(t, conn.SetReadDeadline(time.Now().Add(150*time.Millisecond)))
		n, err := conn.Read(b)
		if err != nil {
			continue
		}
		answered++
		if n >= len(hello) {
			t.Errorf("a ClientHello of %d bytes is answered with %d", len(hello), n)
		}
		must(t, conn.SetReadDeadline(time.Now().Add(time.Millisecond)))
		if n, err := conn.Read(b); err == nil {
			t.Errorf("%d bytes more", n)
		}
	}
	if refused := l.count("relay_refusals_total", "handshakes"); answered > greetingsPerAddress+4-int(refused) || refused == 0 {
		t.Errorf("%d answered, %v refused", answered, refused)
	}
	eventually(t, "every place is free again", func() bool {
		d := l.dtls[0]
		d.mu.Lock()
		defer d.mu.Unlock()
		return d.greetings == 0 && len(d.perAddress) == 0 && len(d.associations) == 0
	})
	if n := l.count("relay_refusals_total", "handshake"); n < greetingsPerAddress {
		t.Errorf("%v handshakes counted as failed", n)
	}
	conn := dialDTLS(t, server) // and who is honest comes in
	must(t, conn.SetReadDeadline(time.Now().Add(5*time.Second)))
	if _, err := conn.Read(b); err == nil || os.IsTimeout(err) {
		t.Errorf("%v: a silent client stays", err)
	}
}

// Any record becomes one whole frame, or nothing.
func FuzzOneFrame(f *testing.F) {
	f.Add([]byte{0x40, 0, 0, 1, 'a'})
	f.Add([]byte{0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, record []byte) {
		b := append(bytes.Clone(record), 1, 2, 3)
		n := oneFrame(b, len(record))
		if n == 0 {
			return
		}
		if size, err := frameSize(b); err != nil || size != n || n > len(b) {
			t.Errorf("a frame of %d bytes, %v; %d were returned", size, err, n)
		}
	})
}
