//go:build amd64 || arm64

package relay

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/confab/confab/relay/forward"
	"github.com/confab/confab/relay/mmsg"
	"golang.org/x/sys/unix"
)

const (
	workerSlots  = 128 // receive slots of a round
	fromClient   = 64  // datagrams at most that the client socket gives in one turn
	fromRelay    = 16  // datagrams at least that a relay socket may give in one turn
	workerEvents = 64
	// busyWait is how long a worker waits for packets outside the Go scheduler, in milliseconds, before it takes them for gone.
	busyWait = 4
	// After a round that moved fewer packets than restBelow, a worker whose last round is no longer ago than flowing rests for rest, so that
	// the next one finds more, as a network card moderates its interrupts: of 20 000 packets a second it saves more than a third of the processor
	// time, of 100 000 a quarter. The first packet after a pause is never delayed, and the others by a quarter of a millisecond at most.
	restBelow = 32
	flowing   = int64(500 * time.Microsecond)
	rest      = 250 * time.Microsecond
	// handover bounds each of the two queues of messages for pion: of clients with an allocation, and of strangers. A message that finds its queue
	// full is dropped, as a request of a flood mostly is; a client repeats its own.
	handover = 512
	// relayBuffer is asked of the kernel for each relay socket: bursts of video wait there while another packet is handled.
	relayBuffer = 1 << 20
)

// worker is the quick data path: one thread that owns a UDP socket of the client side and the relay sockets of the allocations made
// through it. It takes packets in batches, forwards ChannelData and plain Send indications by the allocations' tables, and hands everything
// else to pion through bounded queues.
//
//	clients ──recvmmsg──▶ worker ──sendto, or sendmsg with UDP_SEGMENT──▶ peers
//	peers   ──recvmmsg──▶ worker ──sendmmsg, with UDP_SEGMENT───────────▶ clients
//	        the rest      worker ──queues──▶ guard ──▶ pion ──sendto────▶ clients
//
// It is the net.PacketConn that pion reads.
type worker struct {
	s     *Server
	local netip.AddrPort // fixed at construction, like all fields up to fds
	ipv6  bool           // the client socket has IPv6 addresses, mapped IPv4 ones among them
	hears bool           // the client socket is bound to all addresses, and tells which of them a datagram was sent to
	epoll int
	wake  int // an eventfd that ends the loop

	known, strangers chan handed
	nudged           chan struct{} // holds one: ReadFromAddrPort shall return
	last             netip.Addr    // which address of ours the last message was sent to; of who reads
	free             sync.Pool     // of *[largestMessage + 1]byte

	done  chan struct{} // closed when the loop has ended
	stop  chan struct{} // closed when it shall
	ended sync.Once

	fds    sync.RWMutex // held for reading while fd is used by others than the loop
	fd     int          // the client socket; -1 when closed
	mu     sync.Mutex   // held by the loop for a round; guards the fields below
	byAddr map[mmsg.Key]*workerSocket
	relays []*workerSocket
	spare  []int32 // free places in relays

	rx     *mmsg.Rx // the fields below are of the loop only
	tx     *mmsg.Tx
	random *rand.PCG
	up     tally // to peers
	down   tally // to clients
	rounds uint64
	began  int64 // the last round, in monotonic nanoseconds
}

// tally is what a round has sent on, not yet counted.
type tally struct{ packets, bytes int }

func (t *tally) add(n int) { t.packets++; t.bytes += n }

// handed is a message for pion.
type handed struct {
	buf  *[largestMessage + 1]byte
	n    int
	from mmsg.Addr
}

// newWorker takes the socket away from conn, whose address stays readable.
func newWorker(s *Server, conn *net.UDPConn) (*worker, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	w := &worker{
		s: s, local: addrPort(conn.LocalAddr()), epoll: -1, wake: -1, fd: -1,
		known: make(chan handed, handover), strangers: make(chan handed, handover), nudged: make(chan struct{}, 1),
		done: make(chan struct{}), stop: make(chan struct{}), byAddr: map[mmsg.Key]*workerSocket{},
		tx: mmsg.NewTx(true), random: rand.NewPCG(rand.Uint64(), rand.Uint64()),
	}
	w.free.New = func() any { return new([largestMessage + 1]byte) }
	var failed error
	err = raw.Control(func(fd uintptr) {
		// A descriptor that the net package does not watch: its poller would wake for every packet.
		if w.fd, failed = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0); failed == nil {
			w.ipv6, failed = mmsg.IsIPv6(w.fd)
		}
		if failed == nil && w.local.Addr().IsUnspecified() {
			w.hears = mmsg.HearVia(w.fd, w.ipv6) == nil
		}
	})
	if err = errors.Join(err, failed); err == nil {
		err = w.prepare()
	}
	if err != nil {
		w.closeAll()
		return nil, fmt.Errorf("relay worker: %w", err)
	}
	_ = conn.Close() // the socket stays open: w.fd is it too
	return w, nil
}

