package media

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/webrtc/v4"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/confab/confab/media/transport"
)

// Options of an Engine. Mux is required; the Engine does not run it, and must end before it.
type Options struct {
	Mux        *transport.Mux
	Log        *slog.Logger          // nil: silent
	Registerer prometheus.Registerer // nil: metrics are kept to itself
	Shards     int                   // goroutines that forward; 0: one per processor. At most 64.
}

// ErrClosed is returned after the end of Run, or of a Peer.
var ErrClosed = errors.New("media: closed")

// Engine is an SFU. Make it with New.
type Engine struct {
	mux     *transport.Mux // fixed at construction, like all fields up to mu
	log     *slog.Logger
	cert    *webrtc.Certificate
	epoch   time.Time // now is counted from here: see since
	shards  []*shard
	metrics *metrics
	pool    batchPool
	ids     atomic.Uint32 // of encodings and tracks
	homes   atomic.Uint32 // peers so far; spreads them over the shards
	stop    chan struct{} // closed at the end of Run
	spawned sync.WaitGroup

	mu     sync.Mutex // guards the fields below; never held across I/O or an event
	closed bool
	rooms  map[string]*room
}

// New makes an engine.
func New(o Options) (*Engine, error) {
	if o.Mux == nil {
		return nil, errors.New("media: no mux")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Shards <= 0 {
		o.Shards = runtime.GOMAXPROCS(0)
	}
	o.Shards = min(o.Shards, 64) // a track's subscribers' shards are bits of one word
	cert, err := transport.NewCertificate()
	if err != nil {
		return nil, fmt.Errorf("make DTLS certificate: %w", err)
	}
	e := &Engine{
		mux: o.Mux, log: o.Log, cert: cert, epoch: time.Now(), metrics: newMetrics(o.Registerer),
		stop: make(chan struct{}), rooms: map[string]*room{},
	}
	e.pool.init(4 * queueLength)
	for i := range o.Shards {
		e.shards = append(e.shards, newShard(e, i))
	}
	return e, nil
}

// Run forwards until ctx ends; then it closes all peers and returns when every goroutine of the engine has ended.
func (e *Engine) Run(ctx context.Context) error {
	var shards sync.WaitGroup
	stopShards := make(chan struct{})
	for _, s := range e.shards {
		shards.Go(func() { s.run(stopShards) })
	}
	<-ctx.Done()
	e.mu.Lock()
	e.closed = true
	var peers []*Peer
	for _, r := range e.rooms {
		peers = append(peers, r.all()...)
	}
	e.mu.Unlock()
	for _, p := range peers {
		p.Close()
	}
	close(e.stop)
	e.spawned.Wait()
	close(stopShards)
	shards.Wait()
	return nil
}

// Connect prepares a participant's connection; nothing flows before Negotiate.
func (e *Engine) Connect(o PeerOptions) (*Peer, error) {
	if len(o.Participant) == 0 || len(o.Participant) > 255 {
		return nil, fmt.Errorf("media: participant id of %d bytes, want 1 to 255", len(o.Participant))
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil, ErrClosed
	}
	r := e.rooms[o.Room]
	if r == nil {
		r = newRoom(e, o.Room)
		e.rooms[o.Room] = r
		e.spawned.Go(r.run)
		e.metrics.rooms.Inc()
	}
	p := &Peer{engine: e, room: r, opts: o, state: State{true, true, true, true},
		home: e.shards[int(e.homes.Add(1))%len(e.shards)],
		log:  e.log.With("room", o.Room, "participant", o.Participant)}
	r.add(p)
	e.metrics.peers.Inc()
	return p, nil
}

// leave takes p out of its room, and ends a room without peers.
func (e *Engine) leave(p *Peer) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if p.room.remove(p) {
		delete(e.rooms, p.room.name)
		close(p.room.done)
		e.metrics.rooms.Dec()
	}
	e.metrics.peers.Dec()
}

// since is the engine's clock: the time since its start.
func (e *Engine) since(t time.Time) time.Duration { return t.Sub(e.epoch) }
