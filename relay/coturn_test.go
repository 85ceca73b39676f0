package relay

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/confab/confab/auth"
	"github.com/confab/confab/relay/policy"
)

// coturn finds a program of Debian's package coturn. Where REQUIRE_COTURN is set, as in scripts/test, it must be there.
func coturn(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("REQUIRE_COTURN") != "" {
			t.Fatalf("%s is missing: install coturn", name)
		}
		t.Skipf("%s is not installed", name)
	}
	return path
}

// coturn's own client, through us to itself: nothing is lost, by channels and by indications, over each transport.
func TestCoturnClient(t *testing.T) {
	uclient := coturn(t, "turnutils_uclient")
	l, datagrams := dtlsLab(t, func(o *Options) { o.WideChannels = true }) // it takes any number of RFC 5766
	username, password := auth.TURNCredentials(secret, "coturn", time.Now().Add(time.Hour))
	for _, tt := range []struct {
		name, server string
		flags        []string
	}{
		{"UDP, channels", l.udp, nil},
		{"UDP, indications", l.udp, []string{"-s"}},
		{"TCP, channels", l.tcp, []string{"-t"}},
		{"TCP, indications", l.tcp, []string{"-t", "-s"}},
		{"TLS, channels", l.tls, []string{"-t", "-S"}},
		{"TLS, indications", l.tls, []string{"-t", "-S", "-s"}},
		{"DTLS, channels", datagrams, []string{"-S"}},
		{"DTLS, indications", datagrams, []string{"-S", "-s"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			host, port, err := net.SplitHostPort(tt.server)
			must(t, err)
			ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
			defer cancel()
			args := append(tt.flags, "-y", "-c", "-n", "20", "-m", "2", "-l", "170", "-z", "5", "-u", username, "-w", password, "-p", port, host)
			out, err := exec.CommandContext(ctx, uclient, args...).CombinedOutput()
			if err != nil || !regexp.MustCompile(`tot_send_msgs=40, tot_recv_msgs=40`).Match(out) || !regexp.MustCompile(`Total lost packets 0 `).Match(out) {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

func TestCoturnSTUNClient(t *testing.T) {
	stunclient := coturn(t, "turnutils_stunclient")
	l := newLab(t, nil)
	host, port, err := net.SplitHostPort(l.udp)
	must(t, err)
	out, err := exec.CommandContext(t.Context(), stunclient, "-p", port, host).CombinedOutput()
	if err != nil || !regexp.MustCompile(`UDP reflexive addr: 127\.0\.0\.1:\d+`).Match(out) {
		t.Errorf("%v\n%s", err, out)
	}
}

// Clients that come over IPv6 are relayed from IPv4 addresses.
func TestCoturnOverIPv6(t *testing.T) {
	uclient := coturn(t, "turnutils_uclient")
	conn, err := net.ListenPacket("udp6", "[::1]:0")
	if err != nil {
		t.Skipf("no IPv6 on loopback: %v", err)
	}
	newLab(t, func(o *Options) { o.WideChannels, o.UDP = true, append(o.UDP, conn) })
	username, password := auth.TURNCredentials(secret, "coturn", time.Now().Add(time.Hour))
	host, port, err := net.SplitHostPort(conn.LocalAddr().String())
	must(t, err)
	wantNoLoss(t, uclient, 40, "-y", "-c", "-n", "20", "-m", "2", "-l", "170", "-z", "5", "-u", username, "-w", password, "-p", port, host)
}

// coturn's echoing peer, which has no allocation: what is sent to it comes back.
func TestCoturnPeer(t *testing.T) {
	uclient, peer := coturn(t, "turnutils_uclient"), coturn(t, "turnutils_peer")
	at := freeRange(t, 1).Min
	l := newLab(t, func(o *Options) {
		o.WideChannels = true
		o.Services = []Service{{Public: netip.AddrPortFrom(loopback, at)}, {Public: netip.AddrPortFrom(loopback, at+1)}} // it listens on two
	})
	echo := exec.CommandContext(t.Context(), peer, "-L", "127.0.0.1", "-p", strconv.Itoa(int(at)))
	must(t, echo.Start())
	defer func() {
		_ = echo.Process.Kill()
		_ = echo.Wait()
	}()
	eventually(t, "the peer listens", func() bool {
		c, err := net.ListenPacket("udp4", netip.AddrPortFrom(loopback, at).String())
		if err == nil {
			_ = c.Close()
		}
		return err != nil
	})
	username, password := auth.TURNCredentials(secret, "coturn", time.Now().Add(time.Hour))
	for name, flags := range map[string][]string{"channels": nil, "indications": {"-s"}} {
		t.Run(name, func(t *testing.T) {
			host, port, err := net.SplitHostPort(l.udp)
			must(t, err)
			wantNoLoss(t, uclient, 20, append(flags, "-e", "127.0.0.1", "-r", strconv.Itoa(int(at)), "-c", "-n", "10", "-m", "2", "-l", "170", "-z", "5",
				"-u", username, "-w", password, "-p", port, host)...)
		})
	}
}

// wantNoLoss runs coturn's client, which must get every message back.
func wantNoLoss(t *testing.T, uclient string, messages int, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, uclient, args...).CombinedOutput()
	all := fmt.Sprintf("tot_send_msgs=%d, tot_recv_msgs=%[1]d", messages)
	if err != nil || !strings.Contains(string(out), all) || !strings.Contains(string(out), "Total lost packets 0 ") {
		t.Errorf("%v\n%s", err, out)
	}
}

// We have one address, so the behaviour of a NAT can't be told (RFC 5780); the mapped address is, and nothing hangs.
func TestCoturnNATDiscovery(t *testing.T) {
	natdiscovery := coturn(t, "turnutils_natdiscovery")
	l := newLab(t, nil)
	host, port, err := net.SplitHostPort(l.udp)
	must(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, natdiscovery, "-m", "-f", "-p", port, host).CombinedOutput()
	if err != nil || !regexp.MustCompile(`UDP reflexive addr: 127\.0\.0\.1:\d+`).Match(out) {
		t.Errorf("%v\n%s", err, out)
	}
}

// TCP allocations (RFC 6062) and IPv6 relayed addresses (RFC 6156).
func TestCoturnOtherAllocations(t *testing.T) {
	uclient := coturn(t, "turnutils_uclient")
	var allow []policy.Range
	for _, text := range []string{"127.0.0.0/8", "::1/128"} {
		r, err := policy.ParseRange(text)
		must(t, err)
		allow = append(allow, r)
	}
	l := newLab(t, func(o *Options) {
		o.WideChannels, o.AllowPeers, o.PublicIPs = true, allow, append(o.PublicIPs, netip.IPv6Loopback())
	})
	username, password := auth.TURNCredentials(secret, "coturn", time.Now().Add(time.Hour))
	for name, tt := range map[string]struct{ flag, server string }{"TCP to peers": {"-T", l.tcp}, "IPv6 relayed addresses": {"-x", l.udp}} {
		t.Run(name, func(t *testing.T) {
			host, port, err := net.SplitHostPort(tt.server)
			must(t, err)
			wantNoLoss(t, uclient, 20, tt.flag, "-y", "-c", "-n", "10", "-m", "2", "-l", "170", "-z", "5", "-u", username, "-w", password, "-p", port, host)
		})
	}
}
