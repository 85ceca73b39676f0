package signaling

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/confab/confab/signaling/protocol"
)

// link is one participant's connection to the SFU: its operations one after the other, off the actor's goroutine, so that
// a slow negotiation stalls nobody else. A goroutine exists only while there is something to do.
//
// The wish (view) and the state are remembered and given to every new connection.
type link struct {
	srv  *Server
	log  *slog.Logger
	out  *sink
	opt  MediaPeerOptions // Events are set per connection; Publish, Subscribe and Data are guarded by mu
	told func(linkReport) // what the owner must know; called by the link's goroutine, one at a time, and may block

	mu      sync.Mutex // guards the fields below; never held across a call of media, or told
	jobs    []job      // at most maxJobs
	running bool       // the goroutine exists
	closed  bool
	cancel  context.CancelFunc // of the running negotiation; nil if none
	report  linkReport         // not told yet

	wants        []protocol.Want
	state        protocol.State
	dirty        bool   // wants or state have changed since peer was told
	generation   uint64 // of the connection; events of older ones are not ours any more
	disconnected bool   // the present connection must go

	// Written by the goroutine alone, so that it may read them without the lock.
	peer    MediaPeer
	session string // of the last answered offer
}

// linkReport is what a connection told since the last report.
type linkReport struct {
	state  ConnectionState   // "" if unchanged
	tracks []protocol.Source // nil if unchanged
}

func (r linkReport) empty() bool { return r.state == "" && r.tracks == nil }

// job is one operation. peer is nil when there is no connection.
type job func(ctx context.Context, peer MediaPeer)

// maxJobs is how many operations may wait. A client has one offer in flight; WHIP trickles a few candidates.
const maxJobs = 16

// errBusy says that the link has too much to do.
var errBusy = errors.New("too many operations in flight")

// errConnectionEnded says that an offer continues a connection that the server no longer has.
var errConnectionEnded = errors.New("the connection to the SFU has ended")

// offer asks for the answer to an offer. An offer of another RTCPeerConnection than the last one's replaces the
// connection; its session id tells (RFC 9429 §5.2.1: random, and the same in every offer of a connection). done is called
// once by the link's goroutine, unless the error returned is not nil.
func (l *link) offer(o MediaOffer, done func(answer string, err error)) error {
	return l.do(func(ctx context.Context, peer MediaPeer) {
		id := sdpSession(o.SDP)
		first := id == "" || id != l.session
		if !first && peer == nil {
			done("", errConnectionEnded)
			return
		}
		if first {
			l.drop()
			var err error
			if peer, err = l.connect(); err != nil {
				done("", err)
				return
			}
		}
		ctx, cancel := context.WithTimeout(ctx, l.srv.limits.Negotiate)
		defer cancel()
		if !l.setCancel(cancel) {
			done("", context.Canceled)
			return
		}
		started := time.Now()
		answer, err := peer.Negotiate(ctx, o)
		l.setCancel(nil)
		switch {
		case err == nil:
			l.session = id
			l.srv.metrics.answers.Observe(time.Since(started).Seconds())
		case first: // nothing that could be kept; the same client may try again
			l.drop()
		}
		done(answer, err)
	})
}

// candidate adds a trickled candidate. done is as with offer.
func (l *link) candidate(mid string, index int, candidate string, done func(error)) error {
	return l.do(func(_ context.Context, peer MediaPeer) {
		if peer == nil {
			done(errors.New("there is no connection"))
			return
		}
		done(peer.AddCandidate(mid, index, candidate))
	})
}

// setView and setState never wait and never pile up: the newest replaces the one before.
func (l *link) setView(wants []protocol.Want) { l.change(func() { l.wants, l.dirty = wants, true }) }
func (l *link) setState(s protocol.State)     { l.change(func() { l.state, l.dirty = s, true }) }

// setGrants changes what a new connection may do, and ends the present one if it does what is not granted any more. That sources
// are not forwarded is the state's business.
func (l *link) setGrants(publish, subscribe, data bool) {
	l.change(func() {
		was := l.opt
		l.opt.Publish, l.opt.Subscribe, l.opt.Data = publish, subscribe, data
		if was.Publish != publish || was.Subscribe != subscribe || was.Data != data {
			l.disconnected = true
		}
	})
}

// disconnect ends the connection, not the link: the client may offer again.
func (l *link) disconnect() { l.change(func() { l.disconnected = true }) }

// overdue reports the connection as failed, because it did not come up in time.
func (l *link) overdue() { l.change(func() { l.report.state = Failed }) }

// close ends the link. It does not wait; Server.Run does.
func (l *link) close() {
	l.change(func() {
		l.closed = true
		if l.cancel != nil {
			l.cancel()
		}
	})
}

