package transport

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestQueue(t *testing.T) {
	var dropped atomic.Uint64
	q := newQueue(20, &dropped)
	from := netip.MustParseAddrPort("192.0.2.1:1")
	b := make([]byte, maxDatagram+1)
	for round := range 3 { // more than once round the ring
		for i := range 20 {
			q.push([]byte{byte(round), byte(i)}, from, from.Addr())
		}
		q.push(b[:1], from, from.Addr()) // full
		for i := range 20 {
			n, a, local, err := q.pop(b)
			if n != 2 || b[0] != byte(round) || b[1] != byte(i) || a != from || local != from.Addr() || err != nil {
				t.Fatalf("round %d, %d: % x from %v, %v", round, i, b[:n], a, err)
			}
		}
	}
	q.push(b, from, from.Addr()) // too long
	if dropped.Load() != 4 {
		t.Errorf("%d dropped, want 4", dropped.Load())
	}
	if n := testing.AllocsPerRun(100, func() {
		q.push(b[:100], from, from.Addr())
		_, _, _, _ = q.pop(b)
	}); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
	q.push(b[:1], from, from.Addr())
	q.close()
	q.close()
	q.push(b[:1], from, from.Addr())
	if _, _, _, err := q.pop(b); !errors.Is(err, net.ErrClosed) {
		t.Errorf("after close: %v", err)
	}
}

func TestState(t *testing.T) {
	fault := errors.New("no keys")
	for _, tc := range []struct {
		name  string
		steps func(m *stateMachine)
		want  string
	}{
		{"a call", func(m *stateMachine) {
			m.path(pathUp)
			m.path(pathUp)
			m.keysDone(nil)
			m.path(pathUp)
			m.ended()
			m.ended()
		}, "[ready closed]"},
		{"a path that comes back", func(m *stateMachine) { m.keysDone(nil); m.path(pathUp); m.path(pathSilent); m.path(pathUp) }, "[ready disconnected ready]"},
		{"a path lost and restarted", func(m *stateMachine) {
			m.path(pathUp)
			m.keysDone(nil)
			m.path(pathSilent)
			m.path(pathLost)
			m.path(pathUp)
		}, "[ready disconnected failed: " + errPathLost.Error() + " ready]"},
		{"no keys", func(m *stateMachine) { m.path(pathUp); m.keysDone(fault); m.path(pathSilent); m.ended(); m.closed() }, "[failed: no keys closed]"},
		{"the end told before the failure", func(m *stateMachine) { m.path(pathUp); m.ended(); m.keysDone(fault); m.closed() }, "[failed: " + errUnfinished.Error() + " closed]"},
		{"closed at once", func(m *stateMachine) { m.closed(); m.ended(); m.path(pathUp); m.keysDone(nil) }, "[closed]"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var got []string
			m := stateMachine{}
			m.notify = func(s State, err error) {
				line := s.String()
				if err != nil {
					line += ": " + err.Error()
				}
				if m.load() != s {
					t.Errorf("told %v while %v", s, m.load())
				}
				got = append(got, line)
			}
			tc.steps(&m)
			if fmt.Sprint(got) != tc.want {
				t.Errorf("told %v, want %v", got, tc.want)
			}
		})
	}
}

func TestChooseAddrs(t *testing.T) {
	host := []string{"127.0.0.1", "::1", "192.168.1.5", "fe80::1", "169.254.3.4", "2001:db8::5", "172.17.0.1"}
	for _, tc := range []struct {
		name   string
		bound  string
		public []string
		found  []string
		want   string
	}{
		{"wildcard", "[::]:7882", nil, host, "[192.168.1.5:7882 [2001:db8::5]:7882 172.17.0.1:7882]"},
		{"IPv4 wildcard", "0.0.0.0:7882", nil, host, "[192.168.1.5:7882 172.17.0.1:7882]"},
		{"no network", "[::]:7882", nil, host[:2], "[127.0.0.1:7882 [::1]:7882]"},
		{"no network, IPv4 only", "0.0.0.0:7882", nil, host[:2], "[127.0.0.1:7882]"},
		{"nothing but link-local", "[::]:7882", nil, []string{"127.0.0.1", "fe80::1"}, "[127.0.0.1:7882]"},
		{"bound to loopback", "127.0.0.1:7882", nil, []string{"127.0.0.1"}, "[127.0.0.1:7882]"},
		{"public IPv4", "[::]:7882", []string{"203.0.113.7"}, host, "[203.0.113.7:7882 [2001:db8::5]:7882]"},
		{"public of both families", "[::]:7882", []string{"203.0.113.7", "2001:db8:1::1"}, host, "[203.0.113.7:7882 [2001:db8:1::1]:7882]"},
		{"public and inner", "[::]:7882", []string{"203.0.113.7", "192.168.1.5", "192.168.1.5"}, host, "[203.0.113.7:7882 192.168.1.5:7882 [2001:db8::5]:7882]"},
		{"public in front of one address", "192.168.1.5:7882", []string{"203.0.113.7"}, []string{"192.168.1.5"}, "[203.0.113.7:7882]"},
		{"public, mapped", "[::]:7882", []string{"::ffff:203.0.113.7"}, host[:3], "[203.0.113.7:7882]"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := chooseAddrs(netip.MustParseAddrPort(tc.bound), parseAll(tc.public), parseAll(tc.found))
			if fmt.Sprint(got) != tc.want {
				t.Errorf("got  %v\nwant %v", got, tc.want)
			}
		})
	}
}

func parseAll(in []string) []netip.Addr {
	var out []netip.Addr
	for _, s := range in {
		out = append(out, netip.MustParseAddr(s))
	}
	return out
}

func TestLocalAddrs(t *testing.T) {
	got, err := LocalAddrs(netip.MustParseAddrPort("[::]:7882"), nil)
	if err != nil || len(got) == 0 {
		t.Fatalf("%v, %v", got, err)
	}
	if slices.ContainsFunc(got, func(a netip.AddrPort) bool { return a.Port() != 7882 || a.Addr().IsLinkLocalUnicast() }) {
		t.Errorf("got %v", got)
	}
}

// A deadline ends a waiting read when it comes, and not before.
func TestQueueDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(1, new(atomic.Uint64))
		start := time.Now()
		q.setDeadline(start.Add(3 * time.Second))
		_, _, _, err := q.pop(nil)
		if waited := time.Since(start); err == nil || waited != 3*time.Second {
			t.Errorf("%v after %v", err, waited)
		}
		q.close()
	})
}
