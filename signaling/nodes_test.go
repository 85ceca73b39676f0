package signaling

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/confab/confab/signaling/protocol"
	"github.com/confab/confab/store"
	"github.com/confab/confab/store/faulty"
	"github.com/confab/confab/store/memory"
)

// another starts one more server on a store, in the lab's bubble. kill ends it without a word to the store, as kill -9 does: what it still
// writes fails.
func (l *lab) another(o Options, kept store.Store) (node *lab, kill func()) {
	l.Helper()
	dead := &mortal{Store: kept}
	n := &lab{T: l.T, listener: newPipeListener(), metrics: prometheus.NewRegistry()}
	n.media, _ = o.Media.(*fakeMedia)
	o.Registerer, o.Version, o.Store = n.metrics, "test", dead
	o.Log = slog.New(slog.NewTextHandler(l.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	n.srv = New(o)
	ctx, cancel := context.WithCancel(context.Background())
	web := &http.Server{Handler: n.srv.Handler()}
	var tasks sync.WaitGroup
	tasks.Go(func() { _ = n.srv.Run(ctx) })
	tasks.Go(func() { _ = web.Serve(n.listener) })
	once := sync.OnceFunc(func() {
		cancel()
		tasks.Go(func() { web.Close() })
		tasks.Wait()
	})
	l.Cleanup(once)
	n.stop = once
	return n, func() { dead.kill(); once() }
}

// mortal is a store that a process loses when it is killed.
type mortal struct {
	store.Store
	mu   sync.Mutex
	over bool
}

func (m *mortal) kill() { m.mu.Lock(); m.over = true; m.mu.Unlock() }

func (m *mortal) gone() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.over {
		return store.ErrClosed
	}
	return nil
}

func (m *mortal) Append(ctx context.Context, room, epoch string, after uint64, r []store.Record) error {
	if err := m.gone(); err != nil {
		return err
	}
	return m.Store.Append(ctx, room, epoch, after, r)
}

func (m *mortal) Snapshot(ctx context.Context, room, epoch string, seq uint64, data []byte) error {
	if err := m.gone(); err != nil {
		return err
	}
	return m.Store.Snapshot(ctx, room, epoch, seq, data)
}

func (m *mortal) Beat(ctx context.Context, node string, ttl time.Duration) error {
	if err := m.gone(); err != nil {
		return err
	}
	return m.Store.Beat(ctx, node, ttl)
}

// resumeAt takes c's seat back at another server.
func (l *lab) resumeAt(c *client) *client {
	l.Helper()
	n := l.resume(c)
	n.seq = c.seq
	return n
}

func TestARoomSpansNodes(t *testing.T) {
	inLab(t, Options{Media: &fakeMedia{}}, func(l *lab) {
		shared := memory.New()
		defer shared.Close()
		one, _ := l.another(Options{Media: &fakeMedia{}}, shared.Join())
		two, _ := l.another(Options{Media: &fakeMedia{}}, shared.Join())
		a := one.join("r", "Ann")
		b := two.join("r", "Bob")
		equal(t, "people", len(b.joined.Participants), 2)
		expect[*protocol.ParticipantJoined](a)
		for i := range 20 {
			a.send(&protocol.Chat{ID: fmt.Sprint("a", i), Text: fmt.Sprint(i)})
			b.send(&protocol.Chat{ID: fmt.Sprint("b", i), Text: fmt.Sprint(i)})
		}
		var orders [2][]uint64
		for i, c := range []*client{a, b} {
			for range 40 {
				orders[i] = append(orders[i], await[*protocol.ChatMessage](c).Seq)
			}
		}
		equal(t, "order", orders[0], orders[1])
		a.send(&protocol.Signal{To: b.joined.Self, Generation: 1, Candidate: &protocol.Candidate{Candidate: "c"}}, &protocol.SetTyping{On: true}, &protocol.SendEmote{Emoji: "👏"})
		equal(t, "signal", expect[*protocol.PeerSignal](b).From, a.joined.Self)
		equal(t, "typing", expect[*protocol.Typing](b).From, a.joined.Self)
		equal(t, "emote", expect[*protocol.Emote](b).From, a.joined.Self)
		expect[*protocol.Emote](a)

		// The SFU of the room is where the third has come; everybody's offers are answered there.
		c := one.join("r", "Cid")
		await[*protocol.Route](b)
		b.send(sfuOffer("7", 1))
		equal(t, "answer", expect[*protocol.SFUAnswer](b).SDP, fakeAnswer("7", 1))
		equal(t, "connections at the first", one.media.open(), 1)
		peer := one.media.of(b.joined.Self)
		slots := []protocol.Slot{{Mid: "1", Participant: "x", Source: protocol.Camera}}
		peer.Events.Slots(slots)
		equal(t, "slots", expect[*protocol.Slots](b).Slots, slots)

		// Bob comes back at the other node, and learns his slots there.
		b.cut()
		again := one.resumeAt(b)
		if j := expect[*protocol.Joined](again); !j.Recovered {
			t.Errorf("joined = %+v", j)
		}
		equal(t, "slots after the move", await[*protocol.Slots](again).Slots, slots)
		for _, p := range []*client{a, c, again} {
			p.conn.Close()
		}
	})
}

func TestADeadNodeLosesNoMessage(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		shared := memory.New()
		defer shared.Close()
		one, kill := l.another(Options{Media: &fakeMedia{}}, shared.Join())
		two, _ := l.another(Options{Media: &fakeMedia{}}, shared.Join())
		a, b, c := one.join("r", "Ann"), two.join("r", "Bob"), one.join("r", "Cid")
		_ = c
		expect[*protocol.ParticipantJoined](b)
		first := expect[*protocol.Route](b)
		equal(t, "route", first.Route.Transport, protocol.TransportSFU)
		a.send(&protocol.Chat{ID: "1", Text: "before"})
		equal(t, "chat", expect[*protocol.ChatMessage](b).Text, "before")
		kill()
		lost := time.Now()
		r := await[*protocol.Route](b)
		if r.Reason != protocol.ReasonRestarted || r.Route.Generation != first.Route.Generation+1 || time.Since(lost) > 30*time.Second {
			t.Errorf("route = %+v after %v", r, time.Since(lost))
		}
		again := two.resumeAt(a)
		if j := expect[*protocol.Joined](again); !j.Recovered {
			t.Errorf("joined = %+v", j)
		}
		equal(t, "missed", await[*protocol.ChatMessage](again).Text, "before")
		again.conn.Close()
		b.conn.Close()
	})
}

