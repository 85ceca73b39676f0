package signaling

import "sync"

// queue holds the frames that wait for one socket. It never blocks who puts; when it is full, its socket is cut.
//
// While it is corked, what is put waits: the reply to join may take its time, and comes first.
type queue struct {
	max, maxBytes int
	wake          chan struct{} // capacity 1: something has changed
	written       chan struct{} // closed by the writer when it has ended

	mu      sync.Mutex // guards the fields below
	first   [][]byte   // goes before frames and does not count: the reply to join or resume, and what was missed
	frames  [][]byte
	bytes   int    // of frames
	latest  []byte // a notice of which only the newest counts (speakers); sent after the frames
	corked  bool
	closing *closing // set once; nothing is put after it
}

// closing is how a socket ends.
type closing struct {
	code   int    // of the close frame
	reason string // of the close frame: at most 123 bytes
	abrupt bool   // the client does not read: do not wait for it
}

func newQueue(l Limits) *queue {
	return &queue{max: l.Queue, maxBytes: l.QueueBytes, wake: make(chan struct{}, 1), written: make(chan struct{})}
}

// put appends frames and reports whether there was room for them. It is silent after close.
func (q *queue) put(frames ...[]byte) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closing != nil {
		return true
	}
	for _, f := range frames {
		q.bytes += len(f)
	}
	q.frames = append(q.frames, frames...)
	if len(q.frames) > q.max || q.bytes > q.maxBytes {
		return false
	}
	q.notify()
	return true
}

// putLatest replaces the notice that only counts when it is new.
func (q *queue) putLatest(frame []byte) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closing == nil {
		q.latest = frame
		q.notify()
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
		q.notify()
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
	q.closing, q.corked, q.latest = &c, false, nil
	q.frames = append(q.frames, lastFrames...)
	q.notify()
}

// ended reports whether close was called.
func (q *queue) ended() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.closing != nil
}

// take returns what is to be written now, and how to end after that if the queue was closed.
func (q *queue) take() (frames [][]byte, end *closing) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.corked {
		return nil, nil
	}
	frames = append(q.first, q.frames...)
	if q.latest != nil {
		frames = append(frames, q.latest)
	}
	q.first, q.frames, q.bytes, q.latest = nil, nil, 0, nil
	return frames, q.closing
}

func (q *queue) notify() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}
