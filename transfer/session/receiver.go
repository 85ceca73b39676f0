package session

import (
	"context"
	"sync"
	"time"

	"github.com/confab/confab/transfer/content"
	"github.com/confab/confab/transfer/plan"
	"github.com/confab/confab/transfer/wire"
)

const (
	entriesWithin = 60 * time.Second       // from the offer to its last entry
	answerWithin  = 15 * time.Second       // a lane that owes something and says nothing for so long is dead
	tick          = 250 * time.Millisecond // between looks at the clock: progress told, lanes judged
	heardWithin   = 30 * time.Second       // for the sender to hear that everything is here
	strikes       = 3                      // bad blocks of a peer
	maxStray      = 64 << 20               // bytes that were not, or not any more, asked for
)

// Receiver gets one content.
type Receiver struct {
	o      ReceiveOptions
	source *peer
	blocks *cache // for other receivers

	disk chan struct{} // of capacity 1, held while the Sink writes: one block at a time; mu is not held

	mu       sync.Mutex // guards the fields below
	offer    *Offer
	began    time.Time // the offer has come
	accepted []bool    // nil until the offer is answered
	take     []int     // as Decide has said
	refusal  error     // the offer was declined
	board    *plan.Board
	files    []rfile
	parties  map[int]*from // by number on the board
	byName   map[string]bool
	next     int // number of the newest party
	start    func(*from)
	buffers  map[plan.Block][]byte
	free     [][]byte             // for buffers
	listed1  int                  // of take: all before it need no leaves
	news     map[int]map[int]bool // bytes of bitmaps that have changed since they were told, by file
	lanes    plan.Lanes
	want     int
	bytes    int64
	verified int64
	total    int64
	whole    int
	meter    meter
	paused   bool // by us
	held     bool // by the sender
	told     bool // done was said
	toldAt   time.Time
	asked    time.Time // by another receiver, last
	missing  int       // files that have changed
	failure  error
	lost     error         // a file has changed
	complete chan struct{} // closed when all entries are here
	finished chan struct{} // closed when the sender has heard of done
	ended    context.CancelCauseFunc
}

// rfile is what the board does not keep of a file.
type rfile struct {
	leaves  []content.Hash
	known   int   // leaves that have come
	asking  int   // leaves before it are asked for
	size    int64 // of a stream, so far
	checked bool  // leaves are those of the root
	ended   *wire.Ended
	done    bool
}

// NewReceiver returns a receiver; Run runs it.
func NewReceiver(o ReceiveOptions) *Receiver {
	if o.Events == nil {
		o.Events = func(Event) {}
	}
	r := &Receiver{o: o, parties: map[int]*from{}, byName: map[string]bool{}, buffers: map[plan.Block][]byte{}, news: map[int]map[int]bool{}, want: 1, disk: make(chan struct{}, 1), finished: make(chan struct{}), complete: make(chan struct{})}
	r.blocks = newCache(func(f, b int, p []byte) ([]byte, error) { return r.o.Sink.ReadBlock(f, b, p) })
	return r
}

// Run receives until everything that was accepted is verified, and returns nil then; a file that could not be sent as it was
// offered makes it a *PeerError with code changed, although all others are there.
func (r *Receiver) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	source := &from{r: r, id: plan.Source, name: r.o.Peer}
	source.peer = newPeer(r.o.Dialer, source, plan.MaxLanes, source.tell)
	r.mu.Lock()
	r.ended, r.source = cancel, source.peer
	r.parties[plan.Source] = source
	r.mu.Unlock()

	var tasks sync.WaitGroup
	defer tasks.Wait()
	defer cancel(nil)
	r.mu.Lock()
	r.start = func(p *from) { tasks.Go(func() { r.with(ctx, p) }) } // called by what runs below
	r.mu.Unlock()
	main, leave := context.WithCancel(ctx)
	defer leave()
	tasks.Go(func() { r.clock(ctx) })
	tasks.Go(func() {
		select {
		case <-r.complete:
			r.decide(ctx)
		case <-main.Done():
		}
	})
	tasks.Go(func() {
		select {
		case <-r.finished:
			leave()
		case <-ctx.Done():
		}
	})
	err := source.peer.run(main)
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	r.mu.Lock()
	told := r.told
	if told && r.lost == nil {
		r.o.Events(Event{Kind: EventDone, Peer: r.o.Peer})
	}
	r.mu.Unlock()
	if told {
		r.stay(ctx)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case told: // who has everything needs no answer
		return r.lost
	case r.failure != nil:
		return r.failure
	case r.refusal != nil:
		return r.refusal
	}
	return err
}

