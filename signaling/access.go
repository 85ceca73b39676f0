package signaling

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/confab/confab/auth"
	"github.com/confab/confab/signaling/protocol"
)

// visitor is who somebody is and what they may do, once their token was read.
type visitor struct {
	identity string
	name     string // from the token; it replaces what the client asks for
	role     auth.Role
	grants   auth.Grants
	expires  time.Time   // of the token; zero: there is none
	claims   auth.Claims // of the token; zero: there is none
}

// open reports whether the server lets everybody in who knows a room's name.
func (s *Server) open() bool { return s.opt.Tokens == nil && s.opt.Secrets == nil }

// verify reads a join token or an invite.
func (s *Server) verify(token string, now time.Time) (auth.Claims, error) {
	switch {
	case s.opt.Tokens != nil:
		return s.opt.Tokens.Verify(token, now)
	case s.opt.Secrets != nil:
		return auth.Verify(s.opt.Secrets(), token, now)
	}
	i, err := auth.OpenInvite(s.opt.Invites(), token, now)
	return i.Claims(), err
}

// admit reads a join token. On an open server everybody may come in as a member, and an invite can make more of somebody.
func (s *Server) admit(roomID, token string, now time.Time) (visitor, *protocol.Error) {
	if s.open() && (s.opt.Invites == nil || !auth.IsInvite(token)) {
		grants := auth.AllGrants()
		grants.Record = s.opt.Recorder != nil // who keeps order may: there are no tokens to say so
		return visitor{role: auth.RoleMember, grants: grants}, nil
	}
	if token == "" {
		return visitor{}, &protocol.Error{Code: protocol.CodeUnauthorized, Message: "this server needs a token to join", Hint: "Use the link you were invited with."}
	}
	c, err := s.verify(token, now)
	switch {
	case errors.Is(err, auth.ErrExpired):
		return visitor{}, &protocol.Error{Code: protocol.CodeUnauthorized, Message: "the token has expired", Hint: "Ask for a new link."}
	case errors.Is(err, auth.ErrNotYetValid):
		return visitor{}, &protocol.Error{Code: protocol.CodeUnauthorized, Message: "the token is not valid yet", Hint: "Come back later; check the clock of this computer.", Retry: true}
	case err != nil:
		s.log.Debug("token refused", "room", roomID, "err", err)
		return visitor{}, &protocol.Error{Code: protocol.CodeUnauthorized, Message: "the token is not valid here", Hint: "Use the link exactly as you received it."}
	case !c.Opens(roomID):
		return visitor{}, &protocol.Error{Code: protocol.CodeUnauthorized, Message: "the token is for another room", Hint: "Use the link exactly as you received it."}
	}
	v := visitor{identity: c.Identity, name: c.Name, role: c.Role, grants: c.Grants, expires: c.Expires, claims: c}
	if auth.IsInvite(token) {
		v.expires = time.Time{} // an invite says until when one may come, not for how long one may stay
	}
	return v, nil
}

// useToken counts a join with a token that is good for some number of them, on all nodes together.
func (s *Server) useToken(ctx context.Context, v visitor) error {
	key := v.claims.UseKey()
	if key == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.limits.Patience)
	defer cancel()
	_, ok, err := s.store.Add(ctx, key, 1, int64(v.claims.Uses), time.Until(v.claims.Expires)+time.Hour)
	if err != nil {
		return errUnavailable
	}
	if !ok {
		return &protocol.Error{Code: protocol.CodeUnauthorized, Message: "this link has let in as many people as it is good for", Hint: "Ask for a new link."}
	}
	return nil
}

// unuseToken takes a use back that came to nothing.
func (s *Server) unuseToken(v visitor) {
	key := v.claims.UseKey()
	if key == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), s.limits.Patience)
	defer cancel()
	if _, _, err := s.store.Add(ctx, key, -1, int64(v.claims.Uses), time.Until(v.claims.Expires)+time.Hour); err != nil {
		s.log.Warn("a use of an invite was counted for nothing", "err", err)
	}
}

// addressHash is how a room knows a network address for bans. It is no secret from whoever has the log, and stands in no other place.
func addressHash(roomID string, from netip.Addr) string {
	if !from.IsValid() {
		return ""
	}
	return hashOf("confab address " + roomID + " " + from.String())[:32]
}

// ownOrigin reports whether a request comes from a page of this host, from one on the allow list, or from no page at all.
// It is what keeps a foreign page from using its visitor's access to a server that asks for no token.
func (s *Server) ownOrigin(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" || slices.Contains(s.opt.Origins, "*") || slices.Contains(s.opt.Origins, origin) {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && u.Host != "" && strings.EqualFold(withPort(u.Host, u.Scheme), withPort(r.Host, u.Scheme))
}

// withPort spells out the port that a browser leaves out of Origin, and that a proxy may have put into Host.
func withPort(host, scheme string) string {
	port := map[string]string{"http": ":80", "https": ":443"}[scheme]
	if strings.LastIndexByte(host, ':') > strings.LastIndexByte(host, ']') {
		return host
	}
	return host + port
}

var foreignOrigin = &protocol.Error{
	Code: protocol.CodeOrigin, Message: "pages of this origin may not use this server",
	Hint: "The operator can add the origin to the allowed ones.",
}
