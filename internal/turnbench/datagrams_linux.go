//go:build amd64 || arm64

package main

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/confab/confab/relay/mmsg"
	"golang.org/x/sys/unix"
)

// load is what is sent through a server.
type load struct {
	transport string
	clients   int
	size      int // bytes of payload
	burst     int // packets of one client sent together
	coalesce  bool
	channels  bool // or indications
	rate      int  // packets per second, both directions together
	flood     int  // spoofed Allocate requests per second beside
}

// outcome is what came of it.
type outcome struct {
	sent, relayed int
	cpu           time.Duration
	elapsed       time.Duration
	rtts          []time.Duration
	resident      int64
}

func (o outcome) perCPU() float64 { return float64(o.relayed) / max(o.cpu.Seconds(), 0.01) }
func (o outcome) loss() float64   { return 1 - float64(o.relayed)/float64(max(o.sent, 1)) }
func (o outcome) quantile(q float64) time.Duration {
	if len(o.rtts) == 0 {
		return 0
	}
	slices.Sort(o.rtts)
	return o.rtts[int(q*float64(len(o.rtts)-1))]
}

// A payload begins with the time it was sent and what it is. One of echoEvery packets to the peer comes back, for the round trip.
const (
	stamp     = 9
	plain     = 0
	askEcho   = 1
	isEcho    = 2
	echoEvery = 50
	// dataHead is how much of an indication with an IPv4 peer comes before its data.
	dataHead = 36
)

// generator is the clients and the peer: one thread, which spins.
type generator struct {
	load
	out    outcome
	epoll  int
	peer   int
	fds    []int // of UDP clients
	conns  []net.Conn
	relays []mmsg.Addr
	server mmsg.Addr
	heads  [][]byte
	body   []byte
	rx     *mmsg.Rx
	tx     *mmsg.Tx
	epoch  time.Time
	nth    int
	heard  chan read // of streams
}

type read struct {
	n    int
	rtts []time.Duration
}

// prepare opens the sessions. The forwarder needs none.
func (l *lab) prepare(kind string, w load, peer netip.AddrPort) (*generator, error) {
	g := &generator{load: w, body: make([]byte, w.size), epoch: time.Now(), tx: mmsg.NewTx(w.coalesce), heard: make(chan read, 1024)}
	var err error
	if g.rx, err = mmsg.NewRx(64, 0, 0); err != nil {
		return nil, err
	}
	if g.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, err
	}
	if g.peer, err = mmsg.Socket(peer, 4<<20); err != nil {
		return nil, err
	}
	err = unix.EpollCtl(g.epoll, unix.EPOLL_CTL_ADD, g.peer, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: -1})
	g.server.Set(netip.AddrPortFrom(netip.MustParseAddr(l.ip), uint16(l.port)), false)
	for i := 0; i < w.clients && err == nil; i++ {
		s, relayed := &session{}, netip.AddrPortFrom(forwardedIP, uint16(forwardedAt+i))
		if kind == "forwarder" {
			s.conn, err = l.dial("udp", i)
		} else if s, err = l.open(w.transport, i, peer, w.channels); err == nil {
			relayed = s.relayed
		}
		if err != nil {
			break
		}
		var at mmsg.Addr
		at.Set(relayed, false)
		g.relays = append(g.relays, at)
		err = g.add(s, peer, i)
	}
	return g, err
}

func (g *generator) add(s *session, peer netip.AddrPort, i int) error {
	head := []byte{channelNumber >> 8, 0, byte(g.size >> 8), byte(g.size)}
	if !g.channels {
		b, err := indication(peer, g.body)
		if err != nil {
			return err
		}
		head = b[:dataHead]
	}
	g.heads = append(g.heads, append(head, make([]byte, stamp)...))
	udp, ok := s.conn.(*net.UDPConn)
	if !ok {
		g.conns = append(g.conns, s.conn)
		go g.listen(s.conn)
		return nil
	}
	raw, err := udp.SyscallConn()
	if err != nil {
		return err
	}
	fd := -1
	_ = raw.Control(func(old uintptr) { fd, err = unix.FcntlInt(old, unix.F_DUPFD_CLOEXEC, 0) })
	_ = udp.Close()
	if err != nil {
		return err
	}
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 1<<20)
	mmsg.Coalesce(fd)
	g.fds = append(g.fds, fd)
	return unix.EpollCtl(g.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(i)})
}

func (g *generator) close() {
	for _, fd := range append(g.fds, g.peer, g.epoll) {
		_ = unix.Close(fd)
	}
	for _, c := range g.conns {
		_ = c.Close()
	}
	g.rx.Close()
}

// run sends for a while, and listens a moment longer.
func (g *generator) run(s *server, rate int, d time.Duration) outcome {
	g.out = outcome{}
	begin, cpu, sent, end := time.Now(), s.used(), 0, time.Time{}
	for {
		now := time.Now()
		elapsed := now.Sub(begin)
		if elapsed < d {
			due := int(float64(rate) * elapsed.Seconds())
			for n := 0; sent < due && n < 64; n += g.burst {
				g.send(now)
				sent += g.burst
			}
			g.tx.Flush()
		} else if end.IsZero() {
			g.out.cpu, g.out.elapsed, g.out.resident = s.used()-cpu, elapsed, s.resident()
			end = now
		} else if now.Sub(end) > 200*time.Millisecond {
			return g.out
		}
		g.receive()
	}
}

