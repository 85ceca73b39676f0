package main

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pion/turn/v4"

	"github.com/confab/confab/auth"
	"github.com/confab/confab/internal/cli"
	"github.com/confab/confab/internal/config"
	"github.com/confab/confab/relay/doctor"
)

// started is a running "turn serve".
type started struct {
	t   *testing.T
	log *lockedBuffer
}

// start runs the program until the test ends; then it must end with code 0.
func start(t *testing.T, args ...string) *started {
	t.Helper()
	s := &started{t, &lockedBuffer{}}
	signals, code := make(chan os.Signal, 2), make(chan int, 1)
	p := cli.Process{Args: append([]string{"serve"}, args...), Stdout: io.Discard, Stderr: s.log, Signals: signals}
	go func() { code <- run(p) }()
	t.Cleanup(func() {
		signals <- syscall.SIGTERM
		select {
		case got := <-code:
			if got != 0 {
				t.Errorf("exit code %d: %s", got, s.log)
			}
		case <-time.After(10 * time.Second):
			t.Error("did not end")
		}
	})
	s.await("listening")
	return s
}

// await waits for a line of the log.
func (s *started) await(want string) {
	s.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !strings.Contains(s.log.String(), want); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatalf("the log lacks %q: %s", want, s.log)
		}
	}
}

// address is where the program listens, by what its log calls it.
func (s *started) address(name string) string {
	s.t.Helper()
	m := regexp.MustCompile(` ` + name + `=(\S+)`).FindStringSubmatch(s.log.String())
	if m == nil {
		s.t.Fatalf("the log does not say where %s is: %s", name, s.log)
	}
	return m[1]
}

// reload sends SIGHUP until the log has one line more that holds want.
func (s *started) reload(want string) {
	s.t.Helper()
	before := strings.Count(s.log.String(), want)
	for deadline := time.Now().Add(20 * time.Second); strings.Count(s.log.String(), want) == before; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatalf("the log lacks %q: %s", want, s.log)
		}
		if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
			s.t.Fatal(err)
		}
	}
}

// SIGHUP takes every option that can change. An allocation lives on, a peer that is denied now is refused, and what can't be read changes nothing.
func TestReload(t *testing.T) {
	guard := make(chan os.Signal, 64) // should the signal come early, it must not end the test
	signal.Notify(guard, syscall.SIGHUP)
	defer signal.Stop(guard)
	folder := t.TempDir()
	old, young := strings.Repeat("o", 32), strings.Repeat("y", 32)
	secrets, file := filepath.Join(folder, "secrets"), filepath.Join(folder, "turn.yaml")
	write(t, secrets, old+"\n", 0o600)
	const fixed = "listen-udp: 127.0.0.1:0\nops-listen: \"off\"\npublic-ip: 127.0.0.1\nallow-peer: 127.0.0.0/8\n"
	write(t, file, fixed+"listen-tcp: \"off\"\nsecret-file: "+secrets+"\n", 0o600)
	s := start(t, "--config", file, "--quota=7")

	admits := func(secret string) bool {
		r, err := doctor.Run(t.Context(), doctor.Options{Server: "turn:" + s.address("udp") + "?transport=udp", Secret: []byte(secret), Burst: 1})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range r.Checks {
			if c.Name == "allocates" {
				return c.Status == doctor.OK
			}
		}
		return false
	}
	if !admits(old) || admits(young) {
		t.Fatal("want the old secret alone to be good")
	}
	client := newClient(t, s.address("udp"), old)
	relayed, err := client.Allocate()
	if err != nil {
		t.Fatal(err)
	}
	defer relayed.Close()
	sink, other := listenUDP(t), listenUDP(t)
	reaches := func(sink net.PacketConn, what string) bool {
		t.Helper()
		if _, err := relayed.WriteTo([]byte(what), sink.LocalAddr()); err != nil {
			return false
		}
		b := make([]byte, 100)
		_ = sink.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
		n, _, err := sink.ReadFrom(b)
		return err == nil && string(b[:n]) == what
	}
	nine := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 9), Port: 9}
	if err := client.CreatePermission(nine); err != nil || !reaches(sink, "before") {
		t.Fatalf("peers that are allowed are not reached: %v", err)
	}

	write(t, file, fixed+"listen-tcp: \"off\"\nqouta: 3\nsecret-file: "+secrets+"\n", 0o600)
	s.reload("stays as it was")
	if !strings.Contains(s.log.String(), "did you mean quota?") {
		t.Errorf("the fault is not named: %s", s.log)
	}
	write(t, secrets, "short\n", 0o600)
	write(t, file, fixed+"listen-tcp: \"off\"\nsecret-file: "+secrets+"\n", 0o600)
	s.reload("stays as it was")
	if !admits(old) || !reaches(sink, "still") {
		t.Error("files that cannot be used have closed the relay")
	}

	write(t, secrets, young+"\n"+old+"\n", 0o600)
	denied := fmt.Sprintf("deny-peer: [127.0.0.9, \"%s\"]\n", sink.LocalAddr())
	write(t, file, fixed+denied+"listen-tcp: 127.0.0.1:0\nrelay-ports: 50000-50010\nquota: 100\nsecret-file: "+secrets+"\n", 0o600)
	s.reload("secrets=2")
	if !admits(old) || !admits(young) {
		t.Error("want both secrets to be good")
	}
	for _, want := range []string{"[listen-tcp relay-ports]", "next start only"} {
		if !strings.Contains(s.log.String(), want) {
			t.Errorf("the log lacks %q: %s", want, s.log)
		}
	}
	if err := client.CreatePermission(nine); err == nil || !strings.Contains(err.Error(), "403") {
		t.Errorf("%v: want 403 for a peer that is denied now", err)
	}
	if reaches(sink, "no more") {
		t.Error("a peer that is denied now is reached")
	}
	if !reaches(other, "the allocation lives") {
		t.Error("the allocation has not lived")
	}
	if log := s.log.String(); strings.Contains(log, young) || strings.Contains(log, old) {
		t.Error("a secret is in the log")
	}
}

