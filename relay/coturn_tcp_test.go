package relay

import (
	"net"
	"testing"
	"time"

	"github.com/confab/confab/auth"
)

// coturn's client makes TCP allocations (RFC 6062), over TCP and TLS, and connects them to each other through us.
func TestCoturnTCPAllocations(t *testing.T) {
	uclient := coturn(t, "turnutils_uclient")
	l := newLab(t, nil)
	username, password := auth.TURNCredentials(secret, "coturn", time.Now().Add(time.Hour))
	for _, tt := range []struct {
		name, server string
		flags        []string
	}{
		{"TCP", l.tcp, nil},
		{"TLS", l.tls, []string{"-S"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			host, port, err := net.SplitHostPort(tt.server)
			must(t, err)
			wantNoLoss(t, uclient, 20, append(tt.flags, "-t", "-T", "-y", "-c", "-n", "10", "-m", "2", "-l", "170", "-z", "20",
				"-u", username, "-w", password, "-p", port, host)...)
		})
	}
}
