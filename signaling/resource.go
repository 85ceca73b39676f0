package signaling

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/confab/confab/signaling/protocol"
	"github.com/confab/confab/signaling/room"
	"github.com/confab/confab/signaling/sdpfrag"
)

// resource is one WHIP or WHEP connection as HTTP sees it. The room's part of it is a member.
type resource struct {
	srv    *Server // fixed at construction, like all fields up to busy
	kind   ingressKind
	secret string // last element of the URL
	room   *actor
	member *member
	link   *link

	busy sync.Mutex // held during an operation: they come one after the other (RFC 9725 §4.3.1); guards the fields below

	offer string // the last one that was answered, complete
	ufrag string // of offer
	etag  string // of the ICE session
}

// described is a successful negotiation.
type described struct{ sdp, etag string }

// openResource takes a seat for a publisher, or a place among the viewers.
func (s *Server) openResource(ctx context.Context, kind ingressKind, id, name string, v visitor, from netip.Addr) (*resource, error) {
	res := &resource{srv: s, kind: kind, secret: strings.ToLower(rand.Text())}
	if err := s.reserveResource(res); err != nil {
		return nil, err
	}
	opened := make(chan error, 1)
	err := s.useToken(ctx, v)
	if err == nil {
		err = s.inRoom(s.stopped, id, func(a *actor) {
			if ctx.Err() != nil { // the client has given up meanwhile
				opened <- ctx.Err()
				return
			}
			res.room = a
			a.openIngress(res, name, v, from, func(err error) { opened <- err })
		})
	}
	if err == nil {
		select {
		case err = <-opened:
		case <-s.stopped.Done():
			err = errRoomEnded
		}
	}
	if err != nil {
		s.dropResource(res)
		return nil, err
	}
	return res, nil
}

// reserveResource counts a resource. Nobody can ask for it before its URL is told, which is when it is complete.
func (s *Server) reserveResource(res *resource) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.resources) >= s.limits.Resources {
		return &protocol.Error{Code: protocol.CodeServerFull, Message: "the server has as many WHIP and WHEP connections as it can take", Hint: "Try again later.", Retry: true, After: 30_000}
	}
	s.resources[res.secret] = res
	return nil
}

// openIngress is the actor's part. done is called in the actor when the place is safe in the log, or refused.
func (a *actor) openIngress(res *resource, name string, v visitor, from netip.Addr, done func(error)) {
	id := newParticipantID()
	a.joining[id] = true
	took := func(o outcome, make func() *link) {
		delete(a.joining, id)
		switch {
		case o.err != nil:
			done(o.err)
			return
		case !a.sfuHere():
			done(&protocol.Error{
				Code: protocol.CodeUnavailable, Message: "the room's media is at another node", Hint: "Try again: another node may answer.", Retry: true, After: 1000,
			})
			a.closeIngress(res.member, "lost")
			return
		}
		res.link = make()
		a.links[id] = res.link
		a.expect(res)
		done(nil)
	}
	if res.kind.views {
		a.ask(room.AddViewer{Node: a.srv.node}, func(o outcome) {
			if o.err == nil {
				res.member = &member{id: id, out: &outlet{metrics: a.srv.metrics}, resource: res}
				a.viewers[id] = res.member
			}
			took(o, func() *link {
				return a.newLink(MediaPeerOptions{Room: a.id + "." + a.epoch, Participant: id, Subscribe: true, AutoView: true}, res.member.out)
			})
		})
		return
	}
	grants := v.grants
	grants.Subscribe, grants.Chat = false, false
	seat := room.Seat{
		ID: id, Name: name, Kind: protocol.KindIngest, Identity: v.identity, Role: v.role, Grants: grants, Expires: v.expires, Node: a.srv.node,
		Address: addressHash(a.id, from),
	}
	a.ask(room.Join{Seat: seat}, func(o outcome) {
		seat := a.state().Seat(id)
		if o.err == nil && seat == nil {
			o.err = expired
		}
		if o.err == nil {
			res.member = a.newMember(id, v)
			res.member.resource = res
		}
		took(o, func() *link { return a.linkOf(seat) })
	})
}

// expect ends a connection that does not come up in time.
func (a *actor) expect(res *resource) {
	res.member.due = time.AfterFunc(a.srv.limits.Connect, func() { res.link.overdue() })
}

// memberOf returns the seat or viewer with the given id that is here, or nil.
func (a *actor) memberOf(id string) *member {
	if m := a.members[id]; m != nil {
		return m
	}
	return a.viewers[id]
}

// linkChanged is told what an SFU connection reports.
func (a *actor) linkChanged(id string, r linkReport) {
	m := a.memberOf(id)
	if r.state == Connected {
		a.record()
	}
	if r.state != "" {
		a.log.Info("media connection", "participant", id, "state", r.state)
	}
	if m == nil || m.resource == nil {
		if r.state == Closed {
			a.links[id].disconnect() // the next offer makes a new one
		}
		return
	}
	if r.tracks != nil && a.members[id] == m {
		has := func(s protocol.Source) bool {
			seat := a.journal.ahead.Seat(id)
			return slices.Contains(r.tracks, s) && seat != nil && seat.MaySend(s) == nil
		}
		a.do(room.SetMedia{ID: id, Media: protocol.State{
			Microphone: has(protocol.Microphone), Camera: has(protocol.Camera), Screen: has(protocol.Screen), ScreenAudio: has(protocol.ScreenAudio),
		}})
	}
	switch r.state {
	case Connected:
		m.due.Stop()
	case Failed, Closed:
		a.closeIngress(m, "lost")
	}
}

