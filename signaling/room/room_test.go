package room

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/confab/confab/auth"
	"github.com/confab/confab/signaling/protocol"
)

var (
	t0     = time.Unix(1_800_000_000, 0)
	all    = auth.AllGrants()
	config = Config{Node: "n1", SFU: true, Records: true, People: 10, Hold: 30 * time.Second, HoldClosed: 5 * time.Second, Linger: 10 * time.Second, Timeout: 15 * time.Second}
)

func person(id string) Join {
	return Join{Seat: Seat{ID: id, Name: id, Kind: protocol.KindPerson, Role: auth.RoleMember, Grants: all, Node: "n1", Media: protocol.State{Camera: true}}}
}

func ingest(id string) Join {
	j := person(id)
	j.Seat.Kind = protocol.KindIngest
	return j
}

func mode(j Join, m protocol.Mode) Join {
	j.Mode = m
	return j
}

// trace writes events the way the tables expect them.
func trace(events []Event) string {
	var out []string
	for _, e := range events {
		switch e := e.(type) {
		case *Joined:
			out = append(out, "+"+e.Seat.ID)
		case *Left:
			out = append(out, "-"+e.ID+"/"+e.Reason)
		case *Updated:
			out = append(out, "~"+e.ID)
		case *Presence:
			out = append(out, fmt.Sprintf("%s.online=%v", e.ID, e.Online))
		case *Said:
			out = append(out, e.From+":"+e.Text)
		case *RouteChanged:
			reason := e.Reason
			out = append(out, fmt.Sprintf("%s%d/%s", e.Transport, e.Generation, reason))
		case *RouteDone:
			out = append(out, fmt.Sprintf("done%d", e.Generation))
		case *Readied:
			out = append(out, e.ID+".ready")
		case *PairFailed:
			out = append(out, e.A+"x"+e.B)
		case *SettingsChanged:
			out = append(out, "set="+string(e.Settings.Access))
		case *RoleSet:
			out = append(out, e.ID+"="+string(e.Role))
		case *Muted:
			out = append(out, fmt.Sprintf("%s-%v/%v", e.ID, e.Sources, e.Hold))
		case *Allowed:
			out = append(out, fmt.Sprintf("%s+%v", e.ID, e.Sources))
		case *Banned:
			out = append(out, "ban/"+e.Ban.ID)
		case *Unbanned:
			out = append(out, "unban/"+e.ID)
		case *Ended:
			out = append(out, "ended")
		case *Refreshed:
			out = append(out, e.ID+".fresh")
		case *Reseated:
			out = append(out, e.ID+".reseated")
		case *Edited:
			out = append(out, fmt.Sprintf("%d:%s", e.Message, e.Text))
		case *Deleted:
			out = append(out, fmt.Sprintf("%d:deleted", e.Message))
		case *Reacted:
			out = append(out, fmt.Sprintf("%d%s%v", e.Message, e.Emoji, e.On))
		case *SFUFailed:
			out = append(out, e.ID+"xsfu")
		case *ViewersChanged:
			out = append(out, fmt.Sprintf("viewers=%d", e.Viewers))
		}
	}
	return strings.Join(out, " ")
}

func code(err error) string {
	var wire *protocol.Error
	if errors.As(err, &wire) {
		return string(wire.Code)
	}
	return fmt.Sprint(err)
}

type step struct {
	after time.Duration // since the step before
	do    Command
	want  string // trace of the events, or the code of the refusal
}

