package signaling

import (
	"context"
	"crypto/subtle"
	"errors"
	"strings"
	"time"

	"github.com/confab/confab/signaling/protocol"
	"github.com/confab/confab/signaling/room"
)

// handle does what a command asks for. It reports false when the socket shall end.
func (c *session) handle(ctx context.Context, command protocol.Command) bool {
	switch cmd := command.(type) {
	case *protocol.Ping:
		c.send(&protocol.Pong{ID: cmd.ID})
		return true
	case *protocol.Join:
		if c.member != nil {
			c.refuse(alreadyJoined.For(cmd.ID))
			return true
		}
		return c.reply(cmd.ID, c.join(ctx, cmd))
	case *protocol.Resume:
		if c.member != nil {
			c.refuse(alreadyJoined.For(cmd.ID))
			return true
		}
		return c.reply(cmd.ID, c.resume(ctx, cmd))
	}
	if c.member == nil {
		c.refuse(notJoined.For(idOf(command)))
		return true
	}
	switch cmd := command.(type) {
	case *protocol.GetCredentials:
		servers, ttl := c.srv.iceServers(c.host, c.member.id)
		c.send(&protocol.Credentials{ID: cmd.ID, ICEServers: servers, ICETTL: ttl})
	case *protocol.Leave:
		return c.leave(ctx, cmd)
	case *protocol.SFUOffer:
		if !c.offers.Allow() {
			c.refuse(offersTooFast.For(cmd.ID))
			return true
		}
		return c.reply(cmd.ID, c.inRoom(ctx, func() error { return c.room.command(c.member, cmd) }))
	default:
		return c.reply(idOf(command), c.inRoom(ctx, func() error { return c.room.command(c.member, command) }))
	}
	return true
}

var (
	alreadyJoined = &protocol.Error{Code: protocol.CodeOutOfState, Message: "this socket has joined already"}
	notJoined     = &protocol.Error{Code: protocol.CodeOutOfState, Message: "join or resume must come first"}
	offersTooFast = &protocol.Error{Code: protocol.CodeTooFast, Message: "too many offers", Hint: "Wait before you offer again.", Retry: true, After: 1000}
	expired       = &protocol.Error{Code: protocol.CodeSessionExpired, Message: "the session has ended", Hint: "Join again.", Retry: true}
)

// reply sends the error of a command, if it failed, and reports whether the socket shall go on.
func (c *session) reply(id string, err error) bool {
	var wire *protocol.Error
	switch {
	case err == nil:
		return true
	case errors.As(err, &wire):
		c.refuse(wire.For(id))
		return true
	}
	return false // the server is ending; the socket is being told
}

// inRoom runs f in the room's actor, if this session still has the seat.
func (c *session) inRoom(ctx context.Context, f func() error) error {
	var result error
	err := c.room.call(ctx, func() {
		if !c.member.out.holds(c) {
			result = expired
			return
		}
		result = f()
	})
	if errors.Is(err, errRoomEnded) {
		return expired
	}
	if err != nil {
		return err
	}
	return result
}

// seating is what join and resume find out in the actor.
type seating struct {
	room   *actor
	member *member
	joined *protocol.Joined
	err    error
	missed [][]byte      // events that follow joined at once
	answer chan answered // nil if there is none to wait for
}

type answered struct {
	sdp string
	err error
}

// join takes a seat. The server's lifetime, not the socket's, bounds the wait: a seat that was taken must be known.
func (c *session) join(ctx context.Context, j *protocol.Join) error {
	v, refusal := c.srv.admit(j.Room, j.Token, time.Now())
	if refusal != nil {
		return refusal
	}
	name := strings.TrimSpace(j.Name)
	if protocol.ValidName(v.name) {
		name = v.name
	}
	seat := room.Seat{
		ID: newParticipantID(), Name: name, Kind: protocol.KindPerson, Media: j.Media, Identity: v.identity, Grants: v.grants,
	}
	secret, hash := newSessionSecret(j.Room, seat.ID)
	seat.Session = hash
	var got seating
	if err := c.srv.inRoom(ctx, j.Room, func(a *actor) { got = a.join(c, seat, j) }); err != nil {
		return err
	}
	if got.err != nil {
		return got.err
	}
	got.joined.ID, got.joined.Session = j.ID, secret
	c.sit(ctx, got, j.Offer)
	return nil
}

