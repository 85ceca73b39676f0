package media

import (
	"sync"
	"time"

	"github.com/pion/rtcp"

	"github.com/confab/confab/media/udp"
)

const (
	queueLength = 512 // batches and feedback a shard may be behind: about 50 ms of a busy server
	txSlots     = 64  // encrypted packets between two sends: 98 KB stay in the cache (measured best of 64 to 4096)
	burst       = 64  // batches in a row before a flush

	tick      = 10 * time.Millisecond // NACKs and PLIs are this late at most
	idleAfter = 3 * time.Second       // without packets there is nothing to tick for
)

// shard forwards. Everything that it touches while doing so is its own; see the package comment.
type shard struct {
	e        *Engine
	index    int
	tx       *udp.Tx
	packets  chan *batch
	feedback chan feedback
	asks     chan *encoding // keyframes wanted of encodings at home here
	wake     chan struct{}

	mu    sync.Mutex // guards calls
	calls []func()   // bindings and the like: few, never dropped, in order

	peers   []*connection // at home here
	tally   tally
	busy    time.Duration // last packet or change
	flushed time.Duration // of the tally
}

// feedback is RTCP from a client.
type feedback struct {
	conn    *connection
	now     time.Duration
	at      time.Time
	packets []rtcp.Packet
}

func newShard(e *Engine, index int) *shard {
	return &shard{e: e, index: index, packets: make(chan *batch, queueLength), feedback: make(chan feedback, queueLength),
		asks: make(chan *encoding, 64), wake: make(chan struct{}, 1)}
}

// call has f run on the shard's goroutine, after what was called before.
func (s *shard) call(f func()) {
	s.mu.Lock()
	s.calls = append(s.calls, f)
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// run forwards until stop is closed.
func (s *shard) run(stop <-chan struct{}) {
	s.tx = s.e.mux.Socket().NewTx(txSlots)
	timer := time.NewTimer(time.Hour)
	timer.Stop()
	armed := false
	for {
		now := time.Time{}
		select {
		case b := <-s.packets:
			s.take(b)
		case f := <-s.feedback:
			s.heed(f)
		case e := <-s.asks:
			e.track.conn.askKeyframe(s, e, s.e.since(time.Now()))
		case <-s.wake:
			s.obey()
			s.busy = s.e.since(time.Now())
		case now = <-timer.C:
			armed = false
			s.serve(now)
		case <-stop:
			s.obey()
			s.tally.flush(s.e.metrics)
			return
		}
		s.drain()
		_ = s.tx.Flush() // the socket's end ends the Mux, which tells
		if !armed && (now.IsZero() || s.e.since(now)-s.busy < idleAfter) {
			timer.Reset(tick)
			armed = true
		}
	}
}

// drain goes on with batches that have queued up meanwhile, so that they leave in one flush.
func (s *shard) drain() {
	for range burst {
		select {
		case b := <-s.packets:
			s.take(b)
		default:
			return
		}
	}
}

// obey runs the calls.
func (s *shard) obey() {
	s.mu.Lock()
	calls := s.calls
	s.calls = nil
	s.mu.Unlock()
	for _, f := range calls {
		f()
	}
}

// take forwards a batch, and keeps the publisher's books when it is at home here.
func (s *shard) take(b *batch) {
	s.busy = b.now
	if b.from.home == s && !b.from.gone {
		for i := range b.items {
			b.from.note(s, b, &b.items[i])
		}
	}
	for i := 0; i < len(b.items); {
		j := i + 1
		e := b.items[i].enc
		if e == nil {
			i = j
			continue
		}
		for j < len(b.items) && b.items[j].enc != nil && b.items[j].enc.track == e.track {
			j++
		}
		if f := e.track.feeds[s.index]; f != nil {
			f.forward(s, b, b.items[i:j])
		}
		i = j
	}
	b.release()
}

// serve does what is due by the clock.
func (s *shard) serve(at time.Time) {
	now := s.e.since(at)
	for _, c := range s.peers {
		c.serve(s, now, at)
		c.tend(s, now, at)
	}
	if now-s.flushed > 100*time.Millisecond {
		s.flushed = now
		s.tally.flush(s.e.metrics)
	}
}

// ask passes a need for a keyframe to the shard where the publisher is at home.
func (s *shard) ask(e *encoding, now time.Duration) {
	home := e.track.conn.home
	if home == s {
		e.track.conn.askKeyframe(s, e, now)
		return
	}
	if e.asked.CompareAndSwap(false, true) {
		select {
		case home.asks <- e:
		default:
			e.asked.Store(false) // asked again at the next tick of whoever needs it
		}
	}
}

// settle adds a connection to its home.
func (s *shard) settle(c *connection) { s.peers = append(s.peers, c) }

// forget takes a connection and its slots out.
func (s *shard) forget(c *connection) {
	c.gone = true
	for _, w := range c.senders {
		w.unbind(s)
	}
	for i, o := range s.peers {
		if o == c {
			s.peers = append(s.peers[:i], s.peers[i+1:]...)
			break
		}
	}
}
