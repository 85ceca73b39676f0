package relay

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
)

// startWorkers gives each UDP socket of the net package to a worker of its own, where there are workers, and reports how many it
// has started. A socket that a worker can't have stays on the portable path.
func (s *Server) startWorkers() (n int) {
	if s.o.Portable || !s.ownNetwork {
		return 0
	}
	for _, c := range s.datagrams {
		conn, ok := c.PacketConn.(*net.UDPConn)
		if !ok {
			continue
		}
		w, err := newWorker(s, conn)
		if err != nil {
			s.log.Warn("relay takes the portable data path", "address", c.local, "error", err)
			continue
		}
		if w == nil {
			continue // another system
		}
		c.PacketConn, c.quick, c.worker, c.vias = w, w, w, nil
		if w.everywhere() {
			c.vias = w
		}
		s.running.Go(w.run)
		n++
	}
	return n
}

// processors lets n more goroutines run at a time, and takes that back when the result is called: a worker keeps a processor of the Go scheduler
// to itself while packets flow, and pion needs a place to run.
func processors(n int) func() {
	if n == 0 {
		return func() {}
	}
	runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + n)
	return func() { runtime.GOMAXPROCS(max(1, runtime.GOMAXPROCS(0)-n)) }
}

// MaxShards bounds ListenUDP: a worker moves some 300 000 packets per second, so more would wait for the network.
const MaxShards = 16

// ListenUDP opens a UDP address for Options.UDP: on Linux one socket for each processor of the Go scheduler, at most MaxShards, between which the kernel
// shares the clients out; elsewhere one. buffer is asked of the kernel for each, in bytes. No other process can take a share: the address is
// refused when it is in use, and later to others.
func ListenUDP(ctx context.Context, address string, buffer int) ([]net.PacketConn, error) {
	var lc net.ListenConfig
	first, err := lc.ListenPacket(ctx, "udp", address)
	if err != nil {
		return nil, err
	}
	conns := []net.PacketConn{first}
	if n := min(runtime.GOMAXPROCS(0), MaxShards); n > 1 {
		more, err := shards(ctx, first.(*net.UDPConn), n-1)
		conns = append(conns, more...)
		if err != nil {
			for _, c := range conns {
				_ = c.Close()
			}
			return nil, fmt.Errorf("share %s between processors: %w", address, err)
		}
	}
	for _, c := range conns {
		u, ok := c.(*net.UDPConn)
		if !ok {
			return nil, errors.New("relay: not a UDP socket")
		}
		_ = u.SetReadBuffer(buffer) // the kernel takes what it allows
		_ = u.SetWriteBuffer(buffer)
	}
	return conns, nil
}
