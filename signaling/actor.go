package signaling

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/confab/confab/signaling/protocol"
	"github.com/confab/confab/signaling/room"
	"github.com/confab/confab/store"
)

// actor is one room at this node: a replica of its log, and who sits here. Everything in it belongs to its goroutine; others ask
// by call. Nothing that it does waits for the log.
type actor struct {
	srv    *Server
	id     string
	log    *slog.Logger
	inbox  chan func()      // bounded: who asks faster than the room decides waits
	mail   chan *busMessage // of other nodes; bounded: what does not fit is lost
	grown  atomic.Uint64    // the log's last number, as far as others have told; see ring
	bell   chan struct{}    // capacity 1: grown has changed, or a node has died
	done   chan struct{}
	ended  error // why; readable after done is closed
	config room.Config

	epoch   string // of the log
	journal *journal
	past    ring
	members map[string]*member // by participant id: people and ingests whose socket is here, or was
	viewers map[string]*member // WHEP, here
	links   map[string]*link   // SFU connections of participants and viewers of any node, while this one has the room's SFU
	joining map[string]bool    // seats that are being taken here
	lobby   lobby
	early   []*busOffer // of seats that the log has not told of here yet; at most maxEarly
	tape    *tape       // nil: nothing is recorded here
	revived bool        // nobody has asked for it: it is here to see whether seats are left that nobody serves
	over    bool        // nothing more is to be done
}

// inboxSize is how many requests may wait for a room; their senders wait beyond that.
const inboxSize = 64

// mailSize is how many messages of other nodes may wait. Each place costs every room its memory, idle ones too.
const mailSize = 128

// firstRequest is how long an actor without anybody waits for whoever made it.
const firstRequest = 10 * time.Second

// flushTime is how long a server that stops waits for what is on its way into the log.
const flushTime = 5 * time.Second

func newActor(s *Server, id string) *actor {
	l := s.limits
	a := &actor{
		srv: s, id: id, log: s.log.With("room", id),
		inbox: make(chan func(), inboxSize), done: make(chan struct{}),
		mail: make(chan *busMessage, mailSize), bell: make(chan struct{}, 1),
		config: room.Config{
			Node: s.node, SFU: s.opt.Media != nil, Records: s.opt.Recorder != nil, People: l.People, Succession: s.open(),
			Hold: l.Hold, HoldClosed: l.HoldClosed, Linger: l.Linger, Timeout: l.Switch,
		},
		past:    ring{maxLen: l.Ring, maxSize: l.RingBytes},
		members: map[string]*member{}, viewers: map[string]*member{}, links: map[string]*link{}, joining: map[string]bool{},
	}
	a.lobby = lobby{room: a, others: map[string][]protocol.Knock{}, shown: map[string]bool{}}
	return a
}

// state is the room as clients know it.
func (a *actor) state() *room.State { return a.journal.committed }

// call runs f in the actor's goroutine and returns when it has. Nothing that the actor waits for may call it. The error is
// errRoomEnded, the reason for which the room could not be opened, or ctx's; f has not run then, or will not be waited for.
func (a *actor) call(ctx context.Context, f func()) error {
	ran := make(chan struct{})
	select {
	case a.inbox <- func() { f(); close(ran) }:
	case <-a.done:
		return a.ended
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
			return a.ended
		}
	}
}

// post runs f in the actor's goroutine some time, unless the actor ends first.
func (a *actor) post(f func()) {
	select {
	case a.inbox <- f:
	case <-a.done:
	}
}

// ring tells the actor that the log has grown to that number; 0: that it may have, or that something else has happened.
func (a *actor) ring(last uint64) {
	for last != 0 {
		known := a.grown.Load()
		if known >= last || a.grown.CompareAndSwap(known, last) {
			break
		}
	}
	if last == 0 {
		a.grown.Store(0)
	}
	select {
	case a.bell <- struct{}{}:
	default:
	}
}

