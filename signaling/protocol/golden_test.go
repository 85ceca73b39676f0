package protocol

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/frames from the samples")

// samples has one value of every message, with every field set. The TypeScript tests read the same files.
var samples = []any{
	&Join{ID: "1", Room: "standup", Name: "Zoë <&>", Token: "a.b.c", Password: "correct horse", Key: "AAAAAAAAAAAAAAAAAAAAAA", Mode: ModeAuto, Media: State{Microphone: true, Camera: true}, Offer: &SFUOffer{
		Revision: 1, SDP: "v=0\r\n", Tracks: map[string]Source{"0": Microphone, "1": Camera},
		Pairs: []Pair{{Audio: "2", Video: "3"}}, Audio: []string{"4"},
	}},
	&Resume{ID: "1", Session: "s3cret", Epoch: "e1", Seq: 41},
	&Signal{ID: "2", To: "b2", Generation: 1, Description: &Description{Type: SDPOffer, SDP: "v=0\r\n", Tracks: map[string]Source{"0": Screen}}},
	&SFUOffer{ID: "3", Revision: 2, SDP: "v=0\r\n", Tracks: map[string]Source{"0": Microphone}, Pairs: []Pair{{Audio: "1", Video: "2"}}, Audio: []string{"3"}},
	&View{ID: "4", Wants: []Want{{Participant: "b2", Source: Camera, Width: 1280, Height: 720, Priority: 90, Visible: true}}},
	&State{ID: "5", Microphone: true, Camera: true, Screen: true, ScreenAudio: true, Hand: true},
	&RouteReady{ID: "6", Generation: 2},
	&RouteFailed{ID: "7", Generation: 2, Reason: "ice failed"},
	&Chat{ID: "m1", To: "b2", Text: "héllo\n<b>&", Reply: 7},
	&ChatEdit{ID: "m2", Message: 45, Text: "hello"},
	&ChatDelete{ID: "m3", Message: 45},
	&ChatReact{ID: "m4", Message: 45, Emoji: "👍🏽", On: true},
	&GetHistory{ID: "m5", Before: 45, Limit: 50},
	&SetTyping{ID: "m6", To: "b2", On: true},
	&SendEmote{ID: "m7", Emoji: "👏"},
	&SetRoom{ID: "o1", Access: AccessLobby, Password: ptr("correct horse"), People: 12},
	&SetRole{ID: "o2", Target: "b2", Role: RoleModerator},
	&Mute{ID: "o3", Target: "b2", Sources: []Source{Microphone}, Hold: true},
	&Allow{ID: "o4", Target: "b2", Sources: []Source{Microphone}},
	&Remove{ID: "o5", Target: "b2", Ban: 3600},
	&Admit{ID: "o6", Knock: "k1", Allow: true},
	&EndRoom{ID: "o7"},
	&SetRecording{ID: "o10", On: true},
	&Refresh{ID: "o8", Token: "a.b.c"},
	&GetInvite{ID: "o9", Role: RoleMember, Seconds: 3600, Uses: 3},
	&Transfer{ID: "11", To: "b2", Transfer: "AAECAwQFBgcICQoLDA0ODw", Open: true, Data: `{"t":"hello"}`},
	&GetCredentials{ID: "8"},
	&Ping{ID: "9"},
	&Leave{ID: "10"},

	&Joined{
		ID: "1", Self: "a1", Session: "s3cret", Room: "standup", Mode: ModeAuto, Epoch: "e1", Seq: 41, Recovered: true,
		Route: RouteState{Transport: TransportSFU, Generation: 2, Done: true},
		Participants: []Participant{
			{ID: "a1", Name: "Zoë", Media: State{Microphone: true}, Online: true, Kind: KindPerson, Role: RoleHost, Verified: true},
			{ID: "c3", Name: "Camera 7", Media: State{Camera: true}, Online: true, Kind: KindIngest, Role: RoleMember, Blocked: []Source{Microphone}},
		},
		Grants: []Grant{GrantMicrophone, GrantChat}, Settings: Settings{Access: AccessOpen, Password: true, People: 50}, More: true,
		Chat:       []ChatMessage{{Seq: 7, ID: "m1", From: "a1", Name: "Zoë", Text: "hello", Time: 1800000000000, Edited: 1800000001000, Reactions: []Reaction{{Emoji: "👍", From: []string{"b2"}}}}, {Seq: 8, Line: LineJoined, From: "c3", Name: "Camera 7", Time: 1800000000000}},
		ICEServers: []ICEServer{{URLs: []string{"turn:example.org:3478?transport=udp"}, Username: "1800003600:a1", Credential: "x"}},
		ICETTL:     3600, ResumeWindow: 30, Answer: &SFUAnswer{Revision: 1, SDP: "v=0\r\n"}, Server: "1.0.0",
		Recording: &RecordingState{By: "a1", Since: 1800000000000},
	},
	&SFUAnswer{ID: "3", Revision: 2, SDP: "v=0\r\n"},
	&Credentials{ID: "8", ICEServers: []ICEServer{{URLs: []string{"stun:example.org:3478"}}}, ICETTL: 3600},
	&Pong{ID: "9"},
	&Ack{ID: "m1", Seq: 45},
	&History{ID: "m5", Messages: []ChatMessage{{Seq: 5, ID: "m0", From: "a1", Name: "Zoë", Time: 1800000000000, Deleted: true}}, More: true},
	&Invite{ID: "o9", Token: "i.abc", Expires: 1800000000000},
	&Waiting{ID: "1", Moderators: true},
	&Error{ID: "7", Code: CodeRoomFull, Message: "the room is full", Hint: "Ask somebody to leave.", Retry: true, After: 5000},
	&Left{ID: "10", Reason: "left"},
	&ParticipantJoined{Seq: 42, Participant: Participant{ID: "b2", Name: "Bob", Media: State{Camera: true}, Online: true, Kind: KindPerson}},
	&ParticipantLeft{Seq: 43, ID: "b2", Reason: "left"},
	&ParticipantUpdated{Seq: 44, Participant: Participant{ID: "b2", Name: "Bob", Media: State{Hand: true}, Kind: KindPerson}},
	&ChatMessage{Seq: 45, ID: "m1", From: "a1", Name: "Zoë", To: "b2", Text: "héllo\n<b>&", Time: 1800000000000},
	&ChatEdited{Seq: 49, Message: 45, Text: "hello", Time: 1800000000000},
	&ChatDeleted{Seq: 50, Message: 45, By: "a1"},
	&ChatReacted{Seq: 51, Message: 45, From: "a1", Emoji: "👍🏽", On: true},
	&SettingsChanged{Seq: 52, Settings: Settings{Access: AccessLocked, People: 12}, By: "a1"},
	&Granted{Seq: 53, Role: RoleModerator, Grants: []Grant{GrantMicrophone, GrantScreen}},
	&RoomEnded{Seq: 54, By: "a1"},
	&Recording{Seq: 55, On: true, By: "a1", Since: 1800000000000, Reason: "the disk is full"},
	&Route{Seq: 46, Route: RouteState{Transport: TransportSFU, Generation: 2}, Reason: ReasonGrew},
	&RouteDone{Seq: 47, Generation: 2},
	&Withheld{Seq: 48},
	&PeerSignal{From: "a1", Generation: 1, Candidate: &Candidate{Candidate: "candidate:1 1 udp 1 127.0.0.1 9 typ host", SDPMid: "0", SDPMLineIndex: 0, UsernameFragment: "u"}},
	&PeerTransfer{From: "a1", Transfer: "AAECAwQFBgcICQoLDA0ODw", Open: true, Data: `{"t":"hello"}`},
	&Slots{Slots: []Slot{{Mid: "3", Participant: "b2", Source: Camera, Paused: PausedMuted}, {Mid: "4"}}},
	&Speakers{Speakers: []Speaker{{Participant: "b2", Level: 23}}},
	&Typing{From: "a1", To: "b2", On: true},
	&Emote{From: "a1", Emoji: "👏"},
	&Knocks{Knocks: []Knock{{ID: "k1", Name: "Eve", Verified: true, Since: 1800000000000}}, More: 2},
	&Draining{Deadline: 30000},
}

