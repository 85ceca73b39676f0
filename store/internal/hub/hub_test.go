package hub

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/confab/confab/store"
)

// heard runs f until the hub is closed and returns what was said to it, in order.
func heard(t *testing.T, h *Hub, run func(say func(string)) error, during func()) []string {
	t.Helper()
	var said []string
	done := make(chan error)
	go func() { done <- run(func(what string) { said = append(said, what) }) }()
	synctest.Wait()
	during()
	synctest.Wait()
	if !h.Close() || h.Close() {
		t.Error("a hub is closed once")
	}
	if err := <-done; !errors.Is(err, store.ErrClosed) {
		t.Errorf("ended with %v", err)
	}
	return said
}

func watch(h *Hub) func(say func(string)) error {
	return func(say func(string)) error {
		return h.Watch(context.Background(), func(room string, last uint64) { say(fmt.Sprint(room, " ", last)) })
	}
}

func subscribe(h *Hub, ready bool) func(say func(string)) error {
	return func(say func(string)) error {
		return h.Subscribe(context.Background(), "topic", ready, func(data []byte) { say(string(data)) })
	}
}

func TestWatchersLookAgainAfterEveryConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(false, nil)
		said := heard(t, h, watch(h), func() {
			h.Grown("early", 1) // harmless: it is looked at
			synctest.Wait()
			h.Connected()
			synctest.Wait()
			h.Grown("room", 2)
			synctest.Wait()
			h.Disconnected()
			h.Connected()
		})
		if want := []string{"early 1", " 0", "room 2", " 0"}; !slices.Equal(said, want) {
			t.Errorf("said %q, want %q", said, want)
		}
	})
}

// A watcher who takes his time hears of each room once, and when there are too many, of everything.
func TestChangesAreCoalesced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(true, nil)
		said := heard(t, h, watch(h), func() {
			for last := range uint64(1000) {
				h.Grown("room", last)
			}
			synctest.Wait()
			for i := range maxPending + 2 {
				h.Grown(fmt.Sprint("room ", i), 1)
			}
		})
		if len(said) < 2 || said[0] != " 0" || !slices.Contains(said, "room 999") || len(said) > 2*maxPending+1000 {
			t.Errorf("said %d things, beginning %q", len(said), said[:min(3, len(said))])
		}
	})
	h := New(true, nil)
	w := &watcher{wake: make(chan struct{}, 1), rooms: map[string]uint64{}}
	h.watchers[w] = struct{}{}
	for i := range maxPending + 1 {
		h.Grown(fmt.Sprint(i), 1)
	}
	if !w.all || len(w.rooms) != 0 {
		t.Errorf("%d rooms wait for a watcher", len(w.rooms))
	}
}

func TestSubscribersHearOfGaps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var wanted []string
		h := New(true, func(topic string, on bool) { wanted = append(wanted, fmt.Sprint(topic, " ", on)) })
		said := heard(t, h, subscribe(h, false), func() {
			h.Deliver("topic", Message{Data: []byte("too early")})
			h.TopicReady("topic")
			synctest.Wait()
			h.Deliver("other", Message{Data: []byte("another's")})
			h.Deliver("topic", Message{Data: []byte("one")})
			h.Deliver("topic", Message{Fetch: func(context.Context) ([]byte, error) { return []byte("fetched"), nil }})
			h.Deliver("topic", Message{Fetch: func(context.Context) ([]byte, error) { return []byte("x"), errors.New("lost") }})
			synctest.Wait()
			if topics := h.Topics(); !slices.Equal(topics, []string{"topic"}) {
				t.Errorf("topics %q", topics)
			}
		})
		if want := []string{"", "one", "fetched", ""}; !slices.Equal(said, want) {
			t.Errorf("said %q, want %q", said, want)
		}
		if want := []string{"topic true", "topic false"}; !slices.Equal(wanted, want) || len(h.Topics()) != 0 {
			t.Errorf("the backend was told %q, want %q", wanted, want)
		}
	})
}

// A queue that is full is dropped, and its place is taken by the news that there is a gap.
func TestBacklogIsBounded(t *testing.T) {
	h := New(true, nil)
	s := &subscriber{wake: make(chan struct{}, 1), ready: true}
	h.byTopic["topic"] = map[*subscriber]struct{}{s: {}}
	for range store.MaxBacklog {
		h.Deliver("topic", Message{Data: []byte("x")})
	}
	if s.gap || len(s.queue) != store.MaxBacklog {
		t.Fatalf("%d messages wait, gap %v", len(s.queue), s.gap)
	}
	h.Deliver("topic", Message{Data: []byte("one too many")})
	if !s.gap || len(s.queue) != 0 || s.bytes != 0 {
		t.Fatalf("%d messages of %d bytes wait, gap %v", len(s.queue), s.bytes, s.gap)
	}
	s.gap = false
	for range store.MaxBacklogBytes / store.MaxMessage {
		h.Deliver("topic", Message{Data: make([]byte, store.MaxMessage)})
	}
	if s.gap || s.bytes != store.MaxBacklogBytes {
		t.Fatalf("%d bytes wait, gap %v", s.bytes, s.gap)
	}
	h.Deliver("topic", Message{Data: []byte("x")})
	if !s.gap || len(s.queue) != 0 || s.bytes != 0 {
		t.Fatalf("%d messages of %d bytes wait, gap %v", len(s.queue), s.bytes, s.gap)
	}
}
