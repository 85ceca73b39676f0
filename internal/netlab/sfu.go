package netlab

import (
	"fmt"
	"slices"
	"time"

	"github.com/pion/webrtc/v4"

	"github.com/confab/confab/signaling/protocol"
)

// sfuPath is the path through the SFU: one connection, on which we offer and the server answers. The offer holds an m-line for
// each source, whether it is on or not, and the receive slots.
type sfuPath struct {
	link
	pairs   []slotPair
	audio   []*webrtc.RTPTransceiver
	sending map[*webrtc.RTPTransceiver]protocol.Source
	table   map[string]protocol.Slot

	pending *protocol.SFUOffer // out, and not answered
	apply   bool               // pending is still to be applied on this side
	again   bool               // a restart was due while an offer was out
	tries   int
	ever    bool // it was connected before
	timer   *time.Timer
}

type slotPair struct{ audio, video *webrtc.RTPTransceiver }

// As in web/sdk.
const (
	sfuPatience = 8 * time.Second // until the connection must be there, or back, before ICE is restarted
	sfuTries    = 2               // restarts before the server is told
)

func (c *Client) newSFUPath(generation uint32) *sfuPath {
	p := &sfuPath{sending: map[*webrtc.RTPTransceiver]protocol.Source{}, table: map[string]protocol.Slot{}}
	p.open(c, &way{protocol.TransportSFU, generation}, p.changed)
	receive := func(kind webrtc.RTPCodecType) *webrtc.RTPTransceiver {
		t, err := p.pc.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly})
		p.try(err)
		return t
	}
	for _, source := range sources {
		track, err := newTrack(source)
		p.try(err)
		t, err := p.pc.AddTransceiverFromTrack(track, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
		p.try(err)
		p.sending[t] = source
		p.send(source, track, t.Sender())
	}
	for range c.Pairs {
		p.pairs = append(p.pairs, slotPair{receive(webrtc.RTPCodecTypeAudio), receive(webrtc.RTPCodecTypeVideo)})
	}
	for range c.Audio {
		p.audio = append(p.audio, receive(webrtc.RTPCodecTypeAudio))
	}
	return p
}

// try faults what must succeed.
func (p *sfuPath) try(err error) {
	if err != nil && !p.closed {
		p.c.fault("negotiation with the SFU: %v", err)
	}
}

func (p *sfuPath) is() *way { return p.way }
func (p *sfuPath) roster()  {} // the server tells by slots who is where
func (p *sfuPath) retire()  {}

// prepare makes the first offer, for join. It is applied when its answer comes, as the ICE servers come with it.
func (p *sfuPath) prepare() (*protocol.SFUOffer, error) {
	offer, err := p.pc.CreateOffer(nil)
	if err != nil {
		return nil, err
	}
	p.apply = true
	return p.describe(offer), nil
}

// connect offers without join.
func (p *sfuPath) connect() {
	p.await()
	p.negotiate(false)
}

func (p *sfuPath) negotiate(restart bool) {
	if p.pending != nil {
		p.again = p.again || restart
		return
	}
	offer, err := p.pc.CreateOffer(&webrtc.OfferOptions{ICERestart: restart})
	if err == nil {
		err = p.pc.SetLocalDescription(offer)
	}
	if err != nil {
		p.try(err)
		return
	}
	p.c.send(p.describe(offer)) // or at resumed
}

func (p *sfuPath) describe(offer webrtc.SessionDescription) *protocol.SFUOffer {
	p.c.revision++
	o := &protocol.SFUOffer{ID: fmt.Sprintf("offer:%d", p.c.revision), Revision: p.c.revision, SDP: offer.SDP, Tracks: map[string]protocol.Source{}}
	for t, source := range p.sending {
		o.Tracks[t.Mid()] = source
	}
	for _, pair := range p.pairs {
		o.Pairs = append(o.Pairs, protocol.Pair{Audio: pair.audio.Mid(), Video: pair.video.Mid()})
	}
	for _, t := range p.audio {
		o.Audio = append(o.Audio, t.Mid())
	}
	p.pending = o
	return o
}

func (p *sfuPath) accept(a *protocol.SFUAnswer) {
	o := p.pending
	if o == nil || o.Revision != a.Revision {
		return // of an offer that was given up
	}
	if p.apply {
		p.apply = false
		p.try(p.pc.SetConfiguration(configuration(p.c.servers, p.c.RelayOnly)))
		p.try(p.pc.SetLocalDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: o.SDP}))
		p.await()
	}
	p.try(p.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: a.SDP}))
	p.pending = nil
	if p.again {
		p.again = false
		p.negotiate(true)
	}
}

// refused handles the server's refusal of the pending offer.
func (p *sfuPath) refused(e *protocol.Error) {
	if p.pending == nil || e.ID != p.pending.ID {
		return
	}
	o := p.pending
	if !e.Retry {
		p.c.failed(p.way, e.Message)
		return
	}
	p.c.after(max(time.Duration(e.After)*time.Millisecond, 100*time.Millisecond), func() {
		if !p.closed && p.pending == o {
			p.c.send(o)
		}
	})
}

// resumed asks once more for an answer that may have been lost with the socket.
func (p *sfuPath) resumed() {
	if p.pending != nil {
		p.c.send(p.pending)
	}
}

func (p *sfuPath) changed() {
	switch p.state {
	case webrtc.PeerConnectionStateConnected:
		stop(p.timer)
		p.tries, p.ever = 0, true
	case webrtc.PeerConnectionStateDisconnected:
		stop(p.timer)
		p.timer = p.c.after(heal, p.restart)
	case webrtc.PeerConnectionStateFailed:
		p.restart()
	}
}

func (p *sfuPath) restart() {
	if p.closed || p.connected() {
		return
	}
	// While the connection is new, the server holds the old route for 15 s only: it must know in time.
	if p.tries++; p.tries > sfuTries || !p.ever {
		p.tries = 0
		p.c.failed(p.way, "no connection to the server")
	}
	p.negotiate(true)
	p.await()
}

func (p *sfuPath) await() {
	stop(p.timer)
	p.timer = p.c.after(sfuPatience, p.restart)
}

func (p *sfuPath) close() {
	stop(p.timer)
	p.link.close()
}

// assign takes what the server says of slots.
func (p *sfuPath) assign(slots []protocol.Slot) {
	for _, s := range slots {
		p.table[s.Mid] = s
		if s.Participant == "" {
			continue
		}
		who, known := p.c.names[s.Participant]
		if !known {
			p.c.fault("slot %s shows %s, who never joined", s.Mid, s.Participant)
		}
		p.c.Inbox.assign(p.way, s.Mid, who, s.Source)
	}
}

// expects reports whether a source is in a slot that flows, or could be put in one that is free: then it is worth waiting for.
func (p *sfuPath) expects(id string, source protocol.Source) bool {
	var mids []string
	for _, pair := range p.pairs {
		if source == protocol.Microphone {
			mids = append(mids, pair.audio.Mid())
		} else {
			mids = append(mids, pair.video.Mid())
		}
	}
	if source == protocol.Microphone {
		for _, t := range p.audio {
			mids = append(mids, t.Mid())
		}
	}
	for _, s := range p.table {
		if s.Participant == id && s.Source == source {
			return s.Paused == ""
		}
	}
	return slices.ContainsFunc(mids, func(mid string) bool { return p.table[mid].Participant == "" })
}
