package signaling

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/confab/confab/auth"
	"github.com/confab/confab/signaling/protocol"
	"github.com/confab/confab/signaling/room"
)

// seating is what join and resume find out in the actor.
type seating struct {
	room   *actor
	member *member
	joined *protocol.Joined
	err    error
	missed [][]byte      // events that follow joined at once
	behind bool          // the missed events are in the log, after since, up to joined.Seq as the actor has set it
	since  uint64        // last event that the client has
	answer chan answered // nil if there is none to wait for
}

type answered struct {
	sdp string
	err error
}

// entrance is somebody on the way in.
type entrance struct {
	c       *session
	j       *protocol.Join
	v       visitor
	seat    room.Seat
	secret  string
	key     string // hash of the join key
	checked string // hash of the room's password that was given rightly
	let     bool   // a moderator has opened
}

// join takes a seat, or a place in the lobby. The server's lifetime, not the socket's, bounds the wait: a seat that was taken must be known.
func (c *session) join(ctx context.Context, j *protocol.Join) error {
	if c.knock != nil {
		return alreadyJoined
	}
	v, refusal := c.srv.admit(j.Room, j.Token, time.Now())
	if refusal != nil {
		return refusal
	}
	name := strings.TrimSpace(j.Name)
	if protocol.ValidName(v.name) {
		name = v.name
	}
	e := &entrance{c: c, j: j, v: v, seat: room.Seat{
		ID: newParticipantID(), Name: name, Kind: protocol.KindPerson, Media: j.Media, Identity: v.identity, Role: v.role, Grants: v.grants,
		Expires: v.expires, Address: addressHash(j.Room, c.from), Node: c.srv.node,
	}}
	if j.Key != "" {
		e.key = hashOf(j.Room + "." + j.Key)
	}
	return e.enter(ctx)
}

// enter goes on until there is a seat, a place in the lobby or a refusal.
func (e *entrance) enter(ctx context.Context) error {
	c := e.c
	for {
		var gate gate
		if err := c.srv.inRoom(ctx, e.j.Room, func(a *actor) { gate = a.gate(e) }); err != nil {
			return err
		}
		switch {
		case gate.refusal != nil:
			return gate.refusal
		case gate.again != "":
			return c.reseat(ctx, e, gate.again)
		case gate.password != "":
			if err := c.srv.checkPassword(ctx, c.from, e.j.Room, gate.password, e.j.Password); err != nil {
				return err
			}
			e.checked = gate.password
			continue
		case gate.knock != nil:
			c.knock = gate.knock
			return nil
		}
		got, err := e.sit(ctx)
		var wire *protocol.Error
		if errors.As(err, &wire) && (wire.Code == protocol.CodeLobby || wire.Code == protocol.CodePassword && e.checked != "") {
			e.checked = "" // the room has changed meanwhile
			continue
		}
		if err != nil {
			return err
		}
		c.settle(got)
		c.welcome(ctx, got, e.j.Offer)
		return nil
	}
}

// gate is what stands between somebody and the room; nothing if all are zero.
type gate struct {
	refusal  *protocol.Error
	again    string // the seat that was taken with this key
	password string // hash of the one to give
	knock    *knock // the place in the lobby that was taken
}

// gate looks at what the room asks of newcomers. Whether it lets them in is decided with the seat: see room.Join.
func (a *actor) gate(e *entrance) gate {
	s, seat := a.journal.ahead, &e.seat
	if old := s.SeatOfKey(e.key); old != nil {
		return gate{again: old.ID}
	}
	if a.config.Succession && seat.Role == auth.RoleMember && !slices.ContainsFunc(s.Seats, func(o room.Seat) bool { return o.Role.AtLeast(auth.RoleModerator) }) {
		return gate{} // becomes the host
	}
	switch {
	case s.Settings.Password != "" && e.checked != s.Settings.Password && !e.let && seat.May(auth.ActionSkipPassword) != nil:
		return gate{password: s.Settings.Password}
	case s.Access() == protocol.AccessLobby && !e.let && seat.May(auth.ActionSkipLobby) != nil:
		k := &knock{
			room:    a.id,
			Knock:   protocol.Knock{ID: newParticipantID(), Name: seat.Name, Verified: seat.Identity != "", Since: time.Now().UnixMilli()},
			joinID:  e.j.ID,
			session: e.c,
		}
		k.answered = func(allow bool, refusal *protocol.Error) { a.srv.tasks.Go(func() { e.opened(allow, refusal) }) }
		if refusal := a.lobby.add(k); refusal != nil {
			return gate{refusal: refusal}
		}
		return gate{knock: k}
	}
	return gate{}
}

// opened goes on with somebody who has waited in the lobby. It does not run in the session's reader, which takes the seat from landing.
func (e *entrance) opened(allow bool, refusal *protocol.Error) {
	c, ctx := e.c, e.c.srv.stopped
	var got seating
	err := error(refusal)
	if allow {
		e.let = true
		got, err = e.sit(ctx)
	}
	if err != nil {
		var wire *protocol.Error
		if !errors.As(err, &wire) {
			wire = expired
		}
		c.srv.metrics.refusals.WithLabelValues(string(wire.Code)).Inc()
		c.end(protocol.CloseStay, "refused", wire.For(e.j.ID))
		return
	}
	c.landing <- got // capacity 1, and one landing in a session's life
	if c.out.ended() {
		select {
		case <-c.landing: // the reader has gone already
			got.room.detach(got.member, c)
			return
		default:
		}
	}
	c.welcome(ctx, got, e.j.Offer)
}