// join is the actor's part: the events go to the others, the snapshot to the new one.
func (a *actor) join(c *session, seat room.Seat, j *protocol.Join) seating {
	if err := a.step(room.Join{Seat: seat, Mode: j.Mode}); err != nil {
		return seating{err: err}
	}
	m := a.newMember(seat.ID)
	got := seating{room: a, member: m, joined: a.snapshot(seat.ID)}
	c.out.cork()
	m.out.attach(c)
	if j.Offer != nil && m.link != nil && a.state.Route.Transport == protocol.TransportSFU {
		got.answer = make(chan answered, 1)
		if err := m.link.offer(mediaOffer(j.Offer), func(sdp string, err error) { got.answer <- answered{sdp, err} }); err != nil {
			got.answer <- answered{err: err}
		}
	}
	return got
}

// resume takes a seat back.
func (c *session) resume(ctx context.Context, r *protocol.Resume) error {
	roomID, rest, _ := strings.Cut(r.Session, ".")
	id, _, _ := strings.Cut(rest, ".")
	a := c.srv.existing(roomID)
	if a == nil {
		return expired
	}
	var got seating
	switch err := a.call(ctx, func() { got = a.resume(c, id, r) }); {
	case errors.Is(err, errRoomEnded):
		return expired
	case err != nil:
		return err
	case got.err != nil:
		return got.err
	}
	got.joined.ID, got.joined.Session = r.ID, r.Session
	c.srv.metrics.resumed(got.joined.Recovered)
	c.sit(ctx, got, nil)
	return nil
}

// resume is the actor's part. What the socket gets: joined, the missed events, the slots, the signals that waited.
func (a *actor) resume(c *session, id string, r *protocol.Resume) seating {
	seat, m := a.state.Seat(id), a.members[id]
	if seat == nil || m == nil || subtle.ConstantTimeCompare([]byte(seat.Session), []byte(hashOf(r.Session))) != 1 {
		return seating{err: expired}
	}
	if err := a.step(room.SetOnline{ID: id, Online: true}); err != nil {
		return seating{err: err}
	}
	got := seating{room: a, member: m, joined: a.snapshot(id)}
	c.out.cork()
	if r.Epoch == a.epoch {
		if missed, complete := a.past.since(r.Seq, id); complete {
			got.joined.Recovered, got.joined.Seq = true, r.Seq
			got.missed = missed
		}
	}
	if old := m.out.attach(c); old != nil {
		old.end(protocol.CloseStay, "replaced", &protocol.Error{
			Code: protocol.CodeReplaced, Message: "the session goes on elsewhere", Hint: "Close this tab, or join again from here.",
		})
	}
	a.log.Info("resumed", "participant", id, "recovered", got.joined.Recovered)
	return got
}

// sit completes joined by what must not be waited for in the actor, and lets the socket's queue flow.
func (c *session) sit(ctx context.Context, got seating, offer *protocol.SFUOffer) {
	c.room, c.member = got.room, got.member
	c.log = c.log.With("room", got.room.id, "participant", got.member.id)
	j := got.joined
	j.ICEServers, j.ICETTL = c.srv.iceServers(c.host, got.member.id)
	after := got.missed
	if got.answer != nil {
		select {
		case a := <-got.answer:
			if a.err == nil {
				j.Answer = &protocol.SFUAnswer{ID: offer.ID, Revision: offer.Revision, SDP: a.sdp}
			} else {
				refusal := got.member.link.sdpError(a.err).For(j.ID)
				c.srv.metrics.refusals.WithLabelValues(string(refusal.Code)).Inc()
				after = append(after, mustEncode(refusal))
			}
		case <-ctx.Done():
		}
	}
	c.out.uncork(append([][]byte{mustEncode(j)}, after...)...)
}

// leave gives the seat up and ends the socket.
func (c *session) leave(ctx context.Context, l *protocol.Leave) bool {
	err := c.inRoom(ctx, func() error {
		c.member.out.detach(c)
		return c.room.step(room.Leave{ID: c.member.id, Reason: "left"})
	})
	if err != nil {
		return c.reply(l.ID, err)
	}
	c.end(protocol.CloseStay, "left", &protocol.Left{ID: l.ID, Reason: "left"})
	return false
}

// command does in the actor what a seated participant asks for.
func (a *actor) command(m *member, command protocol.Command) error {
	switch cmd := command.(type) {
	case *protocol.Signal:
		return a.relay(m, cmd)
	case *protocol.SFUOffer:
		return a.offer(m, cmd)
	case *protocol.View:
		if m.link != nil {
			m.link.setView(cmd.Wants)
		}
	case *protocol.State:
		return a.step(room.SetMedia{ID: m.id, Media: *cmd})
	case *protocol.RouteReady:
		return a.step(room.Ready{ID: m.id, Generation: cmd.Generation})
	case *protocol.RouteFailed:
		a.log.Info("route failed", "participant", m.id, "generation", cmd.Generation, "reason", cmd.Reason)
		return a.step(room.Fail{ID: m.id, Generation: cmd.Generation})
	case *protocol.Chat:
		return a.step(room.Say{From: m.id, ID: cmd.ID, To: cmd.To, Text: cmd.Text})
	}
	return nil
}

