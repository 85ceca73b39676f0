package storetest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// RequireStores is the environment variable that makes a missing server a failure.
const RequireStores = "REQUIRE_STORES"

// Server is a database server that a test has started.
type Server struct {
	URL string // of the store in it
	t   *testing.T
	cmd func() *exec.Cmd
	ok  func(ctx context.Context) error // it takes connections
	run *exec.Cmd
	out strings.Builder
}

// missing skips the test, or fails it where REQUIRE_STORES is set.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv(RequireStores) != "" {
		t.Fatalf("%s, and %s is set", what, RequireStores)
	}
	t.Skip(what)
}

// folder makes a folder with a short name, since the path of a Unix socket has 107 bytes at most.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "confab")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// StartPostgres starts a PostgreSQL server in a folder of the test, reachable over a Unix socket there alone. The test's end ends it.
func StartPostgres(t *testing.T) *Server {
	t.Helper()
	bin := postgresFolder()
	if bin == "" {
		missing(t, "PostgreSQL is not installed (apt-get install postgresql)")
	}
	dir := folder(t)
	as := unprivileged(t, dir)
	initdb := exec.Command(filepath.Join(bin, "initdb"), "-D", filepath.Join(dir, "data"), "-U", "confab", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
	initdb.SysProcAttr, initdb.Dir = as, dir
	if out, err := initdb.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	s := &Server{t: t, URL: "postgres:///postgres?user=confab&host=" + dir}
	s.cmd = func() *exec.Cmd {
		// What the server was told to keep outlives the process, not the machine: fsync is for the latter.
		cmd := exec.Command(filepath.Join(bin, "postgres"), "-D", filepath.Join(dir, "data"), "-k", dir, "-h", "", "-c", "fsync=off", "-c", "max_connections=100")
		cmd.SysProcAttr, cmd.Dir = as, dir
		return cmd
	}
	// The socket is there before the server lets anybody in; psql's exit says when it does.
	s.ok = func(ctx context.Context) error {
		return exec.CommandContext(ctx, filepath.Join(bin, "psql"), "-h", dir, "-U", "confab", "-d", "postgres", "-qAtc", "SELECT 1").Run()
	}
	s.Start()
	t.Cleanup(s.Kill)
	return s
}

// postgresFolder finds the newest PostgreSQL: Debian keeps its servers off the PATH.
func postgresFolder() string {
	if dirs, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb"); err == nil && len(dirs) > 0 {
		return filepath.Dir(dirs[len(dirs)-1])
	}
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path)
	}
	return ""
}

// unprivileged is how PostgreSQL is started by root, which it refuses to run as: as nobody, who is given the folder.
func unprivileged(t *testing.T, dir string) *syscall.SysProcAttr {
	t.Helper()
	if os.Getuid() != 0 {
		return nil
	}
	nobody, err := user.Lookup("nobody")
	if err != nil {
		t.Fatal(err)
	}
	uid, err1 := strconv.Atoi(nobody.Uid)
	gid, err2 := strconv.Atoi(nobody.Gid)
	if err := errors.Join(err1, err2, os.Chown(dir, uid, gid)); err != nil {
		t.Fatal(err)
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
}

// StartRedis starts a Redis server in a folder of the test, with its append-only file on. The test's end ends it.
func StartRedis(t *testing.T, options ...string) *Server {
	t.Helper()
	bin, err := exec.LookPath("redis-server")
	if err != nil {
		missing(t, "Redis is not installed (apt-get install redis-server)")
	}
	dir := folder(t)
	l, err := net.Listen("tcp", "127.0.0.1:0") // a port that nobody has; Redis takes none of its own choice
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(addr)
	s := &Server{t: t, URL: "redis://" + addr + "/0"}
	s.cmd = func() *exec.Cmd {
		args := append([]string{"--bind", "127.0.0.1", "--port", port, "--dir", dir, "--appendonly", "yes", "--appendfsync", "everysec", "--save", ""}, options...)
		return exec.Command(bin, args...)
	}
	s.ok = func(ctx context.Context) error {
		var d net.Dialer
		conn, err := d.DialContext(ctx, "tcp", addr)
		if err != nil {
			return err
		}
		defer func() { _ = conn.Close() }()
		_ = conn.SetDeadline(time.Now().Add(time.Second))
		answer := make([]byte, 5)
		if _, err := conn.Write([]byte("PING\r\n")); err != nil {
			return err
		}
		// With a password set it says that it wants one: it answers.
		if _, err := conn.Read(answer); err != nil || string(answer) != "+PONG" && string(answer) != "-NOAU" {
			return fmt.Errorf("answered %q: %w", answer, errors.Join(err))
		}
		return nil
	}
	s.Start()
	t.Cleanup(s.Kill)
	return s
}

// Start starts the server, also again after Kill, and returns when it takes connections.
func (s *Server) Start() {
	s.t.Helper()
	s.run = s.cmd()
	s.out.Reset()
	s.run.Stdout, s.run.Stderr = &s.out, &s.out
	if err := s.run.Start(); err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		err := s.ok(ctx)
		if err == nil {
			return
		}
		if ctx.Err() != nil {
			s.Kill()
			s.t.Fatalf("%s does not answer: %v\n%s", s.run.Path, err, s.out.String())
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// Kill ends the server as kill -9 does: nothing is written that was not yet. PostgreSQL's children notice that their parent is gone.
func (s *Server) Kill() {
	if s.run == nil {
		return
	}
	_ = s.run.Process.Kill()
	_ = s.run.Wait()
	s.run = nil
}

// Pause stops the server without ending it (SIGSTOP), as a machine does that has no time for it; Resume lets it go on.
func (s *Server) Pause() { s.signal(syscall.SIGSTOP) }

// Resume is the end of Pause.
func (s *Server) Resume() { s.signal(syscall.SIGCONT) }

// signal reaches the server's own children too: PostgreSQL has a process for each connection, in sessions of their own.
func (s *Server) signal(sig syscall.Signal) {
	s.t.Helper()
	parent := s.run.Process.Pid
	if err := s.run.Process.Signal(sig); err != nil {
		s.t.Fatal(err)
	}
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		s.t.Fatal(err)
	}
	for _, name := range stats {
		stat, err := os.ReadFile(name)
		if err != nil {
			continue // ended since
		}
		var state string
		var ppid int
		_, rest, _ := strings.Cut(string(stat), ") ")
		if _, err := fmt.Sscan(rest, &state, &ppid); err != nil || ppid != parent {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(name))); err == nil {
			_ = syscall.Kill(pid, sig) // may have ended since
		}
	}
}
