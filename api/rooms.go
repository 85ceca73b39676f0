package api

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/confab/confab/auth"
	"github.com/confab/confab/signaling"
	"github.com/confab/confab/signaling/protocol"
	"github.com/confab/confab/store"
)

// Summary is what a list tells of a room.
type Summary struct {
	ID      string    `json:"id"`
	Events  uint64    `json:"events"` // ever, in this epoch
	Bytes   int64     `json:"bytes"`  // of the events that are kept
	Created time.Time `json:"created"`
	Used    time.Time `json:"used"`
}

// RoomList is a page of rooms.
type RoomList struct {
	Rooms []Summary `json:"rooms"`
	Next  string    `json:"next,omitempty"` // value of `after` for the next page; absent: there is none
}

// Room is one room as it is now.
type Room struct {
	Summary
	Epoch    string              `json:"epoch"`
	Mode     protocol.Mode       `json:"mode,omitempty"` // absent: nobody has come yet
	Settings protocol.Settings   `json:"settings"`
	Route    protocol.RouteState `json:"route"`

	Recording    *protocol.RecordingState `json:"recording,omitempty"` // absent: the room is not being recorded
	Participants int                      `json:"participants"`        // how many
	Waiting      int                      `json:"waiting"`             // in the lobby
	Bans         int                      `json:"bans"`
}

func summaryOf(i signaling.RoomInfo) Summary {
	return Summary{ID: i.ID, Events: i.Events, Bytes: i.Bytes, Created: i.Created, Used: i.Used}
}

func roomOf(i signaling.RoomInfo) Room {
	return Room{
		Summary: summaryOf(i), Epoch: i.Epoch, Mode: i.Mode, Settings: i.Settings, Route: i.Route,
		Recording: i.Recording, Participants: len(i.Participants), Waiting: len(i.Waiting), Bans: len(i.Bans),
	}
}

// listRooms lists the rooms that the token is for.
func (a *API) listRooms(c *call) error {
	query, err := c.query("after", "limit")
	if err != nil {
		return err
	}
	limit, err := number(query, "limit", defaultPage, 1, maxPage)
	if err != nil {
		return err
	}
	after := query.Get("after")
	if after != "" && !protocol.ValidRoom(after) {
		return malformed("after must be a room's id: the next of the page before")
	}
	after, prefix := max(after, before(c.claims.Room)), strings.TrimSuffix(c.claims.Room, "*")
	rooms, err := a.opt.Rooms.Rooms(c.ctx, after, int(limit)+1)
	if err != nil {
		return err
	}
	list := RoomList{Rooms: []Summary{}}
	for _, r := range rooms {
		switch {
		case !strings.HasPrefix(r.ID, prefix): // and so all that follow
			return c.reply(http.StatusOK, list)
		case !c.claims.Opens(r.ID):
			continue
		case len(list.Rooms) == int(limit):
			list.Next = list.Rooms[limit-1].ID
		default:
			list.Rooms = append(list.Rooms, summaryOf(r))
		}
	}
	return c.reply(http.StatusOK, list)
}

// before returns a text that sorts after every room's id below those that the pattern of a token covers, and before these.
func before(pattern string) string {
	prefix := strings.TrimSuffix(pattern, "*")
	if prefix == "" {
		return ""
	}
	last := len(prefix) - 1
	return prefix[:last] + string(prefix[last]-1) + "~" // '~' is above every character of an id
}

// settingsBody is what can be set in a room. What is absent stays.
type settingsBody struct {
	Access   protocol.Access `json:"access"`
	Password *string         `json:"password"`
	People   int             `json:"people"`
}

func (s settingsBody) settings() (signaling.Settings, error) {
	if err := within(&protocol.SetRoom{ID: someID, Access: s.Access, Password: s.Password, People: s.People}); err != nil {
		return signaling.Settings{}, err
	}
	return signaling.Settings{Access: s.Access, Password: s.Password, People: s.People}, nil
}

type createBody struct {
	ID       string          `json:"id"`
	Access   protocol.Access `json:"access"`
	Password *string         `json:"password"`
	People   int             `json:"people"`
}

