package signaling

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/confab/confab/auth"
	"github.com/confab/confab/signaling/protocol"
	"github.com/confab/confab/signaling/room"
)

// refresh takes a new token for the same person.
func (c *session) refresh(ctx context.Context, r *protocol.Refresh) error {
	v, refusal := c.srv.admit(c.room.id, r.Token, time.Now())
	if refusal != nil {
		return refusal
	}
	if v.claims == (auth.Claims{}) {
		return &protocol.Error{Code: protocol.CodeOutOfState, Message: "this server asks for no tokens"}
	}
	return c.inRoom(ctx, func() error {
		m, a := c.member, c.room
		seat := a.state().Seat(m.id)
		if seat == nil {
			return expired
		}
		old := m.claims
		if old == (auth.Claims{}) { // the seat was taken at another node, or before a restart: what the log knows of the token
			old = v.claims
			old.Identity, old.Expires = seat.Identity, seat.Expires
		}
		if err := auth.Refreshable(old, v.claims); err != nil {
			return &protocol.Error{Code: protocol.CodeForbidden, Message: err.Error(), Hint: "Bring a token for the same person and room that is valid for longer."}
		}
		m.claims = v.claims
		a.submit(m, r.ID, room.Refresh{ID: m.id, Cmd: r.ID, Role: v.role, Grants: v.grants, Expires: v.expires})
		return nil
	})
}

// setRoom changes the room's settings; a password is hashed beside the actor.
func (c *session) setRoom(ctx context.Context, s *protocol.SetRoom) error {
	change := room.SetRoom{ID: c.member.id, Cmd: s.ID, Access: s.Access, People: s.People}
	if s.Password != nil {
		if err := c.inRoom(ctx, func() error {
			if seat := c.room.state().Seat(c.member.id); seat != nil {
				return seat.May(auth.ActionSetPassword)
			}
			return expired
		}); err != nil {
			return err
		}
		hash, err := c.srv.hashPassword(ctx, *s.Password)
		if err != nil {
			return err
		}
		change.Password = &hash
	}
	return c.inRoom(ctx, func() error { c.room.submit(c.member, s.ID, change); return nil })
}

// invite mints a link.
func (c *session) invite(ctx context.Context, g *protocol.GetInvite) error {
	var grants auth.Grants
	err := c.inRoom(ctx, func() error {
		seat := c.room.state().Seat(c.member.id)
		if seat == nil {
			return expired
		}
		grants = auth.GrantsOf(auth.Role(g.Role))
		grants.Record = grants.Record && seat.Grants.Record
		if !grants.Within(seat.Grants) { // of a limited moderator: what the moderator has
			grants = seat.Grants
			grants.Admin = false
		}
		if err := auth.May(auth.Actor{ID: seat.ID, Role: seat.Role, Grants: seat.Grants}, auth.ActionMintInvite, auth.Target{Give: auth.Role(g.Role), Grants: grants}); err != nil {
			return forbidden(err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	token, expires, err := c.srv.mintInvite(c.room.id, auth.Role(g.Role), grants, time.Duration(g.Seconds)*time.Second, g.Uses)
	if err != nil {
		return err
	}
	c.send(&protocol.Invite{ID: g.ID, Token: token, Expires: expires.UnixMilli()})
	return nil
}

// mintInvite makes an invite to a room.
func (s *Server) mintInvite(id string, role auth.Role, grants auth.Grants, lifetime time.Duration, uses int) (token string, expires time.Time, err error) {
	secrets := s.opt.Invites
	if secrets == nil {
		secrets = s.opt.Secrets
	}
	if secrets == nil || len(secrets()) == 0 {
		return "", time.Time{}, &protocol.Error{Code: protocol.CodeOutOfState, Message: "this server makes no invites", Hint: "The operator can give it a secret to sign them with."}
	}
	now := time.Now()
	i := auth.Invite{Room: id, Role: role, Grants: grants, Expires: now.Add(lifetime).Truncate(time.Second), Uses: uses}
	_, _ = rand.Read(i.ID[:]) // never fails (crypto/rand)
	if token, err = auth.MintInvite(secrets()[0], i, now); err != nil {
		return "", time.Time{}, &protocol.Error{Code: protocol.CodeMalformed, Message: err.Error()}
	}
	return token, i.Expires, nil
}

// forbidden is a refusal of the policy table on the wire.
func forbidden(err error) *protocol.Error {
	var r *auth.Refusal
	if errors.As(err, &r) {
		return &protocol.Error{Code: protocol.CodeForbidden, Message: r.Message, Hint: r.Hint}
	}
	return &protocol.Error{Code: protocol.CodeForbidden, Message: err.Error()}
}
