//go:build amd64 || arm64

package main

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	realm  = "bench"
	secret = "a secret that is long enough for every server"
)

// lab is what all servers of a run share.
type lab struct {
	dir      string // with the certificate, the secrets and our program
	self     string
	cpu      string // of the servers
	ip, ns   string // where they serve; the network namespace, or ""
	peerNets string
	port     int
}

// command is how each server is started.
func (l *lab) command(kind string, clients int) []string {
	cert, key, port := filepath.Join(l.dir, "cert.pem"), filepath.Join(l.dir, "key.pem"), strconv.Itoa(l.port)
	switch kind {
	case "confab":
		at := func(p int) string { return net.JoinHostPort(l.ip, strconv.Itoa(p)) }
		return []string{
			filepath.Join(l.dir, "turn"), "serve", "--secret-file", filepath.Join(l.dir, "secrets"), "--listen-udp", at(l.port), "--listen-tcp", at(l.port),
			"--listen-tls", at(l.port + 1), "--tls-cert", cert, "--tls-key", key, "--public-ip", l.ip, "--allow-peer", l.peerNets, "--realm", realm,
			"--quota", "0", "--quota-per-address", "0", "--ops-listen", "off", "--drain-timeout", "0s", "--log-level", "error", "--relay-ports", "20000-60000",
		}
	case "coturn":
		return []string{
			"turnserver", "-n", "--listening-ip", l.ip, "--relay-ip", l.ip, "--listening-port", port, "--tls-listening-port", strconv.Itoa(l.port + 1),
			"--cert", cert, "--pkey", key, "--use-auth-secret", "--static-auth-secret", secret, "--realm", realm, "--allow-loopback-peers",
			"--no-cli", "--log-file", "/dev/null", "--pidfile", filepath.Join(l.dir, "coturn.pid"), "--userdb", filepath.Join(l.dir, "coturn.db"),
		}
	default: // stock, forwarder
		return []string{l.self, "-serve", kind, "-ip", l.ip, "-port", port, "-dir", l.dir, "-clients", strconv.Itoa(clients)}
	}
}

// server is a server under measurement.
type server struct {
	kind string
	cmd  *exec.Cmd
}

func (l *lab) start(kind string, clients int) (*server, error) {
	args := append([]string{"taskset", "-c", l.cpu}, l.command(kind, clients)...)
	if l.ns != "" {
		args = append([]string{"ip", "netns", "exec", l.ns}, args...)
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // no server outlives us
	errors, err := os.Create(filepath.Join(l.dir, kind+".log"))
	if err != nil {
		return nil, err
	}
	defer errors.Close()
	cmd.Stderr = errors
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s := &server{kind, cmd}
	for range 100 {
		time.Sleep(50 * time.Millisecond)
		if l.answers(kind) {
			return s, nil
		}
	}
	s.stop()
	text, _ := os.ReadFile(errors.Name())
	return nil, fmt.Errorf("%s does not answer: %s", kind, text)
}

// answers reports whether a server is there: to a Binding request over UDP. The forwarder takes anything.
func (l *lab) answers(kind string) bool {
	c, err := net.Dial("udp4", net.JoinHostPort(l.ip, strconv.Itoa(l.port)))
	if err != nil {
		return false
	}
	defer c.Close()
	if kind == "forwarder" {
		time.Sleep(200 * time.Millisecond)
		_, err := c.Write([]byte{0})
		return err == nil
	}
	_ = c.SetDeadline(time.Now().Add(200 * time.Millisecond))
	_, _ = c.Write([]byte{0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12})
	n, err := c.Read(make([]byte, 500))
	return err == nil && n > 0
}

func (s *server) stop() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait() // it was killed
}

// cpu is the processor time that the server has used, in user and kernel mode.
func (s *server) used() time.Duration {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * time.Second / 100 // USER_HZ
}

// resident is the server's memory, in bytes.
func (s *server) resident() int64 {
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if rest, ok := strings.CutPrefix(lines.Text(), "VmRSS:"); ok {
			n, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return n << 10
		}
	}
	return 0
}
