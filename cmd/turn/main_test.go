package main

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/confab/confab/internal/cli"
	"github.com/confab/confab/relay"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func secretFile(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secrets")
	if err := os.WriteFile(path, []byte("0123456789abcdef0123456789abcdef\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// command runs the program to its end.
func command(args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = run(cli.Process{Args: args, Stdout: &out, Stderr: &errs})
	return code, out.String(), errs.String()
}

func TestCredentials(t *testing.T) {
	file := secretFile(t)
	code, out, errs := command("credentials", "--secret-file", file, "--user", "ada")
	if code != 0 || !regexp.MustCompile(`^\d+:ada\n[A-Za-z0-9+/]{27}=\n$`).MatchString(out) {
		t.Errorf("code %d, output %q, %s", code, out, errs)
	}
	code, out, errs = command("credentials", "--user", "ada", "--realm", "home", "--static", "lovelace")
	users := filepath.Join(t.TempDir(), "users")
	if err := os.WriteFile(users, []byte(out), 0o600); err != nil {
		t.Fatal(err)
	}
	if read, err := relay.ReadUsers(users, slog.New(slog.DiscardHandler)); code != 0 || err != nil || read.Len() != 1 {
		t.Errorf("code %d, output %q, %s: %v", code, out, errs, err)
	}
	code, out, errs = command("credentials", "--secret-file", file, "--url", "turn:h", "--url", "turns:h")
	var server iceServer
	if err := json.Unmarshal([]byte(out), &server); err != nil || code != 0 || len(server.URLs) != 2 || server.Credential == "" {
		t.Errorf("code %d, output %q, %s: %v", code, out, errs, err)
	}
}

func TestFaultsAreReportedAtOnce(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want []string
	}{
		{[]string{"serve"}, []string{"secret-file", "openssl rand"}},
		{[]string{"serve", "--listen-udp=off", "--listen-tcp=off", "--realm=", "--quota=-1", "--quota-total=-1"}, []string{"nothing to serve", "--realm", "--quota:", "--quota-total:", "secret-file"}},
		{[]string{"doctor"}, []string{"name the server"}},
		{[]string{"serve", "--relay-prots=1-2"}, []string{"did you mean --relay-ports?"}},
		{[]string{"serve", "--tls-cert=x"}, []string{"belong together"}},
		{[]string{"serve", "--public-ip=0.0.0.0", "--listen-tcp=3478"}, []string{"not an address that people can reach", "not host:port"}},
		{[]string{"credentials", "--secret-file=/nonexistent"}, []string{"/nonexistent"}},
	} {
		code, _, errs := command(tt.args...)
		if code != cli.ExitUsage {
			t.Errorf("%v: exit code %d, want %d", tt.args, code, cli.ExitUsage)
		}
		for _, want := range tt.want {
			if !strings.Contains(errs, want) {
				t.Errorf("%v: %q lacks %q", tt.args, errs, want)
			}
		}
	}
}

func TestPortTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	code, _, errs := command("serve", "--secret-file", secretFile(t), "--listen-udp=127.0.0.1:0", "--listen-tcp", l.Addr().String(), "--ops-listen=off")
	if code != cli.ExitUsage || !strings.Contains(errs, "taken by another program") {
		t.Errorf("code %d, %s", code, errs)
	}
}

// lockedBuffer is a log that is read while it is written.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// The program serves until SIGTERM, says on /readyz and /metrics what it does, and ends with code 0.
func TestServeAndEnd(t *testing.T) {
	var log lockedBuffer
	signals := make(chan os.Signal, 2)
	code := make(chan int, 1)
	p := cli.Process{
		Args:    []string{"serve", "--listen-udp=127.0.0.1:0", "--listen-tcp=127.0.0.1:0", "--public-ip=127.0.0.1"},
		Environ: []string{"TURN_SECRET_FILE=" + secretFile(t), "TURN_OPS_LISTEN=127.0.0.1:0"},
		Stdout:  io.Discard, Stderr: &log, Signals: signals,
	}
	go func() { code <- run(p) }()
	opsAddress := regexp.MustCompile(`ops=(\S+)`)
	for deadline := time.Now().Add(5 * time.Second); !opsAddress.MatchString(log.String()); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("did not start: %s", log.String())
		}
	}
	base := "http://" + opsAddress.FindStringSubmatch(log.String())[1]
	for path, want := range map[string]string{"/readyz": "ready", "/metrics": "relay_ports_free 16384"} {
		if got := get(t, base+path); !strings.Contains(got, want) {
			t.Errorf("%s lacks %q", path, want)
		}
	}
	signals <- syscall.SIGTERM
	select {
	case got := <-code:
		if got != 0 {
			t.Errorf("exit code %d: %s", got, log.String())
		}
	case <-time.After(5 * time.Second):
		t.Fatal("did not end")
	}
	if strings.Contains(log.String(), "0123456789abcdef") {
		t.Error("the secret is in the log")
	}
}

func get(t *testing.T, url string) string {
	t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
