package signaling

import (
	"encoding/json"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/confab/confab/signaling/protocol"
)

// Handler serves /ws, /whip/ and /whep/. Mount it at the root, or wherever those paths shall begin.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/ws", s.serveSocket)
	whip, whep := &ingress{srv: s, kind: whipKind}, &ingress{srv: s, kind: whepKind}
	mux.Handle("/whip/{room}", whip)
	mux.Handle("/whip/{room}/{resource}", whip)
	mux.Handle("/whep/{room}", whep)
	mux.Handle("/whep/{room}/{resource}", whep)
	s.handleStreams(mux)
	return s.bodiesInTime(mux)
}

// bodiesInTime bounds how long a request may take to send its body, whether somebody reads it or net/http throws it away.
// A socket has other deadlines once it is one.
func (s *Server) bodiesInTime(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength != 0 {
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(s.limits.Body)) // only a test's recorder has none
		}
		h.ServeHTTP(w, r)
	})
}

// serveSocket upgrades a request and serves the socket until it ends.
func (s *Server) serveSocket(w http.ResponseWriter, r *http.Request) {
	switch {
	case !s.ownOrigin(r):
		s.refuseHTTP(w, foreignOrigin)
		return
	case !websocket.IsWebSocketUpgrade(r):
		s.refuseHTTP(w, &protocol.Error{Code: protocol.CodeMalformed, Message: "this is a WebSocket endpoint"})
		return
	case !slices.Contains(websocket.Subprotocols(r), protocol.Subprotocol):
		s.refuseHTTP(w, &protocol.Error{Code: protocol.CodeMalformed, Message: "the subprotocol " + protocol.Subprotocol + " is required", Hint: "Load the page again: it may be of another version."})
		return
	}
	from := clientAddr(r)
	if wait, ok := s.dials.take(from, time.Now()); !ok {
		s.refuseHTTP(w, tooFast(wait))
		return
	}
	if err := s.openSocket(from); err != nil {
		s.refuseHTTP(w, err)
		return
	}
	up := websocket.Upgrader{
		HandshakeTimeout:  10 * time.Second,
		ReadBufferSize:    512, // each socket has its own; a long message is read past it
		WriteBufferSize:   4096,
		WriteBufferPool:   writeBuffers,
		EnableCompression: true,
		Subprotocols:      []string{protocol.Subprotocol},
		CheckOrigin:       func(*http.Request) bool { return true }, // checked above
	}
	conn, err := up.Upgrade(w, r, nil)
	if err != nil {
		s.closeSocket(from)
		s.log.Debug("upgrade refused", "remote", r.RemoteAddr, "err", err)
		return
	}
	k := newSocket(conn, s.limits.Body)
	c := s.newSession(k, r.Host, r.RemoteAddr, from)
	k.heard = c.heard
	// A goroutine of its own lets go of the request, its buffers and its deep stack.
	go c.serve(s.stopped, func() { s.closeSocket(from) })
}

// openSocket counts a socket and makes Run wait for it, unless there are too many or the server is ending.
func (s *Server) openSocket(from netip.Addr) *protocol.Error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return &protocol.Error{Code: protocol.CodeDraining, Message: "the server is going away", Retry: true, After: 5000}
	case s.sockets >= s.limits.Sockets:
		return &protocol.Error{Code: protocol.CodeServerFull, Message: "the server has as many connections as it can take", Retry: true, After: 30_000}
	case from.IsValid() && s.dialed[from] >= s.limits.SocketsPerAddress:
		return &protocol.Error{Code: protocol.CodeServerFull, Message: "the server has as many connections as it takes from one network address", Retry: true, After: 30_000}
	}
	s.sockets++
	s.wheel.once.Do(func() { s.tasks.Go(func() { s.wheel.run(s.stopped) }) })
	s.dialed[from]++
	s.tasks.Add(1)
	return nil
}

func (s *Server) closeSocket(from netip.Addr) {
	s.mu.Lock()
	s.sockets--
	if s.dialed[from]--; s.dialed[from] == 0 {
		delete(s.dialed, from)
	}
	s.mu.Unlock()
	s.tasks.Done()
}

// refuseHTTP answers a request with a wire error.
func (s *Server) refuseHTTP(w http.ResponseWriter, e *protocol.Error) {
	s.refuseHTTPStatus(w, statusOf(e.Code), e)
}

func (s *Server) refuseHTTPStatus(w http.ResponseWriter, status int, e *protocol.Error) {
	s.metrics.refusals.WithLabelValues(string(e.Code)).Inc()
	writeError(w, status, e)
}

func writeError(w http.ResponseWriter, status int, e *protocol.Error) {
	if e.After > 0 {
		w.Header().Set("Retry-After", strconv.Itoa((e.After+999)/1000))
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(e) // a client that is gone misses nothing
}

// statusOf is the HTTP status that says what a code says.
func statusOf(code protocol.Code) int {
	switch code {
	case protocol.CodeMalformed, protocol.CodeBadSDP:
		return http.StatusBadRequest
	case protocol.CodeTooLarge:
		return http.StatusRequestEntityTooLarge
	case protocol.CodeTooFast:
		return http.StatusTooManyRequests
	case protocol.CodeUnauthorized:
		return http.StatusUnauthorized
	case protocol.CodeForbidden, protocol.CodeOrigin, protocol.CodeLocked, protocol.CodePassword, protocol.CodeBanned, protocol.CodeRefused, protocol.CodeBlocked, protocol.CodeLobby, protocol.CodeExpired:
		return http.StatusForbidden
	case protocol.CodeSessionExpired, protocol.CodeNoSuchPeer, protocol.CodeNoSuchMessage:
		return http.StatusNotFound
	case protocol.CodeModeMismatch, protocol.CodeOutOfState:
		return http.StatusConflict
	case protocol.CodeRoomFull, protocol.CodeServerFull, protocol.CodeDraining, protocol.CodeUnavailable:
		return http.StatusServiceUnavailable
	case protocol.CodeSFUOff:
		return http.StatusNotImplemented
	}
	return http.StatusInternalServerError
}

// writeBuffers are shared by all sockets: a socket that has nothing to write needs none.
var writeBuffers = &sync.Pool{}