// relay passes a step of a negotiation on to the peer.
func (a *actor) relay(from *member, s *protocol.Signal) error {
	to, seat := a.members[s.To], a.state.Seat(s.To)
	if to == nil || to == from || seat.Kind != protocol.KindPerson {
		return &protocol.Error{Code: protocol.CodeNoSuchPeer, Message: "the addressee is not in the room"}
	}
	if own := a.state.Seat(from.id); own == nil || own.Restricted() || seat.Restricted() {
		return &protocol.Error{Code: protocol.CodeForbidden, Message: "the token of one of you allows media through the server only"}
	}
	to.out.signal(mustEncode(&protocol.PeerSignal{From: from.id, Generation: s.Generation, Description: s.Description, Candidate: s.Candidate}))
	return nil
}

// offer has an SFU offer answered. The answer goes to whatever socket the member has by then.
func (a *actor) offer(m *member, o *protocol.SFUOffer) error {
	switch {
	case m.link == nil:
		return &protocol.Error{Code: protocol.CodeSFUOff, Message: "this server runs without an SFU"}
	case a.state.Route.Transport != protocol.TransportSFU && a.state.Route.Done:
		return &protocol.Error{Code: protocol.CodeOutOfState, Message: "the room's media travels peer to peer", Hint: "Offer when the route becomes the SFU.", Retry: true}
	}
	err := m.link.offer(mediaOffer(o), func(sdp string, err error) {
		if err == nil {
			m.out.event(mustEncode(&protocol.SFUAnswer{ID: o.ID, Revision: o.Revision, SDP: sdp}))
			return
		}
		refusal := m.link.sdpError(err)
		a.srv.metrics.refusals.WithLabelValues(string(refusal.Code)).Inc()
		m.out.event(mustEncode(refusal.For(o.ID)))
	})
	if err != nil {
		return m.link.sdpError(err)
	}
	return nil
}

// detach tells the room that a socket is lost. The seat is held.
func (a *actor) detach(m *member, c *session) {
	_ = a.call(a.srv.stopped, func() { // a room that has ended holds no seats
		if m.out.detach(c) != nil && a.members[m.id] == m {
			_ = a.step(room.SetOnline{ID: m.id, Closed: c.pageClosed}) // refused only for a seat that is gone
		}
	})
}

// newMember makes the running part of a seat.
func (a *actor) newMember(id string) *member {
	m := &member{id: id, out: &outlet{metrics: a.srv.metrics}}
	a.members[id] = m
	if a.srv.opt.Media != nil {
		seat := a.state.Seat(id)
		m.link = a.newLink(m, MediaPeerOptions{
			Room: a.id + "." + a.epoch, Participant: id,
			Publish: seat.Grants.Publish, Subscribe: seat.Grants.Subscribe && seat.Kind == protocol.KindPerson, Data: seat.Grants.Data,
		})
		m.link.state = seat.Media
	}
	return m
}

func (a *actor) newLink(m *member, o MediaPeerOptions) *link {
	return &link{
		srv: a.srv, log: a.log.With("participant", m.id), out: m.out, opt: o,
		told: func(r linkReport) { _ = a.call(a.srv.stopped, func() { a.linkChanged(m, r) }) },
	}
}

func (a *actor) snapshot(id string) *protocol.Joined {
	j := a.state.Snapshot(id)
	j.Room, j.Epoch, j.Server = a.id, a.epoch, a.srv.opt.Version
	return j
}

// iceServers returns what a participant may use and the seconds until it must ask again.
func (s *Server) iceServers(host, participant string) ([]protocol.ICEServer, int) {
	if s.opt.ICEServers == nil {
		return nil, 0
	}
	servers, ttl := s.opt.ICEServers(host, participant)
	return servers, int(ttl / time.Second)
}

func mediaOffer(o *protocol.SFUOffer) MediaOffer {
	return MediaOffer{SDP: o.SDP, Tracks: o.Tracks, Pairs: o.Pairs, Audio: o.Audio}
}

// idOf returns the id that the client gave to a command.
func idOf(command protocol.Command) string {
	switch c := command.(type) {
	case *protocol.Signal:
		return c.ID
	case *protocol.SFUOffer:
		return c.ID
	case *protocol.View:
		return c.ID
	case *protocol.State:
		return c.ID
	case *protocol.RouteReady:
		return c.ID
	case *protocol.RouteFailed:
		return c.ID
	case *protocol.Chat:
		return c.ID
	case *protocol.GetCredentials:
		return c.ID
	case *protocol.Leave:
		return c.ID
	}
	return ""
}
