package api

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/confab/confab/auth"
	"github.com/confab/confab/signaling"
	"github.com/confab/confab/signaling/protocol"
)

// Rooms is what the API acts on; *signaling.Admin is it. Errors are wire errors, those of package store, or ctx's.
type Rooms interface {
	Rooms(ctx context.Context, after string, limit int) ([]signaling.RoomInfo, error)
	Room(ctx context.Context, room string) (signaling.RoomInfo, error)
	Set(ctx context.Context, room, cmd string, s signaling.Settings) error
	Delete(ctx context.Context, room string) error
	End(ctx context.Context, room string) error
	Record(ctx context.Context, room, cmd string, on bool) error
	Export(ctx context.Context, room string, w io.Writer) error
	Follow(ctx context.Context, room string, from signaling.Place, idle time.Duration, f func(epoch string, e *signaling.Exported) error) error
	Remove(ctx context.Context, room, participant string, ban time.Duration) error
	Unban(ctx context.Context, room, ban string) error
	Mute(ctx context.Context, room, participant string, sources []protocol.Source, hold bool) error
	Allow(ctx context.Context, room, participant string, sources []protocol.Source) error
	SetRole(ctx context.Context, room, participant string, role auth.Role) error
	Admit(ctx context.Context, room, knock string, allow bool) error
	Invite(room string, role auth.Role, lifetime time.Duration, uses int) (token string, expires time.Time, err error)
	Messages(ctx context.Context, room string, before uint64, limit int) (page []protocol.ChatMessage, more bool, err error)
	Say(ctx context.Context, room, cmd, to, text string) (uint64, error)
	DeleteMessage(ctx context.Context, room string, message uint64) error
}

var _ Rooms = (*signaling.Admin)(nil)

// Tokens reads join tokens; *auth.Keyring and *verifier.Verifier are such.
type Tokens interface {
	Verify(token string, now time.Time) (auth.Claims, error)
}

// Options are what an API needs of its surroundings.
type Options struct {
	Rooms  Rooms
	Tokens Tokens // nil: there is nothing that a token could be verified with, and every request is refused

	Rate    float64       // requests per second of one client address; an IPv6 client is its /64. Default 20
	Burst   int           // of them at once; default 200
	Timeout time.Duration // of one request, but for the export of a room; default 20 s
	Body    time.Duration // of a request's body to arrive; default 10 s
	Write   time.Duration // of one write to a client, default 30 s

	Log        *slog.Logger          // nil: none
	Registerer prometheus.Registerer // nil: none
}

// API is the admin API, an http.Handler for Prefix and all below it. Create it with New.
type API struct {
	opt     Options // fixed at construction, like all fields
	log     *slog.Logger
	mux     *http.ServeMux
	rate    *limiter
	metrics *metrics

	following atomic.Int32 // streams of events that are open
}

// New makes the API.
func New(o Options) *API {
	orTime := func(v *time.Duration, d time.Duration) {
		if *v <= 0 {
			*v = d
		}
	}
	orTime(&o.Timeout, 20*time.Second)
	orTime(&o.Body, 10*time.Second)
	orTime(&o.Write, 30*time.Second)
	if o.Rate <= 0 {
		o.Rate = 20
	}
	if o.Burst <= 0 {
		o.Burst = 200
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	a := &API{opt: o, log: o.Log, mux: http.NewServeMux(), rate: newLimiter(o.Rate, o.Burst), metrics: newMetrics(o.Registerer)}
	for _, r := range routes {
		a.mux.HandleFunc(r.method+" "+Prefix+r.path, func(w http.ResponseWriter, req *http.Request) { a.serve(w, req, r) })
	}
	a.mux.HandleFunc("GET "+Prefix+"/openapi.json", serveDocument)
	a.mux.HandleFunc(Prefix+"/", a.unknown)
	return a
}

// ServeHTTP implements http.Handler.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if wait, ok := a.rate.take(clientAddr(r), time.Now()); !ok {
		a.refuse(w, "", tooFast(wait))
		return
	}
	if r.ContentLength != 0 {
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(a.opt.Body)) // only a test's recorder has none
	}
	a.mux.ServeHTTP(w, r)
}

