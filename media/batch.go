package media

import (
	"sync/atomic"
	"time"

	"github.com/confab/confab/media/codec"
)

// maxBatch is how many packets one batch holds: a burst of a frame, and still small enough for the cache.
const maxBatch = 32

// batch is what one receive call brought from one peer. It is written by the receive loop, then shared by shards as
// read-only, and goes back to the pool when the last one is done.
type batch struct {
	refs  atomic.Int32
	from  *connection
	now   time.Duration
	mem   []byte // packets, one after another
	items []arrival
	pool  *batchPool
}

// arrival is one packet of a batch.
type arrival struct {
	enc      *encoding // nil: of no source; it only counts for transport-wide feedback
	start    int32     // of the packet in mem
	end      int32
	seq      uint64 // extended
	format   *format
	packet   codec.Packet
	ssrc     uint32 // as received
	twcc     uint16
	hasTWCC  bool
	repaired bool // came as RTX
}

func (b *batch) bytes(a *arrival) []byte { return b.mem[a.start:a.end] }

// release gives up one reference.
func (b *batch) release() {
	if b.refs.Add(-1) == 0 {
		b.pool.put(b)
	}
}

// batchPool keeps batches. A channel and not a sync.Pool: its size is bounded by the queues anyway, and a collection
// of garbage does not make the next burst allocate.
type batchPool struct{ free chan *batch }

func (p *batchPool) init(n int) { p.free = make(chan *batch, n) }

func (p *batchPool) get() *batch {
	select {
	case b := <-p.free:
		return b
	default:
		return &batch{mem: make([]byte, 0, 16<<10), items: make([]arrival, 0, maxBatch), pool: p}
	}
}

func (p *batchPool) put(b *batch) {
	clear(b.items) // no pointers to peers that have left
	b.mem, b.items, b.from = b.mem[:0], b.items[:0], nil
	select {
	case p.free <- b:
	default:
	}
}
