package signaling

import "sync"

// queue holds the frames that wait for one session. It never blocks who puts; when it is full, its session is cut.
//
// Nobody waits for it: whoever makes it worth writing starts the writer, which ends when there is nothing more. While the queue is
// corked, what is put waits: the reply to join may take its time, and comes first.
type queue struct {
	max, maxBytes int
	owner         *session

	mu      sync.Mutex // guards the fields below
	one     [1][]byte  // where frames begin, so that the usual single frame costs no memory
	first   [][]byte   // goes before frames and does not count: the reply to join or resume, and what was missed
	frames  [][]byte
	bytes   int // of frames
	notices []notice
	ping    bool
	corked  bool
	writing bool     // the writer runs
	closing *closing // set once; nothing is put after it
	idle    chan struct{}
}

// notice is a message of which only the newest of its kind counts. It is sent after the frames.
type notice struct {
	kind  string
	frame []byte
}

// maxNotices is how many kinds of notices may wait for a session. Typing is a kind per sender; the oldest goes.
const maxNotices = 64

// closing is how a session ends.
type closing struct {
	code   int    // of the close frame
	reason string // of the close frame: at most 123 bytes
	abrupt bool   // the client does not read: do not wait for it
}

func (q *queue) init(l Limits, owner *session) {
	q.max, q.maxBytes, q.owner = l.Queue, l.QueueBytes, owner
}

// put appends frames and reports whether there was room for them. It is silent after close.
func (q *queue) put(frames ...[]byte) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closing != nil || len(frames) == 0 {
		return true
	}
	for _, f := range frames {
		q.bytes += len(f)
	}
	if q.frames == nil {
		q.frames = q.one[:0]
	}
	q.frames = append(q.frames, frames...)
	if len(q.frames) > q.max || q.bytes > q.maxBytes {
		return false
	}
	q.wakeLocked()
	return true
}

// putLatest puts the notice of who speaks.
func (q *queue) putLatest(frame []byte) { q.owner.notice("speakers", frame) }

// putNotice replaces the waiting notice of that kind, and reports whether it waits for the next tick: release lets it flow.
func (q *queue) putNotice(kind string, frame []byte) (waits bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closing != nil {
		return false
	}
	for i := range q.notices {
		if q.notices[i].kind == kind {
			q.notices[i].frame = frame
			return false // it waits already
		}
	}
	if len(q.notices) >= maxNotices {
		q.notices = append(q.notices[:0], q.notices[1:]...)
	}
	q.notices = append(q.notices, notice{kind, frame})
	return len(q.notices) == 1
}

// release lets the notices flow.
func (q *queue) release() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.notices) > 0 {
		q.wakeLocked()
	}
}

// putPing asks the writer to see whether the client is there.
func (q *queue) putPing() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closing == nil {
		q.ping = true
		q.wakeLocked()
	}
}

// cork holds back what is put from now on.
func (q *queue) cork() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.corked = q.closing == nil
}

// uncork places first before everything that was put since cork, whatever its size, and lets it flow.
func (q *queue) uncork(first ...[]byte) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closing == nil {
		q.first = append(q.first, first...)
		q.corked = false
		q.wakeLocked()
	}
}

// close ends the queue with some last frames. An abrupt end drops what still waits.
func (q *queue) close(c closing, lastFrames ...[]byte) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closing != nil {
		return
	}
	if c.abrupt || q.corked { // what waits behind a reply that never came would be a hole to its reader
		q.first, q.frames = nil, nil
	}
	q.closing, q.corked, q.notices, q.ping = &c, false, nil, false
	q.frames = append(q.frames, lastFrames...)
	q.wakeLocked()
}

// ended reports whether close was called.
func (q *queue) ended() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.closing != nil
}

// wakeLocked starts the writer if it does not run; q.mu is held.
func (q *queue) wakeLocked() {
	if !q.writing && !q.corked {
		q.writing = true
		go q.owner.write()
	}
}

// work is what the writer has to do next.
type work struct {
	frames [][]byte
	ping   bool
	end    *closing // not nil: this is the last
}

// take appends what is to be written to buf. When there is nothing, or the last was taken, the writer must end, as it counts as ended.
func (q *queue) take(buf [][]byte) (w work, more bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.corked {
		w = work{frames: append(append(buf, q.first...), q.frames...), ping: q.ping, end: q.closing}
		for _, n := range q.notices {
			w.frames = append(w.frames, n.frame)
		}
		q.first, q.frames, q.one, q.notices, q.bytes, q.ping = nil, nil, [1][]byte{}, q.notices[:0], 0, false
		if cap(q.notices) > 4 { // of a moment with much going on
			q.notices = nil
		}
	}
	if len(w.frames) == 0 && !w.ping && w.end == nil {
		q.restLocked()
		return w, false
	}
	return w, true
}

// rest tells that the writer has ended.
func (q *queue) rest() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.restLocked()
}

func (q *queue) restLocked() {
	q.writing = false
	if q.idle != nil {
		close(q.idle)
		q.idle = nil
	}
}

// rested is closed when the writer has ended; for one caller, after close.
func (q *queue) rested() <-chan struct{} {
	q.mu.Lock()
	defer q.mu.Unlock()
	done := make(chan struct{})
	if q.writing {
		q.idle = done
	} else {
		close(done)
	}
	return done
}
