package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// shape is what a link does to packets, each way.
type shape struct {
	mbit  float64
	delay time.Duration // one way
	loss  float64       // chance that a packet is lost
}

func (s shape) String() string {
	return fmt.Sprintf("%3.0f Mbit/s  %3d ms  %.1f %%", s.mbit, 2*s.delay.Milliseconds(), 100*s.loss)
}

// queue is how long a packet may wait for its turn: what is longer is lost, as in a home router.
const queue = 100 * time.Millisecond

// network is two namespaces and a link between them.
type network struct {
	names [2]string
	tuns  [2]*os.File

	mu    sync.Mutex // guards shape
	shape shape
	tasks sync.WaitGroup
}

func newNetwork() (*network, error) {
	n := &network{}
	for i := range n.names {
		n.names[i] = fmt.Sprintf("fb%d-%c", os.Getpid(), 'a'+i)
		for _, args := range [][]string{{"netns", "add", n.names[i]}, {"-n", n.names[i], "link", "set", "lo", "up"}} {
			if err := ip(args...); err != nil {
				n.close()
				return nil, err
			}
		}
		tun, err := tunIn(n.names[i])
		if err != nil {
			n.close()
			return nil, err
		}
		n.tuns[i] = tun
		for _, args := range [][]string{
			{"addr", "add", fmt.Sprintf("10.77.0.%d/24", i+1), "dev", "line0"}, {"link", "set", "line0", "mtu", "1500", "up"}, {"route", "add", "default", "dev", "line0"},
		} {
			if err := ip(append([]string{"-n", n.names[i]}, args...)...); err != nil {
				n.close()
				return nil, err
			}
		}
	}
	for i := range n.tuns {
		n.tasks.Go(func() { n.carry(n.tuns[i], n.tuns[1-i]) })
	}
	return n, nil
}

func ip(args ...string) error {
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("ip %s: %s", strings.Join(args, " "), out)
	}
	return nil
}

// tunIn makes the device line0 in a namespace.
func tunIn(name string) (*os.File, error) {
	type made struct {
		f   *os.File
		err error
	}
	done := make(chan made)
	go func() { // its thread has changed namespace, and ends with it
		runtime.LockOSThread()
		f, err := func() (*os.File, error) {
			ns, err := os.Open("/run/netns/" + name)
			if err != nil {
				return nil, err
			}
			defer ns.Close()
			if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
				return nil, err
			}
			fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
			if err != nil {
				return nil, err
			}
			ifr, err := unix.NewIfreq("line0")
			if err != nil {
				return nil, err
			}
			ifr.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
			if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, ifr); err != nil {
				return nil, err
			}
			return os.NewFile(uintptr(fd), "tun"), nil
		}()
		done <- made{f, err}
	}()
	m := <-done
	if m.err != nil {
		return nil, fmt.Errorf("make a tun device in %s: %w", name, m.err)
	}
	return m.f, nil
}

func (n *network) set(s shape) {
	n.mu.Lock()
	n.shape = s
	n.mu.Unlock()
}

// carry takes packets from one side to the other until the devices are closed.
func (n *network) carry(from, to *os.File) {
	type packet struct {
		due  time.Time
		data []byte
	}
	line := make(chan packet, 1<<16) // more than rate and delay can hold
	n.tasks.Go(func() {
		for p := range line {
			time.Sleep(time.Until(p.due))
			_, _ = to.Write(p.data)
		}
	})
	defer close(line)
	var free time.Time
	for buf := make([]byte, 2048); ; {
		size, err := from.Read(buf)
		if err != nil {
			return
		}
		n.mu.Lock()
		s := n.shape
		n.mu.Unlock()
		now := time.Now()
		if free.Before(now) {
			free = now
		}
		if free.Sub(now) > queue || rand.Float64() < s.loss {
			continue
		}
		free = free.Add(time.Duration(float64(size*8) / s.mbit * 1e3))
		select {
		case line <- packet{free.Add(s.delay), append([]byte(nil), buf[:size]...)}:
		default:
		}
	}
}

func (n *network) close() {
	for i, t := range n.tuns {
		if t != nil {
			_ = t.Close()
		}
		_ = ip("netns", "del", n.names[i])
	}
	n.tasks.Wait()
}
