package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// repository is seen from this package.
const repository = "../.."

var shellBlock = regexp.MustCompile("(?ms)^```sh\n(.*?)^```$")

// page runs the commands of docs/relay-in-five-minutes.md. What would change the machine goes to a folder instead (sudo, systemctl and
// ufw are small scripts), and the public address is loopback.
type page struct {
	t       *testing.T
	folder  string
	environ []string
	replace *strings.Replacer
}

func newPage(t *testing.T, port, ops int) *page {
	folder := t.TempDir()
	for name, script := range map[string]string{
		"sudo":      `args=(); for a; do case $a in /usr/local/*|/etc/*) a=$FOLDER$a; mkdir -p "$(dirname "$a")";; esac; args+=("$a"); done; exec "${args[@]}"`,
		"systemctl": `echo "$*" >> "$FOLDER/systemctl"`,
		"ufw":       `echo "$*" >> "$FOLDER/ufw"`,
	} {
		write(t, filepath.Join(folder, "bin", name), "#!/usr/bin/env bash\nset -euo pipefail\n"+script+"\n", 0o755)
	}
	environ := append(os.Environ(), "FOLDER="+folder, "HOME="+folder, "PATH="+filepath.Join(folder, "bin")+":"+os.Getenv("PATH"), "GOFLAGS=",
		fmt.Sprintf("TURN_LISTEN_UDP=127.0.0.1:%d", port), fmt.Sprintf("TURN_LISTEN_TCP=127.0.0.1:%d", port), fmt.Sprintf("TURN_OPS_LISTEN=127.0.0.1:%d", ops))
	for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOPATH"} { // which would follow HOME
		out, err := exec.Command("go", "env", name).Output()
		if err != nil {
			t.Fatal(err)
		}
		environ = append(environ, name+"="+strings.TrimSpace(string(out)))
	}
	return &page{t, folder, environ, strings.NewReplacer("turn:203.0.113.7", fmt.Sprintf("turn:127.0.0.1:%d", port), "203.0.113.7", "127.0.0.1")}
}

func write(t *testing.T, path, content string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
}

func (p *page) command(script string) *exec.Cmd {
	ctx, cancel := context.WithTimeout(p.t.Context(), 3*time.Minute)
	p.t.Cleanup(cancel)
	c := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", script)
	c.Dir, c.Env = repository, p.environ
	return c
}

// run runs a block to its end.
func (p *page) run(script string) string {
	p.t.Helper()
	out, err := p.command(script).CombinedOutput()
	if err != nil {
		p.t.Fatalf("%s\n%v\n%s", script, err, out)
	}
	return string(out)
}

// serve starts a relay, waits until it is ready, and returns what ends it.
func (p *page) serve(script string, ops int) (stop func()) {
	p.t.Helper()
	c := p.command("exec " + strings.TrimSpace(script))
	var log lockedBuffer
	c.Stdout, c.Stderr = &log, &log
	if err := c.Start(); err != nil {
		p.t.Fatal(err)
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Second}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if response, err := client.Get(fmt.Sprintf("http://127.0.0.1:%d/readyz", ops)); err == nil {
			_ = response.Body.Close()
			break
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("%s\nis not ready: %s", script, log.String())
		}
	}
	return func() {
		p.t.Helper()
		if err := c.Process.Signal(syscall.SIGTERM); err != nil {
			p.t.Error(err)
		}
		if err := c.Wait(); err != nil {
			p.t.Errorf("%s\n%v\n%s", script, err, log.String())
		}
	}
}

// freePort is free for UDP and TCP.
func freePort(t *testing.T) int {
	t.Helper()
	for range 50 {
		l, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		port := l.Addr().(*net.TCPAddr).Port
		c, err := net.ListenPacket("udp4", l.Addr().String())
		_ = l.Close()
		if err == nil {
			_ = c.Close()
			return port
		}
	}
	t.Fatal("no free port")
	return 0
}

func TestFiveMinutes(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(repository, "docs", "relay-in-five-minutes.md"))
	if err != nil {
		t.Fatal(err)
	}
	port, ops := freePort(t), freePort(t)
	p := newPage(t, port, ops)
	var stop func()
	outputs := map[string]string{}
	for _, block := range shellBlock.FindAllStringSubmatch(string(text), -1) {
		script := p.replace.Replace(block[1])
		if strings.HasPrefix(script, "~/turn serve") {
			stop = p.serve(script, ops)
			continue
		}
		outputs[strings.Join(strings.Fields(script)[:2], " ")] = p.run(script)
	}
	if stop == nil {
		t.Fatal("the page starts no relay")
	}
	stop()
	if out := outputs["~/turn doctor"]; !strings.Contains(out, " 0 failed") || !strings.Contains(out, "50 of 50") {
		t.Errorf("the doctor says:\n%s", out)
	}
	if out := outputs["~/turn credentials"]; !strings.Contains(out, `"credential"`) || !strings.Contains(out, "?transport=tcp") {
		t.Errorf("the credentials are:\n%s", out)
	}
	for name, want := range map[string]string{"ufw": "allow 49152:65535/udp", "systemctl": "enable --now confab-turn"} {
		if got, err := os.ReadFile(filepath.Join(p.folder, name)); err != nil || !strings.Contains(string(got), want) {
			t.Errorf("%s was called with %q, want %q (%v)", name, got, want, err)
		}
	}
	// What the unit starts runs with the files that the page has put in place.
	unit, err := os.ReadFile(filepath.Join(p.folder, "etc/systemd/system/confab-turn.service"))
	if err != nil {
		t.Fatal(err)
	}
	start := regexp.MustCompile(`(?m)^ExecStart=(.*)$`).FindSubmatch(unit)
	if start == nil {
		t.Fatal("the unit starts nothing")
	}
	p.serve(strings.NewReplacer("/usr/local", p.folder+"/usr/local", "/etc/", p.folder+"/etc/", "${CREDENTIALS_DIRECTORY}", p.folder+"/etc/confab-turn").Replace(string(start[1])), ops)()
}
