package signaling

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/confab/confab/auth"
	"github.com/confab/confab/signaling/protocol"
	"github.com/confab/confab/signaling/room"
	"github.com/confab/confab/store"
	"github.com/confab/confab/store/faulty"
	"github.com/confab/confab/store/memory"
)

// texts are those of the messages, without system lines.
func texts(list []protocol.ChatMessage) []string {
	var out []string
	for _, m := range said(list) {
		out = append(out, m.Text)
	}
	return out
}

func TestHistory(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		a, b := l.join("r", "Ann"), l.join("r", "Bob")
		say := func(to, text string) uint64 {
			a.send(&protocol.Chat{ID: text, To: to, Text: text})
			return await[*protocol.ChatMessage](a).Seq
		}
		first, second := say("", "first"), say("", "second")
		for i := range 60 {
			say(b.joined.Self, fmt.Sprint("private", i))
		}
		third := say("", "third")
		a.send(
			&protocol.ChatEdit{ID: "e", Message: first, Text: "first, edited"}, &protocol.ChatDelete{ID: "d", Message: second},
			&protocol.ChatReact{ID: "x", Message: third, Emoji: "👍", On: true},
		)
		await[*protocol.ChatReacted](a)

		c := l.join("r", "Cid")
		for before, want := range map[uint64][]string{third + 1: {"first, edited", "", "third"}, third: {"first, edited", ""}, first: nil} {
			c.send(&protocol.GetHistory{ID: "h", Before: before})
			h := expect[*protocol.History](c)
			if got := texts(h.Messages); !slices.Equal(got, want) || h.ID != "h" {
				l.Errorf("before %d: %q, more %v; want %q", before, got, h.More, want)
			}
			for _, m := range h.Messages {
				if m.To != "" || m.Deleted != (m.Seq == second) || len(m.Reactions) > 0 != (m.Seq == third) || m.Edited > 0 != (m.Seq == first) {
					l.Errorf("before %d: %+v", before, m)
				}
			}
		}
		if got := texts(c.joined.Chat); !slices.Equal(got, []string{"third"}) || !c.joined.More {
			l.Errorf("a newcomer sees %q, more %v", got, c.joined.More)
		}
		b.send(&protocol.GetHistory{ID: "b", Before: third, Limit: 10})
		if h := await[*protocol.History](b); !h.More || len(h.Messages) != 10 || h.Messages[9].Text != "private59" {
			l.Errorf("Bob's page: %+v", h)
		}
		a.send(&protocol.EndRoom{ID: "end"})
		await[*protocol.Left](a)
		d := l.join("r", "Dan") // what was said before is not shown to those who meet there later
		d.send(&protocol.GetHistory{ID: "d", Before: d.seq})
		if h := expect[*protocol.History](d); len(said(h.Messages)) != 0 || len(said(d.joined.Chat)) != 0 {
			l.Errorf("after the end: %+v, %+v", h, d.joined.Chat)
		}
	})
}

// tallied counts what is read of a log.
type tallied struct {
	store.Store
	records int
}

func (s *tallied) Read(ctx context.Context, id, epoch string, after uint64, limit int) ([]store.Record, error) {
	r, err := s.Store.Read(ctx, id, epoch, after, limit)
	s.records += len(r)
	return r, err
}

func (s *tallied) Page(ctx context.Context, id, epoch string, before uint64, limit int) ([]store.Record, error) {
	r, err := s.Store.Page(ctx, id, epoch, before, limit)
	s.records += len(r)
	return r, err
}

// fill writes messages into a room's log as a server does, with its snapshots.
func fill(t *testing.T, kept store.Store, id string, messages int) {
	t.Helper()
	l, err := loadRoom(t.Context(), kept, id, room.Config{Node: "n", People: 10, Hold: time.Hour}, func(*room.State, room.Event) {})
	if err != nil {
		t.Fatal(err)
	}
	s := l.state
	var batch []store.Record
	step := func(c room.Command) {
		events, err := room.Step(s, c, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			kind, ref, data, err := room.Encode(e)
			if err != nil {
				t.Fatal(err)
			}
			batch = append(batch, store.Record{Seq: e.Head().Seq, At: e.Head().At, Kind: kind, Ref: ref, Data: data})
		}
	}
	flush := func() {
		if err := kept.Append(t.Context(), id, l.epoch, batch[0].Seq-1, batch); err != nil {
			t.Fatal(err)
		}
		data, err := s.Snapshot()
		if err == nil {
			err = kept.Snapshot(t.Context(), id, l.epoch, s.Seq, data)
		}
		if err != nil {
			t.Fatal(err)
		}
		batch = nil
	}
	step(room.Join{Seat: room.Seat{ID: "writer", Name: "Writer", Kind: protocol.KindPerson, Grants: auth.AllGrants(), Node: "n"}})
	for i := range messages {
		step(room.Say{ID: room.Admin, Cmd: fmt.Sprint(i), Text: fmt.Sprint("message ", i)})
		if len(batch) >= snapshotEvery {
			flush()
		}
	}
	step(room.Leave{ID: "writer", Reason: "left"})
	flush()
}