func TestRoom(t *testing.T) {
	noSFU := config
	noSFU.SFU = false
	three := config
	three.People = 3
	unmuted := protocol.State{Microphone: true}
	mute := func(j Join) Join { j.Seat.Grants = auth.Grants{Subscribe: true}; return j }
	run(t, []story{
		{"refusals", three, []step{
			{0, SetMedia{"a", "", unmuted}, "session-expired"},
			{0, SetOnline{ID: "a", Node: "n1"}, "session-expired"},
			{0, Leave{"a", "", "left"}, "session-expired"},
			{0, Say{ID: "a", Cmd: "1", Text: "x"}, "session-expired"},
			{0, mute(person("a")), "+a sfu2/grew"},
			{0, person("a"), "internal"},
			{0, SetMedia{"a", "", unmuted}, "forbidden"},
			{0, SetMedia{"a", "", protocol.State{Hand: true}}, "~a"},
			{0, Say{ID: "a", Cmd: "1", Text: "x"}, "forbidden"},
			{0, mode(person("b"), protocol.ModeSFU), "mode-mismatch"},
			{0, mode(person("b"), protocol.ModeP2P), "mode-mismatch"},
			{0, mode(person("b"), protocol.ModeAuto), "+b"},
			{0, Say{ID: "b", Cmd: "1", Text: "x", To: "z"}, "no-such-peer"},
			{0, person("c"), "+c"},
			{0, person("d"), "room-full"},
			{0, ingest("d"), "room-full"},
			{0, Leave{"b", "", "left"}, "-b/left"},
			{0, person("d"), "+d"},
		}},
		{"who may not do everything is kept to the SFU, where it can be enforced", config, []step{
			{0, mode(mute(person("a")), protocol.ModeP2P), "mode-mismatch"},
			{0, person("a"), "+a"},
			{0, mute(person("b")), "+b sfu2/grew"},
			{0, Leave{"b", "", "left"}, "-b/left done2"},
			{0, person("c"), "+c"},
		}},
		{"without an SFU a limited token does not open the door", noSFU, []step{
			{0, mute(person("a")), "sfu-off"},
			{0, person("a"), "+a"},
		}},
		{"nothing to do is no event", config, []step{
			{0, Tick{}, ""},
			{0, RemoveViewer{"n1"}, ""},
			{0, Ready{"a", 1}, ""},
			{0, Fail{"a", 1}, ""},
			{0, person("a"), "+a"},
			{0, SetOnline{ID: "a", Node: "n1", Online: true}, ""},
			{0, SetMedia{"a", "", protocol.State{Camera: true}}, ""},
			{0, Ready{"a", 1}, ""},
			{time.Hour, Tick{}, ""},
		}},
		{"a lost seat is held for 30 s", config, []step{
			{0, person("a"), "+a"},
			{0, person("b"), "+b"},
			{time.Second, SetOnline{ID: "a", Node: "n1"}, "a.online=false"},
			{29 * time.Second, Tick{}, ""},
			{0, SetOnline{ID: "a", Node: "n1", Online: true}, "a.online=true"},
			{time.Minute, Tick{}, ""},
			{0, SetOnline{ID: "a", Node: "n1"}, "a.online=false"},
			{30 * time.Second, Tick{}, "-a/lost"},
		}},
		{"a closed page's seat is held for 5 s", config, []step{
			{0, person("a"), "+a"},
			{0, person("b"), "+b"},
			{0, SetOnline{ID: "a", Node: "n1", Closed: true}, "a.online=false"},
			{4 * time.Second, Tick{}, ""},
			{0, SetOnline{ID: "a", Node: "n1", Online: true}, "a.online=true"},
			{0, SetOnline{ID: "a", Node: "n1", Closed: true}, "a.online=false"},
			{5 * time.Second, Tick{}, "-a/lost"},
		}},
		{"chat once", config, []step{
			{0, person("a"), "+a"},
			{0, person("b"), "+b"},
			{0, Say{ID: "a", Cmd: "1", Text: "x"}, "a:x"},
			{0, Say{ID: "a", Cmd: "1", Text: "x"}, ""},
			{0, Say{ID: "b", Cmd: "1", Text: "y"}, "b:y"},
			{0, Say{ID: "a", Cmd: "2", Text: "z", To: "b"}, "a:z"},
		}},
		{"two, three, two", config, []step{
			{0, person("a"), "+a"},
			{0, person("b"), "+b"},
			{0, person("c"), "+c sfu2/grew"},
			{0, Ready{"a", 1}, ""},
			{0, Ready{"a", 2}, "a.ready"},
			{0, Ready{"b", 2}, "b.ready"},
			{0, Ready{"c", 2}, "c.ready done2"},
			{0, Leave{"c", "", "left"}, "-c/left"},
			{9 * time.Second, Tick{}, ""},
			{time.Second, Tick{}, "p2p3/shrank"},
			{0, Ready{"b", 3}, "b.ready"},
			{0, Ready{"a", 3}, "a.ready done3"},
		}},
		{"the third comes back before the linger is over", config, []step{
			{0, person("a"), "+a"},
			{0, person("b"), "+b"},
			{0, person("c"), "+c sfu2/grew"},
			{0, Leave{"c", "", "left"}, "-c/left"},
			{9 * time.Second, person("c"), "+c"},
			{6 * time.Second, Tick{}, "done2"},
			{time.Hour, Tick{}, ""},
		}},
		{"who leaves is not waited for", config, []step{
			{0, person("a"), "+a"},
			{0, person("b"), "+b"},
			{0, person("c"), "+c sfu2/grew"},
			{0, Ready{"a", 2}, "a.ready"},
			{0, Ready{"b", 2}, "b.ready"},
			{0, Leave{"c", "", "left"}, "-c/left done2"},
		}},
		{"who is cut off is waited for until the timeout", config, []step{
			{0, person("a"), "+a"},
			{0, person("b"), "+b"},
			{0, SetOnline{ID: "a", Node: "n1"}, "a.online=false"},
			{0, person("c"), "+c sfu2/grew"},
			{0, Ready{"b", 2}, "b.ready"},
			{0, Ready{"c", 2}, "c.ready"},
			{15 * time.Second, Tick{}, "done2"},
		}},
		{"a pair that cannot connect stays on the SFU", config, []step{
			{0, person("a"), "+a"},
			{0, person("b"), "+b"},
			{0, Fail{"b", 1}, "axb sfu2/p2p-failed"},
			{0, Fail{"a", 1}, ""},
			{0, Ready{"b", 2}, "b.ready"},
			{0, Ready{"a", 2}, "a.ready done2"},
			{time.Hour, Tick{}, ""},
			{0, person("c"), "+c"},
			{0, Leave{"c", "", "left"}, "-c/left"},
			{time.Hour, Tick{}, ""},
			{0, Leave{"a", "", "left"}, "-a/left"},
			{10 * time.Second, Tick{}, "p2p3/shrank done3"},
		}},
		{"back to peer to peer takes too long", config, []step{
			{0, person("a"), "+a"},
			{0, person("b"), "+b"},
			{0, person("c"), "+c sfu2/grew"},
			{0, Leave{"c", "", "left"}, "-c/left"},
			{10 * time.Second, Tick{}, "p2p3/shrank"},
			{0, Ready{"a", 3}, "a.ready"},
			{15 * time.Second, Tick{}, "axb sfu4/p2p-failed"},
			{0, Ready{"a", 4}, "a.ready"},
			{0, Ready{"b", 4}, "b.ready done4"},
			{time.Hour, Tick{}, ""},
		}},
		{"the SFU cannot be reached", config, []step{
			{0, person("a"), "+a"},
			{0, person("b"), "+b"},
			{0, person("c"), "+c sfu2/grew"},
			{0, Fail{"b", 1}, ""},
			{0, Fail{"b", 2}, "bxsfu p2p3/sfu-failed"},
			{0, Fail{"a", 3}, ""},
			{0, person("d"), "+d"},
			{15 * time.Second, Tick{}, "done3"},
			{0, person("e"), "+e sfu4/grew"},
			{0, Fail{"b", 4}, ""},
			{0, Leave{"d", "", "left"}, "-d/left p2p5/sfu-failed"},
			{0, Leave{"b", "", "left"}, "-b/left sfu6/grew"},
		}},
		{"both ways fail: no swinging", config, []step{
			{0, person("a"), "+a"},
			{0, person("b"), "+b"},
			{0, Fail{"a", 1}, "axb sfu2/p2p-failed"},
			{0, Fail{"a", 2}, "axsfu"},
			{0, Fail{"b", 2}, "bxsfu"},
			{0, Fail{"a", 1}, ""},
			{15 * time.Second, Tick{}, "done2"},
			{time.Hour, Tick{}, ""},
		}},
		{"an ingest needs the SFU", config, []step{
			{0, person("a"), "+a"},
			{0, ingest("i"), "+i sfu2/grew"},
			{0, Ready{"a", 2}, "a.ready done2"},
			{0, Leave{"i", "", "left"}, "-i/left"},
			{10 * time.Second, Tick{}, "p2p3/shrank done3"},
		}},
		{"a viewer needs the SFU", config, []step{
			{0, AddViewer{"n1"}, "viewers=1 sfu2/grew done2"},
			{0, person("a"), "+a"},
			{0, person("b"), "+b"},
			{0, mode(person("c"), protocol.ModeP2P), "mode-mismatch"},
			{0, RemoveViewer{"n1"}, "viewers=0"},
			{10 * time.Second, Tick{}, "p2p3/shrank"},
			{0, AddViewer{"n1"}, "viewers=1 sfu4/grew"},
		}},
		{"mode sfu", config, []step{
			{0, mode(person("a"), protocol.ModeSFU), "+a"},
			{time.Hour, person("b"), "+b"},
			{0, Fail{"a", 1}, "axsfu"},
			{time.Hour, Tick{}, ""},
		}},
		{"mode p2p takes four and no ingest", config, []step{
			{0, mode(person("a"), protocol.ModeP2P), "+a"},
			{0, person("b"), "+b"},
			{0, person("c"), "+c"},
			{0, ingest("i"), "mode-mismatch"},
			{0, AddViewer{"n1"}, "mode-mismatch"},
			{0, Fail{"a", 1}, ""},
			{0, person("d"), "+d"},
			{0, person("e"), "room-full"},
		}},
		{"mode files has no media and no route", config, []step{
			{0, mode(person("a"), protocol.ModeFiles), "+a"},
			{0, person("b"), "+b"},
			{0, mode(person("c"), protocol.ModeSFU), "mode-mismatch"},
			{0, person("c"), "+c"},
			{0, mode(mute(person("d")), protocol.ModeFiles), "+d"},
			{0, person("e"), "+e"},
			{0, ingest("i"), "mode-mismatch"},
			{0, AddViewer{"n1"}, "mode-mismatch"},
			{0, Fail{"a", 1}, ""},
			{0, SetMedia{ID: "a", Cmd: "1", Media: protocol.State{Camera: true}}, "mode-mismatch"},
			{0, Leave{"c", "", "left"}, "-c/left"},
			{time.Hour, Tick{}, ""},
		}},
		{"mode files without an SFU takes more than a mesh", noSFU, []step{
			{0, mode(person("a"), protocol.ModeFiles), "+a"},
			{0, person("b"), "+b"},
			{0, person("c"), "+c"},
			{0, person("d"), "+d"},
			{0, person("e"), "+e"},
			{0, Fail{"a", 1}, ""},
			{time.Hour, Tick{}, ""},
		}},
		{"without an SFU", noSFU, []step{
			{0, mode(person("a"), protocol.ModeSFU), "sfu-off"},
			{0, ingest("i"), "sfu-off"},
			{0, AddViewer{"n1"}, "sfu-off"},
			{0, person("a"), "+a"},
			{0, person("b"), "+b"},
			{0, Fail{"a", 1}, "axb"},
			{0, person("c"), "+c"},
			{0, person("d"), "+d"},
			{0, person("e"), "room-full"},
		}},
	})
}

