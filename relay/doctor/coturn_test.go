package doctor_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/confab/confab/relay/doctor"
)

// coturn, with the settings of its documentation, relays and sends to private addresses: the doctor sees both.
func TestCoturn(t *testing.T) {
	turnserver, err := exec.LookPath("turnserver")
	if err != nil {
		if os.Getenv("REQUIRE_COTURN") != "" {
			t.Fatal("turnserver is missing: install coturn")
		}
		t.Skip("turnserver is not installed")
	}
	free, err := net.Listen("tcp4", "127.0.0.1:0")
	must(t, err)
	port := free.Addr().(*net.TCPAddr).Port
	must(t, free.Close())
	folder := t.TempDir()
	server := exec.CommandContext(t.Context(), turnserver, "-n", "--listening-ip", "127.0.0.1", "--relay-ip", "127.0.0.1", "--listening-port", fmt.Sprint(port),
		"--lt-cred-mech", "--user", "ada:lovelace", "--realm", "coturn", "--no-cli", "--no-tls", "--no-dtls", "--allow-loopback-peers",
		"--pidfile", filepath.Join(folder, "pid"), "--log-file", filepath.Join(folder, "log"), "--db", filepath.Join(folder, "db"))
	must(t, server.Start())
	defer func() {
		_ = server.Process.Kill()
		_ = server.Wait()
	}()
	address := fmt.Sprintf("127.0.0.1:%d", port)
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if conn, err := net.Dial("tcp4", address); err == nil {
			must(t, conn.Close())
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("coturn does not listen")
		}
	}
	for _, transport := range []string{"udp", "tcp"} {
		r := examine(t, doctor.Options{Server: "turn:" + address + "?transport=" + transport, Username: "ada", Password: "lovelace"})
		for _, name := range []string{"answers", "asks for a login", "wrong password", "allocates", "relays", "from outside"} {
			if c := find(t, r, name); c.Status != doctor.OK {
				t.Errorf("%s: %+v", transport, c)
			}
		}
		wantFailed(t, r, "private peers", "10.0.0.1", "denied-peer-ip")
	}
}
