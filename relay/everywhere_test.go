package relay

import (
	"context"
	"net"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/confab/confab/auth"
	"github.com/pion/turn/v4"
)

// toServer is a UDP socket that takes datagrams of its server's address only, as a client behind a NAT would.
type toServer struct {
	*net.UDPConn
	server net.Addr
}

func (c toServer) WriteTo(b []byte, _ net.Addr) (int, error) { return c.Write(b) }

func (c toServer) ReadFrom(b []byte) (int, net.Addr, error) {
	n, err := c.Read(b)
	return n, c.server, err
}

func dialConnected(t *testing.T, network, server string) toServer {
	t.Helper()
	conn, err := net.Dial(network, server)
	must(t, err)
	return toServer{conn.(*net.UDPConn), conn.RemoteAddr()}
}

// A server on all addresses answers, and relays, from the address that it was asked at. 127.0.0.2 is one of every Linux host, and never the one
// that the kernel would choose.
func TestAnswersComeFromTheAddressAsked(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("other systems don't tell, and have no 127.0.0.2")
	}
	for network, at := range map[string]string{"udp4": "0.0.0.0:0", "udp": "[::]:0"} {
		socket, err := net.ListenPacket(network, at)
		if err != nil {
			t.Logf("%s: %v", at, err) // no IPv6 here
			continue
		}
		_, port, _ := net.SplitHostPort(socket.LocalAddr().String())
		l := newLab(t, func(o *Options) { o.UDP = []net.PacketConn{socket} })
		username, password := l.credentials("alice")
		asked := []string{"127.0.0.1", "127.0.0.2", "127.0.0.3"}
		if c, err := net.ListenPacket("udp6", "[::1]:0"); err == nil && network == "udp" {
			_ = c.Close()
			asked = append(asked, "::1")
		}
		for _, ip := range asked {
			server := net.JoinHostPort(ip, port)
			dial := func() *turn.Client {
				conn := dialConnected(t, "udp", server)
				conn.server = &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 3478} // pion's client takes an IPv4 one only
				return newClient(t, conn, conn.server.String(), username, password)
			}
			meet(t, allocate(t, dial()), allocate(t, dial()))
		}
	}
}

// meet sends both ways between two relayed addresses, by indications and then by the channels that pion's client binds.
func meet(t *testing.T, a, b net.PacketConn) {
	t.Helper()
	buf := make([]byte, 2000)
	for _, prime := range []net.PacketConn{a, b} { // permissions on both sides
		other := b
		if prime == b {
			other = a
		}
		_, err := prime.WriteTo([]byte("permit"), other.LocalAddr())
		must(t, err)
	}
	for round := range 20 {
		for _, way := range [][2]net.PacketConn{{a, b}, {b, a}} {
			want := []byte{'n', byte(round)}
			_, err := way[0].WriteTo(want, way[1].LocalAddr())
			must(t, err)
			for {
				must(t, way[1].SetReadDeadline(time.Now().Add(5*time.Second)))
				n, from, err := way[1].ReadFrom(buf)
				if err != nil {
					t.Fatalf("round %d to %s: %v", round, way[1].LocalAddr(), err)
				}
				if string(buf[:n]) == "permit" {
					continue
				}
				if string(buf[:n]) != string(want) || from.String() != way[0].LocalAddr().String() {
					t.Fatalf("round %d: %q from %s", round, buf[:n], from)
				}
				break
			}
		}
	}
}

// A whole relay with a worker for each of several sockets: many clients at once, each with one of them, meet; a revoked user's allocations end,
// and pion has forgotten them: the same sockets allocate again.
func TestSeveralWorkers(t *testing.T) {
	before := runtime.GOMAXPROCS(4)
	defer runtime.GOMAXPROCS(before)
	sockets, err := ListenUDP(context.Background(), "0.0.0.0:0", 1<<20)
	must(t, err)
	if runtime.GOOS == "linux" && len(sockets) != 4 {
		t.Fatalf("%d sockets, want 4", len(sockets))
	}
	_, port, _ := net.SplitHostPort(sockets[0].LocalAddr().String())
	server := "127.0.0.2:" + port
	l := newLab(t, func(o *Options) { o.UDP = sockets })

	const pairs = 12
	var group sync.WaitGroup
	for range pairs {
		group.Go(func() {
			username, password := l.credentials("alice")
			a := allocate(t, newClient(t, dialConnected(t, "udp4", server), server, username, password))
			b := allocate(t, newClient(t, dialConnected(t, "udp4", server), server, username, password))
			meet(t, a, b)
		})
	}
	group.Wait()

	var socks []toServer
	var clients []*turn.Client
	username, password := l.credentials("bob")
	for range 2 * pairs {
		conn := dialConnected(t, "udp4", server)
		c := newClient(t, conn, server, username, password)
		allocate(t, c)
		socks, clients = append(socks, conn), append(clients, c)
	}
	if n := l.Allocations(); n != 4*pairs {
		t.Fatalf("%d allocations, want %d", n, 4*pairs)
	}
	l.Revoke("bob", time.Now().Add(time.Second))
	if n := l.Allocations(); n != 2*pairs {
		t.Fatalf("%d allocations after one user was revoked, want %d", n, 2*pairs)
	}
	for i, c := range clients {
		c.Close()
		local, remote := socks[i].LocalAddr().(*net.UDPAddr), socks[i].RemoteAddr().(*net.UDPAddr)
		_ = socks[i].Close()
		conn, err := net.DialUDP("udp4", local, remote)
		must(t, err)
		user, password := auth.TURNCredentials(secret, "carol", time.Now().Add(time.Hour))
		allocate(t, newClient(t, toServer{conn, remote}, server, user, password))
	}
}