// clock looks at the time until ctx ends.
func (r *Receiver) clock(ctx context.Context) {
	t := time.NewTicker(tick)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-t.C:
			r.tick(now)
		}
	}
}

func (r *Receiver) tick(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.offer != nil && r.board == nil && r.accepted == nil && len(r.offer.Entries) < r.offer.Count && now.Sub(r.began) > entriesWithin {
		r.failLocked(&PeerError{Code: wire.Timeout, Message: "the list of files did not come within a minute"})
		return
	}
	if r.board == nil {
		return
	}
	for _, p := range r.parties {
		for _, l := range p.peer.alive() {
			if len(r.disk) > 0 { // a slow disk keeps readers from hearing
				l.heard = now
			}
			if len(l.owed) > 0 && now.Sub(l.heard) > answerWithin && !r.stopped() {
				l.close() // its reader tells down, which asks others
			}
		}
	}
	if r.told && now.Sub(r.toldAt) > heardWithin {
		r.finishedLocked()
	}
	r.announceLocked()
	r.judgeLocked(now)
	r.pumpLocked(now)
}

// finishedLocked ends Run: the sender has heard that everything is here, or will not.
func (r *Receiver) finishedLocked() {
	select {
	case <-r.finished:
	default:
		close(r.finished)
	}
}

func (r *Receiver) stopped() bool { return r.paused || r.held }

// judgeLocked asks for more lanes, or fewer.
func (r *Receiver) judgeLocked(now time.Time) {
	alive := len(r.source.alive())
	busy := !r.stopped() && r.board.Left() > 2*r.want && len(r.parties) == 1
	if want := r.lanes.Want(now, alive, r.bytes, busy); want != r.want {
		r.want = want
		r.source.control(&wire.Lanes{N: want})
	}
}

// fail ends the transfer because of something on this side.
func (r *Receiver) failLocked(err error) {
	if r.failure != nil {
		return
	}
	r.failure = err
	source, ended := r.source, r.ended
	go func() { // it waits for the lane that may be waiting for this lock
		_ = source.refuse(err)
		ended(err)
	}()
}

// Pause stops asking; Continue goes on.
func (r *Receiver) Pause()    { r.setPaused(true) }
func (r *Receiver) Continue() { r.setPaused(false) }

func (r *Receiver) setPaused(on bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.paused = on
	if r.source != nil {
		r.source.control(pauseOr(on))
	}
	r.restLocked()
	r.pumpLocked(time.Now())
}

// restLocked makes lanes not dead that have owed nothing only because of a pause.
func (r *Receiver) restLocked() {
	now := time.Now()
	for _, p := range r.parties {
		for _, l := range p.peer.alive() {
			l.heard = now
		}
	}
}

// Cancel ends the transfer.
func (r *Receiver) Cancel(message string) {
	r.mu.Lock()
	source, ended := r.source, r.ended
	r.mu.Unlock()
	if source == nil {
		return
	}
	source.last(&wire.CancelAll{Message: clip(message)})
	ended(ErrCancelled)
}

// Progress says how far it is.
func (r *Receiver) Progress() Progress {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := Progress{Total: r.total, Verified: r.verified, Bytes: r.bytes, Whole: r.whole, Files: len(r.take), Paused: r.stopped(), Rate: r.meter.rate(time.Now())}
	p.Left = left(p.Total-p.Verified, p.Rate)
	if r.source != nil {
		links := r.source.alive()
		if p.Lanes = len(links); p.Lanes > 0 {
			p.Path = links[0].lane.Path()
		}
	}
	return p
}