// Joining a room with 10 000 messages reads as little as joining an empty one: the snapshot, and joined has one page. Older pages cost what is in them.
func TestJoiningALongRoomCostsNoMore(t *testing.T) {
	const messages = 10_000
	inLab(t, Options{}, func(l *lab) {
		shared := memory.New()
		defer shared.Close()
		count := &tallied{Store: shared.Join()}
		calls := faulty.New(count, 1)
		fill(l.T, shared, "long", messages)
		n, _ := l.another(Options{}, calls)
		time.Sleep(5 * time.Second) // virtual: what the server looks at when it starts is not the join's
		synctest.Wait()
		type cost struct{ calls, records int }
		measure := func(f func()) cost {
			before := cost{calls.Calls(faulty.Open) + calls.Calls(faulty.Find) + calls.Calls(faulty.Read) + calls.Calls(faulty.Page), count.records}
			f()
			synctest.Wait()
			return cost{calls.Calls(faulty.Open) + calls.Calls(faulty.Find) + calls.Calls(faulty.Read) + calls.Calls(faulty.Page) - before.calls, count.records - before.records}
		}
		var empty, long *client
		costOfEmpty := measure(func() { empty = n.join("empty", "Ann") })
		costOfLong := measure(func() { long = n.join("long", "Bob") })
		if costOfLong.calls > costOfEmpty.calls || costOfLong.records > costOfEmpty.records+snapshotEvery {
			l.Errorf("joining the long room asks %+v, the empty one %+v", costOfLong, costOfEmpty)
		}
		if size := len(mustEncode(long.joined)); len(long.joined.Chat) != protocol.MaxHistory || !long.joined.More || size > len(mustEncode(empty.joined))+protocol.MaxHistory*200 {
			l.Errorf("joined has %d messages and %d bytes, more %v", len(long.joined.Chat), size, long.joined.More)
		}
		// Everything is there, page by page, and each page costs as much as the first.
		seen, before := texts(long.joined.Chat), long.joined.Chat[0].Seq
		for more := true; more; {
			var h *protocol.History
			asked := measure(func() {
				long.send(&protocol.GetHistory{ID: "h", Before: before, Limit: 100})
				h = await[*protocol.History](long)
			})
			if asked.calls > 2 || asked.records > 2*101 {
				l.Fatalf("a page before %d asks %+v", before, asked)
			}
			seen, more = append(texts(h.Messages), seen...), h.More
			if more {
				before = h.Messages[0].Seq
			}
			time.Sleep(50 * time.Millisecond)
		}
		if len(seen) != messages || seen[0] != "message 0" || seen[messages-1] != fmt.Sprint("message ", messages-1) {
			l.Errorf("%d messages, from %q to %q", len(seen), seen[0], seen[len(seen)-1])
		}
		for i, text := range seen {
			if text != fmt.Sprint("message ", i) {
				l.Fatalf("message %d is %q", i, text)
			}
		}
	})
}

func TestExport(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		l.listener.from = "192.0.2.7:1000"
		a, b := l.join("r", "Ann"), l.join("r", "Bob")
		word := "correct horse"
		a.send(
			&protocol.SetRoom{ID: "1", Password: &word}, &protocol.Chat{ID: "2", Text: "<b>&"}, &protocol.ChatEdit{ID: "3", Message: 4, Text: "edited"},
			&protocol.ChatReact{ID: "4", Message: 4, Emoji: "👍", On: true}, &protocol.ChatDelete{ID: "5", Message: 4},
			&protocol.SetRole{ID: "6", Target: b.joined.Self, Role: protocol.RoleModerator},
			&protocol.Mute{ID: "7", Target: b.joined.Self, Sources: []protocol.Source{protocol.Camera}, Hold: true},
			&protocol.Allow{ID: "8", Target: b.joined.Self, Sources: []protocol.Source{protocol.Camera}},
			&protocol.Remove{ID: "9", Target: b.joined.Self, Ban: 60}, &protocol.EndRoom{ID: "10"},
		)
		await[*protocol.Left](a)
		var out bytes.Buffer
		if err := l.srv.Admin().Export(l.Context(), "r", &out); err != nil {
			l.Fatal(err)
		}
		var kinds []string
		for i, line := range strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n") {
			var e Exported
			if err := json.Unmarshal([]byte(line), &e); err != nil || e.Seq != uint64(i+1) || e.Time.IsZero() || !json.Valid(e.Event) {
				l.Errorf("line %d: %s: %v", i+1, line, err)
			}
			kinds = append(kinds, e.Kind)
		}
		seen := slices.Compact(slices.Sorted(slices.Values(kinds)))
		if want := 11; len(seen) < want {
			l.Errorf("%d kinds of events, at least %d were made: %q", len(seen), want, seen)
		}
		if !strings.Contains(out.String(), `<b>&`) {
			l.Error("text is escaped for a page that nobody has asked for")
		}
		for _, secret := range []string{"192.0.2.7", hashOf(a.joined.Session), addressHash("r", netip.MustParseAddr("192.0.2.7")), "argon2", a.joined.Session} {
			if strings.Contains(out.String(), secret) {
				l.Errorf("%q is in the export", secret)
			}
		}
		if err := l.srv.Admin().Export(l.Context(), "nowhere", &out); !errors.Is(err, store.ErrGone) {
			l.Errorf("of no room: %v", err)
		}
	})
}
