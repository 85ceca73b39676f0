package main

import (
	"net"
	"strings"
	"testing"

	"github.com/confab/confab/internal/cli"
)

func TestServe(t *testing.T) {
	s := start(t)
	for _, tt := range []struct {
		url    string
		status int
		body   string
	}{
		{s.url + "/r/" + s.room, 200, "<!doctype html>"},
		{s.url + "/", 200, "<!doctype html>"},
		{s.url + "/nothing-here", 404, ""},
		{s.ops + "/healthz", 200, "ok"},
		{s.ops + "/readyz", 200, "ready"},
		{s.ops + "/metrics", 200, "confab_build_info"},
		{s.ops + "/debug/pprof/", 200, "goroutine"},
	} {
		status, body := get(t, tt.url)
		if status != tt.status || !strings.Contains(strings.ToLower(body), tt.body) {
			t.Errorf("%s: status %d, want %d with %q", tt.url, status, tt.status, tt.body)
		}
	}
	if status, _ := get(t, s.url+"/ws"); status < 400 || status >= 500 {
		t.Errorf("/ws without an upgrade: status %d, want one of 4xx", status)
	}
	if code := s.stop(); code != 0 {
		t.Errorf("exit code %d, want 0:\n%s", code, s.stderr)
	}
}

func TestParts(t *testing.T) {
	for name, args := range map[string][]string{
		"without the SFU":   {"--sfu=off"},
		"without the relay": {"--turn=off"},
		"neither":           {"--sfu=off", "--turn=off"},
		"serve spelled out": {"serve"},
		"JSON logs":         {"--log-level=debug"},
		"all addresses":     {"--listen=:0", "--udp=:0"},
		"behind NAT":        {"--udp=:0", "--public-ip=203.0.113.7"},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, args...)
			if status, _ := get(t, s.url+"/"); status != 200 {
				t.Errorf("status %d", status)
			}
			if code := s.stop(); code != 0 {
				t.Errorf("exit code %d:\n%s", code, s.stderr)
			}
		})
	}
}

func TestAddressesThatAreTaken(t *testing.T) {
	s := start(t)
	tcp := strings.TrimPrefix(s.url, "http://")
	code, _, stderr := runOnce(nil, "--listen", tcp, "--udp", s.udp, "--ops-listen", strings.TrimPrefix(s.ops, "http://"))
	if code != cli.ExitUsage {
		t.Errorf("exit code %d, want %d", code, cli.ExitUsage)
	}
	for _, want := range []string{"3 faults", "--listen: " + tcp + " is taken by another program", "--udp: " + s.udp + " is taken", "--ops-listen: "} {
		if !strings.Contains(stderr, want) {
			t.Errorf("no %q in\n%s", want, stderr)
		}
	}
}

func TestNothingIsLeftOpenAfterAFault(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	free, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	udp := free.LocalAddr().String()
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	if code, _, _ := runOnce(nil, "--listen", taken.Addr().String(), "--udp", udp, "--ops-listen=off"); code != cli.ExitUsage {
		t.Fatalf("exit code %d, want %d", code, cli.ExitUsage)
	}
	again, err := net.ListenPacket("udp", udp)
	if err != nil {
		t.Fatalf("the UDP socket stayed open: %v", err)
	}
	_ = again.Close()
}
