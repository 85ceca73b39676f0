package relay

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/stun/v3"
)

// inbox keeps the last message that was sent to a client.
type inbox struct{ last *stun.Message }

func (i *inbox) send(b []byte) error {
	i.last = &stun.Message{Raw: b}
	return i.last.Decode()
}

func (*inbox) transport() string { return "tcp" }

// caller is a connection with the address of a peer.
type caller struct {
	net.Conn
	addr netip.AddrPort
}

func (c caller) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(c.addr) }

// callers is a listener whose connections a test makes.
type callers chan net.Conn

func (c callers) Accept() (net.Conn, error) {
	if conn, ok := <-c; ok {
		return conn, nil
	}
	return nil, net.ErrClosed
}
func (callers) Close() error   { return nil }
func (callers) Addr() net.Addr { return &net.TCPAddr{IP: net.ParseIP(relayIP), Port: 50000} }

// isClosed reports whether the other end of a pipe is closed.
func isClosed(t *testing.T, conn net.Conn) bool {
	t.Helper()
	_ = conn.SetReadDeadline(time.Now().Add(time.Millisecond)) // fails when the other end is closed
	_, err := conn.Read(make([]byte, 1))
	return err == io.EOF
}

// inTCPWorld has a TCP allocation in virtual time, whose sockets the test holds; control is where its client listens.
func inTCPWorld(t *testing.T, f func(a *tcpAllocation, peers callers, control net.Conn)) {
	inWorld(t, func(w *world) {
		here, control := net.Pipe()
		peers := make(callers)
		a := &tcpAllocation{
			s: w.Server, control: &streamConn{Conn: here, s: w.Server}, listener: peers, public: netip.MustParseAddrPort(relayIP + ":50000"),
			permissions: map[netip.Addr]time.Time{}, conns: map[uint32]*peerConn{},
		}
		a.ctx, a.cancel = context.WithCancel(w.t.Context())
		a.dial = func(ctx context.Context, _, _ string) (net.Conn, error) { <-ctx.Done(); return nil, ctx.Err() }
		w.running.Add(1)
		go a.accept()
		defer func() {
			a.mu.Lock()
			a.closed = true // close would take down what was never set up
			a.mu.Unlock()
			a.cancel()
			close(peers)
			_ = here.Close()
			_ = control.Close()
		}()
		f(a, peers, control)
	})
}

func (a *tcpAllocation) ask(method stun.Method, peer string) *inbox {
	m := stun.MustBuild(stun.TransactionID, stun.NewType(method, stun.ClassRequest), xorPeer(netip.MustParseAddrPort(peer)))
	box := &inbox{}
	answer := answerer{s: a.s, method: method, id: m.TransactionID, to: box}
	if method == stun.MethodConnect {
		a.connect(m, answer)
	} else {
		a.permit(m, answer)
	}
	return box
}

// A peer that does not answer is given up after 30 s (RFC 6062 §5.2), and its place is free again.
func TestConnectTimesOut(t *testing.T) {
	inTCPWorld(t, func(a *tcpAllocation, _ callers, _ net.Conn) {
		box := a.ask(stun.MethodConnect, "9.9.9.3:80")
		time.Sleep(29 * time.Second)
		synctest.Wait()
		if box.last != nil {
			t.Fatal("answered before its time")
		}
		if again := a.ask(stun.MethodConnect, "9.9.9.3:80"); code(t, again.last) != stun.CodeConnAlreadyExists {
			t.Errorf("code %d, want 446 while the first is tried", code(t, again.last))
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if box.last == nil || code(t, box.last) != stun.CodeConnTimeoutOrFailure {
			t.Fatalf("%v: want a 447 after 30 s", box.last)
		}
		if len(a.conns) != 0 {
			t.Error("the place is not free")
		}
	})
}

// A connection that nobody binds is closed after 30 s (RFC 6062 §5.2, §5.3); one that is bound stays.
func TestUnboundConnectionIsClosed(t *testing.T) {
	inTCPWorld(t, func(a *tcpAllocation, _ callers, _ net.Conn) {
		var far [2]net.Conn
		var conns [2]*peerConn
		for i, at := range []string{"9.9.9.3:80", "9.9.9.3:81"} {
			near, other := net.Pipe()
			far[i] = other
			conns[i], _ = a.begin(netip.MustParseAddrPort(at))
			if !a.made(conns[i], near) {
				t.Fatal("not taken")
			}
		}
		time.Sleep(29 * time.Second)
		data, client := net.Pipe()
		if !conns[0].bind(data) || conns[0].bind(data) {
			t.Fatal("a connection is bound once")
		}
		time.Sleep(2 * time.Second)
		if isClosed(t, far[0]) || !isClosed(t, far[1]) {
			t.Error("want the connection that was not bound closed, and the other not")
		}
		if conns[1].bind(data) {
			t.Error("bound after its time")
		}
		if len(a.conns) != 1 {
			t.Errorf("%d connections are kept", len(a.conns))
		}
		a.drop(conns[0])
		_ = client.Close()
		_ = far[0].Close()
	})
}

// Peers may connect for the five minutes of a permission (RFC 8656 §9), and the client hears of each.
func TestTCPPermissionExpires(t *testing.T) {
	inTCPWorld(t, func(a *tcpAllocation, peers callers, control net.Conn) {
		calls := func() bool {
			near, far := net.Pipe()
			defer far.Close()
			peers <- caller{near, netip.MustParseAddrPort("9.9.9.3:7001")}
			must(t, control.SetReadDeadline(time.Now().Add(time.Second)))
			b := make([]byte, 200)
			n, err := control.Read(b)
			if err != nil {
				if !isClosed(t, far) {
					t.Error("a peer without a permission stays connected")
				}
				return false
			}
			m := &stun.Message{Raw: b[:n]}
			must(t, m.Decode())
			id, err := m.Get(stun.AttrConnectionID)
			must(t, err)
			a.mu.Lock()
			c := a.conns[binary.BigEndian.Uint32(id)]
			a.mu.Unlock()
			a.drop(c)
			return m.Type == stun.NewType(stun.MethodConnectionAttempt, stun.ClassIndication)
		}
		if calls() {
			t.Fatal("a peer came in without a permission")
		}
		a.ask(stun.MethodCreatePermission, "9.9.9.3:0")
		time.Sleep(4*time.Minute + 58*time.Second)
		if !calls() {
			t.Error("a peer was refused in time")
		}
		time.Sleep(3 * time.Second)
		if calls() {
			t.Error("a peer came in after the permission's time")
		}
	})
}
