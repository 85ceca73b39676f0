package transport

import (
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// maxDatagram bounds what is queued for pion and for the relay: an Ethernet frame holds less, and nothing of WebRTC is sent fragmented.
const maxDatagram = 2048

// datagram is one queued packet in a buffer of the pool.
type datagram struct {
	buf   *[maxDatagram]byte
	n     int
	from  netip.AddrPort
	local netip.Addr
}

var buffers = sync.Pool{New: func() any { return new([maxDatagram]byte) }}

// queue hands datagrams from the receive loop to one or more readers. It never blocks the writer: what does not fit is
// dropped and counted, as by a socket buffer. It grows as needed, so that an idle queue costs little.
type queue struct {
	limit   int
	dropped *atomic.Uint64

	mu       sync.Mutex // guards the fields below
	ready    sync.Cond
	ring     []datagram
	head, n  int
	closed   bool
	deadline time.Time
	timer    *time.Timer
}

func newQueue(limit int, dropped *atomic.Uint64) *queue {
	q := &queue{limit: limit, dropped: dropped}
	q.ready.L = &q.mu
	return q
}

// push copies b into the queue.
func (q *queue) push(b []byte, from netip.AddrPort, local netip.Addr) {
	if len(b) > maxDatagram {
		q.dropped.Add(1)
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed || q.n == q.limit {
		q.dropped.Add(1)
		return
	}
	if q.n == len(q.ring) {
		q.growLocked()
	}
	d := datagram{buf: buffers.Get().(*[maxDatagram]byte), from: from, local: local}
	d.n = copy(d.buf[:], b)
	q.ring[(q.head+q.n)%len(q.ring)] = d
	q.n++
	q.ready.Signal()
}

func (q *queue) growLocked() {
	ring := make([]datagram, min(max(8, 2*len(q.ring)), q.limit))
	for i := range q.n {
		ring[i] = q.ring[(q.head+i)%len(q.ring)]
	}
	q.ring, q.head = ring, 0
}

// pop waits for a datagram and copies it into b, cutting what does not fit. It returns net.ErrClosed after close, and
// os.ErrDeadlineExceeded after the deadline.
func (q *queue) pop(b []byte) (n int, from netip.AddrPort, local netip.Addr, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.n == 0 {
		switch {
		case q.closed:
			return 0, from, local, net.ErrClosed
		case !q.deadline.IsZero() && !time.Now().Before(q.deadline):
			return 0, from, local, os.ErrDeadlineExceeded
		}
		q.ready.Wait()
	}
	d := q.ring[q.head]
	q.ring[q.head] = datagram{}
	q.head = (q.head + 1) % len(q.ring)
	q.n--
	n = copy(b, d.buf[:d.n])
	buffers.Put(d.buf)
	return n, d.from, d.local, nil
}

// setDeadline is that of a net.PacketConn, for reading.
func (q *queue) setDeadline(t time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.timer != nil {
		q.timer.Stop()
		q.timer = nil
	}
	q.deadline = t
	if !t.IsZero() && !q.closed {
		q.timer = time.AfterFunc(time.Until(t), q.ready.Broadcast)
	}
	q.ready.Broadcast()
}

// close wakes all readers and empties the queue. Idempotent.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.timer != nil {
		q.timer.Stop()
	}
	for ; q.n > 0; q.n-- {
		buffers.Put(q.ring[q.head].buf)
		q.head = (q.head + 1) % len(q.ring)
	}
	q.closed, q.ring = true, nil
	q.ready.Broadcast()
}
