package main

import (
	"context"
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"syscall"
	"testing"
	"time"
)

// processVar in the environment makes the test's own binary the program.
const processVar = "TEST_AS_PROGRAM"

// asProgram runs the program if this process is to be it. What a full disk refuses is an error and no signal, as on a real one: tests play it with a limit.
func asProgram() {
	if os.Getenv(processVar) != "" {
		signal.Ignore(syscall.SIGXFSZ)
		main()
	}
}

// program is a server in a process of its own, which can be killed and started again.
type program struct {
	t    *testing.T
	args []string

	mu  sync.Mutex // guards the fields below
	cmd *exec.Cmd
	out *output
	url string // "": it does not run
	udp string // address of media
	end chan error
}

// launch starts a server. The test's end ends it.
func launch(t *testing.T, args ...string) *program {
	t.Helper()
	p := &program{t: t, args: append([]string{
		"--listen=127.0.0.1:0", "--udp=127.0.0.1:0", "--ops-listen=off", "--drain-timeout=200ms",
	}, args...)}
	p.start()
	t.Cleanup(func() {
		p.signal(syscall.SIGKILL)
		if t.Failed() {
			said := p.out.String()
			t.Logf("%q said:\n%s", args, said[max(0, len(said)-8000):])
		}
	})
	return p
}

func (p *program) start() {
	p.t.Helper()
	stdout, stderr := newOutput(), newOutput()
	cmd := exec.Command(os.Args[0], p.args...)
	cmd.Env = append(os.Environ(), processVar+"=1")
	cmd.Stdout, cmd.Stderr = stdout, stderr
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	link := stdout.await(ctx, `http(://\S+)/r/`)
	if link == nil {
		_ = cmd.Process.Kill()
		<-ended
		p.t.Fatalf("no link within a minute:\n%s", stderr)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cmd, p.out, p.url, p.end = cmd, stderr, "ws"+link[1]+"/ws", ended
	p.udp = stderr.await(ctx, `udp=(\S+)`)[1]
}

// signal ends the server with a signal and waits for its end.
func (p *program) signal(s os.Signal) {
	p.mu.Lock()
	cmd, end := p.cmd, p.end
	p.url, p.cmd = "", nil
	p.mu.Unlock()
	if cmd != nil {
		_ = cmd.Process.Signal(s) // it may have ended by itself, which the test finds out
		<-end
	}
}

// restart is a signal and another start.
func (p *program) restart(s os.Signal) {
	p.t.Helper()
	p.signal(s)
	p.start()
}

// where returns the address of the WebSocket; "" while there is none.
func (p *program) where() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.url
}

func (p *program) pid() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cmd.Process.Pid
}