// createRoom makes a room before anybody is in it, so that the first who comes meets its settings.
func (a *API) createRoom(c *call) error {
	var body createBody
	if err := c.read(&body); err != nil {
		return err
	}
	if err := c.opens(body.ID); err != nil {
		return err
	}
	settings, err := settingsBody{body.Access, body.Password, body.People}.settings()
	if err != nil {
		return err
	}
	switch _, err := a.opt.Rooms.Room(c.ctx, body.ID); {
	case err == nil:
		return &protocol.Error{Code: CodeExists, Message: "there is a room of this name already", Hint: "Change it with PATCH " + Prefix + "/rooms/" + body.ID + "."}
	case !errors.Is(err, store.ErrGone):
		return err
	}
	if err := a.opt.Rooms.Set(c.ctx, body.ID, "", settings); err != nil {
		return err
	}
	c.w.Header().Set("Location", Prefix+"/rooms/"+body.ID)
	return a.describe(c, body.ID, http.StatusCreated)
}

func (a *API) getRoom(c *call) error { return a.describe(c, c.room, http.StatusOK) }

func (a *API) describe(c *call, room string, status int) error {
	info, err := a.opt.Rooms.Room(c.ctx, room)
	if err != nil {
		return err
	}
	return c.reply(status, roomOf(info))
}

func (a *API) changeRoom(c *call) error {
	var body settingsBody
	if err := c.read(&body); err != nil {
		return err
	}
	settings, err := body.settings()
	if err != nil {
		return err
	}
	if _, err := a.opt.Rooms.Room(c.ctx, c.room); err != nil {
		return err
	}
	if err := a.opt.Rooms.Set(c.ctx, c.room, "", settings); err != nil {
		return err
	}
	return a.describe(c, c.room, http.StatusOK)
}

func (a *API) deleteRoom(c *call) error {
	if err := a.opt.Rooms.Delete(c.ctx, c.room); err != nil {
		return err
	}
	return c.reply(http.StatusNoContent, nil)
}

func (a *API) endRoom(c *call) error {
	if err := a.opt.Rooms.End(c.ctx, c.room); err != nil {
		return err
	}
	return c.reply(http.StatusNoContent, nil)
}

// startRecording begins to record a room with somebody in it.
func (a *API) startRecording(c *call) error {
	if err := a.opt.Rooms.Record(c.ctx, c.room, "", true); err != nil {
		return err
	}
	return a.describe(c, c.room, http.StatusOK)
}

func (a *API) stopRecording(c *call) error {
	if err := a.opt.Rooms.Record(c.ctx, c.room, "", false); err != nil {
		return err
	}
	return c.reply(http.StatusNoContent, nil)
}

// exportRoom streams the log of a room as JSON lines.
func (a *API) exportRoom(c *call) error {
	return a.opt.Rooms.Export(c.r.Context(), c.room, &stream{call: c})
}

// stream begins the answer with the first byte, so that a room that is not there is refused as elsewhere.
type stream struct{ *call }

func (s *stream) Write(p []byte) (int, error) {
	if !s.begun {
		s.begun = true
		s.w.Header().Set("Content-Type", "application/x-ndjson")
		s.w.WriteHeader(http.StatusOK)
	}
	_ = http.NewResponseController(s.w).SetWriteDeadline(time.Now().Add(s.api.opt.Write)) // only a test's recorder has none
	return s.w.Write(p)
}

type inviteBody struct {
	Role    protocol.Role `json:"role"`
	Seconds int           `json:"seconds"`
	Uses    int           `json:"uses"`
}

// Invite is a token for a link.
type Invite struct {
	Token   string    `json:"token"`
	Path    string    `json:"path"` // of the link, from the server's address on
	Expires time.Time `json:"expires"`
}

func (a *API) createInvite(c *call) error {
	body := inviteBody{Role: protocol.RoleMember, Seconds: 24 * 3600}
	if err := c.read(&body); err != nil {
		return err
	}
	if err := within(&protocol.GetInvite{ID: someID, Role: body.Role, Seconds: body.Seconds, Uses: body.Uses}); err != nil {
		return err
	}
	token, expires, err := a.opt.Rooms.Invite(c.room, auth.Role(body.Role), time.Duration(body.Seconds)*time.Second, body.Uses)
	if err != nil {
		return err
	}
	return c.reply(http.StatusCreated, Invite{token, "/r/" + c.room + "#token=" + token, expires.UTC()})
}
