package signaling

import (
	"context"
	"encoding/json"
	"time"

	"github.com/confab/confab/signaling/protocol"
)

// busMessage is what one node says to another about a room. It is ephemeral: lost rather than waited for, like the notices and
// negotiations that it carries. One of the pointers is set. Nodes trust each other.
type busMessage struct {
	Room   string     `json:"room"`
	Frame  *busFrame  `json:"frame,omitempty"`
	Offer  *busOffer  `json:"offer,omitempty"`
	View   *busView   `json:"view,omitempty"`
	Sync   *busSync   `json:"sync,omitempty"`
	Knocks *busKnocks `json:"knocks,omitempty"`
	Admit  *busAdmit  `json:"admit,omitempty"`
	Ask    *busAsk    `json:"ask,omitempty"`

	// Of no room's actor.
	Request  *busRequest  `json:"request,omitempty"`
	Response *busResponse `json:"response,omitempty"`
}

// busFrame is an encoded message for one participant at the other node, or for all there.
type busFrame struct {
	To     string          `json:"to,omitempty"`
	Except string          `json:"except,omitempty"` // with an empty To
	Kind   frameKind       `json:"kind,omitempty"`
	Frame  json.RawMessage `json:"frame"`
}

// frameKind says what becomes of a frame whose addressee has no socket at the moment.
type frameKind int

const (
	frameEvent  frameKind = iota // it is lost
	frameSignal                  // it waits
	frameNotice                  // it is lost, and only the newest counts
)

// busOffer asks the node of the room's SFU for an answer, which comes as a frame.
type busOffer struct {
	From  string            `json:"from"`
	Node  string            `json:"node"` // where the answer goes
	Offer protocol.SFUOffer `json:"offer"`
}

type busView struct {
	From  string          `json:"from"`
	Wants []protocol.Want `json:"wants"`
}

// busSync asks for all slots of a participant.
type busSync struct {
	From string `json:"from"`
}

// busKnocks says who waits at a node.
type busKnocks struct {
	Node string           `json:"node"`
	List []protocol.Knock `json:"list"`
}

// busAdmit answers somebody who waits at the other node.
type busAdmit struct {
	Knock string `json:"knock"` // empty: all
	Allow bool   `json:"allow"`
}

// busAsk asks who waits, to be told with busKnocks.
type busAsk struct {
	Node string `json:"node"` // who asks
}

// bus says things to other nodes. Its queue is bounded; what does not fit is lost and counted.
type bus struct {
	srv   *Server
	queue chan busLetter
}

type busLetter struct {
	node string
	data []byte
}

const busQueue = 4096

func newBus(s *Server) *bus { return &bus{srv: s, queue: make(chan busLetter, busQueue)} }

// send says something to another node. The error is a wire error.
func (b *bus) send(node string, m busMessage) error {
	data, err := json.Marshal(m)
	if err != nil {
		b.srv.log.Error("a message between nodes", "err", err)
		return errUnavailable
	}
	select {
	case b.queue <- busLetter{node, data}:
		return nil
	default:
		b.srv.metrics.lost.WithLabelValues("bus-full").Inc()
		return errUnavailable
	}
}

// run sends what is queued, in order.
func (b *bus) run(ctx context.Context) {
	for {
		select {
		case l := <-b.queue:
			once, cancel := context.WithTimeout(ctx, 2*time.Second)
			if err := b.srv.store.Publish(once, "node."+l.node, l.data); err != nil {
				b.srv.metrics.lost.WithLabelValues("bus").Inc()
				b.srv.log.Debug("a message between nodes is lost", "err", err)
			}
			cancel()
		case <-ctx.Done():
			return
		}
	}
}

// receive hands what other nodes say to the rooms.
func (b *bus) receive(data []byte) {
	var m busMessage
	if data == nil || json.Unmarshal(data, &m) != nil {
		return
	}
	switch {
	case m.Request != nil:
		b.srv.serveFor(m.Room, m.Request)
		return
	case m.Response != nil:
		b.srv.forwards.answered(m.Response)
		return
	}
	a := b.srv.existing(m.Room)
	if a == nil && m.Offer != nil { // the SFU of the room is here, says the other node's replica
		a, _ = b.srv.actorOf(m.Room)
	}
	if a == nil {
		return
	}
	select {
	case a.mail <- &m:
	default:
		b.srv.metrics.lost.WithLabelValues("mail-full").Inc()
	}
}

// remotePlace is a participant's socket at another node.
type remotePlace struct {
	srv            *Server
	node, room, id string
}

func (p *remotePlace) send(kind frameKind, frame []byte) {
	_ = p.srv.bus.send(p.node, busMessage{Room: p.room, Frame: &busFrame{To: p.id, Kind: kind, Frame: frame}}) // counted there
}

func (p *remotePlace) event(frame []byte)  { p.send(frameEvent, frame) }
func (p *remotePlace) signal(frame []byte) { p.send(frameSignal, frame) }
func (p *remotePlace) notice(frame []byte) { p.send(frameNotice, frame) }
