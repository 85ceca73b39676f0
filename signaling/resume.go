package signaling

import (
	"context"
	"crypto/subtle"
	"strings"
	"time"

	"github.com/confab/confab/signaling/protocol"
	"github.com/confab/confab/signaling/room"
	"github.com/confab/confab/store"
)

// resume takes a seat back.
func (c *session) resume(ctx context.Context, r *protocol.Resume) error {
	roomID, rest, _ := strings.Cut(r.Session, ".")
	id, _, _ := strings.Cut(rest, ".")
	if !protocol.ValidRoom(roomID) || !protocol.ValidParticipant(id) || c.knock != nil {
		return expired
	}
	if there, err := c.srv.exists(ctx, roomID); err != nil {
		return err
	} else if !there {
		return expired
	}
	result := make(chan seating, 1)
	err := c.srv.reopen(ctx, roomID, func(a *actor) {
		seat := a.journal.ahead.Seat(id)
		if seat == nil || subtle.ConstantTimeCompare([]byte(seat.Session), []byte(hashOf(r.Session))) != 1 {
			err := expired
			if r.Epoch == a.epoch && r.Seq > a.state().Seq { // this replica is behind the client, and cannot know the seat yet
				err = errUnavailable
			}
			result <- seating{err: err}
			return
		}
		a.joining[id] = true
		a.ask(room.SetOnline{ID: id, Online: true, Node: c.srv.node}, func(o outcome) {
			delete(a.joining, id)
			if o.err != nil {
				result <- seating{err: o.err}
				return
			}
			got := a.take(c, id)
			if got.err == nil {
				a.recover(&got, r)
			}
			result <- got
		})
	})
	if err != nil {
		return err
	}
	var got seating
	select {
	case got = <-result:
	case <-ctx.Done():
		return ctx.Err()
	}
	if got.err != nil {
		return got.err
	}
	got.joined.ID, got.joined.Session = r.ID, r.Session
	c.settle(got)
	c.welcome(ctx, got, nil)
	return nil
}

// take puts a session on a seat that is its own. What the socket gets first is corked.
func (a *actor) take(c *session, id string) seating {
	seat := a.state().Seat(id)
	if seat == nil {
		return seating{err: expired}
	}
	m := a.members[id]
	if m == nil {
		m = a.newMember(id, visitor{expires: seat.Expires})
	} else {
		a.warnExpiry(id) // the warning may have gone to a socket that was lost
	}
	got := seating{room: a, member: m, joined: a.snapshot(id)}
	c.out.cork()
	if old := m.out.attach(c); old != nil {
		old.end(protocol.CloseStay, "replaced", replaced)
	}
	a.synchronise(m)
	a.lobby.refresh()
	return got
}

// recover finds what somebody who comes back has missed: in the ring, else in the log, else it cannot be told.
func (a *actor) recover(got *seating, r *protocol.Resume) {
	s := a.state()
	kind := "snapshot"
	if r.Epoch == a.epoch && r.Seq <= s.Seq {
		if missed, complete := a.past.since(r.Seq, got.member.id); complete {
			got.joined.Recovered, got.joined.Seq, got.missed = true, r.Seq, missed
			kind = "ring"
		} else if s.Seq-r.Seq <= maxMissed {
			got.behind, got.since = true, r.Seq
			kind = ""
		}
	}
	if kind != "" {
		a.srv.metrics.resumed(kind)
	}
	a.log.Info("resumed", "participant", got.member.id, "recovered", got.joined.Recovered || got.behind)
}

// maxMissed is how many events are brought one by one; a snapshot is cheaper than more.
const maxMissed = 4096

// fetch reads what was missed from the log. It runs beside the actor; the socket is corked.
// It reports false when the log does not answer: the client shall try again, rather than miss something.
func (c *session) fetch(ctx context.Context, got *seating) bool {
	ctx, cancel := context.WithTimeout(ctx, c.srv.limits.Patience)
	defer cancel()
	a, through := got.room, got.joined.Seq
	var events []room.Event
	for seq := got.since; seq < through; {
		records, err := c.srv.store.Read(ctx, a.id, a.epoch, seq, readEvents)
		if store.Unknown(err) { // in trouble: it may answer in a moment
			select {
			case <-time.After(100 * time.Millisecond):
				continue
			case <-ctx.Done():
				return false
			}
		}
		if err != nil || len(records) == 0 { // trimmed: the snapshot says it all
			c.srv.metrics.resumed("snapshot")
			return true
		}
		for _, r := range records {
			e, err := room.Decode(r.Seq, r.At, r.Kind, r.Data)
			if err != nil {
				c.srv.metrics.resumed("snapshot")
				return true
			}
			if r.Seq <= through {
				events = append(events, e)
			}
			seq = r.Seq
		}
	}
	var frames [][]byte
	err := a.call(ctx, func() {
		for _, e := range events {
			frames = append(frames, mustEncode(pastWire(a.state(), e, got.member.id)))
		}
	})
	if err != nil {
		return false
	}
	c.srv.metrics.resumed("log")
	got.missed, got.joined.Recovered, got.joined.Seq = frames, true, got.since
	return true
}

// pastWire is room.Wire for an event of before: what it says of a participant is what is known now, and nothing when that one has left,
// which a later event tells.
func pastWire(state *room.State, e room.Event, id string) protocol.Event {
	if about := subject(e); about != "" && state.Seat(about) == nil {
		return &protocol.Withheld{Seq: e.Head().Seq}
	}
	return room.Wire(state, e, id)
}

// subject is the participant of whom an event says what is known now; "" if it says of nobody.
func subject(e room.Event) string {
	switch e := e.(type) {
	case *room.Updated:
		return e.ID
	case *room.Presence:
		return e.ID
	case *room.Reseated:
		return e.ID
	case *room.Muted:
		return e.ID
	case *room.Allowed:
		return e.ID
	case *room.RoleSet:
		return e.ID
	case *room.Refreshed:
		return e.ID
	}
	return ""
}
