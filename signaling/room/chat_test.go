package room

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/confab/confab/auth"
	"github.com/confab/confab/signaling/protocol"
)

func TestChat(t *testing.T) {
	// The first people in a room make two lines and no route, so messages begin with number 4.
	in := []step{{0, person("a"), "+a"}, {0, role(person("m"), auth.RoleModerator), "+m"}}
	run(t, []story{
		{"one's own messages", config, append(in,
			step{0, Say{ID: "a", Cmd: "1", Text: "x"}, "a:x"},
			step{0, EditChat{"m", "1", 3, "y"}, "forbidden"},
			step{0, EditChat{"a", "2", 3, "y"}, "3:y"},
			step{0, EditChat{"a", "3", 3, "y"}, ""},
			step{0, DeleteChat{"a", "4", 3}, "3:deleted"},
			step{0, DeleteChat{"a", "5", 3}, "no-such-message"},
			step{0, EditChat{"a", "6", 3, "z"}, "no-such-message"},
			step{0, EditChat{"a", "7", 99, "z"}, "no-such-message"},
		)},
		{"a moderator deletes what others say", config, append(in,
			step{0, Say{ID: "a", Cmd: "1", Text: "x"}, "a:x"},
			step{0, Say{ID: "m", Cmd: "1", Text: "y"}, "m:y"},
			step{0, DeleteChat{"a", "2", 4}, "forbidden"},
			step{0, DeleteChat{"m", "2", 3}, "3:deleted"},
			step{0, DeleteChat{Admin, "", 4}, "4:deleted"},
		)},
		{"what somebody has said who has left", config, append(in,
			step{0, Say{ID: "a", Cmd: "1", Text: "x"}, "a:x"},
			step{0, Leave{"a", "", "left"}, "-a/left"},
			step{0, DeleteChat{"m", "2", 3}, "3:deleted"},
		)},
		{"reactions", config, append(in,
			step{0, Say{ID: "a", Cmd: "1", Text: "x"}, "a:x"},
			step{0, React{"m", "1", 3, "👍", true}, "3👍true"},
			step{0, React{"m", "2", 3, "👍", true}, ""},
			step{0, React{"m", "3", 3, "👎", false}, ""},
			step{0, React{"m", "4", 3, "👍", false}, "3👍false"},
			step{0, React{"m", "5", 1, "👍", true}, "no-such-message"},
		)},
		{"a private message is nobody else's to change or to see", config, append(in,
			step{0, person("b"), "+b sfu2/grew"},
			step{0, Say{ID: "a", Cmd: "1", To: "b", Text: "x"}, "a:x"},
			step{0, React{"m", "1", 5, "👍", true}, "no-such-message"},
			step{0, DeleteChat{"m", "2", 5}, "no-such-message"},
			step{0, React{"b", "1", 5, "👍", true}, "5👍true"},
		)},
		{"a command that comes again happens once", config, append(in,
			step{0, Say{ID: "a", Cmd: "1", Text: "x"}, "a:x"},
			step{0, React{"a", "2", 3, "👍", true}, "3👍true"},
			step{0, React{"a", "3", 3, "👍", false}, "3👍false"},
			step{0, React{"a", "2", 3, "👍", true}, ""},
			step{0, Mute{"m", "1", "a", cam, false}, "a-[camera]/false"},
			step{0, SetMedia{"a", "4", protocol.State{Camera: true}}, "~a"},
			step{0, Mute{"m", "1", "a", cam, false}, ""},
		)},
	})
}

func TestAppliedCommandsAreKnown(t *testing.T) {
	s := New(config)
	for _, c := range []Command{role(person("m"), auth.RoleModerator), person("a"), person("b"), Mute{"m", "x", "", cam, false}} {
		if _, err := Step(s, c, t0); err != nil {
			t.Fatal(err)
		}
	}
	if seq, ok := s.Applied("m", "x"); !ok || seq != s.Seq {
		t.Errorf("Applied = %d, %v, the last event is %d", seq, ok, s.Seq)
	}
	if _, ok := s.Applied("a", "x"); ok {
		t.Error("a command is known to be somebody else's")
	}
	if _, ok := s.Applied("m", ""); ok {
		t.Error("a command without an id is known")
	}
}

