package netlab

import (
	"time"

	"github.com/pion/webrtc/v4"

	"github.com/confab/confab/signaling/protocol"
)

// peer is the connection to one other person. The one who starts makes m-lines for all sources, both ways, so that only an ICE
// restart negotiates again. Browsers use the perfect negotiation pattern; pion can't roll an offer back, so here glare is
// avoided instead: only the one who started offers.
type peer struct {
	link
	m      *mesh
	id     string
	name   string
	starts bool

	ufrags map[string]bool       // of the remote description
	early  []*protocol.Candidate // of descriptions to come
	local  []*protocol.Candidate // told so far, since the last restart
	mine   map[string]protocol.Source
	again  bool // a restart was due while an offer was out

	patience, healing *time.Timer
}

// As in web/sdk.
const (
	peerPatience = 10 * time.Second // until a connection must be there, or back
	heal         = 2 * time.Second  // that a "disconnected" may heal by itself
)

func (c *Client) newPeer(m *mesh, id, name string, starts bool) *peer {
	p := &peer{m: m, id: id, name: name, starts: starts, mine: map[string]protocol.Source{}}
	p.open(c, m.way, p.changed)
	p.pc.OnICECandidate(func(candidate *webrtc.ICECandidate) {
		if candidate != nil {
			c.post(func() { p.trickle(candidate.ToJSON()) })
		}
	})
	p.await()
	if starts {
		for _, source := range sources {
			p.add(source, func(t *webrtc.TrackLocalStaticRTP) (*webrtc.RTPSender, error) {
				x, err := p.pc.AddTransceiverFromTrack(t)
				if err != nil {
					return nil, err
				}
				return x.Sender(), nil
			})
		}
		p.try(p.offer(false))
	}
	return p
}

func (p *peer) add(source protocol.Source, how func(*webrtc.TrackLocalStaticRTP) (*webrtc.RTPSender, error)) {
	track, err := newTrack(source)
	if err == nil {
		var sender *webrtc.RTPSender
		if sender, err = how(track); err == nil {
			p.send(source, track, sender)
		}
	}
	p.try(err)
}

// try faults what must succeed.
func (p *peer) try(err error) {
	if err != nil && !p.closed {
		p.c.fault("negotiation with %s: %v", p.name, err)
	}
}

func (p *peer) offer(restart bool) error {
	if p.pc.SignalingState() != webrtc.SignalingStateStable {
		p.again = p.again || restart
		return nil
	}
	offer, err := p.pc.CreateOffer(&webrtc.OfferOptions{ICERestart: restart})
	if err != nil {
		return err
	}
	if err := p.pc.SetLocalDescription(offer); err != nil {
		return err
	}
	p.describe()
	return nil
}

// describe tells the peer our description.
func (p *peer) describe() {
	d := p.pc.LocalDescription()
	if d == nil {
		return
	}
	for _, t := range p.pc.GetTransceivers() {
		for _, o := range p.outputs {
			if t.Sender() == o.sender && t.Mid() != "" {
				p.mine[t.Mid()] = o.source
			}
		}
	}
	kind := protocol.SDPOffer
	if d.Type == webrtc.SDPTypeAnswer {
		kind = protocol.SDPAnswer
	}
	p.signal(&protocol.Signal{Description: &protocol.Description{Type: kind, SDP: d.SDP, Tracks: p.mine}})
}

func (p *peer) signal(s *protocol.Signal) {
	s.ID, s.To, s.Generation = "signal", p.id, p.way.generation
	p.c.send(s)
}

func (p *peer) trickle(i webrtc.ICECandidateInit) {
	if p.closed {
		return
	}
	k := &protocol.Candidate{Candidate: i.Candidate}
	if i.SDPMid != nil {
		k.SDPMid = *i.SDPMid
	}
	if i.SDPMLineIndex != nil {
		k.SDPMLineIndex = int(*i.SDPMLineIndex)
	}
	if d := p.pc.LocalDescription(); d != nil {
		for u := range ufrags(d.SDP) {
			k.UsernameFragment = u
		}
	}
	p.local = append(p.local, k)
	p.signal(&protocol.Signal{Candidate: k})
}

