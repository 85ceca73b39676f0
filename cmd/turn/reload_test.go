package main

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/confab/confab/relay"
	"github.com/confab/confab/relay/doctor"
)

// A rotated secret is taken at SIGHUP, and one that cannot be read leaves the old one in use.
func TestSecretsAreReadAnew(t *testing.T) {
	guard := make(chan os.Signal, 8) // should the signal come early, it must not end the test
	signal.Notify(guard, syscall.SIGHUP)
	defer signal.Stop(guard)
	old, young := strings.Repeat("o", 32), strings.Repeat("y", 32)
	path := filepath.Join(t.TempDir(), "secrets")
	write(t, path, old+"\n", 0o600)
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var log lockedBuffer
	logger := slog.New(slog.NewTextHandler(&log, nil))
	o := relay.Options{UDP: []net.PacketConn{conn}, PublicIPs: []netip.Addr{netip.MustParseAddr("127.0.0.1")}, Log: logger}
	files := &access{log: logger, secrets: path}
	if err := files.read(&o); err != nil {
		t.Fatal(err)
	}
	server, err := relay.New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 2)
	go func() { ended <- server.Run(ctx) }()
	go func() { ended <- files.follow(ctx, o, server) }()
	defer func() {
		cancel()
		for range 2 {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
	}()
	admits := func(secret string) bool {
		r, err := doctor.Run(t.Context(), doctor.Options{Server: "turn:" + conn.LocalAddr().String() + "?transport=udp", Secret: []byte(secret), Burst: 1})
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
	hangUp := func(want string) {
		t.Helper()
		for deadline := time.Now().Add(20 * time.Second); !strings.Contains(log.String(), want); time.Sleep(20 * time.Millisecond) {
			if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
				t.Fatal(err)
			}
			if time.Now().After(deadline) {
				t.Fatalf("the log lacks %q: %s", want, log.String())
			}
		}
	}
	write(t, path, "short\n", 0o600)
	hangUp("stay as they were")
	if !admits(old) {
		t.Error("a file that cannot be used has closed the relay")
	}
	write(t, path, young+"\n"+old+"\n", 0o600)
	hangUp("secrets=2")
	if !admits(old) || !admits(young) {
		t.Error("want both secrets to be good")
	}
	if bytes.Contains([]byte(log.String()), []byte(young)) {
		t.Error("a secret is in the log")
	}
}
