package media

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/webrtc/v4"

	"github.com/confab/confab/media/answer"
	"github.com/confab/confab/media/transport"
)

// maxTrickled bounds the candidates a client may add.
const maxTrickled = 64

// connection is one PeerConnection of a peer, from the first offer of a session to its end.
type connection struct {
	peer        *Peer // fixed at construction, like the fields up to demux
	engine      *Engine
	home        *shard
	tr          *transport.Transport
	out         outlet
	session     string // of the client's o= line
	fingerprint string
	ssrc        uint32 // of our RTCP
	cname       string
	id          uint64 // our o= line
	demux       *demux
	data        dataChannels
	trickled    atomic.Int32
	once        sync.Once

	// Negotiation's: peer.negotiating is held.
	version uint64
	tracks  map[string]*track  // by mid
	slots   map[string]*sender // by mid
	sent    map[uint32]bool    // SSRCs in use

	// Home shard's.
	pub     publisher
	senders []*sender
	bySSRC  map[uint32]*sender
	rtt     time.Duration // 0: unknown
	budget  int           // retransmissions left in this tick
	gone    bool
}

func newConnection(p *Peer, o *answer.Offer) (*connection, error) {
	c := &connection{
		peer: p, engine: p.engine, home: p.home, session: o.Session, fingerprint: o.Fingerprint, id: rand.Uint64() >> 2,
		tracks: map[string]*track{}, slots: map[string]*sender{}, sent: map[uint32]bool{}, bySSRC: map[uint32]*sender{},
	}
	c.ssrc = c.newSSRC()
	c.cname = fmt.Sprintf("%016x", rand.Uint64())
	c.demux = &demux{conn: c, streams: map[uint32]stream{}}
	tr, err := transport.New(transport.Config{Mux: p.engine.mux, MediaEngine: &webrtc.MediaEngine{}, Certificate: p.engine.cert,
		Handler: c.demux, OnState: c.changed, Log: p.log})
	if err != nil {
		return nil, fmt.Errorf("open transport: %w", err)
	}
	c.tr, c.out = tr, tr
	c.data.init(c)
	tr.PC().OnDataChannel(c.data.opened)
	c.home.call(func() { c.home.settle(c) })
	return c, nil
}

// newSSRC is a number that this connection does not use yet.
func (c *connection) newSSRC() uint32 {
	for {
		if n := rand.Uint32(); n != 0 && !c.sent[n] {
			c.sent[n] = true
			return n
		}
	}
}

// accept shows pion the transport of the offer and returns our end of it.
func (c *connection) accept(ctx context.Context, o *answer.Offer) (answer.Local, error) {
	pc := c.tr.PC()
	err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: o.Transport()})
	if err != nil {
		return answer.Local{}, fmt.Errorf("%w: %w", ErrBadSDP, err)
	}
	text, err := pc.CreateAnswer(nil)
	if err != nil {
		return answer.Local{}, fmt.Errorf("%w: %w", ErrBadSDP, err)
	}
	gathered := webrtc.GatheringCompletePromise(pc)
	if err := pc.SetLocalDescription(text); err != nil {
		return answer.Local{}, fmt.Errorf("%w: %w", ErrBadSDP, err)
	}
	limit := time.NewTimer(5 * time.Second) // host candidates of one socket: milliseconds
	defer limit.Stop()
	select {
	case <-gathered:
	case <-ctx.Done():
		return answer.Local{}, ctx.Err()
	case <-limit.C:
		return answer.Local{}, errGathering
	}
	return answer.ReadLocal(pc.LocalDescription().SDP), nil
}

