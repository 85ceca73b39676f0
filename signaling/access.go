package signaling

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/confab/confab/auth"
	"github.com/confab/confab/signaling/protocol"
	"github.com/confab/confab/signaling/room"
)

// visitor is who somebody is and what they may do, once their token was read.
type visitor struct {
	identity string
	name     string // from the token; it replaces what the client asks for
	grants   room.Grants
}

// admit reads a join token. On an open server everybody may do everything but moderate, token or not.
func (s *Server) admit(roomID, token string, now time.Time) (visitor, *protocol.Error) {
	if s.opt.Secrets == nil {
		return visitor{grants: room.Grants{Publish: true, Subscribe: true, Chat: true, Data: true}}, nil
	}
	if token == "" {
		return visitor{}, &protocol.Error{Code: protocol.CodeUnauthorized, Message: "this server needs a token to join", Hint: "Use the link you were invited with."}
	}
	c, err := auth.Verify(s.opt.Secrets(), token, now)
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
	member := c.Role.AtLeast(auth.RoleMember)
	return visitor{c.Identity, c.Name, room.Grants{
		Publish:   member && c.Microphone && c.Camera && c.Screen && c.ScreenAudio, // the room knows all sources or none
		Subscribe: c.Subscribe, Chat: c.Chat, Data: member && c.Data, Admin: c.Role.AtLeast(auth.RoleModerator),
	}}, nil
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
