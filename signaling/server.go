package signaling

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/confab/confab/signaling/protocol"
	"github.com/confab/confab/signaling/room"
	"github.com/confab/confab/store"
	"github.com/confab/confab/store/memory"
)

// Server is the signaling service. Create it with New, serve its Handler, and Run it.
type Server struct {
	opt     Options // fixed at construction, like all fields up to mu
	limits  Limits
	log     *slog.Logger
	wheel   *wheel // of all sessions
	metrics *metrics
	stopped context.Context // done when Run ends
	stop    context.CancelFunc
	tasks   sync.WaitGroup // everything that runs: actors, links, sockets
	dials   *limiter       // new sockets, by client address
	posts   *limiter       // offers over HTTP, by client address
	node    string         // random: a server that is started again is another node
	store   store.Store
	nodes   *nodes
	bus     *bus
	growth  growth

	forwards forwarder
	guesses  *guesses      // of rooms' passwords
	hashing  chan struct{} // capacity 1: held while a password is hashed

	mu        sync.Mutex // guards the fields below; never held while calling anything else
	rooms     map[string]*actor
	resources map[string]*resource // WHIP and WHEP, by the secret part of their URL
	sockets   int
	dialed    map[netip.Addr]int // sockets, by client address
	draining  bool
	closed    bool // Run has ended: nothing new may start
}

// New returns a server that refuses nobody yet and runs nothing before somebody comes.
func New(o Options) *Server {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{
		opt: o, limits: o.Limits.withDefaults(), log: o.Log,
		rooms: map[string]*actor{}, resources: map[string]*resource{}, dialed: map[netip.Addr]int{},
	}
	s.dials, s.posts = newLimiter(s.limits.SocketRate, s.limits.SocketBurst), newLimiter(s.limits.PostRate, s.limits.PostBurst)
	if s.store = o.Store; s.store == nil {
		s.store = memory.New()
	}
	if s.opt.Retention == (store.Retention{}) {
		s.opt.Retention = store.DefaultRetention
	}
	s.node = strings.ToLower(rand.Text()[:16])
	s.nodes = newNodes(s.node)
	s.forwards.waiting = map[string]chan busResponse{}
	s.bus, s.guesses, s.hashing = newBus(s), newGuesses(), make(chan struct{}, 1)
	s.wheel = newWheel()
	s.stopped, s.stop = context.WithCancel(context.Background())
	s.metrics = newMetrics(o.Registerer, s)
	return s
}

// Run serves until ctx ends, then ends all sockets and rooms, and returns when nothing of the server runs any more and what was
// decided is in the log, as far as that still answers.
func (s *Server) Run(ctx context.Context) error {
	background, cancel := context.WithCancel(context.Background())
	defer cancel()
	s.tasks.Go(func() { s.runNode(background) })
	<-ctx.Done()
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.stop()
	for _, a := range s.actors() {
		<-a.done
	}
	cancel()
	s.tasks.Wait()
	s.leaveNodes()
	if s.opt.Store == nil {
		return s.store.Close()
	}
	return nil
}

// Drain tells everybody that the server goes away, takes nobody new, and returns when the last room has emptied or ctx
// ends, with ctx's error in that case. Seats can be resumed meanwhile.
func (s *Server) Drain(ctx context.Context) error {
	notice := &protocol.Draining{}
	if deadline, ok := ctx.Deadline(); ok {
		notice.Deadline = int(time.Until(deadline).Milliseconds())
	}
	s.mu.Lock()
	s.draining = true
	s.mu.Unlock()
	rooms := s.actors()
	s.log.Info("draining", "rooms", len(rooms))
	for _, a := range rooms {
		_ = a.call(ctx, func() { a.broadcast(mustEncode(notice)) }) // fails for a room that has ended, which is the aim
	}
	for _, a := range rooms {
		select {
		case <-a.done:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// inRoom runs f in the actor of the room with the given id, which is created if need be. The error is a wire error, or
// ctx's.
func (s *Server) inRoom(ctx context.Context, id string, f func(a *actor)) error {
	for {
		a, err := s.actorOf(id)
		if err != nil {
			return err
		}
		if err := a.call(ctx, func() { f(a) }); !errors.Is(err, errRoomEnded) {
			return err
		}
	}
}

// errRoomEnded says that an actor has ended before it could do what was asked; a new one may be made.
var errRoomEnded = errors.New("the room has ended")

// actorOf returns the actor of a room, and makes it if there is none.
func (s *Server) actorOf(id string) (*actor, error) { return s.actorFor(id, false) }

// actorFor is actorOf; revived says that nobody has asked for the room.
func (s *Server) actorFor(id string, revived bool) (*actor, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch a := s.rooms[id]; {
	case s.draining || s.closed:
		return nil, &protocol.Error{Code: protocol.CodeDraining, Message: "the server is going away", Hint: "Try again in a moment.", Retry: true, After: 5000}
	case a != nil:
		return a, nil
	case len(s.rooms) >= s.limits.Rooms:
		return nil, &protocol.Error{Code: protocol.CodeServerFull, Message: "the server has as many rooms as it can take", Hint: "Try again later.", Retry: true, After: 30_000}
	}
	a := newActor(s, id)
	a.revived = revived
	s.rooms[id] = a
	s.tasks.Go(a.run)
	return a, nil
}

// reopen is inRoom for whoever has a seat already: while the server drains, those are served on.
func (s *Server) reopen(ctx context.Context, id string, f func(a *actor)) error {
	if a := s.existing(id); a != nil {
		if err := a.call(ctx, func() { f(a) }); !errors.Is(err, errRoomEnded) {
			return err
		}
	}
	return s.inRoom(ctx, id, f)
}

// exists reports whether there is a room, here or in the store.
func (s *Server) exists(ctx context.Context, id string) (bool, error) {
	if s.existing(id) != nil {
		return true, nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.limits.Patience)
	defer cancel()
	_, err := s.store.Find(ctx, id)
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, store.ErrGone):
		return false, nil
	}
	return false, errUnavailable
}

// actors lists the rooms that are served here.
func (s *Server) actors() []*actor {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Values(s.rooms))
}

