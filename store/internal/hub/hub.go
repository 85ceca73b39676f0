package hub

import (
	"context"
	"sync"

	"github.com/confab/confab/store"
)

// maxPending is how many rooms wait for one watcher before they become "look at all".
const maxPending = 4096

// Hub is ready when made with New.
type Hub struct {
	topics func(topic string, wanted bool) // told under mu when a topic gets its first subscriber or loses its last; may be nil

	mu       sync.Mutex // guards the fields below
	closed   chan struct{}
	ended    bool
	joined   bool // what is said here reaches other nodes and the other way round: watchers start at once
	watchers map[*watcher]struct{}
	byTopic  map[string]map[*subscriber]struct{}
}

type watcher struct {
	wake  chan struct{} // holds one: something is pending
	all   bool
	rooms map[string]uint64
}

type subscriber struct {
	wake  chan struct{}
	gap   bool
	ready bool // the topic is in place: the first gap was announced
	queue []Message
	bytes int // of Data in queue
}

// Message is what Deliver hands to a subscriber: Data itself, or a function that fetches it in the subscriber's own time (nil, nil: it is lost).
type Message struct {
	Data  []byte
	Fetch func(context.Context) ([]byte, error)
}

// New returns a Hub. connected says that watchers and subscribers are in place as soon as they are here; otherwise the backend says so with
// Connected and TopicReady. topics may be nil.
func New(connected bool, topics func(topic string, wanted bool)) *Hub {
	return &Hub{
		topics: topics, closed: make(chan struct{}), joined: connected,
		watchers: map[*watcher]struct{}{}, byTopic: map[string]map[*subscriber]struct{}{},
	}
}

// Connected says that changes of other nodes come in from now on, after a gap: all watchers look at everything.
func (h *Hub) Connected() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.joined = true
	for w := range h.watchers {
		w.all = true
		notify(w.wake)
	}
}

// Disconnected says that changes of other nodes do not come in: who begins to watch now waits for Connected.
func (h *Hub) Disconnected() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.joined = false
}

// Grown tells the watchers of a room whose last record is last.
func (h *Hub) Grown(room string, last uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for w := range h.watchers {
		if w.all {
			// "look at all" is still to be said and includes this room.
		} else if w.rooms[room] = last; len(w.rooms) > maxPending {
			w.all = true
			clear(w.rooms)
		}
		notify(w.wake)
	}
}

// TopicReady says that the topic's messages come in from now on, after a gap.
func (h *Hub) TopicReady(topic string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for s := range h.byTopic[topic] {
		s.ready = true
		s.missed()
	}
}

// Deliver queues a message for all subscribers of its topic.
func (h *Hub) Deliver(topic string, m Message) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for s := range h.byTopic[topic] {
		if !s.ready {
			continue
		}
		if len(s.queue) >= store.MaxBacklog || s.bytes+len(m.Data) > store.MaxBacklogBytes {
			s.missed()
			continue
		}
		s.queue = append(s.queue, m)
		s.bytes += len(m.Data)
		notify(s.wake)
	}
}

// missed drops what waits and says so instead. The hub's lock is held.
func (s *subscriber) missed() {
	s.gap = true
	clear(s.queue)
	s.queue, s.bytes = s.queue[:0], 0
	notify(s.wake)
}

// Topics returns the topics that have subscribers.
func (h *Hub) Topics() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	topics := make([]string, 0, len(h.byTopic))
	for topic := range h.byTopic {
		topics = append(topics, topic)
	}
	return topics
}

// Watch is Store.Watch.
func (h *Hub) Watch(ctx context.Context, f func(room string, last uint64)) error {
	w := &watcher{wake: make(chan struct{}, 1), rooms: map[string]uint64{}}
	h.mu.Lock()
	if h.joined {
		w.all = true
		notify(w.wake)
	}
	h.watchers[w] = struct{}{}
	h.mu.Unlock()
	defer func() {
		h.mu.Lock()
		delete(h.watchers, w)
		h.mu.Unlock()
	}()
	for {
		if err := h.wait(ctx, w.wake); err != nil {
			return err
		}
		h.mu.Lock()
		all, rooms := w.all, w.rooms
		w.all, w.rooms = false, map[string]uint64{}
		h.mu.Unlock()
		if all {
			f("", 0)
			continue
		}
		for room, last := range rooms {
			f(room, last)
		}
	}
}

// Subscribe is Store.Subscribe. ready says that the topic is in place at once, without TopicReady.
func (h *Hub) Subscribe(ctx context.Context, topic string, ready bool, f func(data []byte)) error {
	s := &subscriber{wake: make(chan struct{}, 1), ready: ready}
	h.mu.Lock()
	if ready {
		s.missed()
	}
	if h.byTopic[topic] == nil {
		h.byTopic[topic] = map[*subscriber]struct{}{}
	}
	h.byTopic[topic][s] = struct{}{}
	h.wanted(topic, true)
	h.mu.Unlock()
	defer h.leave(topic, s)
	for {
		if err := h.wait(ctx, s.wake); err != nil {
			return err
		}
		h.mu.Lock()
		gap, queue := s.gap, s.queue
		s.gap, s.queue, s.bytes = false, nil, 0
		h.mu.Unlock()
		if gap {
			f(nil)
		}
		for _, m := range queue {
			if h.wait(ctx, always) != nil {
				break // the loop's next wait says why
			}
			data := m.Data
			if m.Fetch != nil {
				var err error
				if data, err = m.Fetch(ctx); err != nil {
					data = nil
				}
			}
			f(data)
		}
	}
}

func (h *Hub) leave(topic string, s *subscriber) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.byTopic[topic], s)
	if len(h.byTopic[topic]) == 0 {
		delete(h.byTopic, topic)
		h.wanted(topic, false)
	}
}

func (h *Hub) wanted(topic string, wanted bool) {
	if h.topics != nil {
		h.topics(topic, wanted)
	}
}

// always is ready.
var always = func() chan struct{} { c := make(chan struct{}); close(c); return c }()

// wait waits for wake, but the end of ctx and of the hub come first.
func (h *Hub) wait(ctx context.Context, wake <-chan struct{}) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-h.closed:
		return store.ErrClosed
	default:
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-h.closed:
		return store.ErrClosed
	case <-wake:
		return nil
	}
}

// Close ends every Watch and Subscribe, and returns false when it was closed before.
func (h *Hub) Close() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ended {
		return false
	}
	h.ended = true
	close(h.closed)
	return true
}

// Closed is closed when the Hub is.
func (h *Hub) Closed() <-chan struct{} { return h.closed }

// Err returns ErrClosed when the Hub is closed.
func (h *Hub) Err() error {
	select {
	case <-h.closed:
		return store.ErrClosed
	default:
		return nil
	}
}

func notify(wake chan struct{}) {
	select {
	case wake <- struct{}{}:
	default:
	}
}
