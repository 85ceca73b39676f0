package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/gorilla/websocket"

	"github.com/confab/confab/signaling"
	"github.com/confab/confab/signaling/protocol"
)

// server is one of the two servers.
type server struct {
	url string
	cpu *os.File // of the profile that is being written
}

// newServer serves in the background, for as long as the process lives.
func newServer(bare bool) (*server, error) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	handler := http.Handler(&bareRoom{})
	if !bare {
		const lots = 1 << 20
		// Limits are out of the way: all clients come from a few addresses, and one of them sends as fast as it can.
		srv := signaling.New(signaling.Options{Media: noMedia{}, Limits: signaling.Limits{
			Rooms: lots, Sockets: lots, People: lots, SocketsPerAddress: lots, SocketRate: lots, SocketBurst: lots,
			Rate: lots, Burst: lots, Bytes: 1 << 30, Queue: lots, QueueBytes: 1 << 30, Join: time.Minute, Write: time.Minute, Patience: time.Minute,
		}})
		go func() { _ = srv.Run(context.Background()) }()
		handler = srv.Handler()
	}
	go func() { _ = http.Serve(listener, handler) }()
	return &server{url: "ws://" + listener.Addr().String() + "/ws"}, nil
}

func (s *server) do(o order) (report, error) {
	switch o.Do {
	case "measure":
		return measure()
	case "cpu":
		return report{CPU: used()}, nil
	case "profile":
		return report{}, write(o.File, func(f *os.File) error { return pprof.Lookup("heap").WriteTo(f, 0) })
	case "cpuprofile": // until it is asked for again
		if s.cpu != nil {
			pprof.StopCPUProfile()
			f := s.cpu
			s.cpu = nil
			return report{}, f.Close()
		}
		f, err := os.Create(o.File)
		if err != nil {
			return report{}, err
		}
		s.cpu = f
		return report{}, pprof.StartCPUProfile(f)
	}
	return report{}, fmt.Errorf("unknown order %q", o.Do)
}

func write(name string, to func(f *os.File) error) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return to(f)
}

// measure tells the process's memory: as it stands, and after what is free was given back.
func measure() (report, error) {
	r := report{CPU: used(), Goroutines: runtime.NumGoroutine()}
	var err error
	if r.Resident, err = resident(); err != nil {
		return r, err
	}
	debug.FreeOSMemory() // collects, too
	debug.FreeOSMemory() // pools need two collections
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	r.Heap, r.Stack = int64(m.HeapAlloc), int64(m.StackInuse)
	r.Trimmed, err = resident()
	return r, err
}

// used is the processor time of this process, user and kernel.
func used() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// resident is the memory of this process that is in RAM, in bytes.
func resident() (int64, error) {
	f, err := os.Open("/proc/self/status")
	if err != nil {
		return 0, err
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if rest, ok := strings.CutPrefix(lines.Text(), "VmRSS:"); ok {
			n, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return n << 10, err
		}
	}
	return 0, fmt.Errorf("no VmRSS in /proc/self/status")
}

// bareRoom sends what anybody says to everybody, in a loop.
type bareRoom struct {
	mu    sync.Mutex
	conns []*websocket.Conn
}

func (b *bareRoom) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	up := websocket.Upgrader{Subprotocols: []string{protocol.Subprotocol}}
	conn, err := up.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer conn.Close()
	b.mu.Lock()
	b.conns = append(b.conns, conn)
	b.mu.Unlock()
	for {
		kind, frame, err := conn.ReadMessage()
		if err != nil {
			return
		}
		m, err := websocket.NewPreparedMessage(kind, frame)
		if err != nil {
			return
		}
		b.mu.Lock()
		for _, c := range b.conns {
			_ = c.WritePreparedMessage(m) // who has gone has gone
		}
		b.mu.Unlock()
	}
}
