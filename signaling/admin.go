package signaling

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/confab/confab/auth"
	"github.com/confab/confab/signaling/protocol"
	"github.com/confab/confab/signaling/room"
	"github.com/confab/confab/store"
)

// Admin does in rooms what the admin API asks for, as room.Admin: by the policy table, a host with every grant. Its callers have checked who
// asks. Errors are wire errors, ctx's, or the store's.
type Admin struct{ srv *Server }

// Admin returns the server's.
func (s *Server) Admin() *Admin { return &Admin{s} }

// RoomInfo is what the admin API tells of a room.
type RoomInfo struct {
	ID           string                 `json:"id"`
	Events       uint64                 `json:"events"` // ever, in this epoch
	Bytes        int64                  `json:"bytes"`  // kept
	Created      time.Time              `json:"created"`
	Used         time.Time              `json:"used"`
	Epoch        string                 `json:"epoch,omitempty"` // this and what follows: of Room only
	Mode         protocol.Mode          `json:"mode,omitempty"`
	Settings     protocol.Settings      `json:"settings"`
	Route        protocol.RouteState    `json:"route"`
	Participants []protocol.Participant `json:"participants,omitempty"`

	Recording *protocol.RecordingState `json:"recording,omitempty"`
	Bans      []room.Ban               `json:"bans,omitempty"`
	Waiting   []protocol.Knock         `json:"waiting,omitempty"` // in the lobby, as far as other nodes say in time
}

// Rooms lists the rooms that are kept, by id, after one, at most limit.
func (a *Admin) Rooms(ctx context.Context, after string, limit int) ([]RoomInfo, error) {
	rooms, err := a.srv.store.Rooms(ctx, after, limit)
	if err != nil {
		return nil, err
	}
	out := make([]RoomInfo, len(rooms))
	for i, r := range rooms {
		out[i] = RoomInfo{ID: r.ID, Events: r.Last, Bytes: r.Bytes, Created: r.Created, Used: r.Touched}
	}
	return out, nil
}

// Room describes a room. The error is store.ErrGone when there is none.
func (a *Admin) Room(ctx context.Context, id string) (RoomInfo, error) {
	r, err := a.srv.store.Find(ctx, id)
	if err != nil {
		return RoomInfo{}, err
	}
	info := RoomInfo{ID: r.ID, Events: r.Last, Bytes: r.Bytes, Created: r.Created, Used: r.Touched}
	err = a.withLobby(ctx, id, func(a *actor) {
		j := a.state().Joined("")
		info.Epoch, info.Mode, info.Settings, info.Route, info.Participants = a.epoch, j.Mode, j.Settings, j.Route, j.Participants
		info.Recording = j.Recording
		for _, b := range a.state().Bans {
			b.Address = ""
			info.Bans = append(info.Bans, b)
		}
		for _, k := range a.lobby.list {
			info.Waiting = append(info.Waiting, k.Knock)
		}
		for _, others := range a.lobby.others {
			info.Waiting = append(info.Waiting, others...)
		}
	})
	return info, err
}

// Settings are changes to a room's; what is zero stays.
type Settings struct {
	Access   protocol.Access
	Password *string // empty takes it away
	People   int
}

// Set changes the settings of a room, which is made if need be. cmd makes it happen once; it may be empty.
func (a *Admin) Set(ctx context.Context, id, cmd string, s Settings) error {
	change := room.SetRoom{ID: room.Admin, Cmd: cmd, Access: s.Access, People: s.People}
	if s.Password != nil {
		hash, err := a.srv.hashPassword(ctx, *s.Password)
		if err != nil {
			return err
		}
		change.Password = &hash
	}
	_, err := a.do(ctx, id, change)
	return err
}

// Delete ends the room for all and deletes its log.
func (a *Admin) Delete(ctx context.Context, id string) error {
	if err := a.found(ctx, id); err != nil {
		return err
	}
	if _, err := a.do(ctx, id, room.End{ID: room.Admin}); err != nil {
		return err
	}
	return a.srv.store.Delete(ctx, id)
}

// End ends the room for all and keeps its log.
func (a *Admin) End(ctx context.Context, id string) error {
	return a.inside(ctx, id, room.End{ID: room.Admin})
}

// Record begins or ends the recording of a room.
func (a *Admin) Record(ctx context.Context, id, cmd string, on bool) error {
	return a.inside(ctx, id, room.SetRecording{ID: room.Admin, Cmd: cmd, On: on})
}

// Remove takes a participant's seat away; with a ban the person is kept out for that time.
func (a *Admin) Remove(ctx context.Context, id, target string, ban time.Duration) error {
	return a.inside(ctx, id, room.Remove{ID: room.Admin, Target: target, Ban: ban})
}

// Unban lets somebody in again.
func (a *Admin) Unban(ctx context.Context, id, ban string) error {
	return a.inside(ctx, id, room.Unban{ID: room.Admin, Ban: ban})
}

// Mute turns sources off, of everybody when target is empty; with hold they stay off until Allow.
func (a *Admin) Mute(ctx context.Context, id, target string, sources []protocol.Source, hold bool) error {
	return a.inside(ctx, id, room.Mute{ID: room.Admin, Target: target, Sources: sources, Hold: hold})
}

