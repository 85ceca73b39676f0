package auth

import "fmt"

// Action is something that a person, or a program with a token, asks the server to do.
type Action uint8

// The actions. Each has one line in rules.
const (
	ActionJoinLocked   Action = iota // come into a room that is locked
	ActionSkipLobby                  // come in without knocking
	ActionSkipPassword               // come in without the room's password
	ActionJoinFull                   // come in when the room has its maximum of people

	ActionPublishMicrophone
	ActionPublishCamera
	ActionPublishScreen
	ActionPublishScreenAudio
	ActionSubscribe // receive audio and video

	ActionChat          // write to everybody
	ActionDirectMessage // write to one person
	ActionReact         // put an emoji to a message, or show one
	ActionEditMessage   // the target is its author
	ActionDeleteMessage // the target is its author
	ActionSendData      // on data channels
	ActionSendFile      // offer a file

	ActionMute         // turn the microphone or the screen's sound of the target off
	ActionStopVideo    // turn the camera or the screen of the target off
	ActionAllowSource  // give back to the target what was taken with ActionMute or ActionStopVideo
	ActionRemove       // take the target's seat away
	ActionBan          // and keep the target out for a time
	ActionUnban        // let somebody in again
	ActionAdmit        // from the lobby
	ActionRefuse       // in the lobby
	ActionSetRole      // make the target another role, Target.Give
	ActionSetAccess    // open, lobby, locked
	ActionSetPassword  // set the room's password, or take it away
	ActionSetMaxPeople // set the room's maximum
	ActionEndForAll    // end the room

	ActionRecord     // record the room
	ActionReadEvents // read the log without a seat in the room, unseen by those inside
	ActionMintInvite // for the role Target.Give and the grants Target.Grants
	ActionAdminAPI   // use the admin API

	actions // how many there are
)

// Actions are all of them, in the order of the table.
func Actions() []Action {
	all := make([]Action, actions)
	for i := range all {
		all[i] = Action(i)
	}
	return all
}

// String says what is done, as in "you may not …".
func (a Action) String() string {
	if a >= actions {
		return fmt.Sprintf("do the unknown thing %d", uint8(a))
	}
	return rules[a].verb
}
