package signaling

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"github.com/confab/confab/signaling/protocol"
)

// streams are the sessions that came by POST, by the secret part of their URL.
type streams struct {
	mu   sync.Mutex // guards byID
	byID map[string]*stream
}

func (t *streams) add(s *stream) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.byID == nil {
		t.byID = map[string]*stream{}
	}
	t.byID[s.id] = s
}

func (t *streams) find(id string) *stream {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.byID[id]
}

func (t *streams) remove(s *stream) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.byID, s.id)
}

// handleStreams adds the routes of sessions without WebSocket.
func (s *Server) handleStreams(mux *http.ServeMux) {
	mux.HandleFunc("/api/v1/transports", s.forPages("GET", s.listTransports))
	mux.HandleFunc("/api/v1/session", s.forPages("POST", s.openStream))
	mux.HandleFunc("/api/v1/session/{id}", s.forPages("DELETE", s.withStream(func(st *stream, w http.ResponseWriter, _ *http.Request) {
		st.end(errPageClosed)
		w.WriteHeader(http.StatusNoContent)
	})))
	mux.HandleFunc("/api/v1/session/{id}/events", s.forPages("GET", s.withStream((*stream).serveEvents)))
	mux.HandleFunc("/api/v1/session/{id}/messages", s.forPages("POST", s.withStream((*stream).serveMessages)))
}

// forPages refuses pages of foreign origins as the WebSocket does, and answers what browsers ask before they let others in (CORS).
func (s *Server) forPages(method string, f http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !s.ownOrigin(r) {
			s.refuseHTTP(w, foreignOrigin)
			return
		}
		h := w.Header()
		if origin := r.Header.Get("Origin"); origin != "" {
			h.Set("Access-Control-Allow-Origin", origin)
			h.Set("Vary", "Origin")
			h.Set("Access-Control-Expose-Headers", "Retry-After")
		}
		switch r.Method {
		case method:
			h.Set("Cache-Control", "no-store")
			f(w, r)
		case http.MethodOptions:
			h.Set("Access-Control-Allow-Methods", method)
			h.Set("Access-Control-Allow-Headers", "Content-Type, Last-Event-ID")
			h.Set("Access-Control-Max-Age", "86400")
			w.WriteHeader(http.StatusNoContent)
		default:
			h.Set("Allow", method+", OPTIONS")
			s.refuseHTTPStatus(w, http.StatusMethodNotAllowed, &protocol.Error{Code: protocol.CodeMalformed, Message: "this method has no meaning here"})
		}
	}
}

func (s *Server) withStream(f func(*stream, http.ResponseWriter, *http.Request)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		st := s.wheel.streams.find(r.PathValue("id"))
		if st == nil {
			s.refuseHTTP(w, streamExpired)
			return
		}
		f(st, w, r)
	}
}

// opened is the answer to POST /api/v1/session.
type opened struct {
	Events   string `json:"events"`   // URL to GET
	Messages string `json:"messages"` // URL to POST to
	Session  string `json:"session"`  // URL to DELETE when the page closes
	Ping     int    `json:"ping"`     // milliseconds: send a ping at least that often
}

// openStream is POST /api/v1/session.
func (s *Server) openStream(w http.ResponseWriter, r *http.Request) {
	from := clientAddr(r)
	if wait, ok := s.dials.take(from, time.Now()); !ok {
		s.metrics.limits.WithLabelValues("connection-rate").Inc()
		s.refuseHTTP(w, tooFast(wait))
		return
	}
	if err := s.openSocket(from); err != nil {
		s.metrics.limits.WithLabelValues("connections").Inc()
		s.refuseHTTP(w, err)
		return
	}
	st := &stream{
		srv: s, id: rand.Text() + rand.Text(), epoch: rand.Text()[:8], in: make(chan []byte), dead: make(chan struct{}),
		wake: make(chan struct{}, 1), idleAt: time.Now(),
	}
	s.wheel.streams.add(st)
	c := s.newSession(st, r.Host, r.RemoteAddr, from)
	go c.serve(s.stopped, func() {
		s.wheel.streams.remove(st)
		s.closeSocket(from)
	})
	base := "/api/v1/session/" + st.id
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusCreated)
	_ = json.NewEncoder(w).Encode(opened{base + "/events", base + "/messages", base, int(s.limits.Ping.Milliseconds())}) // who is gone misses nothing
}

// transport is one way in.
type transport struct {
	Type string `json:"type"`
	URL  string `json:"url"` // relative to the server's own
}

// listTransports is GET /api/v1/transports: the ways in, best first.
func (s *Server) listTransports(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(struct {
		Transports []transport `json:"transports"`
	}{[]transport{{"websocket", "/ws"}, {"sse", "/api/v1/session"}}}) // who is gone misses nothing
}
