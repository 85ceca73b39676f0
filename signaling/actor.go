package signaling

import (
	"context"
	"crypto/rand"
	"log/slog"
	"strings"
	"time"

	"github.com/confab/confab/signaling/protocol"
	"github.com/confab/confab/signaling/room"
)

// actor is one room. Everything in it belongs to its goroutine; others ask by call.
type actor struct {
	srv   *Server
	id    string
	epoch string // of this life of the room; a room that has emptied and begins anew has another
	log   *slog.Logger
	inbox chan func() // bounded: who asks faster than the room decides waits
	done  chan struct{}

	state   *room.State
	past    ring
	members map[string]*member // by participant id: people and ingests
	viewers map[string]*member // WHEP
}

// inboxSize is how many requests may wait for a room; their senders wait beyond that.
const inboxSize = 64

// firstRequest is how long a new actor waits for whoever made it.
const firstRequest = 10 * time.Second

func newActor(s *Server, id string) *actor {
	l := s.limits
	epoch := strings.ToLower(rand.Text()[:16])
	return &actor{
		srv: s, id: id, epoch: epoch, log: s.log.With("room", id),
		inbox: make(chan func(), inboxSize), done: make(chan struct{}),
		state: room.New(room.Config{SFU: s.opt.Media != nil, People: l.People, Hold: l.Hold, HoldClosed: l.HoldClosed, Linger: l.Linger, Timeout: l.Switch}),
		past:  ring{maxLen: l.Ring, maxSize: l.RingBytes},

		members: map[string]*member{}, viewers: map[string]*member{},
	}
}

// call runs f in the actor's goroutine and returns when it has. Nothing that the actor waits for may call it. The error is
// errRoomEnded or ctx's; f has not run then, or will not be waited for.
func (a *actor) call(ctx context.Context, f func()) error {
	ran := make(chan struct{})
	select {
	case a.inbox <- func() { f(); close(ran) }:
	case <-a.done:
		return errRoomEnded
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-ran:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-a.done:
		select {
		case <-ran: // it was the last that ran
			return nil
		default:
			return errRoomEnded
		}
	}
}

// run is the actor. It ends when the room has emptied or the server stops.
func (a *actor) run() {
	defer close(a.done)
	defer a.srv.forget(a)
	timer := time.NewTimer(firstRequest)
	defer timer.Stop()
	a.log.Info("room opened")
	for {
		select {
		case f := <-a.inbox:
			f()
		case <-timer.C:
			a.tick()
		case <-a.srv.stopped.Done():
			a.closeAll("server-stopped")
			a.log.Info("room closed", "reason", "server-stopped")
			return
		}
		if a.state.Empty() {
			a.closeAll("room-closed")
			a.log.Info("room closed", "reason", "empty")
			return
		}
		if at := a.state.Deadline(); at.IsZero() {
			timer.Stop()
		} else {
			timer.Reset(time.Until(at))
		}
	}
}

// tick does everything that is due by time alone.
func (a *actor) tick() {
	for {
		at := a.state.Deadline()
		if at.IsZero() || at.After(time.Now()) {
			return
		}
		if err := a.step(room.Tick{}); err != nil {
			return
		}
	}
}

// step decides on a command, does what follows for the server itself, and tells everybody.
func (a *actor) step(c room.Command) error {
	events, err := room.Step(a.state, c, time.Now())
	if err != nil {
		return err
	}
	for _, e := range events {
		a.follow(e) // first, so that what is told has been done
		a.publish(e)
	}
	return nil
}

// publish encodes an event once, keeps it for those who come back, and gives it to every member.
func (a *actor) publish(e room.Event) {
	wire := room.Wire(a.state, e, "")
	if wire == nil {
		return
	}
	a.srv.metrics.events.Inc()
	kept := entry{public: mustEncode(wire)}
	if from, to, private := room.Private(e); private {
		kept.a, kept.b, kept.private = from, to, mustEncode(room.Wire(a.state, e, from))
	}
	a.past.add(wire.Sequence(), kept)
	for id, m := range a.members {
		m.out.event(kept.frame(id))
	}
}

// follow does what an event means for members and their SFU connections.
func (a *actor) follow(e room.Event) {
	switch e := e.(type) {
	case *room.Joined:
		a.log.Info("joined", "participant", e.Seat.ID, "kind", e.Seat.Kind)
		a.srv.metrics.joins.WithLabelValues(string(e.Seat.Kind)).Inc()
	case *room.Updated:
		if m := a.members[e.ID]; m != nil && m.link != nil {
			m.link.setState(e.Media)
		}
	case *room.Left:
		a.log.Info("left", "participant", e.ID, "reason", e.Reason)
		if m := a.members[e.ID]; m != nil {
			delete(a.members, e.ID)
			m.close(e.Reason)
		}
	case *room.RouteChanged:
		a.log.Info("route changed", "transport", e.Transport, "generation", e.Generation, "reason", e.Reason)
		a.srv.metrics.routes.WithLabelValues(string(e.Reason)).Inc()
	case *room.RouteDone:
		if a.state.Route.Transport == protocol.TransportP2P {
			for _, m := range a.members {
				if m.link != nil {
					m.link.disconnect()
				}
			}
		}
	}
}

// broadcast gives a notice to every member.
func (a *actor) broadcast(frame []byte) {
	for _, m := range a.members {
		m.out.event(frame)
	}
}

// closeAll ends every member and viewer.
func (a *actor) closeAll(reason string) {
	for _, m := range a.members {
		m.close(reason)
	}
	for _, v := range a.viewers {
		v.close(reason)
	}
	clear(a.members)
	clear(a.viewers)
}