type story struct {
	name   string
	config Config
	steps  []step
}

func run(t *testing.T, stories []story) {
	t.Helper()
	for _, tc := range stories {
		t.Run(tc.name, func(t *testing.T) {
			s, now := New(tc.config), t0
			for i, st := range tc.steps {
				now = now.Add(st.after)
				events, err := Step(s, st.do, now)
				got := trace(events)
				if err != nil {
					got = code(err)
				}
				if got != st.want {
					t.Fatalf("step %d, %T%+v: got %q, want %q", i, st.do, st.do, got, st.want)
				}
			}
		})
	}
}

func TestNamesAreTold(t *testing.T) {
	s := New(config)
	long := strings.Repeat("ü", protocol.MaxName)
	for i, tc := range []struct{ asked, want string }{
		{"Bob", "Bob"},
		{"bob ", "bob  (2)"},
		{"Bob", "Bob (3)"},
		{"Bob (2)", "Bob (2) (2)"},
		{"B\u200bo\u00adb\u2060", "B\u200bo\u00adb\u2060 (4)"},
		{long, long},
		{long, long[:2*(protocol.MaxName-4)] + " (2)"},
	} {
		j := person(fmt.Sprint(i))
		j.Seat.Name = tc.asked
		events, err := Step(s, j, t0)
		if err != nil {
			t.Fatal(err)
		}
		if got := events[0].(*Joined).Seat.Name; got != tc.want || !protocol.ValidName(got) {
			t.Errorf("%q became %q, want %q", tc.asked, got, tc.want)
		}
	}
}

