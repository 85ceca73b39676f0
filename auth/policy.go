package auth

import "fmt"

// Actor is who asks.
type Actor struct {
	ID     string // of the participant, or any other stable id; own messages are known by it
	Role   Role   // the one of now, which a moderator may have changed since the token was minted
	Grants Grants
}

// Target is on whom or what the actor wants to act. Actions without a target ignore it.
type Target struct {
	ID     string // of the person, or of the author of the message
	Role   Role   // of that person now; no role, as of somebody who has left, is below all
	Give   Role   // the role to give: ActionSetRole, ActionMintInvite
	Grants Grants // the grants to give: ActionMintInvite
}

// Cause is why an act was refused.
type Cause uint8

// The causes.
const (
	CauseRole    Cause = iota + 1 // the actor's role is too low
	CauseGrant                    // the actor's token does not grant it
	CauseTarget                   // the role would do, but not on this target
	CauseGive                     // the actor would give more than the actor has
	CauseUnknown                  // no such action
)

// Refusal is the error of May. Its texts can be shown to the person who was refused.
type Refusal struct {
	Action  Action
	Cause   Cause
	Message string // what is refused and why
	Hint    string // what the person can do about it; may be empty
}

func (r *Refusal) Error() string { return r.Message }

// about says what an action is done to.
type about uint8

const (
	alone   about = iota // nobody: only the role counts
	message              // a message: its author may be oneself
	person               // a person, who may be oneself
)

// reach is whom a role that may act on others can act on.
type reach uint8

const (
	upToOwn  reach = iota // roles up to one's own
	belowOwn              // roles below one's own; a host can act on other hosts too
)

// never is the role that nobody has.
const never Role = "never"

// rule is one line of the policy table.
type rule struct {
	verb   string
	about  about
	role   Role // the lowest that may; on others when the action has a target
	own    Role // the lowest that may on oneself, or on one's own message
	reach  reach
	grant  func(Grants) bool // nil: none needed
	named  string            // the name of the grant in a token
	giving bool              // Target.Give may not be above the actor's role
}

// rules is the policy: who may do what. A moderator keeps order among people of the same role and below, but takes away
// seats and roles only below; what makes a room somebody's (password, size, the admin API) is the host's. Nobody may put words into
// somebody else's mouth, so the messages of others can be deleted, not edited.
var rules = [actions]rule{
	ActionJoinLocked:   {verb: "join a locked room", role: RoleModerator},
	ActionSkipLobby:    {verb: "join without knocking", role: RoleModerator},
	ActionSkipPassword: {verb: "join without the room's password", role: RoleModerator},
	ActionJoinFull:     {verb: "join a full room", role: RoleHost},

	ActionPublishMicrophone:  {verb: "send a microphone", role: RoleMember, grant: func(g Grants) bool { return g.Microphone }, named: "publish:microphone"},
	ActionPublishCamera:      {verb: "send a camera", role: RoleMember, grant: func(g Grants) bool { return g.Camera }, named: "publish:camera"},
	ActionPublishScreen:      {verb: "share a screen", role: RoleMember, grant: func(g Grants) bool { return g.Screen }, named: "publish:screen"},
	ActionPublishScreenAudio: {verb: "share the sound of a screen", role: RoleMember, grant: func(g Grants) bool { return g.ScreenAudio }, named: "publish:screen-audio"},
	ActionSubscribe:          {verb: "receive audio and video", role: RoleViewer, grant: func(g Grants) bool { return g.Subscribe }, named: "subscribe"},

	ActionChat:          {verb: "write to the chat", role: RoleViewer, grant: canChat, named: "chat"},
	ActionDirectMessage: {verb: "write to one person", role: RoleMember, grant: canChat, named: "chat"},
	ActionReact:         {verb: "react", role: RoleViewer, grant: canChat, named: "chat"},
	ActionEditMessage:   {verb: "edit this message", about: message, role: never, own: RoleViewer, grant: canChat, named: "chat"},
	ActionDeleteMessage: {verb: "delete this message", about: message, role: RoleModerator, own: RoleViewer, reach: upToOwn},
	ActionSendData:      {verb: "send data", role: RoleMember, grant: func(g Grants) bool { return g.Data }, named: "data"},
	ActionSendFile:      {verb: "send files", role: RoleMember, grant: func(g Grants) bool { return g.Files }, named: "files"},

	ActionMute:         {verb: "mute this person", about: person, role: RoleModerator, own: RoleViewer, reach: upToOwn},
	ActionStopVideo:    {verb: "stop the video of this person", about: person, role: RoleModerator, own: RoleViewer, reach: upToOwn},
	ActionAllowSource:  {verb: "give this person a source back", about: person, role: RoleModerator, own: RoleModerator, reach: upToOwn},
	ActionRemove:       {verb: "remove this person", about: person, role: RoleModerator, own: never, reach: belowOwn},
	ActionBan:          {verb: "ban this person", about: person, role: RoleModerator, own: never, reach: belowOwn},
	ActionUnban:        {verb: "lift a ban", role: RoleModerator},
	ActionAdmit:        {verb: "let people in from the lobby", role: RoleModerator},
	ActionRefuse:       {verb: "turn people away in the lobby", role: RoleModerator},
	ActionSetRole:      {verb: "change the role of this person", about: person, role: RoleModerator, own: RoleViewer, reach: belowOwn, giving: true},
	ActionSetAccess:    {verb: "open or lock the room", role: RoleModerator},
	ActionSetPassword:  {verb: "set the room's password", role: RoleHost},
	ActionSetMaxPeople: {verb: "set how many people the room takes", role: RoleHost},
	ActionEndForAll:    {verb: "end the room for all", role: RoleModerator},

	ActionRecord:     {verb: "record the room", role: RoleModerator, grant: func(g Grants) bool { return g.Record }, named: "record"},
	ActionReadEvents: {verb: "read the room's events", role: RoleModerator},
	ActionMintInvite: {verb: "make an invite", role: RoleModerator, giving: true},
	ActionAdminAPI:   {verb: "use the admin API", role: RoleHost, grant: func(g Grants) bool { return g.Admin }, named: "admin"},
}

