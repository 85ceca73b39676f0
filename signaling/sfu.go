package signaling

import (
	"errors"
	"slices"

	"github.com/confab/confab/auth"
	"github.com/confab/confab/signaling/protocol"
	"github.com/confab/confab/signaling/room"
)

// peerOptions says what the SFU is told of a participant.
func (a *actor) peerOptions(seat *room.Seat) MediaPeerOptions {
	publish := slices.ContainsFunc([]auth.Action{
		auth.ActionPublishMicrophone, auth.ActionPublishCamera, auth.ActionPublishScreen, auth.ActionPublishScreenAudio,
	}, func(do auth.Action) bool { return seat.May(do) == nil })
	return MediaPeerOptions{
		Room: a.id + "." + a.epoch, Participant: seat.ID, Publish: publish,
		Subscribe: seat.Kind == protocol.KindPerson && seat.May(auth.ActionSubscribe) == nil,
		Data:      seat.Kind == protocol.KindPerson && seat.May(auth.ActionSendData) == nil,
	}
}

// linkOf returns the SFU connection of a seat of any node, at this one. There is one after the first thing that it needs.
func (a *actor) linkOf(seat *room.Seat) *link {
	if l := a.links[seat.ID]; l != nil {
		return l
	}
	l := a.newLink(a.peerOptions(seat), a.placeOf(seat.ID, seat.Node))
	l.state = seat.Media
	a.links[seat.ID] = l
	return l
}

func (a *actor) newLink(o MediaPeerOptions, at place) *link {
	id := o.Participant
	l := &link{srv: a.srv, log: a.log.With("participant", id), out: &sink{at: at}, opt: o}
	l.told = func(r linkReport) {
		_ = a.call(a.srv.stopped, func() {
			if a.links[id] == l {
				a.linkChanged(id, r)
			}
		})
	}
	return l
}

// placeOf is where a participant sits; nil: nowhere that is known.
func (a *actor) placeOf(id, node string) place {
	if node != "" && node != a.srv.node {
		return &remotePlace{a.srv, node, a.id, id}
	}
	if m := a.members[id]; m != nil {
		return m.out
	}
	return nil
}

// sfuHere reports whether this node has the SFU that the room uses or moves to.
func (a *actor) sfuHere() bool {
	r := a.state().Route
	return r.Node == "" || r.Node == a.srv.node
}

// offer has an SFU offer answered. The answer goes to whatever socket the participant has by then.
func (a *actor) offer(m *member, o *protocol.SFUOffer) error {
	if err := a.takesOffers(); err != nil {
		return err
	}
	seat := a.state().Seat(m.id)
	if seat == nil {
		return expired
	}
	if !a.sfuHere() {
		return a.srv.bus.send(a.state().Route.Node, busMessage{Room: a.id, Offer: &busOffer{From: m.id, Node: a.srv.node, Offer: *o}})
	}
	return a.answer(seat, o, m.out)
}

func (a *actor) takesOffers() error {
	switch s := a.state(); {
	case a.srv.opt.Media == nil:
		return &protocol.Error{Code: protocol.CodeSFUOff, Message: "this server runs without an SFU"}
	case s.Route.Transport != protocol.TransportSFU && s.Route.Done:
		return &protocol.Error{Code: protocol.CodeOutOfState, Message: "the room's media travels peer to peer", Hint: "Offer when the route becomes the SFU.", Retry: true}
	}
	return nil
}

// answer has the offer of a seat answered here.
func (a *actor) answer(seat *room.Seat, o *protocol.SFUOffer, to place) error {
	l := a.linkOf(seat)
	err := l.offer(mediaOffer(o), func(sdp string, err error) {
		if err == nil {
			to.event(mustEncode(&protocol.SFUAnswer{ID: o.ID, Revision: o.Revision, SDP: sdp}))
			return
		}
		refusal := l.sdpError(err)
		a.srv.metrics.refusals.WithLabelValues(string(refusal.Code)).Inc()
		to.event(mustEncode(refusal.For(o.ID)))
	})
	if err != nil {
		return l.sdpError(err)
	}
	return nil
}