// install makes tracks and slots of the sections and writes the answer.
func (c *connection) install(offer *answer.Offer, o *Offer, local answer.Local) (string, error) {
	p := c.peer
	tracks := map[string]*track{}
	if p.opts.Publish {
		for mid, source := range o.Tracks {
			if s := offer.Section(mid); s.Sends && !s.Rejected {
				tracks[mid] = c.trackFor(s, source)
			}
		}
	}
	plan := layout{}
	if p.opts.Subscribe {
		for _, pair := range o.Pairs {
			plan.pairs = append(plan.pairs, slotPair{audio: c.slotFor(offer.Section(pair.Audio)), video: c.slotFor(offer.Section(pair.Video))})
		}
		for _, mid := range o.Audio {
			if w := c.slotFor(offer.Section(mid)); w != nil {
				plan.audio = append(plan.audio, w)
			}
		}
	}
	gone := c.tracks
	c.tracks = tracks
	c.demux.config.Store(inboundOf(offer, tracks))
	if !p.room.install(p, c, tracks, plan) {
		return "", ErrClosed
	}
	for mid := range gone { // a source that is not sent any more has not arrived when it comes back
		if tracks[mid] != gone[mid] {
			p.forgetTrack(gone[mid].source)
		}
	}
	streams := plan.streams()
	c.retire(streams)
	c.version++
	return offer.Answer(local, c.id, c.version, func(s *answer.Section) answer.Reply {
		r := answer.Reply{Receive: tracks[s.Mid] != nil}
		if w := c.slots[s.Mid]; w != nil && s.Receives && streams[w] != "" {
			r.Send = &answer.Send{SSRC: w.ssrc, RTX: w.rtx, Stream: streams[w], Track: "slot-" + s.Mid, CName: c.cname}
			if !w.hasRTX(s) {
				r.Send.RTX = 0
			}
		}
		return r
	}), nil
}

// trackFor keeps the track of a section, or makes a new one when the section means something else now.
func (c *connection) trackFor(s *answer.Section, source Source) *track {
	rids := smallestFirst(s.RIDs)
	if t := c.tracks[s.Mid]; t != nil && t.source == source && equal(t.rids, rids) {
		return t
	}
	return &track{conn: c, source: source, mid: s.Mid, id: c.engine.ids.Add(1), video: s.Kind == answer.Video, rids: rids,
		feeds: make([]*feed, len(c.engine.shards))}
}

func equal(a, b []string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// slotFor keeps the slot of a section as long as offers ask for it, or makes it; nil when the client does not receive there.
func (c *connection) slotFor(s *answer.Section) *sender {
	if s == nil || s.Rejected || !s.Receives {
		return nil
	}
	w := c.slots[s.Mid]
	isNew := w == nil
	if isNew {
		w = newSender(c, s.Mid, s.Kind == answer.Video)
		c.slots[s.Mid] = w
	}
	formats := formatsOf(s, idsOf(s.Uses(true)))
	c.home.call(func() {
		w.formats, w.source, w.format = formats, nil, nil
		if isNew {
			c.senders = append(c.senders, w)
			c.bySSRC[w.ssrc] = w
		}
	})
	return w
}

// retire ends the slots that the offer has no more: nothing is sent there, and nothing is kept. The room has bound them
// for the last time.
func (c *connection) retire(live map[*sender]string) {
	for mid, w := range c.slots {
		if live[w] != "" {
			continue
		}
		delete(c.slots, mid)
		delete(c.sent, w.ssrc)
		delete(c.sent, w.rtx)
		c.home.call(func() {
			w.unbind(c.home)
			delete(c.bySSRC, w.ssrc)
			c.senders = slices.DeleteFunc(c.senders, func(o *sender) bool { return o == w })
		})
	}
}

func (w *sender) hasRTX(s *answer.Section) bool {
	for i := range s.Codecs {
		if s.Codecs[i].RTX != 0 {
			return true
		}
	}
	return false
}

// admitCandidate counts a trickled candidate.
func (c *connection) admitCandidate() bool { return c.trickled.Add(1) <= maxTrickled }

// changed is told by the transport. It must not block.
func (c *connection) changed(s transport.State, err error) {
	state := ConnectionState("")
	switch s {
	case transport.StateReady:
		state = Connected
		c.home.call(func() {
			for _, w := range c.senders { // keyframes asked for before there were keys went nowhere
				w.begin(c.home, c.engine.since(time.Now()))
			}
		})
	case transport.StateDisconnected:
		state = Disconnected
	case transport.StateFailed:
		state = Failed
	case transport.StateClosed:
		state = Closed
	default:
		return
	}
	c.peer.log.Info("connection "+string(state), "error", err)
	c.peer.room.connectionChanged(c, state)
}

// begin starts the slot over when the path has become ready.
func (w *sender) begin(s *shard, now time.Duration) {
	if w.feed != nil && w.video && w.packets == 0 {
		w.restart(s, now)
	}
}

// close ends the connection in the background.
func (c *connection) close() {
	c.once.Do(func() {
		c.engine.spawned.Go(func() {
			_ = c.tr.Close()
			done := make(chan struct{})
			c.home.call(func() {
				c.home.forget(c)
				close(done)
			})
			<-done
			c.demux.tally.flush(c.engine.metrics)
		})
	})
}