func (w *worker) prepare() (err error) {
	if w.rx, err = mmsg.NewRx(workerSlots, forward.MaxHead, padding); err != nil {
		return err
	}
	if w.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return os.NewSyscallError("epoll_create1", err)
	}
	if w.wake, err = unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC); err != nil {
		return os.NewSyscallError("eventfd", err)
	}
	mmsg.Coalesce(w.fd)
	return errors.Join(w.watch(w.fd, clientEvent), w.watch(w.wake, wakeEvent))
}

// What an epoll event is about, besides places in relays.
const (
	clientEvent int32 = -1
	wakeEvent   int32 = -2
)

func (w *worker) watch(fd int, what int32) error {
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(w.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: what}))
}

// run is the worker's loop; it returns after Close.
func (w *worker) run() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(w.done)
	mmsg.Punctual()
	events := make([]unix.EpollEvent, workerEvents)
	for {
		select {
		case <-w.stop:
			w.closeAll()
			return
		default:
		}
		// While packets flow, the thread waits without telling the Go scheduler: to give up the processor and take it back costs more
		// than the wait. The scheduler's signal ends such a wait, so the garbage collector is not held up. After a few quiet
		// milliseconds it waits the ordinary way.
		n := mmsg.Poll(w.epoll, events, busyWait)
		if n == 0 {
			var err error
			if n, err = unix.EpollWait(w.epoll, events, -1); err != nil && !errors.Is(err, unix.EINTR) {
				w.s.log.Error("relay worker can't wait", "error", err) // does not happen: the descriptor is ours
				time.Sleep(time.Second)
			}
		}
		if n > 0 && w.round(events[:n]) {
			mmsg.Rest(rest)
		}
	}
}

// round takes a turn at every socket that has packets, and sends them on. Clients and relays share it evenly, so that a flood from
// one side does not starve the other. It reports whether a rest would gather more packets for the next round.
func (w *worker) round(events []unix.EpollEvent) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rounds++
	begin := w.s.now()
	since := begin - w.began
	w.began = begin
	used, share := 0, min(fromClient, max(fromRelay, 2*fromClient/len(events)))
	for i := range events {
		room := share
		if events[i].Fd == clientEvent {
			room = fromClient
		}
		if used+room > workerSlots {
			w.tx.Flush()
			used = 0
		}
		switch at := events[i].Fd; {
		case at == clientEvent:
			used += w.takeFromClients(used, room)
		case at >= 0 && w.relays[at] != nil:
			used += w.takeFromPeers(w.relays[at], used, room)
		}
	}
	w.tx.Flush()
	few := w.up.packets + w.down.packets
	w.count()
	if w.rounds%sampled == 0 {
		w.s.observe(begin)
	}
	return few > 0 && few < restBelow && since < flowing
}

// count adds the round to the metrics.
func (w *worker) count() {
	t := w.s.metrics.trafficOf("udp")
	if w.up.packets > 0 {
		t.toPeer.add(w.up.packets, w.up.bytes)
	}
	if w.down.packets > 0 {
		t.toClient.add(w.down.packets, w.down.bytes)
	}
	for ; w.tx.Failed > 0; w.tx.Failed-- {
		w.s.metrics.drop("send_failed")
	}
	w.up, w.down = tally{}, tally{}
}

// takeFromClients forwards what clients have sent.
func (w *worker) takeFromClients(at, room int) int {
	n, _ := w.rx.Recv(w.fd, at, room) // an error is an ICMP message about an earlier datagram
	if w.hears {
		w.rx.FindVia(at, n)
	}
	var last mmsg.Key
	var socket *workerSocket
	for i := at; i < at+n; i++ {
		if key := w.rx.From(i).Key(); key != last || i == at {
			last, socket = key, w.byAddr[key]
		}
		b, size := w.rx.Bytes(i), w.rx.Segment(i)
		for len(b) > 0 {
			m := min(size, len(b))
			w.takeFromClient(socket, b[:m:m], i)
			b = b[m:]
		}
	}
	return n
}

func (w *worker) takeFromClient(socket *workerSocket, b []byte, slot int) {
	if isRelayedData(b) {
		var a *allocation
		if socket != nil {
			a = socket.a
		}
		o, ok, known := a.destination(w.s, b)
		if ok && socket.put(w.tx, o) {
			w.up.add(len(o.data))
		}
		if known {
			return
		}
	}
	if len(b) > largestMessage {
		w.s.metrics.drop("oversized")
		return
	}
	queue := w.strangers
	if socket != nil {
		queue = w.known
	}
	h := handed{buf: w.free.Get().(*[largestMessage + 1]byte), n: len(b), from: *w.rx.From(slot)}
	copy(h.buf[:], b)
	select {
	case queue <- h:
	default:
		w.free.Put(h.buf)
		w.s.metrics.drop("queue_full")
	}
}

