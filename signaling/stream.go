package signaling

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/confab/confab/signaling/protocol"
)

// stream carries a session where WebSockets are blocked: server-sent events down, POSTs up. See docs/carriers.md.
//
// Every frame down has a number and is kept for a while, so that a stream which is cut goes on at Last-Event-ID; every batch up has one
// too, and is handled once. A cut request is thus no lost session.
type stream struct {
	srv   *Server
	id    string // secret: who knows it is the client
	epoch string // of the numbers of events
	in    chan []byte
	dead  chan struct{}
	once  sync.Once

	posting sync.Mutex // held while a batch is handled
	batch   uint64     // the last handled; posting guards it

	mu     sync.Mutex // guards the fields below
	events []streamEvent
	bytes  int    // of events
	newest uint64 // number of the last event
	sent   uint64 // the last event that was written to a request
	last   bool   // the newest event is close
	err    error  // what read returns at the end
	wake   chan struct{}
	taken  chan struct{} // closed when another request takes the stream over
	idleAt time.Time     // when the last request ended
}

// streamEvent is a message event, or the close event.
type streamEvent struct {
	n    uint64
	kind string // "": a message
	data []byte
}

const (
	keptEvents = 1024      // of those that were written, for a stream that is cut
	keptBytes  = 512 << 10 // of those
	maxBatch   = 64        // commands in a POST
)

var errStreamGone = errors.New("nobody reads the stream")

func (s *stream) read() ([]byte, error) {
	select {
	case f := <-s.in:
		return f, nil
	case <-s.dead:
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.err != nil {
			return nil, s.err
		}
		return nil, errStreamGone
	}
}

// write implements carrier. It never waits: a client that does not read in time is found by what is kept for it.
func (s *stream) write(frames [][]byte, _ time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range frames {
		s.addLocked(streamEvent{data: f})
	}
	unread := 0
	for i := len(s.events) - 1; i >= 0 && s.events[i].n > s.sent; i-- {
		unread += len(s.events[i].data)
	}
	if unread > s.srv.limits.QueueBytes || s.newest-s.sent > uint64(s.srv.limits.Queue) {
		return errStreamGone
	}
	return nil
}

func (s *stream) addLocked(e streamEvent) {
	s.newest++
	e.n = s.newest
	s.events = append(s.events, e)
	s.bytes += len(e.data)
	for len(s.events) > 0 && s.events[0].n <= s.sent && (len(s.events) > keptEvents || s.bytes > keptBytes) {
		s.bytes -= len(s.events[0].data)
		s.events[0] = streamEvent{}
		s.events = s.events[1:]
	}
	s.notify()
}

func (s *stream) notify() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// ping implements carrier: a comment keeps proxies from ending the request. The client says on its own that it is there.
func (s *stream) ping(time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken == nil && time.Since(s.idleAt) > s.srv.limits.Ping {
		return errStreamGone
	}
	s.notify() // the request writes a comment when there is nothing else
	return nil
}

func (s *stream) close(code int, reason string) {
	data, _ := json.Marshal(struct {
		Code   int    `json:"code"`
		Reason string `json:"reason"`
	}{code, reason}) // cannot fail
	s.mu.Lock()
	s.addLocked(streamEvent{kind: "close", data: data})
	s.last = true
	s.mu.Unlock()
}

func (s *stream) hurry() {}
func (s *stream) abort() { s.once.Do(func() { close(s.dead) }) }

// end ends the session by the client's wish.
func (s *stream) end(err error) {
	s.mu.Lock()
	s.err = err
	s.mu.Unlock()
	s.abort()
}

