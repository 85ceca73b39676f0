package signaling

import (
	"bytes"
	"context"
	"crypto/rand"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/confab/confab/signaling/protocol"
)

// A WHIP or WHEP connection belongs to the node of the room's SFU. Another node that is asked passes the request on over the bus, whole, and gives the answer
// back; media goes straight from the client to the node whose candidates are in it. The name of a connection begins with its node's.

// busRequest is a request to another node's ingress, which has been authorized and whose size is bounded.
type busRequest struct {
	ID       string            `json:"id"`
	Node     string            `json:"node"` // where the answer goes
	Kind     string            `json:"kind"`
	Method   string            `json:"method"`
	Resource string            `json:"resource,omitempty"`
	Query    string            `json:"query,omitempty"`
	Host     string            `json:"host"`
	From     string            `json:"from"` // client's address and port
	Header   map[string]string `json:"header"`
	Body     []byte            `json:"body,omitempty"`
}

// busResponse answers a busRequest.
type busResponse struct {
	ID     string      `json:"id"`
	Status int         `json:"status"`
	Header http.Header `json:"header"`
	Body   []byte      `json:"body,omitempty"`
}

// passedOn are the headers of a request that mean something to an ingress.
var passedOn = []string{"Authorization", "Content-Type", "If-Match", "Origin"}

// maxServedFor is how many requests of other nodes are handled at once.
const maxServedFor = 64

// forwarder keeps who waits for another node's answer.
type forwarder struct {
	mu      sync.Mutex // guards the fields below
	waiting map[string]chan busResponse
	serving int
}

// forwardedKey marks the context of a request that another node has passed on: it is not passed on again.
type forwardedKey struct{}

// elsewhere reports whether a request is another living node's business, which nobody has passed on yet.
func (s *Server) elsewhere(r *http.Request, node string) bool {
	return r.Context().Value(forwardedKey{}) == nil && slices.Contains(s.nodes.rest(), node)
}

// nodeNameLength is that of a node's name, in characters.
const nodeNameLength = 16

// nameOfResource is the last element of a connection's URL.
func (s *Server) nameOfResource(secret string) string { return s.node + secret }

// find handles a request to a connection, which may be another node's.
func (i *ingress) find(w http.ResponseWriter, r *http.Request, handle func(*resourceRequest)) {
	name := r.PathValue("resource")
	node := name[:min(len(name), nodeNameLength)]
	if !i.srv.elsewhere(r, node) {
		r.SetPathValue("resource", strings.TrimPrefix(name, i.srv.node))
		i.withResource(w, r, handle)
		return
	}
	if _, refusal := i.authorize(r); refusal != nil {
		i.srv.refuseBearer(w, refusal)
		return
	}
	var body string
	if r.Method == http.MethodPatch {
		var ok bool
		if body, ok = i.body(w, r, typeFragment); !ok {
			return
		}
	}
	i.forward(w, r, node, []byte(body))
}

// nodeOfMedia is where the room's SFU is; "" if it has none yet.
func (s *Server) nodeOfMedia(ctx context.Context, id string) (node string, err error) {
	err = s.inRoom(ctx, id, func(a *actor) {
		if r := a.state().Route; r.Transport == protocol.TransportSFU {
			node = r.Node
		}
	})
	return node, err
}

// forward has another node answer a request, whose body was read.
func (i *ingress) forward(w http.ResponseWriter, r *http.Request, node string, body []byte) {
	s := i.srv
	q := busRequest{
		ID: rand.Text(), Node: s.node, Kind: i.kind.name, Method: r.Method, Resource: r.PathValue("resource"), Query: r.URL.RawQuery, Host: r.Host,
		From: r.RemoteAddr, Header: map[string]string{}, Body: body,
	}
	for _, name := range passedOn {
		if v := r.Header.Get(name); v != "" {
			q.Header[name] = v
		}
	}
	answer := make(chan busResponse, 1)
	s.forwards.mu.Lock()
	s.forwards.waiting[q.ID] = answer
	s.forwards.mu.Unlock()
	defer func() {
		s.forwards.mu.Lock()
		defer s.forwards.mu.Unlock()
		delete(s.forwards.waiting, q.ID)
	}()
	if err := s.bus.send(node, busMessage{Room: r.PathValue("room"), Request: &q}); err != nil {
		i.fail(w, err)
		return
	}
	patience := time.NewTimer(s.limits.Negotiate + 2*time.Second)
	defer patience.Stop()
	select {
	case a := <-answer:
		h := w.Header()
		for name, values := range a.Header {
			h[name] = values
		}
		w.WriteHeader(a.Status)
		_, _ = w.Write(a.Body) // who is gone will not connect, and the resource ends by that
	case <-patience.C:
		s.refuseHTTP(w, mediaElsewhere)
	case <-r.Context().Done():
	}
}

// mediaElsewhere is the answer when the node of the room's SFU does not give one.
var mediaElsewhere = &protocol.Error{
	Code: protocol.CodeUnavailable, Message: "the room's media is at another node, which does not answer", Hint: "Try again in a moment.", Retry: true, After: 1000,
}

// answered gives another node's answer to who waits for it.
func (f *forwarder) answered(r *busResponse) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if to := f.waiting[r.ID]; to != nil && r.Status >= 200 && r.Status <= 599 {
		delete(f.waiting, r.ID)
		to <- *r // capacity 1, and one answer
	}
}

// serveFor handles a request that another node has passed on. It does not block; what is too much is not answered.
func (s *Server) serveFor(id string, q *busRequest) {
	kind := map[string]ingressKind{whipKind.name: whipKind, whepKind.name: whepKind}[q.Kind]
	s.forwards.mu.Lock()
	defer s.forwards.mu.Unlock()
	if kind.name == "" || s.forwards.serving >= maxServedFor {
		s.metrics.lost.WithLabelValues("forward-full").Inc()
		return
	}
	s.forwards.serving++
	s.tasks.Go(func() {
		defer func() {
			s.forwards.mu.Lock()
			defer s.forwards.mu.Unlock()
			s.forwards.serving--
		}()
		ctx, cancel := context.WithTimeout(context.WithValue(s.stopped, forwardedKey{}, true), s.limits.Negotiate+s.limits.Patience)
		defer cancel()
		r := (&http.Request{
			Method: q.Method, URL: &url.URL{Path: "/", RawQuery: q.Query}, Host: q.Host, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(q.Body)),
			RemoteAddr: q.From,
		}).WithContext(ctx)
		for name, v := range q.Header {
			r.Header.Set(name, v)
		}
		r.SetPathValue("room", id)
		r.SetPathValue("resource", q.Resource)
		w := &recorder{header: http.Header{}, status: http.StatusOK}
		(&ingress{s, kind}).ServeHTTP(w, r)
		_ = s.bus.send(q.Node, busMessage{Room: id, Response: &busResponse{q.ID, w.status, w.header, w.body.Bytes()}}) // counted there
	})
}

// recorder is an answer on its way to another node.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Write(b []byte) (int, error) { return r.body.Write(b) }