// closeIngress gives up the seat of a publisher or the place of a viewer.
func (a *actor) closeIngress(m *member, reason string) {
	switch {
	case a.viewers[m.id] == m:
		delete(a.viewers, m.id)
		a.closeLink(m.id)
		m.close(reason)
		a.do(room.RemoveViewer{Node: a.srv.node})
	case a.members[m.id] == m:
		a.do(room.Leave{ID: m.id, Reason: reason})
	}
}

// end gives the resource up; a second time is nothing.
func (res *resource) end(reason string) {
	_ = res.room.call(res.srv.stopped, func() { res.room.closeIngress(res.member, reason) }) // a room that has ended has closed it
}

// forgetResource is called by member.close.
func (s *Server) forgetResource(res *resource) {
	if res.kind.views && res.member != nil && s.opt.ViewerGone != nil {
		s.opt.ViewerGone(res.member.id)
	}
	s.dropResource(res)
}

// dropResource is for a resource that was not made, too: nobody has been told of it.
func (s *Server) dropResource(res *resource) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.resources, res.secret)
}

// negotiate answers an offer and begins a new ICE session. The error is a wire error or ctx's.
func (res *resource) negotiate(ctx context.Context, offer string) (described, error) {
	res.busy.Lock()
	defer res.busy.Unlock()
	return res.negotiateLocked(ctx, offer)
}

func (res *resource) negotiateLocked(ctx context.Context, offer string) (described, error) {
	done := make(chan answered, 1)
	if err := res.link.offer(MediaOffer{SDP: offer, Derive: true}, func(sdp string, err error) { done <- answered{sdp, err} }); err != nil {
		return described{}, res.link.sdpError(err)
	}
	select {
	case a := <-done:
		if a.err != nil {
			return described{}, res.link.sdpError(a.err)
		}
		res.offer, res.ufrag = offer, sdpfrag.Ufrag(offer)
		res.etag = `"` + strings.ToLower(rand.Text()[:16]) + `"`
		return described{a.sdp, res.etag}, nil
	case <-ctx.Done():
		return described{}, ctx.Err()
	}
}

// resourceRequest is a request to an existing resource.
type resourceRequest struct {
	*ingress
	*resource
	w http.ResponseWriter
	r *http.Request
}

// withResource finds the resource of a request and handles it.
func (i *ingress) withResource(w http.ResponseWriter, r *http.Request, handle func(*resourceRequest)) {
	if _, refusal := i.authorize(r); refusal != nil {
		i.srv.refuseBearer(w, refusal)
		return
	}
	i.srv.mu.Lock()
	res := i.srv.resources[r.PathValue("resource")]
	i.srv.mu.Unlock()
	if res == nil || res.kind != i.kind || res.room.id != r.PathValue("room") {
		i.refuse(w, http.StatusNotFound, "there is no such connection")
		return
	}
	handle(&resourceRequest{i, res, w, r})
}

func (q *resourceRequest) remove() {
	q.end("left")
	q.w.WriteHeader(http.StatusOK)
}

// patch adds candidates to the ICE session that If-Match names, or starts another one.
func (q *resourceRequest) patch() {
	body, ok := q.body(q.w, q.r, typeFragment)
	if !ok {
		return
	}
	fragment, err := sdpfrag.Parse(body)
	if err != nil {
		q.refuse(q.w, http.StatusBadRequest, err.Error())
		return
	}
	q.busy.Lock()
	defer q.busy.Unlock()
	match := q.r.Header.Get("If-Match")
	restart := fragment.Ufrag != "" && fragment.Ufrag != q.ufrag
	switch {
	case match == "":
		q.refuse(q.w, http.StatusPreconditionRequired, "If-Match is required: the ETag to add candidates, * to restart ICE")
	case match != "*" && subtle.ConstantTimeCompare([]byte(match), []byte(q.etag)) != 1:
		q.refuse(q.w, http.StatusPreconditionFailed, "the ICE session is another one by now")
	case match == "*" && restart:
		q.restart(fragment)
	case restart:
		q.refuse(q.w, http.StatusPreconditionFailed, "the candidates belong to another ICE session")
	default:
		q.trickle(fragment)
	}
}

func (q *resourceRequest) trickle(f sdpfrag.Fragment) {
	for index, m := range f.Media {
		list := m.Candidates
		if m.End {
			list = append(list, "")
		}
		for _, c := range list {
			if len(c) > protocol.MaxCandidate {
				q.refuse(q.w, http.StatusBadRequest, "a candidate is too long")
				return
			}
			done := make(chan error, 1)
			err := q.link.candidate(m.Mid, index, c, func(err error) { done <- err })
			if err == nil {
				select {
				case err = <-done:
				case <-q.r.Context().Done():
					return
				}
			}
			if err != nil {
				q.refuse(q.w, http.StatusBadRequest, "candidate refused: "+err.Error())
				return
			}
		}
	}
	q.w.WriteHeader(http.StatusNoContent)
}

// restart answers new ICE credentials with the server's (RFC 9725 §4.3.3).
func (q *resourceRequest) restart(f sdpfrag.Fragment) {
	offer, err := sdpfrag.Restart(q.offer, f)
	if err != nil {
		q.refuse(q.w, http.StatusBadRequest, err.Error())
		return
	}
	answer, err := q.negotiateLocked(q.r.Context(), offer)
	if err != nil {
		q.fail(q.w, err)
		return
	}
	fragment, err := sdpfrag.Answer(answer.sdp)
	if err != nil {
		q.fail(q.w, err)
		return
	}
	h := q.w.Header()
	h.Set("ETag", answer.etag)
	h.Set("Content-Type", typeFragment)
	_, _ = q.w.Write([]byte(fragment)) // who is gone will not connect, and the resource ends by that
}
