package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// order is what a process is told to do, one JSON value after the other on its standard input.
type order struct {
	Do    string        // measure, cpu, profile, cpuprofile; connect, send
	URL   string        // connect: of the server
	Rooms []int         // connect: how many people come to each
	First int           // connect: number of the first room
	Bare  bool          // connect: there is nobody to greet
	Ahead int           // send: messages that are on their way at once
	For   time.Duration // send: how long
	File  string        // profile
}

// report answers an order, on standard output.
type report struct {
	Error      string
	URL        string        // server: the first report
	CPU        time.Duration // of the process so far, user and kernel
	Resident   int64         // bytes, as the process stands
	Trimmed    int64         // bytes, after what is free was given back
	Heap       int64         // bytes of live objects
	Stack      int64         // bytes of stacks in use
	Goroutines int
	Sent       int // messages
	Received   int // messages, by all receivers
	P50, P99   time.Duration
}

// worker carries out orders.
type worker interface {
	do(o order) (report, error)
}

// process is a process of ours that takes orders. It ends with its standard input.
type process struct {
	cmd *exec.Cmd
	in  io.Closer
	out *json.Encoder
	got *json.Decoder
}

// start runs this program as one of its processes.
func start(role string) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, "--be", role)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // nothing outlives us
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &process{cmd, in, json.NewEncoder(in), json.NewDecoder(out)}, nil
}

// ask gives an order and waits for its report.
func (p *process) ask(o order) (report, error) {
	if err := p.out.Encode(o); err != nil {
		return report{}, err
	}
	return p.read()
}

func (p *process) read() (report, error) {
	var r report
	if err := p.got.Decode(&r); err != nil {
		return r, fmt.Errorf("a process of the benchmark has ended: %w", err)
	}
	if r.Error != "" {
		return r, errors.New(r.Error)
	}
	return r, nil
}

func (p *process) stop() {
	_ = p.in.Close()
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait() // it was killed
}

// obey carries out orders until there are no more.
func obey(w worker, err error) error {
	if err != nil {
		return err
	}
	out := json.NewEncoder(os.Stdout)
	if s, ok := w.(*server); ok {
		if err := out.Encode(report{URL: s.url}); err != nil {
			return err
		}
	}
	for in := json.NewDecoder(os.Stdin); ; {
		var o order
		if err := in.Decode(&o); err != nil {
			return nil // the one who asks has gone
		}
		r, err := w.do(o)
		if err != nil {
			r.Error = err.Error()
		}
		if err := out.Encode(r); err != nil {
			return err
		}
	}
}

// openFiles raises the limit of open files as far as it goes; children inherit it.
func openFiles() error {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return err
	}
	if syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 1 << 18, Max: max(l.Max, 1<<18)}) == nil {
		return nil
	}
	l.Cur = l.Max
	return syscall.Setrlimit(syscall.RLIMIT_NOFILE, &l)
}

// atMost is how many of n sessions one process can have.
func atMost(n int) int {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return n
	}
	can := max(int(l.Cur)-150, 1) // the rest is the process's own
	if can >= n {
		return n
	}
	fmt.Printf("The limit of open files is %d: %d sessions instead of %d.\n", l.Cur, can, n)
	return can
}