// What Admin says is said once, also by a server that has read the room from a snapshot.
func TestAppliedCommandsOfAdminAreKnown(t *testing.T) {
	s := New(config)
	say := Say{ID: Admin, Cmd: "x", Text: "hello"}
	if _, err := Step(s, say, t0); err != nil {
		t.Fatal(err)
	}
	data, err := s.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	if s, err = Load(config, data); err != nil {
		t.Fatal(err)
	}
	if events, err := Step(s, say, t0); err != nil || len(events) > 0 {
		t.Fatalf("said again: %v, %v", events, err)
	}
	if seq, ok := s.Applied(Admin, "x"); !ok || seq != 1 {
		t.Fatalf("Applied = %d, %v, want 1", seq, ok)
	}
	for range 2 * RememberedAdmin {
		if _, err := Step(s, Say{ID: Admin, Cmd: fmt.Sprint("y", s.Seq), Text: "more"}, t0); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.admin) != RememberedAdmin {
		t.Errorf("%d commands are remembered, want %d", len(s.admin), RememberedAdmin)
	}
}

func TestChangesOfAMessageAreBounded(t *testing.T) {
	s := New(config)
	for _, c := range []Command{person("a"), person("b"), Say{ID: "a", Cmd: "1", Text: "x"}} {
		if _, err := Step(s, c, t0); err != nil {
			t.Fatal(err)
		}
	}
	for i := range MaxChanges {
		if _, err := Step(s, React{"b", "", 3, "👍", i%2 == 0}, t0); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []Command{React{"b", "", 3, "👍", true}, EditChat{"a", "", 3, "y"}} {
		if _, err := Step(s, c, t0); code(err) != string(protocol.CodeTooLarge) {
			t.Errorf("%T: %v", c, err)
		}
	}
	if _, err := Step(s, DeleteChat{"a", "", 3}, t0); err != nil {
		t.Errorf("it cannot be deleted: %v", err)
	}
}

func TestFoldIsTheChatAsItIs(t *testing.T) {
	s, now := New(config), t0
	var log []Event
	do := func(c Command) {
		t.Helper()
		events, err := Step(s, c, now)
		if err != nil {
			t.Fatal(err)
		}
		log = append(log, events...)
	}
	do(person("a"))
	do(person("b"))
	do(Say{ID: "a", Cmd: "1", Text: "one"})
	do(Say{ID: "b", Cmd: "1", To: "a", Text: "for a"})
	do(EditChat{"a", "2", 3, "uno"})
	do(React{"b", "2", 3, "👍", true})
	do(React{"a", "3", 3, "👍", true})
	do(React{"b", "3", 3, "👍", false})
	do(Say{ID: "a", Cmd: "4", Text: "two", Reply: 3})
	do(DeleteChat{"a", "5", 9})
	do(SetMedia{"a", "", protocol.State{Screen: true}})
	do(Leave{"b", "", "left"})
	for _, id := range []string{"a", "b", "c"} {
		if got, want := Fold(log, 0, id), s.Joined(id).Chat; !reflect.DeepEqual(got, want) {
			t.Errorf("for %s\n%+v\nwant\n%+v", id, got, want)
		}
	}
	if got := Fold(log, 4, "a"); len(got) != 3 || got[0].Seq != 9 {
		t.Errorf("since 4: %+v", got)
	}
	do(role(person("m"), auth.RoleModerator))
	do(End{"m", ""})
	if got := Fold(log, s.Since, "a"); len(got) != 0 {
		t.Errorf("after the end: %+v", got)
	}
}

func TestUnknownEventsAreRefused(t *testing.T) {
	if _, err := Decode(1, t0, "later", []byte("{}")); !errors.Is(err, ErrUnknownKind) {
		t.Errorf("unknown kind: %v", err)
	}
	if _, err := Decode(1, t0, "said", []byte("{")); err == nil {
		t.Error("broken JSON was read")
	}
	if _, err := Load(config, []byte(`{"version":99}`)); !errors.Is(err, ErrUnknownKind) {
		t.Errorf("later snapshot: %v", err)
	}
}

var write = flag.String("write-log", "", "write a log of this version to testdata/logs under this name (v3); do so once per change of the format, and keep the old ones")

// logLine is a record as testdata/logs has it.
type logLine struct {
	Seq  uint64          `json:"seq"`
	At   time.Time       `json:"at"`
	Kind string          `json:"kind"`
	Ref  uint64          `json:"ref,omitempty"`
	Data json.RawMessage `json:"data"`
}

// TestOldLogsLoad replays every log that a version has written, and compares the state with what was said of it then.
func TestOldLogsLoad(t *testing.T) {
	if *write != "" {
		writeLog(t)
	}
	logs, err := filepath.Glob("testdata/logs/*.jsonl")
	if err != nil || len(logs) == 0 {
		t.Fatal("no logs", err)
	}
	seen := map[string]bool{}
	for _, name := range logs {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		want := map[uint64]*State{} // by seq
		snapshots, err := filepath.Glob(strings.TrimSuffix(name, ".jsonl") + ".snapshot*.json")
		if err != nil || len(snapshots) < 2 {
			t.Fatal(snapshots, err)
		}
		for _, file := range snapshots {
			snapshot, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			state, err := Load(config, snapshot)
			if err != nil {
				t.Fatal(err)
			}
			want[state.Seq] = state
		}
		s := New(config)
		for _, line := range strings.Split(strings.TrimSpace(string(data)), "\n") {
			var l logLine
			if err := json.Unmarshal([]byte(line), &l); err != nil {
				t.Fatal(err)
			}
			e, err := Decode(l.Seq, l.At, l.Kind, l.Data)
			if err != nil {
				t.Fatal(err)
			}
			if refOf(e) != l.Ref {
				t.Errorf("%s: event %d belongs to %d, not %d", name, l.Seq, refOf(e), l.Ref)
			}
			s.Evolve(e)
			seen[l.Kind] = true
			if w := want[s.Seq]; w != nil && !reflect.DeepEqual(lasting(s), lasting(w)) {
				t.Errorf("%s gives up to %d\n%+v\nwant\n%+v", name, s.Seq, s, w)
			}
			delete(want, s.Seq)
		}
		if len(want) > 0 {
			t.Errorf("%s: snapshots of no event: %v", name, want)
		}
	}
	for kind := range kinds {
		if !seen[kind] {
			t.Errorf("no log has a %q: run go test -write-log=v… with a new name", kind)
		}
	}
}

// writeLog writes a log with an event of every kind.
func writeLog(t *testing.T) {
	t.Helper()
	s, now := New(config), t0
	var out strings.Builder
	files := map[string][]byte{}
	for _, c := range []Command{
		known(recorder("h"), "hugo", "x"), person("a"), Fail{"a", 1}, Ready{"h", 2}, Ready{"a", 2}, Fail{"a", 2}, person("b"),
		ingest("i"), AddViewer{"n1"}, SetMedia{"a", "1", protocol.State{Screen: true, Microphone: true}},
		Say{ID: "a", Cmd: "2", Text: "hello"}, Say{ID: "b", Cmd: "1", To: "a", Text: "psst", Reply: 10}, EditChat{"a", "3", 13, "hello all"},
		React{"b", "2", 13, "👍", true}, DeleteChat{"b", "3", 14},
		SetRoom{ID: "h", Cmd: "1", Access: protocol.AccessLobby, Password: &secret, People: 8}, SetRole{"h", "2", "a", auth.RoleModerator},
		Mute{"h", "3", "b", mic, true}, Allow{"h", "4", "b", mic}, Refresh{"a", "4", auth.RoleModerator, all, t0.Add(time.Hour)},
		SetRecording{"h", "8", true}, SetRecording{"h", "9", false}, SetRecording{Admin, "r1", true}, RecordingEnded{"the server cannot write it"},
		SetOnline{ID: "a", Node: "n1"}, Reseat{"a", "hash", "n2"}, Remove{"h", "5", "b", time.Hour}, Unban{"h", "6", "b"}, NodeLost{"n2"},
		Leave{"i", "", "left"}, End{"h", "7"}, person("z"), Say{ID: "z", Cmd: "1", Text: "anew"},
	} {
		now = now.Add(time.Second)
		if j, ok := c.(Join); ok {
			j.Admitted = true
			c = j
		}
		events, err := Step(s, c, now)
		if err != nil {
			t.Logf("%T: %v", c, err)
		}
		for _, e := range events {
			kind, ref, data, err := Encode(e)
			if err != nil {
				t.Fatal(err)
			}
			line, err := json.Marshal(logLine{e.Head().Seq, e.Head().At, kind, ref, data})
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&out, "%s\n", line)
		}
		if snapshot, err := s.Snapshot(); err != nil {
			t.Fatal(err)
		} else if s.Seq%8 == 0 {
			files[fmt.Sprintf("%s.snapshot%d.json", *write, s.Seq)] = snapshot
		}
	}
	files[*write+".jsonl"] = []byte(out.String())
	for name, data := range files {
		if err := os.WriteFile(filepath.Join("testdata/logs", name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
