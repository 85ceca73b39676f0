//go:build amd64 || arm64

package relay

import (
	"math/rand/v2"
	"net"
	"sync"
	"syscall"

	"github.com/confab/confab/relay/forward"
	"github.com/confab/confab/relay/mmsg"
)

// batchSocket is the relay socket of a client that no worker serves: one that came over a stream, or through a UDP port shared with
// other protocols. pion's loop reads it, in batches; the client's loop writes it, in batches.
type batchSocket struct {
	r    *relayed
	conn *net.UDPConn
	raw  syscall.RawConn
	ipv6 bool

	onReady func(fd uintptr) bool
}

// receiver is what it takes to handle a batch. It is borrowed while there is one.
type receiver struct {
	rx  *mmsg.Rx
	out []byte // frames for a stream
	one []byte // a datagram that was coalesced with others, with room around it
}

const (
	batchSlots = 16 // receive slots of a receiver
	// largestWrite bounds the frames written to a stream at once: four TLS records.
	largestWrite = 64 << 10
	padding      = 3
)

// receivers and senders are shared by all batchSockets: an idle one holds neither. Memory outside the Go heap is bounded by free, which
// keeps what is not in use.
var (
	receivers = newShelf(64, func() *receiver {
		rx, err := mmsg.NewRx(batchSlots, forward.MaxHead, padding)
		if err != nil {
			return nil
		}
		return &receiver{rx: rx, one: make([]byte, forward.MaxHead+largestFrame+padding)}
	}, func(r *receiver) { r.rx.Close() })
	senders = sync.Pool{New: func() any { return mmsg.NewTx(true) }}
)

// shelf keeps a few things that are costly to make.
type shelf[T any] struct {
	kept  chan T
	make  func() T
	spoil func(T)
}

func newShelf[T any](n int, make_ func() T, spoil func(T)) *shelf[T] {
	return &shelf[T]{kept: make(chan T, n), make: make_, spoil: spoil}
}

func (s *shelf[T]) get() T {
	select {
	case t := <-s.kept:
		return t
	default:
		return s.make()
	}
}

func (s *shelf[T]) put(t T) {
	select {
	case s.kept <- t:
	default:
		s.spoil(t)
	}
}

// newBatchSocket returns nil when the socket can't be had in batches.
func newBatchSocket(r *relayed, conn *net.UDPConn) peerSocket {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil
	}
	b := &batchSocket{r: r, conn: conn, raw: raw}
	var failed error
	err = raw.Control(func(fd uintptr) {
		if b.ipv6, failed = mmsg.IsIPv6(int(fd)); failed == nil {
			mmsg.Coalesce(int(fd))
		}
	})
	if err != nil || failed != nil {
		return nil
	}
	_ = conn.SetReadBuffer(relayBuffer)
	_ = conn.SetWriteBuffer(relayBuffer)
	b.onReady = b.receive
	return b
}

func (*batchSocket) attach(*allocation) {}

// send sends the list in one call of the kernel, runs of one size to one peer as one message.
func (b *batchSocket) send(list []outgoing) int {
	tx := senders.Get().(*mmsg.Tx)
	defer senders.Put(tx)
	unsent, before := 0, tx.Failed
	err := b.raw.Control(func(fd uintptr) {
		var to mmsg.Addr
		for _, o := range list {
			if !mmsg.Fits(o.to, b.ipv6) {
				unsent++
				continue
			}
			to.Set(o.to, b.ipv6)
			tx.Put(int(fd), &to, nil, o.data, 0)
		}
		tx.Flush()
	})
	if err != nil {
		return 0
	}
	return len(list) - unsent - int(tx.Failed-before)
}

func (b *batchSocket) serve([]byte) bool {
	_ = b.raw.Read(b.onReady) // until the socket is closed
	return false
}

// receive hands what waits at the socket to the client, and reports false: that more is to be waited for. It does not ask again whether
// anything waits after a batch with room left: what has come since then ends the wait at once.
func (b *batchSocket) receive(fd uintptr) bool {
	r := receivers.get()
	if r == nil {
		b.r.s.log.Error("relay can't receive", "error", errNoMemory)
		return true
	}
	defer receivers.put(r)
	for failed := false; ; {
		n, errno := r.rx.Recv(int(fd), 0, batchSlots)
		if errno != 0 { // an ICMP message about an earlier datagram: reading it takes it away
			if failed {
				return true // does not happen: the descriptor is ours
			}
			failed = true
			continue
		}
		failed = false
		if a := b.r.allocation.Load(); a != nil && n > 0 {
			b.relay(a, r, n)
		}
		if n < batchSlots {
			return false
		}
	}
}

// relay hands a batch of n slots to the client.
func (b *batchSocket) relay(a *allocation, serving *receiver, n int) {
	s, rx := b.r.s, serving.rx
	stream, _ := a.client.(interface{ sendAll(b []byte) error })
	out, packets, bytes := serving.out[:0], 0, 0
	begin := s.sample()
	flush := func() {
		if len(out) == 0 {
			return
		}
		if err := stream.sendAll(out); err != nil {
			for range packets {
				s.metrics.drop("client_gone")
			}
		} else {
			a.traffic.toClient.add(packets, bytes)
		}
		out, packets, bytes = out[:0], 0, 0
	}
	for i := range n {
		from, data, segment := rx.From(i).AddrPort(), rx.Bytes(i), rx.Segment(i)
		for at := 0; at == 0 || at < len(data); at += max(segment, 1) {
			n := min(segment, len(data)-at)
			if stream == nil {
				switch {
				case n == len(data):
					s.toClient(a, from, rx.Around(i, forward.MaxHead, padding), forward.MaxHead, n)
				case n <= largestFrame: // its neighbours are not to be written over
					copy(serving.one[forward.MaxHead:], data[at:at+n])
					s.toClient(a, from, serving.one, forward.MaxHead, n)
				default:
					s.metrics.drop("oversized")
				}
				continue
			}
			v, ok := a.heard(s, from, n)
			if !ok {
				continue
			}
			if len(out)+forward.MaxHead+n+padding > largestWrite {
				flush()
			}
			var pad int
			out, pad = a.head(out, v, n, rand.Uint64)
			out = append(out, data[at:at+n]...)
			out = append(out, zeros[:pad]...)
			packets++
			bytes += n
		}
	}
	flush()
	serving.out = out
	s.observe(begin)
}

var zeros [padding]byte

func (b *batchSocket) close() { _ = b.conn.Close() }
