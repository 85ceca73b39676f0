package signaling

import (
	"context"
	"errors"
	"reflect"
	"time"

	"github.com/confab/confab/auth"
	"github.com/confab/confab/signaling/protocol"
	"github.com/confab/confab/signaling/room"
)

// handle does what a command asks for. It reports false when the socket shall end.
func (c *session) handle(ctx context.Context, command protocol.Command) bool {
	c.land()
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
	if leave, ok := command.(*protocol.Leave); ok && c.member == nil && c.knock != nil {
		c.unknock()
		c.knock = nil
		c.end(protocol.CloseStay, "left", &protocol.Left{ID: leave.ID, Reason: "left"})
		return false
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
	case *protocol.GetHistory:
		return c.reply(cmd.ID, c.history(ctx, cmd))
	case *protocol.Refresh:
		return c.reply(cmd.ID, c.refresh(ctx, cmd))
	case *protocol.SetRoom:
		return c.reply(cmd.ID, c.setRoom(ctx, cmd))
	case *protocol.GetInvite:
		return c.reply(cmd.ID, c.invite(ctx, cmd))
	case *protocol.SFUOffer:
		if !c.offers.take(1, c.srv.limits.OfferRate, float64(c.srv.limits.OfferBurst), time.Now()) {
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

// leave gives the seat up and ends the socket. Whoever leaves does not wait for a log that does not answer.
func (c *session) leave(ctx context.Context, l *protocol.Leave) bool {
	left := make(chan struct{})
	err := c.inRoom(ctx, func() error {
		c.member.out.detach(c)
		c.room.journal.propose(&proposal{
			command: room.Leave{ID: c.member.id, Cmd: l.ID, Reason: "left"}, done: func(outcome) { close(left) },
		})
		return nil
	})
	if err != nil {
		return c.reply(l.ID, err)
	}
	patience := time.NewTimer(leavePatience)
	defer patience.Stop()
	select {
	case <-left:
	case <-patience.C:
	case <-ctx.Done():
	}
	c.end(protocol.CloseStay, "left", &protocol.Left{ID: l.ID, Reason: "left"})
	return false
}

// leavePatience is how long a page that leaves waits to be told that it has.
const leavePatience = 2 * time.Second

// command does in the actor what a seated participant asks for. What takes a place in the log is acknowledged, or refused, later.
func (a *actor) command(m *member, command protocol.Command) error {
	switch cmd := command.(type) {
	case *protocol.Signal:
		return a.relay(m, cmd)
	case *protocol.Transfer:
		return a.transfer(m, cmd)
	case *protocol.SFUOffer:
		return a.offer(m, cmd)
	case *protocol.View:
		return a.view(m.id, cmd.Wants)
	case *protocol.SetTyping:
		return a.typing(m, cmd)
	case *protocol.SendEmote:
		return a.emote(m, cmd)
	case *protocol.Admit:
		return a.admit(m, cmd)
	case *protocol.RouteFailed:
		a.log.Info("route failed", "participant", m.id, "generation", cmd.Generation, "reason", cmd.Reason)
	}
	if logged := logged(m.id, command); logged != nil {
		a.submit(m, idOf(command), logged)
	}
	return nil
}

// logged is what a command means for the log; nil: nothing.
func logged(id string, command protocol.Command) room.Command {
	switch cmd := command.(type) {
	case *protocol.State:
		return room.SetMedia{ID: id, Cmd: cmd.ID, Media: *cmd}
	case *protocol.RouteReady:
		return room.Ready{ID: id, Generation: cmd.Generation}
	case *protocol.RouteFailed:
		return room.Fail{ID: id, Generation: cmd.Generation}
	case *protocol.Chat:
		return room.Say{ID: id, Cmd: cmd.ID, To: cmd.To, Text: cmd.Text, Reply: cmd.Reply}
	case *protocol.ChatEdit:
		return room.EditChat{ID: id, Cmd: cmd.ID, Message: cmd.Message, Text: cmd.Text}
	case *protocol.ChatDelete:
		return room.DeleteChat{ID: id, Cmd: cmd.ID, Message: cmd.Message}
	case *protocol.ChatReact:
		return room.React{ID: id, Cmd: cmd.ID, Message: cmd.Message, Emoji: cmd.Emoji, On: cmd.On}
	case *protocol.SetRole:
		return room.SetRole{ID: id, Cmd: cmd.ID, Target: cmd.Target, Role: auth.Role(cmd.Role)}
	case *protocol.Mute:
		return room.Mute{ID: id, Cmd: cmd.ID, Target: cmd.Target, Sources: cmd.Sources, Hold: cmd.Hold}
	case *protocol.Allow:
		return room.Allow{ID: id, Cmd: cmd.ID, Target: cmd.Target, Sources: cmd.Sources}
	case *protocol.Remove:
		return room.Remove{ID: id, Cmd: cmd.ID, Target: cmd.Target, Ban: time.Duration(cmd.Ban) * time.Second}
	case *protocol.EndRoom:
		return room.End{ID: id, Cmd: cmd.ID}
	case *protocol.SetRecording:
		return room.SetRecording{ID: id, Cmd: cmd.ID, On: cmd.On}
	}
	return nil
}

// submit proposes a participant's command. The outcome goes to whatever socket the participant has by then.
func (a *actor) submit(m *member, cmd string, c room.Command) {
	a.ask(c, func(o outcome) {
		var refusal *protocol.Error
		switch {
		case errors.As(o.err, &refusal):
			a.srv.metrics.refusals.WithLabelValues(string(refusal.Code)).Inc()
			m.out.event(mustEncode(refusal.For(cmd)))
		case o.err != nil || cmd == "" || !acknowledged(c):
		default:
			m.out.event(mustEncode(&protocol.Ack{ID: cmd, Seq: a.madeBy(m.id, cmd, o)}))
		}
	})
}

// acknowledged reports whether the sender of a command is told that it is safe. What a client says of its route is the server's
// business only.
func acknowledged(c room.Command) bool {
	switch c.(type) {
	case room.Ready, room.Fail:
		return false
	}
	return true
}

// madeBy is the seq of the last event that a command has made, now or when it was sent before; 0: none.
func (a *actor) madeBy(id, cmd string, o outcome) uint64 {
	if seq, before := a.state().Applied(id, cmd); before {
		return seq
	}
	if n := len(o.events); n > 0 {
		return o.events[n-1].Head().Seq
	}
	return 0
}

// relay passes a step of a negotiation on to the peer.
func (a *actor) relay(from *member, s *protocol.Signal) error {
	seat := a.state().Seat(s.To)
	if seat == nil || s.To == from.id || seat.Kind != protocol.KindPerson {
		return &protocol.Error{Code: protocol.CodeNoSuchPeer, Message: "the addressee is not in the room"}
	}
	if own := a.state().Seat(from.id); own == nil || own.Restricted() || seat.Restricted() {
		return &protocol.Error{Code: protocol.CodeForbidden, Message: "one of you may send and receive through the server only"}
	}
	if a.state().Mode == protocol.ModeFiles {
		return &protocol.Error{Code: protocol.CodeModeMismatch, Message: "the room runs in mode files: it carries no audio or video", Hint: "Meet in another room to talk."}
	}
	a.pass(seat, mustEncode(&protocol.PeerSignal{From: from.id, Generation: s.Generation, Description: s.Description, Candidate: s.Candidate}))
	return nil
}

// pass gives a frame to a participant, be it at another node; it waits for who is away.
func (a *actor) pass(seat *room.Seat, frame []byte) {
	if to := a.members[seat.ID]; to != nil {
		to.out.signal(frame)
	} else if seat.Node != a.srv.node {
		(&remotePlace{a.srv, seat.Node, a.id, seat.ID}).signal(frame)
	}
}

// typing tells others that somebody writes.
func (a *actor) typing(m *member, t *protocol.SetTyping) error {
	seat := a.state().Seat(m.id)
	do := auth.ActionChat
	if t.To != "" {
		do = auth.ActionDirectMessage
	}
	if seat == nil {
		return expired
	}
	if err := seat.May(do); err != nil {
		return err
	}
	return a.tell(m.id, t.To, mustEncode(&protocol.Typing{From: m.id, To: t.To, On: t.On}))
}

// emote shows an emoji to everybody, the sender included.
func (a *actor) emote(m *member, e *protocol.SendEmote) error {
	seat := a.state().Seat(m.id)
	if seat == nil {
		return expired
	}
	if err := seat.May(auth.ActionReact); err != nil {
		return err
	}
	return a.tell("", "", mustEncode(&protocol.Emote{From: m.id, Emoji: e.Emoji}))
}

// tell gives an ephemeral notice to one participant, or to all but one, on all nodes.
func (a *actor) tell(except, to string, frame []byte) error {
	if to != "" {
		seat := a.state().Seat(to)
		if seat == nil {
			return &protocol.Error{Code: protocol.CodeNoSuchPeer, Message: "the addressee is not in the room"}
		}
		if at := a.placeOf(to, seat.Node); at != nil {
			at.event(frame)
		}
		return nil
	}
	f := busFrame{Except: except, Frame: frame}
	a.deliver(&f)
	for _, node := range a.otherNodes() {
		_ = a.srv.bus.send(node, busMessage{Room: a.id, Frame: &f}) // counted there
	}
	return nil
}

// detach tells the room that a socket is lost. The seat is held.
func (a *actor) detach(m *member, c *session) {
	_ = a.call(a.srv.stopped, func() { // a room that has ended here holds no seats here
		if m.out.detach(c) != nil && a.members[m.id] == m {
			a.do(room.SetOnline{ID: m.id, Closed: c.pageClosed, Node: a.srv.node})
		}
	})
}

// newMember makes the running part of a seat that is taken here.
func (a *actor) newMember(id string, v visitor) *member {
	m := &member{id: id, out: &outlet{metrics: a.srv.metrics}}
	a.members[id] = m
	m.visit(v)
	a.warnExpiry(id)
	return m
}

// visit notes with what token somebody has come.
func (m *member) visit(v visitor) { m.claims = v.claims }

// expiryWarning is how long before the end of its token a client is told. The seat itself outlives the token by room.ExpiryGrace.
const expiryWarning = time.Minute

// warnedAfter is how long one who comes, or comes back, with a token about to expire is left in peace: joined comes first.
const warnedAfter = time.Second

// warnExpiry tells a member in time that its token expires.
func (a *actor) warnExpiry(id string) {
	m, seat := a.members[id], a.state().Seat(id)
	if m == nil || seat == nil {
		return
	}
	if m.warning != nil {
		m.warning.Stop()
	}
	if seat.Expires.IsZero() {
		return
	}
	m.warning = time.AfterFunc(max(time.Until(seat.Expires.Add(-expiryWarning)), warnedAfter), func() {
		m.out.event(mustEncode(&protocol.Error{
			Code: protocol.CodeExpired, Message: "your token is about to expire", Hint: "Bring a fresh one with refresh.", Retry: true,
		}))
	})
}

func (a *actor) snapshot(id string) *protocol.Joined {
	j := a.state().Joined(id)
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
	v := reflect.ValueOf(command).Elem().FieldByName("ID") // every command has one
	return v.String()
}
