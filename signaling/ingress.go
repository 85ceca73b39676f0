package signaling

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/confab/confab/auth"
	"github.com/confab/confab/signaling/protocol"
)

// ingress serves WHIP (RFC 9725) or WHEP (draft-ietf-wish-whep) at /{kind}/{room} and /{kind}/{room}/{resource}.
//
//	POST     an offer  → 201, the answer, Location of the resource, ETag of its ICE session, Link for ICE servers
//	PATCH    trickled candidates with If-Match → 204, or new ICE credentials → 200 and the server's, with a new ETag
//	DELETE   the end → 200
//	OPTIONS  what a foreign page may do (CORS)
//
// On a server with tokens every request needs one as Bearer, and then pages of all origins are welcome: nothing is granted
// that the page did not bring. On an open server foreign pages must be on the allow list, as with the WebSocket.
type ingress struct {
	srv  *Server
	kind ingressKind
}

// ingressKind is what tells WHIP and WHEP apart.
type ingressKind struct {
	name  string // and first element of the path
	label string // in metrics
	views bool   // WHEP
}

var (
	whipKind = ingressKind{name: "whip", label: "ingest"}
	whepKind = ingressKind{name: "whep", label: "viewer", views: true}
)

const (
	typeSDP      = "application/sdp"
	typeFragment = "application/trickle-ice-sdpfrag"
)

// ServeHTTP implements http.Handler.
func (i *ingress) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !i.allowPage(w, r) {
		i.srv.refuseHTTP(w, foreignOrigin)
		return
	}
	resource := r.PathValue("resource")
	switch {
	case r.Method == http.MethodOptions:
		i.options(w, resource)
	case !protocol.ValidRoom(r.PathValue("room")):
		i.srv.refuseHTTP(w, &protocol.Error{Code: protocol.CodeMalformed, Message: "the room must be 1 to 64 characters of a-z, 0-9, - and _"})
	case r.Method == http.MethodPost && resource == "":
		i.create(w, r)
	case r.Method == http.MethodPatch && resource != "":
		i.find(w, r, (*resourceRequest).patch)
	case r.Method == http.MethodDelete && resource != "":
		i.find(w, r, (*resourceRequest).remove)
	default:
		w.Header().Set("Allow", methods(resource))
		i.refuse(w, http.StatusMethodNotAllowed, "this method has no meaning here")
	}
}

func methods(resource string) string {
	if resource == "" {
		return "OPTIONS, POST"
	}
	return "OPTIONS, PATCH, DELETE"
}

// allowPage sets the CORS headers of every answer and reports whether the page may use the server at all.
func (i *ingress) allowPage(w http.ResponseWriter, r *http.Request) bool {
	if i.srv.open() && !i.srv.ownOrigin(r) {
		return false
	}
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Expose-Headers", "Location, ETag, Link, Accept-Patch, Retry-After")
	return true
}

func (i *ingress) options(w http.ResponseWriter, resource string) {
	h := w.Header()
	h.Set("Allow", methods(resource))
	h.Set("Access-Control-Allow-Methods", methods(resource))
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, If-Match")
	h.Set("Access-Control-Max-Age", "86400")
	if resource == "" {
		h.Set("Accept-Post", typeSDP)
	} else {
		h.Set("Accept-Patch", typeFragment)
	}
	w.WriteHeader(http.StatusNoContent)
}

// create answers an offer and makes its resource.
func (i *ingress) create(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("room")
	v, refusal := i.authorize(r)
	if refusal != nil {
		i.srv.refuseBearer(w, refusal)
		return
	}
	if wait, ok := i.srv.posts.take(clientAddr(r), time.Now()); !ok {
		i.srv.refuseHTTP(w, tooFast(wait))
		return
	}
	offer, ok := i.body(w, r, typeSDP)
	if !ok {
		return
	}
	if node, err := i.srv.nodeOfMedia(r.Context(), id); err != nil {
		i.fail(w, err)
		return
	} else if i.srv.elsewhere(r, node) {
		i.forward(w, r, node, []byte(offer))
		return
	}
	name := v.name
	if name == "" {
		name = strings.TrimSpace(r.URL.Query().Get("name"))
	}
	if !protocol.ValidName(name) {
		name = "Live"
	}
	res, err := i.srv.openResource(r.Context(), i.kind, id, name, v, clientAddr(r))
	if err != nil {
		i.fail(w, err)
		return
	}
	answer, err := res.negotiate(r.Context(), offer)
	if err != nil {
		res.end("removed")
		i.fail(w, err)
		return
	}
	i.srv.metrics.joins.WithLabelValues(i.kind.label).Inc()
	h := w.Header()
	h.Set("Location", "/"+i.kind.name+"/"+id+"/"+i.srv.nameOfResource(res.secret))
	h.Set("ETag", answer.etag)
	h.Set("Accept-Patch", typeFragment)
	h.Set("Content-Type", typeSDP)
	i.linkICEServers(h, r.Host, res.member.id)
	w.WriteHeader(http.StatusCreated)
	_, _ = io.WriteString(w, answer.sdp) // who is gone will not connect, and the resource ends by that
}