// receive takes a step of the other side.
func (p *peer) receive(s *protocol.PeerSignal) {
	switch d := s.Description; {
	case s.Candidate != nil:
		p.candidate(s.Candidate)
	case d.Type == protocol.SDPOffer:
		p.try(p.answer(d))
	case d.Type == protocol.SDPAnswer && p.pc.SignalingState() == webrtc.SignalingStateHaveLocalOffer:
		p.try(p.adopt(webrtc.SDPTypeAnswer, d))
		if p.again {
			p.again = false
			p.try(p.offer(true))
		}
	}
}

func (p *peer) answer(d *protocol.Description) error {
	if err := p.adopt(webrtc.SDPTypeOffer, d); err != nil {
		return err
	}
	if len(p.outputs) == 0 {
		for _, source := range sources { // in the order of the m-lines
			p.add(source, func(t *webrtc.TrackLocalStaticRTP) (*webrtc.RTPSender, error) { return p.pc.AddTrack(t) })
		}
	}
	answer, err := p.pc.CreateAnswer(nil)
	if err != nil {
		return err
	}
	if err := p.pc.SetLocalDescription(answer); err != nil {
		return err
	}
	p.describe()
	return nil
}

func (p *peer) adopt(kind webrtc.SDPType, d *protocol.Description) error {
	if err := p.pc.SetRemoteDescription(webrtc.SessionDescription{Type: kind, SDP: d.SDP}); err != nil {
		return err
	}
	p.ufrags = ufrags(d.SDP)
	early := p.early
	p.early = nil
	for _, k := range early {
		p.candidate(k)
	}
	return nil
}

func (p *peer) candidate(k *protocol.Candidate) {
	if !p.ufrags[k.UsernameFragment] {
		p.early = append(p.early, k)
		return
	}
	index := uint16(k.SDPMLineIndex)
	p.try(p.pc.AddICECandidate(webrtc.ICECandidateInit{Candidate: k.Candidate, SDPMid: &k.SDPMid, SDPMLineIndex: &index}))
}

// resumed repeats what may have been lost with a socket.
func (p *peer) resumed() {
	if p.pc.SignalingState() == webrtc.SignalingStateHaveLocalOffer {
		p.describe()
	}
	if !p.connected() {
		for _, k := range p.local {
			p.signal(&protocol.Signal{Candidate: k})
		}
	}
}

func (p *peer) changed() {
	stop(p.healing)
	if p.m.retired {
		return
	}
	switch p.state {
	case webrtc.PeerConnectionStateConnected:
		stop(p.patience)
		p.patience = nil
	case webrtc.PeerConnectionStateDisconnected:
		p.healing = p.c.after(heal, p.restart)
	case webrtc.PeerConnectionStateFailed:
		p.restart()
	}
}

func (p *peer) restart() {
	if p.closed || p.m.retired || p.connected() {
		return
	}
	if p.starts {
		p.local = nil
		p.try(p.offer(true))
	}
	if p.patience == nil {
		p.await()
	}
}

// await tells, as long as it lasts, that there is no connection.
func (p *peer) await() {
	p.patience = p.c.after(peerPatience, func() {
		if p.closed || p.m.retired || p.connected() {
			return
		}
		p.c.failed(p.way, "no connection to "+p.name)
		p.await()
		if p.pc.RemoteDescription() != nil {
			p.restart()
		} else {
			p.resumed()
		}
	})
}

func (p *peer) retire() {
	stop(p.patience)
	stop(p.healing)
}

func (p *peer) close() {
	p.retire()
	p.link.close()
}

func stop(t *time.Timer) {
	if t != nil {
		t.Stop()
	}
}
