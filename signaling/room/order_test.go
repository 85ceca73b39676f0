package room

import (
	"testing"
	"time"

	"github.com/confab/confab/auth"
	"github.com/confab/confab/signaling/protocol"
)

func role(j Join, r auth.Role) Join {
	j.Seat.Role = r
	return j
}

func known(j Join, identity, address string) Join {
	j.Seat.Identity, j.Seat.Address = identity, address
	return j
}

var (
	mic, cam = []protocol.Source{protocol.Microphone}, []protocol.Source{protocol.Camera}
	secret   = "hash of a password"
	none     = ""
)

func TestOrder(t *testing.T) {
	open := config
	open.Succession = true
	three := config
	three.People = 3
	admitted := func(j Join) Join { j.Admitted = true; return j }
	password := func(j Join, hash string) Join { j.Password = hash; return j }
	run(t, []story{
		{"in a room without tokens the first is host, and the next after them", open, []step{
			{0, person("a"), "+a"},
			{0, person("b"), "+b"},
			{0, SetRoom{ID: "b", Access: protocol.AccessLocked}, "forbidden"},
			{0, Leave{"a", "", "left"}, "-a/left b=host"},
			{0, SetRoom{ID: "b", Access: protocol.AccessLocked}, "set=locked"},
			{0, SetRoom{ID: "b", Access: protocol.AccessLocked}, ""},
			{0, person("c"), "locked"},
			{0, Leave{"b", "", "left"}, "-b/left set=open"},
			{0, person("c"), "+c"},
		}},
		{"who is there inherits before who was cut off", open, []step{
			{0, person("a"), "+a"},
			{0, person("b"), "+b"},
			{0, person("c"), "+c sfu2/grew"},
			{0, SetOnline{ID: "b", Node: "n1"}, "b.online=false"},
			{0, Leave{"a", "", "left"}, "-a/left c=host"},
		}},
		{"with tokens nobody becomes anything by being there", config, []step{
			{0, person("a"), "+a"},
			{0, SetRoom{ID: "a", Access: protocol.AccessLocked}, "forbidden"},
			{0, role(person("m"), auth.RoleModerator), "+m"},
			{0, Leave{"m", "", "left"}, "-m/left"},
		}},
		{"a locked room, and who may come in all the same", config, []step{
			{0, role(person("h"), auth.RoleHost), "+h"},
			{0, SetRoom{ID: "h", Access: protocol.AccessLocked}, "set=locked"},
			{0, person("a"), "locked"},
			{0, role(person("m"), auth.RoleModerator), "+m"},
			{0, SetRoom{ID: "m", Access: protocol.AccessOpen}, "set=open"},
			{0, person("a"), "+a sfu2/grew"},
		}},
		{"a lobby", config, []step{
			{0, role(person("h"), auth.RoleHost), "+h"},
			{0, SetRoom{ID: "h", Access: protocol.AccessLobby}, "set=lobby"},
			{0, person("a"), "lobby"},
			{0, admitted(person("a")), "+a"},
		}},
		{"a password", config, []step{
			{0, role(person("m"), auth.RoleModerator), "+m"},
			{0, SetRoom{ID: "m", Password: &secret}, "forbidden"},
			{0, role(person("h"), auth.RoleHost), "+h"},
			{0, SetRoom{ID: "h", Password: &secret}, "set="},
			{0, person("a"), "password"},
			{0, password(person("a"), "another hash"), "password"},
			{0, password(person("a"), secret), "+a sfu2/grew"},
			{0, role(person("n"), auth.RoleModerator), "+n"},
			{0, SetRoom{ID: "h", Password: &none}, "set="},
			{0, person("b"), "+b"},
		}},
		{"as many people as the host says", three, []step{
			{0, role(person("h"), auth.RoleHost), "+h"},
			{0, SetRoom{ID: "h", People: 4}, "forbidden"},
			{0, SetRoom{ID: "h", People: 1}, "set="},
			{0, person("a"), "room-full"},
			{0, role(person("i"), auth.RoleHost), "+i"},
			{0, SetRoom{ID: "h", People: 3}, "set="},
			{0, person("a"), "+a sfu2/grew"},
			{0, role(person("j"), auth.RoleHost), "room-full"},
		}},
		{"muting", config, []step{
			{0, role(person("m"), auth.RoleModerator), "+m"},
			{0, person("a"), "+a"},
			{0, Mute{"a", "1", "m", cam, false}, "forbidden"},
			{0, Mute{"m", "1", "a", cam, false}, "a-[camera]/false"},
			{0, Mute{"m", "1", "a", cam, false}, ""},
			{0, Mute{"m", "2", "a", cam, false}, ""},
			{0, SetMedia{"a", "", protocol.State{Camera: true}}, "~a"},
			{0, Mute{"m", "3", "a", cam, true}, "a-[camera]/true sfu2/grew"},
			{0, SetMedia{"a", "", protocol.State{Camera: true}}, "blocked"},
			{0, SetMedia{"a", "", protocol.State{Microphone: true}}, "~a"},
			{0, Allow{"a", "1", "a", cam}, "forbidden"},
			{0, Allow{"m", "4", "a", mic}, ""},
			{0, Allow{"m", "5", "a", cam}, "a+[camera]"},
			{0, SetMedia{"a", "", protocol.State{Camera: true}}, "~a"},
			{0, Mute{"m", "6", "z", cam, false}, "no-such-peer"},
		}},
		{"muting everybody spares oneself and those above", config, []step{
			{0, role(person("h"), auth.RoleHost), "+h"},
			{0, role(person("m"), auth.RoleModerator), "+m"},
			{0, person("a"), "+a sfu2/grew"},
			{0, person("b"), "+b"},
			{0, Mute{"a", "1", "", cam, false}, "forbidden"},
			{0, Mute{"m", "1", "", cam, false}, "a-[camera]/false b-[camera]/false"},
			{0, Mute{"h", "1", "", cam, false}, "m-[camera]/false"},
			{0, Mute{Admin, "", "", cam, false}, "h-[camera]/false"},
		}},
		{"roles", config, []step{
			{0, role(person("h"), auth.RoleHost), "+h"},
			{0, role(person("m"), auth.RoleModerator), "+m"},
			{0, person("a"), "+a sfu2/grew"},
			{0, SetRole{"a", "1", "a", auth.RoleModerator}, "forbidden"},
			{0, SetRole{"m", "1", "a", auth.RoleHost}, "forbidden"},
			{0, SetRole{"m", "2", "a", auth.RoleModerator}, "a=moderator"},
			{0, SetRole{"m", "3", "h", auth.RoleMember}, "forbidden"},
			{0, SetRole{"h", "4", "a", auth.RoleViewer}, "a=viewer"},
			{0, SetMedia{"a", "", protocol.State{Microphone: true}}, "forbidden"},
		}},
		{"removing and banning", config, []step{
			{0, role(known(person("m"), "mo", "x"), auth.RoleModerator), "+m"},
			{0, known(person("a"), "ann", "x"), "+a"},
			{0, known(person("b"), "", "y"), "+b sfu2/grew"},
			{0, Remove{"a", "1", "b", 0}, "forbidden"},
			{0, Remove{"m", "1", "b", 0}, "-b/removed"},
			{0, known(person("b2"), "", "y"), "+b2"},
			{0, Remove{"m", "2", "b2", time.Hour}, "ban/b2 -b2/banned"},
			{0, known(person("b3"), "", "y"), "banned"},
			{0, Remove{"m", "3", "a", time.Hour}, "ban/a -a/banned done2"},
			{0, known(person("a2"), "ann", "z"), "banned"},
			{0, known(person("c"), "cy", "x"), "+c"},
			{0, Unban{"c", "1", "a"}, "forbidden"},
			{0, Unban{"m", "4", "q"}, "no-such-peer"},
			{0, Unban{"m", "5", "a"}, "unban/a"},
			{0, known(person("a2"), "ann", "z"), "+a2"},
			{time.Hour, known(person("b3"), "", "y"), "+b3"},
			{0, Remove{Admin, "", "m", 0}, "-m/removed"},
		}},
		{"ending for all", config, []step{
			{0, role(person("m"), auth.RoleModerator), "+m"},
			{0, person("a"), "+a"},
			{0, Say{ID: "a", Cmd: "1", Text: "x"}, "a:x"},
			{0, End{"a", "2"}, "forbidden"},
			{0, End{"m", "1"}, "ended"},
			{0, Say{ID: "a", Cmd: "3", Text: "x"}, "session-expired"},
			{0, person("b"), "+b"},
		}},
		{"a token's end", config, []step{
			{0, func() Join { j := person("a"); j.Seat.Expires = t0.Add(time.Minute); return j }(), "+a"},
			{time.Minute, Tick{}, ""},
			{0, Refresh{"a", "1", auth.RoleModerator, all, t0.Add(2 * time.Minute)}, "a.fresh"},
			{time.Minute + 29*time.Second, Tick{}, ""},
			{time.Second, Tick{}, "-a/expired"},
		}},
		{"less is granted", config, []step{
			{0, person("a"), "+a"},
			{0, Refresh{"a", "1", auth.RoleMember, auth.Grants{Subscribe: true}, time.Time{}}, "a.fresh sfu2/grew"},
			{0, SetMedia{"a", "", protocol.State{Camera: true}}, "forbidden"},
			{0, SetMedia{"a", "", protocol.State{Hand: true}}, "~a"},
		}},
		{"a node is lost", config, []step{
			{0, person("a"), "+a"},
			{0, func() Join { j := person("b"); j.Seat.Node = "n2"; return j }(), "+b"},
			{0, func() Join { j := ingest("i"); j.Seat.Node = "n2"; return j }(), "+i sfu2/grew"},
			{0, AddViewer{"n2"}, "viewers=1"},
			{0, NodeLost{"n3"}, ""},
			{0, NodeLost{"n2"}, "b.online=false -i/lost viewers=0"},
			{0, NodeLost{"n1"}, "a.online=false sfu3/restarted"},
			{0, SetOnline{ID: "b", Online: true, Node: "n1"}, "b.online=true"},
			{0, SetOnline{ID: "b", Node: "n2"}, ""},
			{30 * time.Second, Tick{}, "-a/lost done3"},
		}},
		{"the same seat for the same key", config, []step{
			{0, person("a"), "+a"},
			{0, SetOnline{ID: "a", Node: "n1"}, "a.online=false"},
			{0, Reseat{"a", "hash", "n2"}, "a.reseated"},
			{0, SetOnline{ID: "a", Node: "n1"}, ""},
			{time.Hour, Tick{}, ""},
		}},
	})
}