func goldenPath(typ Type) string {
	dir := "server"
	if typ.Class == ClassCommand {
		dir = "client"
	}
	return filepath.Join("testdata", "frames", dir, typ.Name+".json")
}

func TestGoldenFrames(t *testing.T) {
	for _, typ := range Types() {
		t.Run(string(typ.Class)+"/"+typ.Name, func(t *testing.T) {
			var sample any
			for _, s := range samples {
				if reflect.TypeOf(s).Elem() == typ.Struct {
					sample = s
				}
			}
			if sample == nil {
				t.Fatal("no sample")
			}
			frame, err := encode(sample)
			if err != nil {
				t.Fatal(err)
			}
			path := goldenPath(typ)
			if *update {
				var out bytes.Buffer
				if err := json.Indent(&out, frame, "", "  "); err != nil {
					t.Fatal(err)
				}
				out.WriteByte('\n')
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			golden, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var got any
			if typ.Class == ClassCommand {
				got, err = DecodeCommand(golden)
			} else {
				got, err = DecodeMessage(golden)
			}
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, sample) {
				t.Errorf("decoded %+v\nwant    %+v", got, sample)
			}
			var want bytes.Buffer
			if err := json.Compact(&want, golden); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(frame, want.Bytes()) {
				t.Errorf("encoded %s\nwant    %s", frame, want.Bytes())
			}
		})
	}
}

func TestListsAreNeverNull(t *testing.T) {
	for _, m := range []any{&Joined{}, &Credentials{}, &Slots{}, &Speakers{}, &View{}} {
		frame, err := encode(m)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(frame, []byte("null")) {
			t.Errorf("%T: %s", m, frame)
		}
	}
}

func TestEncodeRefusesWhatIsNoMessage(t *testing.T) {
	for _, m := range []any{nil, (*Joined)(nil), Joined{}, &Participant{}} {
		if frame, err := encode(m); err == nil {
			t.Errorf("%T: got %s", m, frame)
		}
	}
}

func ptr[T any](v T) *T { return &v }