func TestPrivateChatIsWithheldFromOthers(t *testing.T) {
	s := New(config)
	for _, id := range []string{"a", "b", "c"} {
		if _, err := Step(s, person(id), t0); err != nil {
			t.Fatal(err)
		}
	}
	events, err := Step(s, Say{ID: "a", Cmd: "1", To: "b", Text: "secret"}, t0)
	if err != nil {
		t.Fatal(err)
	}
	seq := events[0].Head().Seq
	for id, sees := range map[string]bool{"a": true, "b": true, "c": false} {
		m := Wire(s, events[0], id)
		if _, told := m.(*protocol.ChatMessage); told != sees || m.Sequence() != seq {
			t.Errorf("%s gets %+v", id, m)
		}
		if got := len(s.Joined(id).Chat) == 4; got != sees {
			t.Errorf("the snapshot of %s has the message: %v", id, got)
		}
	}
	if a, b, private := Private(events[0]); a != "a" || b != "b" || !private {
		t.Errorf("Private = %q, %q, %v", a, b, private)
	}
}

func TestHistoryIsBounded(t *testing.T) {
	s := New(config)
	if _, err := Step(s, person("a"), t0); err != nil {
		t.Fatal(err)
	}
	for i := range 2 * ChangeableMessages {
		if _, err := Step(s, Say{ID: "a", Cmd: fmt.Sprint(i), Text: "x"}, t0); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.Chat) != protocol.MaxHistory || len(s.messages) != ChangeableMessages || len(s.Seat("a").applied) != RememberedCommands || !s.More {
		t.Errorf("%d messages, %d to be changed, %d commands are kept", len(s.Chat), len(s.messages), len(s.Seat("a").applied))
	}
	if newest := s.Chat[len(s.Chat)-1].ID; newest != fmt.Sprint(2*ChangeableMessages-1) {
		t.Errorf("the newest message is %s", newest)
	}
}