// run is the actor. It ends when nobody needs the room here any more, or the server stops.
func (a *actor) run() {
	a.ended = errRoomEnded
	defer close(a.done)
	defer a.srv.forget(a)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if err := a.open(ctx); err != nil {
		a.ended = err
		return
	}
	timer := time.NewTimer(firstRequest)
	defer timer.Stop()
	quiet := time.Now().Add(firstRequest) // nobody is waited for beyond this
	if a.revived {
		quiet = time.Time{}
	}
	for !a.over {
		select {
		case f := <-a.inbox:
			f()
			quiet = time.Time{}
		case m := <-a.mail:
			a.fromNode(*m)
		case <-a.bell:
			a.journal.wake(a.grown.Load())
			a.nodesChanged()
		case <-timer.C:
			a.tick()
		case <-a.srv.stopped.Done():
			a.stop()
			return
		}
		if a.idle() && !time.Now().Before(quiet) {
			break
		}
		a.rest(timer, quiet)
	}
	a.closeAll("room-closed")
	a.stopTape()
	a.save(0)
	a.journal.close(errRoomEnded)
	a.log.Info("room unloaded", "seq", a.state().Seq)
}

// rest sets the timer to what is due next.
func (a *actor) rest(timer *time.Timer, quiet time.Time) {
	at := quiet
	if !at.IsZero() && !a.idle() {
		at = time.Time{}
	}
	for _, due := range []time.Time{a.journal.ahead.Deadline(), a.journal.deadline(), a.lobby.deadline()} {
		if !due.IsZero() && (at.IsZero() || due.Before(at)) {
			at = due
		}
	}
	if at.IsZero() {
		timer.Stop()
	} else {
		timer.Reset(max(time.Until(at), 0))
	}
}

// open loads the room. It takes as long as the log does, within what those who wait for it have patience for.
func (a *actor) open(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, a.srv.limits.Patience)
	defer cancel()
	stop := context.AfterFunc(a.srv.stopped, cancel)
	defer stop()
	select {
	case <-a.srv.nodes.listed: // who is dead must be known before it can be said of a seat
	case <-ctx.Done():
		return errUnavailable
	}
	var got loaded
	for pause := 50 * time.Millisecond; ; pause *= 2 {
		var err error
		a.past = ring{maxLen: a.past.maxLen, maxSize: a.past.maxSize}
		got, err = loadRoom(ctx, a.srv.store, a.id, a.config, func(s *room.State, e room.Event) { a.past.add(e.Head().Seq, encodeEvent(s, e)) })
		if err == nil {
			break
		}
		a.log.Warn("the room cannot be read from its log", "err", err)
		if errors.Is(err, store.ErrCorrupt) || errors.Is(err, room.ErrUnknownKind) {
			return &protocol.Error{Code: protocol.CodeInternal, Message: "the room's log cannot be read", Hint: "Use another room, and tell whoever runs the server."}
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return errUnavailable
		}
	}
	a.epoch = got.epoch
	a.past.newest = got.state.Seq
	a.journal = &journal{
		log: a.srv.store, room: a.id, epoch: got.epoch, slog: a.log, count: a.srv.metrics.journal,
		limits: journalLimits{Waiting: a.srv.limits.Waiting, WaitingBytes: a.srv.limits.WaitingBytes, Patience: a.srv.limits.Patience, Try: a.srv.limits.Patience},
		ctx:    context.Background(), spawn: a.srv.tasks.Go, post: a.post, commit: a.committed,
		lost: func(why error) {
			a.log.Warn("the room starts over from its log", "err", why)
			a.closeAll("log-lost")
			a.over = true
		},
		committed: got.state, ahead: got.state.Clone(), saved: got.saved,
	}
	a.log.Info("room loaded", "seq", got.state.Seq, "seats", len(got.state.Seats))
	a.nodesChanged()
	return nil
}