// observe tells the observer an event that is safe.
func (s *Server) observe(id string, state *room.State, e room.Event) {
	if s.opt.Observer != nil {
		s.opt.Observer(id, state, e)
	}
}

// existing returns the actor of a room, or nil.
func (s *Server) existing(id string) *actor {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rooms[id]
}

// forget is the last act of an actor.
func (s *Server) forget(a *actor) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.rooms, a.id)
}

// metrics counts what the server does. Rooms and participants are never labels: their number has no bound.
type metrics struct {
	frames   prometheus.Counter
	slow     prometheus.Counter
	refusals *prometheus.CounterVec
	limits   *prometheus.CounterVec
	events   prometheus.Counter
	joins    *prometheus.CounterVec
	resumes  *prometheus.CounterVec
	routes   *prometheus.CounterVec
	lost     *prometheus.CounterVec
	answers  prometheus.Histogram

	trimmed, swept prometheus.Counter
	wrongPasswords prometheus.Counter
	journal        *journalMetrics
}

func (m *metrics) resumed(kind string) { m.resumes.WithLabelValues(kind).Inc() }

func newMetrics(r prometheus.Registerer, s *Server) *metrics {
	f := promauto.With(r)
	gauge := func(name, help string, value func() int) {
		f.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 {
			s.mu.Lock()
			defer s.mu.Unlock()
			return float64(value())
		})
	}
	gauge("signaling_rooms", "Rooms with somebody in them.", func() int { return len(s.rooms) })
	gauge("signaling_sockets", "Open WebSockets.", func() int { return s.sockets })
	gauge("signaling_http_resources", "WHIP and WHEP connections.", func() int { return len(s.resources) })
	counter := func(name, help string) prometheus.Counter {
		return f.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	vec := func(name, help, label string) *prometheus.CounterVec {
		return f.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{label})
	}
	return &metrics{
		frames:   counter("signaling_received_frames_total", "WebSocket messages received."),
		slow:     counter("signaling_slow_clients_total", "Sockets cut because the client did not read fast enough."),
		refusals: vec("signaling_refusals_total", "Refused commands and requests, by error code.", "code"),
		limits:   vec("signaling_limited_total", "What a limit has stopped, by reason.", "reason"),
		events:   counter("signaling_events_total", "Events of all room logs."),
		joins:    vec("signaling_joins_total", "Seats taken, by kind: person, ingest, viewer.", "kind"),
		resumes:  vec("signaling_resumes_total", "Resumed sessions, by where the missed events came from: ring, log; snapshot, they could not be told one by one.", "kind"),
		routes:   vec("signaling_route_changes_total", "Changes of how media travels, by reason.", "reason"),
		lost:     vec("signaling_dropped_notices_total", "Ephemeral messages that were not delivered, by reason.", "reason"),
		answers: f.NewHistogram(prometheus.HistogramOpts{
			Name: "signaling_sdp_answer_seconds", Help: "Time to answer an SDP offer.", Buckets: prometheus.ExponentialBuckets(.001, 2, 14),
		}),
		trimmed:        counter("signaling_log_trimmed_events_total", "Events that retention has dropped from the logs of rooms."),
		swept:          counter("signaling_log_deleted_rooms_total", "Rooms that were deleted because nobody had used them for as long as retention keeps them."),
		wrongPasswords: counter("signaling_wrong_passwords_total", "Wrong passwords of rooms."),
		journal:        newJournalMetrics(f),
	}
}