// The whole server goes and comes again: people have their seats, their chat and their order.
func TestARestartIsAResume(t *testing.T) {
	for name, graceful := range map[string]bool{"SIGTERM": true, "kill -9": false} {
		t.Run(name, func(t *testing.T) {
			inLab(t, Options{}, func(l *lab) {
				shared := memory.New()
				defer shared.Close()
				one, kill := l.another(Options{Media: &fakeMedia{}}, shared.Join())
				a, b := one.join("r", "Ann"), one.join("r", "Bob")
				a.send(&protocol.Chat{ID: "1", Text: "kept"})
				await[*protocol.ChatMessage](a)
				if graceful {
					one.stop()
				} else {
					kill()
				}
				a.conn.Close()
				b.conn.Close()
				time.Sleep(10 * time.Minute)
				two, _ := l.another(Options{Media: &fakeMedia{}}, shared.Join())
				synctest.Wait()
				back := two.resumeAt(a)
				if j := expect[*protocol.Joined](back); !j.Recovered || j.Route.Transport != protocol.TransportP2P {
					t.Errorf("joined = %+v", j)
				}
				bob := two.resumeAt(b)
				expect[*protocol.Joined](bob)
				equal(t, "missed", await[*protocol.ChatMessage](bob).Text, "kept")
				bob.send(&protocol.Chat{ID: "2", Text: "on"})
				equal(t, "goes on", await[*protocol.ChatMessage](back).Text, "on")
				back.conn.Close()
				bob.conn.Close()
			})
		})
	}
}

// A node that the store cannot be reached from is taken for dead; when it comes back, the people whose sockets it has kept are there again.
func TestANodeThatWasTakenForDead(t *testing.T) {
	inLab(t, Options{}, func(l *lab) {
		shared := memory.New()
		defer shared.Close()
		alone := faulty.New(shared.Join(), 1)
		one, _ := l.another(Options{}, alone)
		two, _ := l.another(Options{}, shared.Join())
		a, b := one.join("r", "Ann"), two.join("r", "Bob")
		await[*protocol.ParticipantJoined](a)
		alone.SetChance(faulty.Chance{Before: 1})
		if u := expect[*protocol.ParticipantUpdated](b); u.Participant.ID != a.joined.Self || u.Participant.Online {
			l.Errorf("updated = %+v", u)
		}
		a.send(&protocol.Ping{ID: "1"})
		equal(t, "Ann's call goes on", await[*protocol.Pong](a).ID, "1")
		alone.SetChance(faulty.Chance{})
		if u := expect[*protocol.ParticipantUpdated](b); u.Participant.ID != a.joined.Self || !u.Participant.Online {
			l.Errorf("updated = %+v", u)
		}
		time.Sleep(2 * time.Minute)
		b.quiet()
		a.send(&protocol.Chat{ID: "2", Text: "still here"})
		equal(t, "chat", expect[*protocol.ChatMessage](b).Text, "still here")
	})
}