// view passes on what a participant wants to see.
func (a *actor) view(id string, wants []protocol.Want) error {
	switch seat := a.state().Seat(id); {
	case a.srv.opt.Media == nil || seat == nil:
	case !a.sfuHere():
		return a.srv.bus.send(a.state().Route.Node, busMessage{Room: a.id, View: &busView{From: id, Wants: wants}})
	default:
		a.linkOf(seat).setView(wants)
	}
	return nil
}

// synchronise has the SFU say again who is in which slot, to a participant who has come back.
func (a *actor) synchronise(m *member) {
	if !a.sfuHere() {
		_ = a.srv.bus.send(a.state().Route.Node, busMessage{Room: a.id, Sync: &busSync{From: m.id}}) // a bus that is full: the next change tells
		return
	}
	if l := a.links[m.id]; l != nil {
		l.out.move(m.out)
	}
}

// fromNode does what another node asks of the room here.
func (a *actor) fromNode(m busMessage) {
	switch {
	case m.Frame != nil:
		a.deliver(m.Frame)
	case m.Offer != nil:
		a.offerOfNode(m.Offer)
	case m.View != nil:
		if seat := a.state().Seat(m.View.From); seat != nil && a.sfuHere() && a.srv.opt.Media != nil {
			a.linkOf(seat).setView(m.View.Wants)
		}
	case m.Sync != nil:
		if seat, l := a.state().Seat(m.Sync.From), a.links[m.Sync.From]; l != nil && seat != nil {
			l.out.move(a.placeOf(seat.ID, seat.Node))
		}
	case m.Knocks != nil:
		a.lobby.others[m.Knocks.Node] = m.Knocks.List
		a.lobby.tell()
	case m.Admit != nil:
		a.lobby.answer(m.Admit.Knock, m.Admit.Allow)
	case m.Ask != nil && !a.lobby.empty():
		a.lobby.show(m.Ask.Node)
	}
}

// maxEarly is how many offers may wait for the log.
const maxEarly = 64

// offerOfNode answers an offer of a seat at another node. One whose seat the log has not told of here yet waits for that.
func (a *actor) offerOfNode(o *busOffer) {
	switch seat := a.state().Seat(o.From); {
	case seat != nil && a.sfuHere():
		a.answerNode(seat, o)
	case seat != nil:
		a.refuseNode(o, notYet)
	default:
		if len(a.early) >= maxEarly {
			a.refuseNode(a.early[0], notYet)
			a.early = a.early[1:]
		}
		a.early = append(a.early, o)
		a.journal.wake(0)
	}
}

// catchUp looks again at the offers that have overtaken the log on their way to this node, now that a seat was taken.
func (a *actor) catchUp(e room.Event) {
	if _, joined := e.(*room.Joined); !joined {
		return
	}
	early := a.early
	a.early = nil
	for _, o := range early {
		a.offerOfNode(o)
	}
}

// answerNode has the offer of a seat at another node answered here.
func (a *actor) answerNode(seat *room.Seat, o *busOffer) {
	err := a.takesOffers()
	if err == nil {
		err = a.answer(seat, &o.Offer, &remotePlace{a.srv, o.Node, a.id, o.From})
	}
	if err != nil {
		a.refuseNode(o, err)
	}
}

func (a *actor) refuseNode(o *busOffer, err error) {
	var wire *protocol.Error
	if errors.As(err, &wire) {
		(&remotePlace{a.srv, o.Node, a.id, o.From}).event(mustEncode(wire.For(o.Offer.ID)))
	}
}

// notYet answers an offer to a node that does not have the room's SFU, any more or yet.
var notYet = &protocol.Error{Code: protocol.CodeOutOfState, Message: "the room's media is moving", Hint: "Offer again.", Retry: true, After: 300}

// deliver gives frames of another node to whom they are for, here.
func (a *actor) deliver(f *busFrame) {
	if f.To == "" {
		for id, m := range a.members {
			if id != f.Except {
				m.out.event(f.Frame)
			}
		}
		return
	}
	m := a.members[f.To]
	switch {
	case m == nil:
	case f.Kind == frameSignal:
		m.out.signal(f.Frame)
	case f.Kind == frameNotice:
		m.out.notice(f.Frame)
	default:
		m.out.event(f.Frame)
	}
}