// A changed file is noticed without a signal.
func TestChangedFilesAreSeen(t *testing.T) {
	file := filepath.Join(t.TempDir(), "turn.yaml")
	write(t, file, "secret-file: "+secretFile(t)+"\n", 0o600)
	var o options
	set := config.New(envPrefix, &o)
	if err := set.Load([]string{"TURN_CONFIG=" + file}); err != nil {
		t.Fatal(err)
	}
	s := &settings{log: slog.New(slog.DiscardHandler), set: set, first: &o, now: &o}
	for _, path := range []string{file, o.SecretFile} {
		s.changed(&o)
		if s.changed(&o) {
			t.Errorf("nothing has changed")
		}
		if err := os.Chtimes(path, time.Time{}, time.Unix(1e9, 0)); err != nil {
			t.Fatal(err)
		}
		if !s.changed(&o) {
			t.Errorf("%s has changed", path)
		}
	}
}

// With a certificate, TLS and DTLS are served, and the doctor finds both well.
func TestServeDTLS(t *testing.T) {
	cert, key := certificateFiles(t)
	secrets := secretFile(t)
	s := start(t, "--secret-file", secrets, "--listen-udp=127.0.0.1:0", "--listen-tcp=off", "--ops-listen=off", "--public-ip=127.0.0.1",
		"--listen-tls=127.0.0.1:0", "--listen-dtls=127.0.0.1:0", "--tls-cert", cert, "--tls-key", key)
	secret, err := config.ReadSecrets(secrets)
	if err != nil {
		t.Fatal(err)
	}
	for leg, server := range map[string]string{
		"TLS":  "turns:" + s.address("tls") + "?transport=tcp",
		"DTLS": "turns:" + s.address("dtls") + "?transport=udp",
	} {
		r, err := doctor.Run(t.Context(), doctor.Options{Server: server, Secret: secret[0], Burst: 5})
		if err != nil {
			t.Fatal(err)
		}
		relays := false
		for _, c := range r.Checks {
			if c.Status == doctor.Failed && c.Name != "certificate" { // self-signed
				t.Errorf("%s: %+v", leg, c)
			}
			relays = relays || c.Name == "relays" && c.Status == doctor.OK
		}
		if !relays {
			t.Errorf("%s: nothing was relayed: %+v", leg, r.Checks)
		}
	}
}

func listenUDP(t *testing.T) net.PacketConn {
	t.Helper()
	c, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// newClient has credentials for an hour.
func newClient(t *testing.T, server, secret string) *turn.Client {
	t.Helper()
	username, password := auth.TURNCredentials([]byte(secret), "ada", time.Now().Add(time.Hour))
	c, err := turn.NewClient(&turn.ClientConfig{STUNServerAddr: server, TURNServerAddr: server, Conn: listenUDP(t), Username: username, Password: password})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	if err := c.Listen(); err != nil {
		t.Fatal(err)
	}
	return c
}
