package signaling

import (
	"context"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/confab/confab/store"
)

// A node beats every beatEvery, and is taken for dead when it was not heard of for beatTTL: two beats may be lost.
const (
	beatEvery = 2 * time.Second
	beatTTL   = 7 * time.Second
)

// sweepEvery is how often rooms are looked for that retention does not keep.
const sweepEvery = time.Hour

// reviveAge is how long ago a room may have been used that is looked at when the server starts.
const reviveAge = 24 * time.Hour

// nodes knows which servers share the store. A node is dead when a list that was made after somebody asked for it does not name it: one
// that has just begun may be in a room before it is in our list.
type nodes struct {
	self   string
	listed chan struct{} // closed when the first list is here
	kick   chan struct{} // capacity 1: somebody has asked for a node that is not in the list

	mu    sync.Mutex // guards the fields below
	known []string
	asked map[string]bool // unknown so far
	dead  map[string]bool
}

// maxDead bounds what is remembered of nodes that have gone.
const maxDead = 4096

func newNodes(self string) *nodes {
	return &nodes{self: self, listed: make(chan struct{}), kick: make(chan struct{}, 1), asked: map[string]bool{}, dead: map[string]bool{}}
}

// alive reports whether a node is not known to be dead.
func (n *nodes) alive(node string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case node == n.self || node == "" || slices.Contains(n.known, node):
		return true
	case n.dead[node]:
		return false
	}
	n.asked[node] = true
	select {
	case n.kick <- struct{}{}:
	default:
	}
	return true
}

// others reports whether another node lives.
func (n *nodes) others() bool { return len(n.rest()) > 0 }

// rest returns the other nodes that live.
func (n *nodes) rest() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(n.known), func(node string) bool { return node == n.self })
}

// questions returns the nodes that were asked for until now.
func (n *nodes) questions() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Collect(maps.Keys(n.asked))
}

// set replaces the list, which was made after the questions, and reports whether somebody was found dead.
func (n *nodes) set(known, questions []string) (lost bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.dead) > maxDead {
		clear(n.dead)
	}
	for _, node := range append(questions, n.known...) {
		delete(n.asked, node)
		if !slices.Contains(known, node) && !n.dead[node] {
			n.dead[node], lost = true, true
		}
	}
	for _, node := range known {
		delete(n.dead, node)
	}
	n.known = known
	select {
	case <-n.listed:
	default:
		close(n.listed)
	}
	return lost
}

// runNode keeps this node known to the others, and knows of them, until the server stops.
func (s *Server) runNode(ctx context.Context) {
	s.tasks.Go(func() { s.bus.run(ctx) })
	s.tasks.Go(func() { s.follow(ctx, func() error { return s.store.Watch(ctx, s.grown) }) })
	s.tasks.Go(func() {
		s.follow(ctx, func() error { return s.store.Subscribe(ctx, "node."+s.node, s.bus.receive) })
	})
	s.tasks.Go(func() { s.sweep(ctx) })
	s.beat(ctx)
	s.tasks.Go(func() { s.revive(ctx) })
	every := time.NewTicker(beatEvery)
	defer every.Stop()
	for {
		select {
		case <-every.C:
			s.beat(ctx)
		case <-s.nodes.kick:
			s.beat(ctx)
		case <-ctx.Done():
			return
		}
	}
}

// leaveNodes tells the others that this node ends. Nothing of it runs any more.
func (s *Server) leaveNodes() {
	ctx, cancel := context.WithTimeout(context.Background(), beatEvery)
	defer cancel()
	if err := s.store.Beat(ctx, s.node, 0); err != nil {
		s.log.Debug("the other nodes were not told", "err", err)
	}
}

func (s *Server) beat(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, beatEvery)
	defer cancel()
	questions := s.nodes.questions()
	err := s.store.Beat(ctx, s.node, beatTTL)
	var known []string
	if err == nil {
		known, err = s.store.Nodes(ctx)
	}
	if err != nil { // who is unknown is not dead: the list stays as it is
		s.log.Debug("the store does not say who is there", "err", err)
		return
	}
	if s.nodes.set(known, questions) {
		for _, a := range s.actors() {
			a.ring(0)
		}
	}
}

// follow keeps a watch or a subscription in place.
func (s *Server) follow(ctx context.Context, listen func() error) {
	for ctx.Err() == nil {
		err := listen()
		s.log.Debug("the store tells nothing any more", "err", err)
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
		}
	}
}

// grown is told that a room has more events, or that all may have.
func (s *Server) grown(id string, last uint64) {
	s.growth.tell(id)
	if id == "" {
		for _, a := range s.actors() {
			a.ring(0)
		}
		return
	}
	if a := s.existing(id); a != nil {
		a.ring(last)
	}
}

// revive opens the rooms of late in which seats may be left that nobody serves: those of a server that was killed. A room without
// any closes at once.
func (s *Server) revive(ctx context.Context) {
	after, since := "", time.Now().Add(-reviveAge)
	for ctx.Err() == nil {
		rooms, err := s.store.Rooms(ctx, after, store.MaxPage)
		if err != nil || len(rooms) == 0 {
			return // rooms that are asked for are opened anyway
		}
		for _, r := range rooms {
			after = r.ID
			if r.Touched.Before(since) || r.Last == 0 {
				continue
			}
			if a, err := s.actorFor(r.ID, true); err == nil {
				_ = a.call(ctx, func() {}) // one at a time; a room that has ended is what is hoped for
			}
		}
	}
}

// sweep deletes the rooms that retention does not keep, and touches those that are in use.
func (s *Server) sweep(ctx context.Context) {
	for {
		select {
		case <-time.After(sweepEvery + time.Duration(rand.Int64N(int64(sweepEvery/4)))):
		case <-ctx.Done():
			return
		}
		for _, a := range s.actors() {
			if _, err := s.store.Open(ctx, a.id); err != nil {
				s.log.Warn("a room in use could not be marked as such", "room", a.id, "err", err)
			}
		}
		n, err := store.Sweep(ctx, s.store, s.opt.Retention, time.Now())
		if err != nil && ctx.Err() == nil {
			s.log.Warn("old rooms could not be deleted", "err", err)
		}
		s.metrics.swept.Add(float64(n))
	}
}
