package media

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/confab/confab/media/level"
	"github.com/confab/confab/media/record"
)

const (
	speakersEvery = 200 * time.Millisecond // at most
	roomTick      = 100 * time.Millisecond // while somebody speaks
	quietAfter    = 4 * time.Second        // nobody can still count as speaker
)

// room decides who is shown and heard where, in one goroutine of its own. Calls from outside set what it looks at
// and poke it.
type room struct {
	engine *Engine
	name   string
	wake   chan struct{}
	done   chan struct{} // closed when the last peer has left

	mu    sync.Mutex // guards the fields below and those of its peers; never held across I/O or an event
	peers []*Peer    // in the order they joined

	// levels is separate, as each audio packet takes it for some nanoseconds, from the shard where its publisher is at home.
	levels struct {
		sync.Mutex
		detector *level.Detector
		names    map[uint32]string // participants by track id
	}
	recording atomic.Pointer[record.Recording] // nil: none

	heard   atomic.Int64 // engine time of the last level
	ticking atomic.Bool  // the room's goroutine looks at levels by itself

	// The room goroutine's.
	speakers []level.Speaker
	told     time.Duration // when speakers were told
	untold   bool          // they have changed since
}

func newRoom(e *Engine, name string) *room {
	r := &room{engine: e, name: name, wake: make(chan struct{}, 1), done: make(chan struct{})}
	r.levels.detector = level.NewDetector()
	r.levels.names = map[uint32]string{}
	return r
}

func (r *room) add(p *Peer) {
	r.mu.Lock()
	r.peers = append(r.peers, p)
	r.mu.Unlock()
	r.poke()
}

// remove takes p out and tells whether the room is empty.
func (r *room) remove(p *Peer) bool {
	r.mu.Lock()
	for i, o := range r.peers {
		if o == p {
			r.peers = append(r.peers[:i:i], r.peers[i+1:]...)
			break
		}
	}
	empty := len(r.peers) == 0
	r.mu.Unlock()
	r.poke()
	return empty
}

func (r *room) all() []*Peer {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]*Peer(nil), r.peers...)
}

// poke makes the room look at everything again, soon.
func (r *room) poke() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// observe notes an audio level. Shards.
func (r *room) observe(t *track, value uint8, now time.Duration) {
	r.levels.Lock()
	if _, known := r.levels.names[t.id]; !known {
		r.levels.names[t.id] = t.conn.peer.opts.Participant
	}
	began := r.levels.detector.Observe(t.id, value, now)
	r.levels.Unlock()
	r.heard.Store(int64(now))
	if began || r.ticking.CompareAndSwap(false, true) {
		r.poke()
	}
}

// silence forgets a track's level.
func (r *room) silence(t *track) {
	r.levels.Lock()
	r.levels.detector.Remove(t.id)
	delete(r.levels.names, t.id)
	r.levels.Unlock()
}

// run decides until the room or the engine ends.
func (r *room) run() {
	timer := time.NewTimer(time.Hour)
	timer.Stop()
	defer timer.Stop()
	for {
		changed := true
		select {
		case <-r.wake:
		case <-timer.C:
			changed = false
		case <-r.done:
			r.finish()
			return
		case <-r.engine.stop:
			r.finish()
			return
		}
		now := r.engine.since(time.Now())
		if r.listen(now) || changed {
			r.assign(now)
		}
		r.tellSpeakers(now)
		if now-time.Duration(r.heard.Load()) < quietAfter {
			r.ticking.Store(true)
			timer.Reset(roomTick)
		} else {
			r.ticking.Store(false)
		}
	}
}

// finish delivers what happened last.
func (r *room) finish() { r.deliver(r.takeNotes()) }

// listen reads the detector and tells whether the speakers have changed.
func (r *room) listen(now time.Duration) bool {
	r.levels.Lock()
	defer r.levels.Unlock()
	var changed bool
	r.speakers, changed = r.levels.detector.Speakers(r.speakers[:0], now)
	r.untold = r.untold || changed
	return changed
}

// tellSpeakers sends the speakers event, if it is due.
func (r *room) tellSpeakers(now time.Duration) {
	if !r.untold || now-r.told < speakersEvery && r.told != 0 {
		return
	}
	r.untold, r.told = false, now
	r.levels.Lock()
	list := make([]Speaker, 0, len(r.speakers))
	for _, s := range r.speakers {
		if name, ok := r.levels.names[s.Source]; ok {
			list = append(list, Speaker{Participant: name, Level: int(s.Level)})
		}
	}
	r.levels.Unlock()
	if rec := r.recording.Load(); rec != nil {
		names := make([]string, len(list))
		for i := range list {
			names[i] = list[i].Participant
		}
		rec.Speakers(names)
	}
	for _, p := range r.all() {
		if p.opts.Events.Speakers != nil {
			p.opts.Events.Speakers(list)
		}
	}
}