// unknown answers what no route is for.
func (a *API) unknown(w http.ResponseWriter, r *http.Request) {
	var allowed []string
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodDelete} {
		other := r.Clone(r.Context())
		other.Method = method
		if _, pattern := a.mux.Handler(other); pattern != "" && pattern != Prefix+"/" {
			allowed = append(allowed, method)
		}
	}
	if len(allowed) > 0 {
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		a.refuse(w, "", &protocol.Error{Code: CodeMethod, Message: "this method has no meaning here", Hint: "Use " + strings.Join(allowed, " or ") + "."})
		return
	}
	a.refuse(w, "", &protocol.Error{Code: CodeNoSuchPath, Message: "there is nothing at this path", Hint: "GET " + Prefix + "/openapi.json lists what there is."})
}

// serve runs one operation.
func (a *API) serve(w http.ResponseWriter, r *http.Request, op route) {
	c := &call{api: a, w: w, r: r, room: r.PathValue("room"), status: http.StatusOK}
	err := a.admit(c)
	if err == nil {
		ctx, cancel := r.Context(), func() {}
		if op.name != "exportRoom" && op.name != "followRoom" {
			ctx, cancel = context.WithTimeout(ctx, a.opt.Timeout)
		}
		c.ctx = ctx
		err = op.handle(a, c)
		cancel()
	}
	switch {
	case err != nil && c.begun:
		a.log.Warn("an answer was cut off", "operation", op.name, "err", err)
		panic(http.ErrAbortHandler) // so that the client does not take the part for the whole
	case err != nil:
		a.refuse(w, op.name, a.explain(err))
	default:
		a.metrics.requests.WithLabelValues(op.name).Inc()
		c.answer()
	}
}

// admit finds out whether the bearer of the token may do anything with the room, or with some rooms where there is none in the path.
func (a *API) admit(c *call) error {
	claims, err := a.verify(c.r.Header.Values("Authorization"))
	if err != nil {
		return err
	}
	if err := auth.May(claims.Actor(""), auth.ActionAdminAPI, auth.Target{}); err != nil {
		var refusal *auth.Refusal
		errors.As(err, &refusal)
		return &protocol.Error{Code: protocol.CodeForbidden, Message: refusal.Message, Hint: `Mint a token with the grant "admin" (sfu token --admin).`}
	}
	c.claims = claims
	if c.room == "" {
		return nil
	}
	return c.opens(c.room)
}

var unauthorized = protocol.Error{
	Code: protocol.CodeUnauthorized, Message: "the admin API needs a token",
	Hint: "Send Authorization: Bearer with a token that has the grant admin (sfu token --admin).",
}

// verify reads the token of a request.
func (a *API) verify(headers []string) (auth.Claims, error) {
	refused := unauthorized
	if a.opt.Tokens == nil {
		refused.Message, refused.Hint = "this server has nothing to verify tokens with", "The operator can give it --secret-file."
		return auth.Claims{}, &refused
	}
	if len(headers) != 1 {
		return auth.Claims{}, &refused
	}
	scheme, token, ok := strings.Cut(headers[0], " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return auth.Claims{}, &refused
	}
	claims, err := a.opt.Tokens.Verify(token, time.Now())
	switch {
	case errors.Is(err, auth.ErrExpired):
		refused.Message, refused.Hint = "the token has expired", "Mint a new one."
	case errors.Is(err, auth.ErrNotYetValid):
		refused.Message, refused.Hint = "the token is not valid yet", "Check the clocks."
	case err != nil:
		a.log.Debug("token refused", "err", err)
		refused.Message = "the token is not valid here"
	case auth.IsInvite(strings.TrimSpace(token)) || claims.Uses > 0:
		refused.Message = "an invite lets people in, and is no token for the admin API"
	default:
		return claims, nil
	}
	return auth.Claims{}, &refused
}

// metrics counts requests. Rooms and addresses are never labels.
type metrics struct {
	requests *prometheus.CounterVec
	refusals *prometheus.CounterVec
}

func newMetrics(r prometheus.Registerer) *metrics {
	f := promauto.With(r)
	return &metrics{
		requests: f.NewCounterVec(prometheus.CounterOpts{Name: "api_requests_total", Help: "Requests to the admin API that were carried out, by operation."}, []string{"operation"}),
		refusals: f.NewCounterVec(prometheus.CounterOpts{Name: "api_refusals_total", Help: "Requests to the admin API that were refused or have failed, by error code."}, []string{"code"}),
	}
}