// send sends one burst: in turn to the peer, and to a client.
func (g *generator) send(now time.Time) {
	i := g.nth / 2 % g.clients
	up := g.nth%2 == 0
	g.nth++
	at := uint64(now.Sub(g.epoch))
	var stream []byte
	for k := range g.burst {
		g.out.sent++
		if !up {
			var head [stamp]byte
			binary.BigEndian.PutUint64(head[:], at)
			g.tx.Put(g.peer, &g.relays[i], head[:], g.body[stamp:], 0)
			continue
		}
		head := g.heads[i]
		binary.BigEndian.PutUint64(head[len(head)-stamp:], at)
		head[len(head)-1] = plain
		if k == 0 && g.nth/g.burst%(echoEvery/g.burst+1) == 0 {
			head[len(head)-1] = askEcho
		}
		if len(g.conns) > 0 {
			stream = append(append(stream, head...), g.body[stamp:]...)
			continue
		}
		g.tx.Put(g.fds[i], &g.server, head, g.body[stamp:], 0)
	}
	if stream != nil {
		_, _ = g.conns[i].Write(stream) // a loss, and counted so
	}
}

func (g *generator) receive() {
	var events [64]unix.EpollEvent
	n := mmsg.Poll(g.epoll, events[:], 0)
	for _, ev := range events[:max(n, 0)] {
		fd, head := g.peer, 0
		if ev.Fd >= 0 {
			fd, head = g.fds[ev.Fd], 4
			if !g.channels {
				head = dataHead
			}
		}
		got, _ := g.rx.Recv(fd, 0, g.rx.Slots())
		for i := range got {
			for b, size := g.rx.Bytes(i), g.rx.Segment(i); len(b) > 0; b = b[min(size, len(b)):] {
				if m := b[:min(size, len(b))]; len(m) >= head+stamp {
					g.take(m[head:], ev.Fd < 0, i)
				}
			}
		}
		g.tx.Flush()
	}
	for {
		select {
		case r := <-g.heard:
			g.out.relayed += r.n
			g.out.rtts = append(g.out.rtts, r.rtts...)
			continue
		default:
		}
		return
	}
}

func (g *generator) take(b []byte, atPeer bool, slot int) {
	g.out.relayed++
	switch {
	case atPeer && b[8] == askEcho:
		b[8] = isEcho
		g.out.sent++
		g.tx.Put(g.peer, g.rx.From(slot), nil, b, 0)
	case !atPeer && b[8] == isEcho:
		g.out.rtts = append(g.out.rtts, time.Since(g.epoch)-time.Duration(binary.BigEndian.Uint64(b)))
	}
}

// listen counts the frames of a stream.
func (g *generator) listen(c net.Conn) {
	buf, have := make([]byte, 64<<10), 0
	for {
		n, err := c.Read(buf[have:])
		if err != nil {
			return
		}
		have += n
		var r read
		at := 0
		for have-at >= 4 {
			size := 4 + (int(binary.BigEndian.Uint16(buf[at+2:]))+3)&^3
			if have-at < size {
				break
			}
			r.n++
			if b := buf[at+4 : at+size]; len(b) >= stamp && b[8] == isEcho {
				r.rtts = append(r.rtts, time.Since(g.epoch)-time.Duration(binary.BigEndian.Uint64(b)))
			}
			at += size
		}
		have = copy(buf, buf[at:have])
		g.heard <- r
	}
}

// flood sends spoofed Allocate requests until stop is closed. It needs root.
func (l *lab) flood(rate int, stop <-chan struct{}) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_RAW)
	if err != nil {
		return fmt.Errorf("raw socket: %w", err)
	}
	defer unix.Close(fd)
	to := netip.MustParseAddr(l.ip).As4()
	packet := make([]byte, 20+8+28)
	packet[0], packet[8], packet[9] = 0x45, 64, unix.IPPROTO_UDP
	copy(packet[16:], to[:])
	binary.BigEndian.PutUint16(packet[22:], uint16(l.port))
	binary.BigEndian.PutUint16(packet[24:], 36)
	copy(packet[28:], []byte{0, 3, 0, 8, 0x21, 0x12, 0xa4, 0x42})
	copy(packet[48:], []byte{0, 0x19, 0, 4, 17, 0, 0, 0})
	begin, sent := time.Now(), 0
	for {
		select {
		case <-stop:
			return nil
		default:
		}
		for due := int(float64(rate) * time.Since(begin).Seconds()); sent < due; sent++ {
			binary.BigEndian.PutUint32(packet[12:], 0x7f000000|uint32(sent*2654435761>>8)&0xffffff|0x00800000) // 127.128.0.0/9
			binary.BigEndian.PutUint16(packet[20:], uint16(1024+sent%50000))
			binary.BigEndian.PutUint64(packet[36:], uint64(sent))
			_ = unix.Sendto(fd, packet, 0, &unix.SockaddrInet4{Addr: to})
		}
		time.Sleep(500 * time.Microsecond)
	}
}