// Allow gives sources back.
func (a *Admin) Allow(ctx context.Context, id, target string, sources []protocol.Source) error {
	return a.inside(ctx, id, room.Allow{ID: room.Admin, Target: target, Sources: sources})
}

// SetRole gives a participant another role.
func (a *Admin) SetRole(ctx context.Context, id, target string, role auth.Role) error {
	return a.inside(ctx, id, room.SetRole{ID: room.Admin, Target: target, Role: role})
}

// Say writes to the chat as the server; to one participant when to is not empty. It returns the message's seq. cmd makes it happen once.
func (a *Admin) Say(ctx context.Context, id, cmd, to, text string) (uint64, error) {
	if err := a.found(ctx, id); err != nil {
		return 0, err
	}
	return a.do(ctx, id, room.Say{ID: room.Admin, Cmd: cmd, To: to, Text: text})
}

// DeleteMessage takes a chat message back.
func (a *Admin) DeleteMessage(ctx context.Context, id string, message uint64) error {
	return a.inside(ctx, id, room.DeleteChat{ID: room.Admin, Message: message})
}

// Admit answers somebody who waits in the lobby, or all when knock is empty.
func (a *Admin) Admit(ctx context.Context, id, knock string, allow bool) error {
	if err := a.found(ctx, id); err != nil {
		return err
	}
	var result error
	if err := a.withLobby(ctx, id, func(a *actor) { result = a.admitKnock(knock, allow) }); err != nil {
		return err
	}
	return result
}

// knocksPatience is how long other nodes have to say who waits there.
const knocksPatience = 250 * time.Millisecond

// withLobby runs f in the room when other nodes have had time to say who waits there: a node without anybody of the room is not told by itself.
func (a *Admin) withLobby(ctx context.Context, id string, f func(*actor)) error {
	stay, asked := newParticipantID(), false
	whole := context.WithoutCancel(ctx) // what has begun in the room is ended there
	if err := a.srv.reopen(whole, id, func(a *actor) {
		if a.state().Access() != protocol.AccessLobby {
			f(a)
			return
		}
		for _, node := range a.srv.nodes.rest() {
			asked = a.srv.bus.send(node, busMessage{Room: a.id, Ask: &busAsk{Node: a.srv.node}}) == nil || asked
		}
		if asked {
			a.joining[stay] = true
		} else {
			f(a)
		}
	}); err != nil || !asked {
		return err
	}
	select {
	case <-time.After(knocksPatience):
	case <-ctx.Done():
	}
	return a.srv.reopen(whole, id, func(a *actor) {
		delete(a.joining, stay)
		f(a)
	})
}

// Invite mints an invite to a room, which need not be there yet.
func (a *Admin) Invite(id string, role auth.Role, lifetime time.Duration, uses int) (token string, expires time.Time, err error) {
	return a.srv.mintInvite(id, role, auth.GrantsOf(role), lifetime, uses)
}

// Messages returns a page of the chat before a message, oldest first, without what is private.
func (a *Admin) Messages(ctx context.Context, id string, before uint64, limit int) (page []protocol.ChatMessage, more bool, err error) {
	if err := a.found(ctx, id); err != nil {
		return nil, false, err
	}
	var since uint64
	var epoch string
	if err := a.srv.reopen(ctx, id, func(a *actor) { since, epoch = a.state().Since, a.epoch }); err != nil {
		return nil, false, err
	}
	return a.srv.messages(ctx, id, epoch, since, "", before, limit)
}

// Export writes the log of a room as JSON lines; see Export.
func (a *Admin) Export(ctx context.Context, id string, w io.Writer) error {
	return Export(ctx, a.srv.store, id, w)
}

// StatusOf is the HTTP status that says what a code says.
func StatusOf(code protocol.Code) int { return statusOf(code) }

// found makes sure that a room is not made by asking for it.
func (a *Admin) found(ctx context.Context, id string) error {
	there, err := a.srv.exists(ctx, id)
	if err == nil && !there {
		err = store.ErrGone
	}
	return err
}

func (a *Admin) inside(ctx context.Context, id string, c room.Command) error {
	if err := a.found(ctx, id); err != nil {
		return err
	}
	_, err := a.do(ctx, id, c)
	return err
}

// do proposes a command and waits until it is safe or refused. It returns the seq of the last event that it has made, for a message that came before
// too; 0: there was nothing to do.
func (a *Admin) do(ctx context.Context, id string, c room.Command) (uint64, error) {
	if !protocol.ValidRoom(id) {
		return 0, &protocol.Error{Code: protocol.CodeMalformed, Message: "the room must be 1 to 64 characters of a-z, 0-9, - and _"}
	}
	var cmd string
	if say, ok := c.(room.Say); ok {
		cmd = say.Cmd
	}
	type result struct {
		seq uint64
		err error
	}
	done := make(chan result, 1)
	if err := a.srv.reopen(ctx, id, func(a *actor) {
		a.ask(c, func(o outcome) { done <- result{a.madeBy(room.Admin, cmd, o), o.err} })
	}); err != nil {
		return 0, err
	}
	select {
	case r := <-done:
		if errors.Is(r.err, errRoomEnded) {
			r.err = errUnavailable
		}
		if r.err != nil {
			return 0, r.err
		}
		return r.seq, nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}