// sit takes the seat.
func (e *entrance) sit(ctx context.Context) (seating, error) {
	c := e.c
	var hash string
	e.secret, hash = newSessionSecret(e.j.Room, e.seat.ID)
	e.seat.Session, e.seat.Key = hash, e.key
	if err := c.srv.useToken(ctx, e.v); err != nil {
		return seating{}, err
	}
	result := make(chan seating, 1)
	err := c.srv.inRoom(ctx, e.j.Room, func(a *actor) {
		a.joining[e.seat.ID] = true
		a.ask(room.Join{Seat: e.seat, Mode: e.j.Mode, Password: e.checked, Admitted: e.let}, func(o outcome) {
			delete(a.joining, e.seat.ID)
			if o.err != nil {
				result <- seating{err: o.err}
				return
			}
			result <- a.joined(e)
		})
	})
	if err == nil {
		select {
		case got := <-result:
			if got.err == nil {
				got.joined.ID, got.joined.Session = e.j.ID, e.secret
				return got, nil
			}
			err = got.err
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	c.srv.unuseToken(e.v)
	return seating{}, err
}

// joined gives a new seat its member. The others have been told.
func (a *actor) joined(e *entrance) seating {
	seat := a.state().Seat(e.seat.ID)
	if seat == nil { // removed by the next command of the same batch
		return seating{err: expired}
	}
	m := a.newMember(seat.ID, e.v)
	got := seating{room: a, member: m, joined: a.snapshot(seat.ID)}
	e.c.out.cork()
	m.out.attach(e.c)
	got.answer = a.firstAnswer(seat, e.j.Offer)
	a.lobby.refresh()
	return got
}

// firstAnswer has the offer that came with join answered, if this node's SFU is the room's. Elsewhere the client offers when it has joined.
func (a *actor) firstAnswer(seat *room.Seat, o *protocol.SFUOffer) chan answered {
	if o == nil || a.srv.opt.Media == nil || a.state().Route.Transport != protocol.TransportSFU || !a.sfuHere() {
		return nil
	}
	answer := make(chan answered, 1)
	l := a.linkOf(seat)
	err := l.offer(mediaOffer(o), func(sdp string, err error) {
		if err != nil {
			err = l.sdpError(err)
		}
		answer <- answered{sdp, err}
	})
	if err != nil {
		answer <- answered{err: l.sdpError(err)}
	}
	return answer
}

// reseat gives somebody who joins again with the same key the same seat.
func (c *session) reseat(ctx context.Context, e *entrance, id string) error {
	var hash string
	e.secret, hash = newSessionSecret(e.j.Room, id)
	result := make(chan seating, 1)
	err := c.srv.inRoom(ctx, e.j.Room, func(a *actor) {
		a.joining[id] = true
		a.ask(room.Reseat{ID: id, Session: hash, Node: c.srv.node}, func(o outcome) {
			delete(a.joining, id)
			if o.err != nil {
				result <- seating{err: o.err}
				return
			}
			got := a.take(c, id)
			if got.err == nil {
				got.member.visit(e.v)
				got.answer = a.firstAnswer(a.state().Seat(id), e.j.Offer)
			}
			result <- got
		})
	})
	if err != nil {
		return err
	}
	select {
	case got := <-result:
		if got.err != nil {
			return got.err
		}
		got.joined.ID, got.joined.Session = e.j.ID, e.secret
		c.settle(got)
		c.welcome(ctx, got, e.j.Offer)
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// settle makes the seat the session's; called by its reader.
func (c *session) settle(got seating) {
	c.room, c.member, c.knock = got.room, got.member, nil
}

// land takes a seat that came while the session waited in the lobby, and reports whether the session sits or waits. Called by its reader.
func (c *session) land() bool {
	if c.knock != nil {
		select {
		case got := <-c.landing:
			c.settle(got)
		default:
		}
	}
	return c.member != nil || c.knock != nil
}

// gone gives back what an ended session held; called by its reader.
func (c *session) gone() {
	c.land()
	switch {
	case c.member != nil:
		c.room.detach(c.member, c)
	case c.knock != nil:
		c.unknock()
	}
}

// unknock gives up waiting in the lobby.
func (c *session) unknock() {
	if a := c.srv.existing(c.knock.room); a != nil {
		_ = a.call(c.srv.stopped, func() { a.lobby.remove(c.knock.ID) }) // a room that has ended has turned everybody away
	}
}

// welcome completes joined by what must not be waited for in the actor, and lets the socket's queue flow.
func (c *session) welcome(ctx context.Context, got seating, offer *protocol.SFUOffer) {
	if got.behind && !c.fetch(ctx, &got) {
		c.end(protocol.CloseResume, "log-unavailable", errUnavailable.For(got.joined.ID))
		return
	}
	j := got.joined
	j.ICEServers, j.ICETTL = c.srv.iceServers(c.host, got.member.id)
	after := got.missed
	if got.answer != nil {
		select {
		case a := <-got.answer:
			var refusal *protocol.Error
			if !errors.As(a.err, &refusal) {
				j.Answer = &protocol.SFUAnswer{ID: offer.ID, Revision: offer.Revision, SDP: a.sdp}
			} else {
				c.srv.metrics.refusals.WithLabelValues(string(refusal.Code)).Inc()
				after = append(after, mustEncode(refusal.For(j.ID)))
			}
		case <-ctx.Done():
		}
	}
	c.out.uncork(append([][]byte{mustEncode(j)}, after...)...)
}