// nodesChanged takes nodes that have died out of the room.
func (a *actor) nodesChanged() {
	for _, node := range a.journal.ahead.Nodes() {
		if node != a.srv.node && !a.srv.nodes.alive(node) {
			a.log.Warn("node lost", "node", node)
			a.do(room.NodeLost{Node: node})
		}
	}
}

// idle reports whether the room needs nobody here: what has an end by time is waited for by the node that has caused it.
func (a *actor) idle() bool {
	if !a.journal.idle() || len(a.members) > 0 || len(a.viewers) > 0 || len(a.joining) > 0 || !a.lobby.empty() {
		return false
	}
	s := a.journal.ahead
	for i := range s.Seats {
		if node := s.Seats[i].Node; node == a.srv.node || !a.srv.nodes.alive(node) {
			return false
		}
	}
	return s.Empty() || s.Route.Transport != protocol.TransportSFU || s.Route.Node != a.srv.node
}

// stop is the end with the server: everything decided is written, as far as the log still answers.
func (a *actor) stop() {
	if a.srv.nodes.others() { // they go on with the room at once; alone, the time that nobody serves the room is not counted against its seats
		a.do(room.NodeLost{Node: a.srv.node})
	}
	a.closeAll("server-stopped")
	a.stopTape()
	deadline := time.NewTimer(flushTime)
	defer deadline.Stop()
	for !a.journal.idle() {
		select {
		case f := <-a.inbox:
			f()
			continue
		case <-deadline.C:
			a.log.Error("events were not written before the server stopped")
		}
		break
	}
	a.save(0)
	a.journal.close(errRoomEnded)
	a.log.Info("room closed", "reason", "server-stopped")
}

// tick does everything that is due by time alone.
func (a *actor) tick() {
	now := time.Now()
	a.journal.expire(now)
	a.lobby.expire(now)
	for range 2 * a.srv.limits.People {
		at := a.journal.ahead.Deadline()
		if at.IsZero() || at.After(now) {
			return
		}
		before := a.journal.ahead.Seq
		if a.do(room.Tick{}); a.journal.ahead.Seq == before {
			return
		}
	}
}

// do proposes what the server does by itself.
func (a *actor) do(c room.Command) { a.journal.propose(&proposal{command: c}) }

// ask proposes what a client wants. done is called once, in the actor.
func (a *actor) ask(c room.Command, done func(outcome)) {
	a.journal.propose(&proposal{command: c, client: true, done: done})
}

// save puts a snapshot beside the log when it is at least that many events ahead of the last one, and trims the log to what is kept.
func (a *actor) save(after uint64) {
	j := a.journal
	if j.saving || j.ended || j.committed.Seq < j.saved+max(after, 1) {
		return
	}
	data, err := j.committed.Snapshot()
	if err != nil {
		a.log.Error("no snapshot", "err", err)
		return
	}
	seq := j.committed.Seq
	j.saving = true
	a.srv.tasks.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), a.srv.limits.Patience)
		defer cancel()
		err := a.srv.store.Snapshot(ctx, a.id, a.epoch, seq, data)
		if err == nil {
			err = a.srv.trim(ctx, a.id, a.epoch, seq)
		}
		a.post(func() {
			j.saving = false
			if err != nil {
				a.log.Warn("no snapshot beside the log", "err", err)
				return
			}
			j.saved = max(j.saved, seq)
		})
	})
}

// trim drops what retention does not keep of a room. seq is of the snapshot.
func (s *Server) trim(ctx context.Context, id, epoch string, seq uint64) error {
	info, err := s.store.Find(ctx, id)
	if err != nil || info.Epoch != epoch {
		return nil // gone: nothing to trim
	}
	from, cut := s.opt.Retention.Cut(info)
	if from = min(from, seq+1); !cut || from <= info.First {
		return nil
	}
	s.metrics.trimmed.Add(float64(from - info.First))
	return s.store.Trim(ctx, id, epoch, from)
}