// takeFromPeers forwards what peers have sent to a relayed address.
func (w *worker) takeFromPeers(socket *workerSocket, at, room int) int {
	n, _ := w.rx.Recv(socket.fd, at, room)
	a := socket.a
	if a == nil {
		return n // too early: there is no permission yet
	}
	for i := at; i < at+n; i++ {
		from, b, size := w.rx.From(i).AddrPort(), w.rx.Bytes(i), w.rx.Segment(i)
		if size < len(b) {
			for len(b) > 0 {
				m := min(size, len(b))
				w.takeFromPeer(socket, from, b[:m])
				b = b[m:]
			}
			continue
		}
		v, ok := a.heard(w.s, from, len(b))
		if !ok {
			continue
		}
		// The slot has room for what comes around.
		var scratch [forward.MaxHead]byte
		head, pad := a.head(scratch[:0], v, len(b), w.random.Uint64)
		frame := w.rx.Around(i, len(head), pad)
		copy(frame, head)
		clear(frame[len(head)+len(b):])
		w.tx.Put(w.fd, &socket.client, nil, frame, 0)
		w.down.add(len(b))
	}
	return n
}

// takeFromPeer forwards one of several coalesced datagrams: its head lies apart.
func (w *worker) takeFromPeer(socket *workerSocket, from netip.AddrPort, b []byte) {
	v, ok := socket.a.heard(w.s, from, len(b))
	if !ok {
		return
	}
	var scratch [forward.MaxHead]byte
	head, pad := socket.a.head(scratch[:0], v, len(b), w.random.Uint64)
	w.tx.Put(w.fd, &socket.client, head, b, pad)
	w.down.add(len(b))
}

// nudge makes ReadFromAddrPort return with nothing.
func (w *worker) nudge() {
	select {
	case w.nudged <- struct{}{}:
	default:
	}
}

// ReadFromAddrPort returns the next message for pion: those of clients with an allocation go first. After a nudge it returns 0 bytes.
func (w *worker) ReadFromAddrPort(b []byte) (int, netip.AddrPort, error) {
	var h handed
	select {
	case h = <-w.known:
	default:
		select {
		case h = <-w.known:
		case h = <-w.strangers:
		case <-w.nudged:
			return 0, netip.AddrPort{}, nil
		case <-w.stop:
			return 0, netip.AddrPort{}, net.ErrClosed
		}
	}
	n := copy(b, h.buf[:h.n])
	w.free.Put(h.buf)
	w.last = h.from.Via()
	return n, h.from.Zoned(), nil
}

// WriteToAddrPort sends an answer.
func (w *worker) WriteToAddrPort(b []byte, to netip.AddrPort) (int, error) {
	return w.writeVia(b, to, netip.Addr{})
}

// ReadFrom implements net.PacketConn.
func (w *worker) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := w.ReadFromAddrPort(b)
	if err != nil {
		return 0, nil, err
	}
	return n, net.UDPAddrFromAddrPort(from), nil
}

// WriteTo implements net.PacketConn.
func (w *worker) WriteTo(b []byte, to net.Addr) (int, error) {
	u, ok := to.(*net.UDPAddr)
	if !ok {
		return 0, os.ErrInvalid
	}
	return w.WriteToAddrPort(b, u.AddrPort())
}

// Close ends the loop, which closes the socket.
func (w *worker) Close() error {
	w.ended.Do(func() {
		close(w.stop)
		w.fds.RLock()
		defer w.fds.RUnlock()
		if w.wake >= 0 {
			_, _ = unix.Write(w.wake, []byte{1, 0, 0, 0, 0, 0, 0, 0}) // can't fail: the counter is at 0
		}
	})
	return nil
}

func (w *worker) closeAll() {
	w.fds.Lock()
	defer w.fds.Unlock()
	w.mu.Lock() // relay sockets leave the epoll set by being closed, at any time
	defer w.mu.Unlock()
	for _, fd := range []*int{&w.fd, &w.epoll, &w.wake} {
		if *fd >= 0 {
			_ = unix.Close(*fd)
			*fd = -1
		}
	}
	if w.rx != nil {
		w.rx.Close()
	}
}

// LocalAddr implements net.PacketConn.
func (w *worker) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(w.local) }

// SetDeadline implements net.PacketConn; pion sets none.
func (w *worker) SetDeadline(time.Time) error { return nil }

// SetReadDeadline implements net.PacketConn.
func (w *worker) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline implements net.PacketConn.
func (w *worker) SetWriteDeadline(time.Time) error { return nil }