// serveEvents is GET …/events: everything after Last-Event-ID, and what comes.
func (s *stream) serveEvents(w http.ResponseWriter, r *http.Request) {
	after, ok := s.after(r)
	s.mu.Lock()
	if first := s.newest - uint64(len(s.events)); !ok || after < first || after > s.newest {
		s.mu.Unlock()
		s.srv.refuseHTTP(w, streamExpired)
		return
	}
	if s.taken != nil {
		close(s.taken) // a newer request is the client's
	}
	mine := make(chan struct{})
	s.taken = mine
	s.sent = after // the client has it
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.taken == mine {
			s.taken, s.idleAt = nil, time.Now()
		}
	}()
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-cache, no-transform")
	h.Set("X-Accel-Buffering", "no") // nginx
	out := http.NewResponseController(w)
	var b bytes.Buffer
	fmt.Fprintf(&b, ":%s\nretry: 1000\n\n", strings.Repeat(" ", 2048)) // some proxies pass nothing on before they have 2 KiB
	for {
		last := s.next(&b, &after)
		if b.Len() == 0 {
			b.WriteString(":\n\n")
		}
		_ = out.SetWriteDeadline(time.Now().Add(s.srv.limits.Write)) // fails with the write
		if _, err := w.Write(b.Bytes()); err != nil || out.Flush() != nil {
			return
		}
		b.Reset()
		if last {
			s.abort()
			return
		}
		select {
		case <-s.wake:
		case <-mine:
			return
		case <-s.dead:
			return
		case <-r.Context().Done():
			return
		}
	}
}

// next writes the events after the given one, and reports whether the last of all is among them.
func (s *stream) next(b *bytes.Buffer, after *uint64) (last bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.events[uint64(len(s.events))-(s.newest-*after):] {
		if e.kind != "" {
			fmt.Fprintf(b, "event: %s\n", e.kind)
		}
		fmt.Fprintf(b, "id: %s:%d\ndata: ", s.epoch, e.n)
		b.Write(e.data) // JSON: no line breaks
		b.WriteString("\n\n")
	}
	*after, s.sent = s.newest, max(s.sent, s.newest)
	return s.last
}

// after reads Last-Event-ID, which a page that is loaded again may give as a parameter.
func (s *stream) after(r *http.Request) (uint64, bool) {
	id := r.Header.Get("Last-Event-ID")
	if id == "" {
		id = r.URL.Query().Get("last-event-id")
	}
	if id == "" {
		return 0, true
	}
	epoch, n, _ := strings.Cut(id, ":")
	after, err := strconv.ParseUint(n, 10, 64)
	return after, err == nil && epoch == s.epoch
}

var streamExpired = &protocol.Error{
	Code: protocol.CodeSessionExpired, Message: "the event stream is gone, or what you have missed of it", Hint: "Open a new one and resume the session.", Retry: true,
}

// batchOf is the body of POST …/messages.
type batchOf struct {
	Batch    uint64            `json:"batch"`
	Messages []json.RawMessage `json:"messages"`
}

// decodeBatch reads a body of POST …/messages; the commands in it are decoded one by one later.
func decodeBatch(body []byte) (batchOf, *protocol.Error) {
	var b batchOf
	in := json.NewDecoder(bytes.NewReader(body))
	in.DisallowUnknownFields()
	if err := in.Decode(&b); err != nil || in.More() || b.Batch == 0 || len(b.Messages) == 0 || len(b.Messages) > maxBatch {
		return b, &protocol.Error{Code: protocol.CodeMalformed, Message: `the body must be {"batch":N,"messages":[…]} with N from 1 and 1 to 64 messages`}
	}
	return b, nil
}

// serveMessages is POST …/messages. Batches are handled in order and once: the next has the number after the last.
func (s *stream) serveMessages(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, protocol.MaxFrame+4096))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		s.srv.metrics.limits.WithLabelValues("too-large").Inc()
		s.srv.refuseHTTP(w, tooLarge)
		return
	case err != nil:
		s.srv.refuseHTTP(w, &protocol.Error{Code: protocol.CodeMalformed, Message: "the body did not come in time, or ended early", Retry: true})
		return
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{}) // it would cancel the request's context later
	b, refusal := decodeBatch(body)
	if refusal != nil {
		s.srv.refuseHTTP(w, refusal)
		return
	}
	s.posting.Lock()
	defer s.posting.Unlock()
	if b.Batch > s.batch+1 {
		s.srv.refuseHTTP(w, &protocol.Error{Code: protocol.CodeOutOfState, Message: fmt.Sprintf("batch %d is due", s.batch+1), Hint: "Send the batches in order.", Retry: true})
		return
	}
	if b.Batch == s.batch+1 {
		s.batch = b.Batch // from now on it counts as handled: half of it must not be handled twice
		for _, m := range b.Messages {
			select {
			case s.in <- m:
			case <-s.dead:
				s.srv.refuseHTTP(w, streamExpired)
				return
			}
		}
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = fmt.Fprintf(w, "{\"batch\":%d}\n", s.batch) // who misses it sends the batch again
}