func (l *link) do(j job) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return context.Canceled
	}
	if len(l.jobs) >= maxJobs {
		return errBusy
	}
	l.jobs = append(l.jobs, j)
	l.runLocked()
	return nil
}

func (l *link) change(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	f()
	l.runLocked()
}

// runLocked starts the goroutine if there is none; l.mu is held. The link is not closed, or is closed just now by its
// actor, which is a task as well: Run cannot have ended.
func (l *link) runLocked() {
	if !l.running {
		l.running = true
		l.srv.tasks.Go(l.run)
	}
}

// run works off what there is to do, and ends.
func (l *link) run() {
	for {
		l.mu.Lock()
		var next job
		var report linkReport
		var tell bool
		var wants []protocol.Want
		var state protocol.State
		closed, drop := l.closed, l.closed || l.disconnected
		l.disconnected = false
		switch {
		case closed && len(l.jobs) == 0 && l.peer == nil:
			l.running = false
			l.mu.Unlock()
			return
		case drop && l.peer != nil:
		case len(l.jobs) > 0:
			next, l.jobs = l.jobs[0], l.jobs[1:]
		case l.dirty && l.peer != nil:
			wants, state, tell, l.dirty = l.wants, l.state, true, false
		case !l.report.empty() && !closed:
			report, l.report = l.report, linkReport{}
		default:
			l.running = false
			l.mu.Unlock()
			return
		}
		l.mu.Unlock()

		switch {
		case drop && l.peer != nil:
			l.drop()
		case next != nil:
			next(l.srv.stopped, l.peer)
		case tell:
			l.peer.SetView(wants)
			l.peer.SetState(state)
		case !report.empty():
			l.told(report)
		}
	}
}

// connect makes a connection; called by the link's goroutine.
func (l *link) connect() (MediaPeer, error) {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil, context.Canceled
	}
	l.generation++
	generation := l.generation
	l.dirty = true
	l.mu.Unlock()
	present := func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.generation == generation && !l.closed
	}
	l.mu.Lock()
	o := l.opt
	l.mu.Unlock()
	o.Events = MediaEvents{
		Slots: func(changed []protocol.Slot) {
			if present() {
				l.out.assign(changed)
			}
		},
		Speakers: func(speakers []protocol.Speaker) {
			if present() {
				l.out.speakers(mustEncode(&protocol.Speakers{Speakers: speakers}))
			}
		},
		Connection: func(state ConnectionState) {
			l.change(func() {
				if l.generation == generation {
					l.report.state = state
				}
			})
		},
		Tracks: func(sources []protocol.Source) {
			l.change(func() {
				if l.generation == generation {
					l.report.tracks = append([]protocol.Source{}, sources...)
				}
			})
		},
	}
	peer, err := l.srv.opt.Media.Connect(o)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	l.peer = peer
	l.mu.Unlock()
	return peer, nil
}

// drop ends the present connection, if there is one; called by the link's goroutine.
func (l *link) drop() {
	l.mu.Lock()
	peer := l.peer
	l.peer = nil
	l.generation++ // its last events are nobody's
	l.report = linkReport{}
	l.mu.Unlock()
	l.out.unassign()
	if peer != nil {
		peer.Close()
	}
}

// setCancel remembers how to interrupt what runs, and reports whether the link still lives.
func (l *link) setCancel(cancel context.CancelFunc) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cancel = cancel
	return !l.closed
}

// sdpError turns an error of a negotiation into what the client is told.
func (l *link) sdpError(err error) *protocol.Error {
	switch {
	case errors.Is(err, ErrBadSDP):
		return &protocol.Error{Code: protocol.CodeBadSDP, Message: err.Error()}
	case errors.Is(err, errBusy):
		return &protocol.Error{Code: protocol.CodeTooFast, Message: "an offer is still being answered", Hint: "Wait for its answer.", Retry: true, After: 1000}
	case errors.Is(err, errConnectionEnded):
		return &protocol.Error{Code: protocol.CodeOutOfState, Message: err.Error(), Hint: "Offer from a new RTCPeerConnection.", Retry: true}
	case errors.Is(err, context.Canceled):
		return &protocol.Error{Code: protocol.CodeSessionExpired, Message: "the connection has ended", Hint: "Join again.", Retry: true}
	}
	l.log.Error("negotiation gave up", "err", err)
	return &protocol.Error{Code: protocol.CodeInternal, Message: "the server could not answer the offer", Hint: "Try again.", Retry: true, After: 1000}
}

// sdpSession returns the session id of a description, the second word of its o= line (RFC 8866 §5.2), or "".
func sdpSession(sdp string) string {
	for line := range strings.Lines(sdp) {
		if rest, ok := strings.CutPrefix(line, "o="); ok {
			if words := strings.Fields(rest); len(words) > 1 {
				return words[1]
			}
		}
	}
	return ""
}