// authorize checks the Bearer token and that it grants what this kind does.
func (i *ingress) authorize(r *http.Request) (visitor, *protocol.Error) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		token = ""
	}
	v, refusal := i.srv.admit(r.PathValue("room"), strings.TrimSpace(token), time.Now())
	switch {
	case refusal != nil:
		return v, refusal
	case i.kind.views && !v.grants.Subscribe:
		return v, &protocol.Error{Code: protocol.CodeForbidden, Message: "the token does not allow you to receive audio or video"}
	case !i.kind.views && !(v.grants.Publish() && v.role.AtLeast(auth.RoleMember)):
		return v, &protocol.Error{Code: protocol.CodeForbidden, Message: "the token does not allow you to send audio or video"}
	}
	return v, nil
}

// body reads a body of the given type; otherwise it has answered.
func (i *ingress) body(w http.ResponseWriter, r *http.Request, contentType string) (string, bool) {
	if got, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || got != contentType {
		i.refuse(w, http.StatusUnsupportedMediaType, "the content type must be "+contentType)
		return "", false
	}
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, protocol.MaxSDP))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		i.srv.refuseHTTP(w, &protocol.Error{Code: protocol.CodeTooLarge, Message: "the description has more than 128 KiB"})
		return "", false
	case errors.Is(err, os.ErrDeadlineExceeded):
		i.refuse(w, http.StatusRequestTimeout, "the body did not come in time")
		return "", false
	case err != nil:
		i.refuse(w, http.StatusBadRequest, "the body ended early")
		return "", false
	case len(b) == 0:
		i.refuse(w, http.StatusBadRequest, "the body is empty")
		return "", false
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{}) // it would cancel the request's context later
	return string(b), true
}

// linkICEServers tells of the servers that the client may use (RFC 9725 §4.6): those over TCP and TLS. STUN and TURN over UDP
// share the SFU's own port, and Chromium takes whatever comes from the address of such a server for that server's answers,
// so that the direct path would never open. Whoever reaches that port needs neither.
func (i *ingress) linkICEServers(h http.Header, host, participant string) {
	servers, _ := i.srv.iceServers(host, participant)
	for _, s := range servers {
		for _, u := range s.URLs {
			if !strings.HasPrefix(u, "turns:") && !strings.HasSuffix(u, "?transport=tcp") {
				continue
			}
			link := "<" + u + `>; rel="ice-server"`
			if s.Username != "" {
				link += `; username="` + s.Username + `"; credential="` + s.Credential + `"; credential-type="password"`
			}
			h.Add("Link", link)
		}
	}
}

// fail answers with what went wrong.
func (i *ingress) fail(w http.ResponseWriter, err error) {
	var wire *protocol.Error
	if errors.As(err, &wire) {
		i.srv.refuseHTTP(w, wire)
		return
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, errRoomEnded) {
		i.srv.refuseHTTP(w, &protocol.Error{Code: protocol.CodeDraining, Message: "the room has ended", Retry: true, After: 1000})
		return
	}
	i.srv.log.Error("request gave up", "kind", i.kind.name, "err", err)
	i.srv.refuseHTTP(w, &protocol.Error{Code: protocol.CodeInternal, Message: "the server could not do this", Retry: true, After: 1000})
}

// refuse answers with a status that no wire code stands for.
func (i *ingress) refuse(w http.ResponseWriter, status int, message string) {
	i.srv.refuseHTTPStatus(w, status, &protocol.Error{Code: protocol.CodeMalformed, Message: message})
}

// refuseBearer adds what RFC 6750 §3 wants of a 401.
func (s *Server) refuseBearer(w http.ResponseWriter, e *protocol.Error) {
	if e.Code == protocol.CodeUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	s.refuseHTTP(w, e)
}
