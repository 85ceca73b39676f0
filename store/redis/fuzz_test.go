package redis

import (
	"errors"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/confab/confab/store"
	"github.com/confab/confab/store/internal/hub"
)

// FuzzAnswers: whatever the server keeps under our keys is read or is ErrCorrupt; it does not bring us down.
func FuzzAnswers(f *testing.F) {
	f.Add("42-0", "at", "1", "kind", "chat", "ref", "42", "data", "{}", int64(1), int64(42))
	f.Add("18446744073709551616-0", "at", "x", "", "", "ref", "-1", "data", "", int64(-1), int64(0))
	f.Fuzz(func(t *testing.T, id, k1, v1, k2, v2, k3, v3, k4, v4 string, first, last int64) {
		rec := []any{id, []any{k1, v1, k2, v2, k3, v3, k4, v4}}
		for _, answer := range []any{[]any{first, last, []any{rec}}, []any{first, last, rec}, rec, []any{id, last, []any{}}, id, nil} {
			if _, _, records, err := decode(answer); err != nil && !errors.Is(err, store.ErrCorrupt) {
				t.Fatalf("%v", err)
			} else if err == nil && len(records) > 1 {
				t.Fatalf("one record became %d", len(records))
			}
		}
		if r, err := roomOf(id, map[string]string{"first": v1, "last": v2, "bytes": v3, "touched": v4, "created": v4, "snapshot_seq": v1, k1: v1}); err == nil && r.Bytes < 0 {
			t.Fatalf("room %+v", r)
		}
	})
}

// FuzzMessages: whatever is published on our channels is passed on or ignored.
func FuzzMessages(f *testing.F) {
	f.Add("p:grown", "42 room")
	f.Add("p:topic:node.1", "x")
	f.Fuzz(func(_ *testing.T, channel, payload string) {
		s := &Store{prefix: "p:", hub: hub.New(true, nil)}
		l := &listener{store: s}
		l.take(&redis.Message{Channel: channel, Payload: payload})
		l.take(&redis.Message{Channel: "p:grown", Payload: payload})
		l.take(&redis.Message{Channel: "p:topic:" + strings.TrimSpace(channel), Payload: payload})
	})
}
