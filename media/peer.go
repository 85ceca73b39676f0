package media

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"

	"github.com/pion/webrtc/v4"

	"github.com/confab/confab/media/answer"
)

// ErrBadSDP is the parent of errors about an offer; their text is for people.
var ErrBadSDP = answer.ErrBad

// Peer is a participant's seat in the SFU. All methods are safe for concurrent use.
type Peer struct {
	engine *Engine // fixed at construction, like the fields up to negotiating
	room   *room
	opts   PeerOptions
	home   *shard
	log    *slog.Logger

	negotiating sync.Mutex // one offer at a time; held across pion's work

	// Guarded by room.mu.
	conn   *connection // nil before the first offer
	state  State
	wants  []Want
	closed bool
	live   map[Source]bool // sources that have arrived
	seat   viewing
}

// Negotiate answers an offer: the first one, one with more tracks or slots, or an ICE restart. An offer of another session
// or with another fingerprint is a new connection, and ends the one before. The errors are ErrBadSDP, ErrClosed and those of ctx.
func (p *Peer) Negotiate(ctx context.Context, o Offer) (text string, err error) {
	p.negotiating.Lock()
	defer p.negotiating.Unlock()
	defer func() {
		// SDP comes from strangers, and pion reads part of it. A panic costs this offer and not the process.
		if r := recover(); r != nil {
			p.engine.metrics.panics.Inc()
			p.log.Error("negotiation panicked", "panic", r, "stack", string(debug.Stack()))
			text, err = "", fmt.Errorf("%w: the server failed on it", ErrBadSDP)
		}
	}()
	offer, err := answer.Parse(o.SDP)
	if err != nil {
		return "", err
	}
	if o.Derive {
		o.derive(offer)
	}
	if err := o.check(offer); err != nil {
		return "", err
	}
	p.room.mu.Lock()
	old, closed := p.conn, p.closed
	p.room.mu.Unlock()
	if closed {
		return "", ErrClosed
	}
	conn := old
	if old == nil || old.session != offer.Session || old.fingerprint != offer.Fingerprint {
		if conn, err = newConnection(p, offer); err != nil {
			return "", err
		}
	}
	local, err := conn.accept(ctx, offer)
	if err == nil {
		text, err = conn.install(offer, &o, local)
	}
	if err != nil && conn != old {
		conn.close()
		return "", err
	}
	if err != nil {
		return "", err
	}
	p.engine.metrics.negotiation.Inc()
	if old != nil && old != conn {
		old.close()
	}
	return text, nil
}

// derive fills in what sections mean from their order.
func (o *Offer) derive(offer *answer.Offer) {
	o.Tracks, o.Pairs, o.Audio = map[string]Source{}, nil, nil
	audio, video := []Source{Microphone, ScreenAudio}, []Source{Camera, Screen}
	var heard, seen []string
	for i := range offer.Sections {
		s := &offer.Sections[i]
		if s.Rejected || s.Kind == answer.Data {
			continue
		}
		names, list := &audio, &heard
		if s.Kind == answer.Video {
			names, list = &video, &seen
		}
		if s.Sends && len(*names) > 0 {
			o.Tracks[s.Mid] = (*names)[0]
			*names = (*names)[1:]
		}
		if s.Receives {
			*list = append(*list, s.Mid)
		}
	}
	for i, mid := range seen {
		p := Pair{Video: mid}
		if i < len(heard) {
			p.Audio = heard[i]
		}
		o.Pairs = append(o.Pairs, p)
	}
	if len(heard) > len(seen) {
		o.Audio = heard[len(seen):]
	}
}

// check compares what the sections shall mean with what they are.
func (o *Offer) check(offer *answer.Offer) error {
	sources := map[Source]string{}
	for mid, source := range o.Tracks {
		s := offer.Section(mid)
		kind := answer.Audio
		switch source {
		case Camera, Screen:
			kind = answer.Video
		case Microphone, ScreenAudio:
		default:
			return fmt.Errorf("%w: unknown source %.32q", ErrBadSDP, source)
		}
		if s == nil || s.Kind != kind {
			return fmt.Errorf("%w: section %.32q cannot carry a %s", ErrBadSDP, mid, source)
		}
		if was, twice := sources[source]; twice {
			return fmt.Errorf("%w: %s is in section %.32q and in %.32q", ErrBadSDP, source, was, mid)
		}
		sources[source] = mid
	}
	used := map[string]bool{}
	slot := func(mid string, kind answer.Kind) error {
		if s := offer.Section(mid); s == nil || s.Kind != kind || used[mid] {
			return fmt.Errorf("%w: section %.32q cannot be this slot", ErrBadSDP, mid)
		}
		used[mid] = true
		return nil
	}
	for _, p := range o.Pairs {
		if err := slot(p.Video, answer.Video); err != nil {
			return err
		}
		if p.Audio == "" && o.Derive {
			continue
		}
		if err := slot(p.Audio, answer.Audio); err != nil {
			return err
		}
	}
	for _, mid := range o.Audio {
		if err := slot(mid, answer.Audio); err != nil {
			return err
		}
	}
	return nil
}

// AddCandidate adds a trickled ICE candidate, which may have the prefix "candidate:". One that cannot be of use is ignored.
func (p *Peer) AddCandidate(mid string, index int, candidate string) error {
	p.room.mu.Lock()
	conn := p.conn
	p.room.mu.Unlock()
	if conn == nil {
		return fmt.Errorf("%w: a candidate before the offer", ErrBadSDP)
	}
	if !answer.Candidate(candidate) || !conn.admitCandidate() {
		return nil
	}
	if err := conn.tr.PC().AddICECandidate(webrtc.ICECandidateInit{Candidate: candidate}); err != nil {
		return fmt.Errorf("%w: candidate: %w", ErrBadSDP, err)
	}
	return nil
}

// SetView replaces the wishes.
func (p *Peer) SetView(wants []Want) {
	p.room.mu.Lock()
	p.wants = append([]Want(nil), wants...)
	p.room.mu.Unlock()
	p.room.poke()
}

// SetState replaces what is on. Before the first call everything is.
func (p *Peer) SetState(s State) {
	p.room.mu.Lock()
	p.state = s
	p.room.mu.Unlock()
	if rec := p.room.recording.Load(); rec != nil {
		rec.State(p.opts.Participant, s.names())
	}
	p.room.poke()
}

// Close gives the seat up. The connection ends in the background; Engine.Run waits for it.
func (p *Peer) Close() {
	p.room.mu.Lock()
	conn, was := p.conn, p.closed
	p.closed = true
	p.room.mu.Unlock()
	if was {
		return
	}
	if conn != nil {
		conn.close()
	}
	p.engine.leave(p)
}

// arrived notes the first packet of a track. Home shard.
func (p *Peer) arrived(t *track) {
	p.room.mu.Lock()
	if p.live == nil {
		p.live = map[Source]bool{}
	}
	p.live[t.source] = true
	p.seat.tracksChanged = true
	p.room.mu.Unlock()
	p.room.poke()
}

// guard keeps a panic of a parser of outside bytes from ending the process; it counts and logs it.
func (e *Engine) guard(what string) {
	if r := recover(); r != nil {
		e.metrics.panics.Inc()
		e.log.Error("parser panicked", "of", what, "panic", r, "stack", string(debug.Stack()))
	}
}

var errGathering = errors.New("media: no local candidates in time")