func canChat(g Grants) bool { return g.Chat }

// May says whether the actor may do this to the target: nil, or a *Refusal. It knows roles and grants only; that a room is locked,
// or a source blocked, is the room's to know, which asks whether this actor is above that (ActionJoinLocked).
func May(a Actor, do Action, t Target) error {
	if do >= actions {
		return &Refusal{do, CauseUnknown, "there is no such action", ""}
	}
	r := &rules[do]
	needed := r.role
	own := r.about != alone && a.ID != "" && a.ID == t.ID
	if own {
		needed = r.own
	}
	switch {
	case needed == never && own:
		return &Refusal{do, CauseTarget, fmt.Sprintf("you cannot %s: it is you", do), "Leave the room instead."}
	case needed == never:
		return &Refusal{do, CauseTarget, fmt.Sprintf("nobody but its author may %s", do), ""}
	case !a.Role.Valid() || !a.Role.AtLeast(needed):
		return &Refusal{do, CauseRole, fmt.Sprintf("you may not %s: that takes a %s, and you are a %s", do, needed, a.Role), hints[needed]}
	case r.grant != nil && !r.grant(a.Grants):
		return &Refusal{do, CauseGrant, fmt.Sprintf("you may not %s: your token does not grant %s", do, r.named), "Ask whoever invited you for another link."}
	case r.about != alone && !own && !r.reach.covers(a.Role, t.Role):
		return &Refusal{do, CauseTarget, fmt.Sprintf("you may not %s: a %s is not below a %s", do, t.Role, a.Role), "Ask a host."}
	case r.giving && (!t.Give.Valid() || !a.Role.AtLeast(t.Give)):
		return &Refusal{do, CauseGive, fmt.Sprintf("you may not make somebody a %q: you are a %s", t.Give, a.Role), "Give a role up to your own."}
	case r.giving && r.about == alone && !t.Grants.Within(a.Grants):
		return &Refusal{do, CauseGive, "you may not give grants that your own token has not", "Leave those grants out."}
	}
	return nil
}

// covers reports whether somebody of a role can act on somebody of another.
func (r reach) covers(actor, target Role) bool {
	if r == belowOwn && actor != RoleHost {
		return !target.AtLeast(actor)
	}
	return actor.AtLeast(target)
}

var hints = map[Role]string{
	RoleMember:    "Ask a moderator to let you take part.",
	RoleModerator: "Ask a moderator.",
	RoleHost:      "Ask a host.",
}
