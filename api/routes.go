package api

import "net/http"

// Prefix is what every path of the API begins with.
const Prefix = "/api/v1"

// route is one operation.
type route struct {
	method, path string // the path is behind Prefix
	name         string // operationId in openapi.yaml, and label of the metrics
	handle       func(a *API, c *call) error
}

// routes are all that the API has, besides the document itself.
var routes = []route{
	{http.MethodGet, "/rooms", "listRooms", (*API).listRooms},
	{http.MethodPost, "/rooms", "createRoom", (*API).createRoom},
	{http.MethodGet, "/rooms/{room}", "getRoom", (*API).getRoom},
	{http.MethodPatch, "/rooms/{room}", "changeRoom", (*API).changeRoom},
	{http.MethodDelete, "/rooms/{room}", "deleteRoom", (*API).deleteRoom},
	{http.MethodPost, "/rooms/{room}/end", "endRoom", (*API).endRoom},
	{http.MethodGet, "/rooms/{room}/export", "exportRoom", (*API).exportRoom},
	{http.MethodGet, "/rooms/{room}/events", "followRoom", (*API).followRoom},
	{http.MethodPost, "/rooms/{room}/recording", "startRecording", (*API).startRecording},
	{http.MethodDelete, "/rooms/{room}/recording", "stopRecording", (*API).stopRecording},

	{http.MethodGet, "/rooms/{room}/participants", "listParticipants", (*API).listParticipants},
	{http.MethodPatch, "/rooms/{room}/participants/{participant}", "changeParticipant", (*API).changeParticipant},
	{http.MethodDelete, "/rooms/{room}/participants/{participant}", "removeParticipant", (*API).removeParticipant},
	{http.MethodPost, "/rooms/{room}/participants/{participant}/mute", "muteParticipant", (*API).mute},
	{http.MethodPost, "/rooms/{room}/participants/{participant}/allow", "allowParticipant", (*API).allow},
	{http.MethodPost, "/rooms/{room}/mute", "muteAll", (*API).mute},
	{http.MethodGet, "/rooms/{room}/bans", "listBans", (*API).listBans},
	{http.MethodDelete, "/rooms/{room}/bans/{ban}", "liftBan", (*API).liftBan},
	{http.MethodGet, "/rooms/{room}/lobby", "listLobby", (*API).listLobby},
	{http.MethodPost, "/rooms/{room}/lobby", "answerLobby", (*API).answerLobby},

	{http.MethodPost, "/rooms/{room}/invites", "createInvite", (*API).createInvite},
	{http.MethodGet, "/rooms/{room}/messages", "listMessages", (*API).listMessages},
	{http.MethodPost, "/rooms/{room}/messages", "postMessage", (*API).postMessage},
	{http.MethodDelete, "/rooms/{room}/messages/{message}", "deleteMessage", (*API).deleteMessage},
}
