package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/confab/confab/internal/cli"
)

func TestFaults(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	yaml := file("confab.yaml", "listen: :0\npublic_ip: 203.0.113.7\n")
	for _, tt := range []struct {
		name    string
		environ []string
		args    []string
		want    []string
	}{
		{"several at once", []string{"CONFAB_UDP=3478", "CONFAB_LISEN=:1"}, []string{"--auth=token", "--tls-key=k", "--config", yaml},
			[]string{"CONFAB_UDP: \"3478\" is a port without its colon: write :3478", "CONFAB_LISEN: no such option; did you mean CONFAB_LISTEN?",
				yaml + ":2: public_ip: no such option; did you mean public-ip?"}},
		{"what values mean", []string{"CONFAB_UDP=3478"}, []string{"--auth=token", "--tls-key=k", "--public-ip=0.0.0.0", "--drain-timeout=-1s", "--brand-logo=absent.svg"},
			[]string{"6 faults", "--public-ip: 0.0.0.0 is not an address that people can reach", "--tls-key: a key is of no use", "--auth: tokens need something to verify them with",
				"--drain-timeout: must not be negative", "--brand-logo: "}},
		{"an unknown flag beside others", []string{"CONFAB_SFU=maybe"}, []string{"--lisen=:1"},
			[]string{"--lisen: no such flag; did you mean --listen?", `CONFAB_SFU: "maybe" is neither on nor off`}},
		{"a flag without its value", nil, []string{"serve", "--listen"}, []string{"flag needs an argument"}},
		{"a missing certificate", nil, []string{"--tls-cert=absent.pem", "--tls-key=absent.key"}, []string{"--tls-cert: open absent.pem: no such file"}},
		{"a short secret", nil, []string{"--secret-file", file("short", "hunter2\n")}, []string{"at least 32 characters; this one has 7"}},
		{"an unknown command", nil, []string{"sevre"}, []string{`no command "sevre"`}},
		{"an argument", nil, []string{"serve", "now"}, []string{`no command "now"`}},
		{"a host name", nil, []string{"--listen=meet.example.org:443"}, []string{`"meet.example.org" is not an IP address of this machine`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			code, stdout, stderr := runOnce(tt.environ, tt.args...)
			if code != cli.ExitUsage || stdout != "" {
				t.Errorf("exit code %d, output %q; want %d and nothing", code, stdout, cli.ExitUsage)
			}
			for _, want := range tt.want {
				if !strings.Contains(stderr, want) {
					t.Errorf("no %q in\n%s", want, stderr)
				}
			}
		})
	}
}
