package relay

import (
	"context"
	"net"
	"os"
	"os/exec"
	"regexp"
	"testing"
	"time"

	"github.com/confab/confab/auth"
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
	l := newLab(t, func(o *Options) { o.WideChannels = true }) // it takes any number of RFC 5766
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
