package api

import (
	"cmp"
	"net/http"
	"slices"
	"time"

	"github.com/confab/confab/auth"
	"github.com/confab/confab/signaling/protocol"
)

// ParticipantList is a page of the participants of a room, by id.
type ParticipantList struct {
	Participants []protocol.Participant `json:"participants"`
	Next         string                 `json:"next,omitempty"` // value of `after` for the next page; absent: there is none
}

// BanList are those who are kept out.
type BanList struct {
	Bans []Ban `json:"bans"`
}

// Ban keeps somebody out.
type Ban struct {
	ID       string    `json:"id"`
	Name     string    `json:"name"` // of then
	Identity string    `json:"identity,omitempty"`
	Until    time.Time `json:"until"`
}

// Lobby are those who wait to be let in.
type Lobby struct {
	Waiting []protocol.Knock `json:"waiting"`
}

func (a *API) listParticipants(c *call) error {
	query, err := c.query("after", "limit")
	if err != nil {
		return err
	}
	limit, err := number(query, "limit", defaultPage, 1, maxPage)
	if err != nil {
		return err
	}
	info, err := a.opt.Rooms.Room(c.ctx, c.room)
	if err != nil {
		return err
	}
	slices.SortFunc(info.Participants, func(x, y protocol.Participant) int { return cmp.Compare(x.ID, y.ID) })
	list := ParticipantList{Participants: []protocol.Participant{}}
	for _, p := range info.Participants {
		if p.ID <= query.Get("after") {
			continue
		}
		if len(list.Participants) == int(limit) {
			list.Next = list.Participants[limit-1].ID
			break
		}
		list.Participants = append(list.Participants, p)
	}
	return c.reply(http.StatusOK, list)
}

type roleBody struct {
	Role protocol.Role `json:"role"`
}

func (a *API) changeParticipant(c *call) error {
	id, err := c.participant()
	if err != nil {
		return err
	}
	var body roleBody
	if err := c.read(&body); err != nil {
		return err
	}
	if err := within(&protocol.SetRole{ID: someID, Target: id, Role: body.Role}); err != nil {
		return err
	}
	if err := a.opt.Rooms.SetRole(c.ctx, c.room, id, auth.Role(body.Role)); err != nil {
		return err
	}
	return c.reply(http.StatusNoContent, nil)
}

func (a *API) removeParticipant(c *call) error {
	id, err := c.participant()
	if err != nil {
		return err
	}
	query, err := c.query("ban")
	if err != nil {
		return err
	}
	seconds, err := number(query, "ban", 0, 0, protocol.MaxBan)
	if err != nil {
		return err
	}
	if err := a.opt.Rooms.Remove(c.ctx, c.room, id, time.Duration(seconds)*time.Second); err != nil {
		return err
	}
	return c.reply(http.StatusNoContent, nil)
}

type muteBody struct {
	Sources []protocol.Source `json:"sources"`
	Hold    bool              `json:"hold"`
}

// mute is for one participant, or for everybody where the path names none.
func (a *API) mute(c *call) error {
	var id string
	if c.r.PathValue("participant") != "" {
		var err error
		if id, err = c.participant(); err != nil {
			return err
		}
	}
	var body muteBody
	if err := c.read(&body); err != nil {
		return err
	}
	if err := within(&protocol.Mute{ID: someID, Target: id, Sources: body.Sources, Hold: body.Hold}); err != nil {
		return err
	}
	if err := a.opt.Rooms.Mute(c.ctx, c.room, id, body.Sources, body.Hold); err != nil {
		return err
	}
	return c.reply(http.StatusNoContent, nil)
}

type allowBody struct {
	Sources []protocol.Source `json:"sources"`
}

func (a *API) allow(c *call) error {
	id, err := c.participant()
	if err != nil {
		return err
	}
	var body allowBody
	if err := c.read(&body); err != nil {
		return err
	}
	if err := within(&protocol.Allow{ID: someID, Target: id, Sources: body.Sources}); err != nil {
		return err
	}
	if err := a.opt.Rooms.Allow(c.ctx, c.room, id, body.Sources); err != nil {
		return err
	}
	return c.reply(http.StatusNoContent, nil)
}

// listBans lists at most room.MaxBans.
func (a *API) listBans(c *call) error {
	info, err := a.opt.Rooms.Room(c.ctx, c.room)
	if err != nil {
		return err
	}
	list := BanList{Bans: []Ban{}}
	for _, b := range info.Bans {
		list.Bans = append(list.Bans, Ban{b.ID, b.Name, b.Identity, b.Until})
	}
	return c.reply(http.StatusOK, list)
}

func (a *API) liftBan(c *call) error {
	id := c.r.PathValue("ban")
	if !protocol.ValidParticipant(id) {
		return malformed("the ban must be an id of the list of bans")
	}
	if err := a.opt.Rooms.Unban(c.ctx, c.room, id); err != nil {
		return err
	}
	return c.reply(http.StatusNoContent, nil)
}

func (a *API) listLobby(c *call) error {
	info, err := a.opt.Rooms.Room(c.ctx, c.room)
	if err != nil {
		return err
	}
	return c.reply(http.StatusOK, Lobby{append([]protocol.Knock{}, info.Waiting...)})
}

type lobbyBody struct {
	Knock string `json:"knock"`
	Allow *bool  `json:"allow"`
}

func (a *API) answerLobby(c *call) error {
	var body lobbyBody
	if err := c.read(&body); err != nil {
		return err
	}
	if body.Allow == nil {
		return malformed("allow must be true or false")
	}
	if err := within(&protocol.Admit{ID: someID, Knock: body.Knock, Allow: *body.Allow}); err != nil {
		return err
	}
	if err := a.opt.Rooms.Admit(c.ctx, c.room, body.Knock, *body.Allow); err != nil {
		return err
	}
	return c.reply(http.StatusNoContent, nil)
}
