package postgres

import (
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/confab/confab/store/internal/hub"
)

// FuzzNotifications: whatever anybody in the database says on our channels is passed on or ignored.
func FuzzNotifications(f *testing.F) {
	s := &Store{schema: "public", hub: hub.New(true, nil)}
	f.Add(growth("room", 42))
	f.Add("#17")
	f.Add("eA==")
	f.Fuzz(func(_ *testing.T, payload string) {
		l := &listener{store: s, channel: map[string]string{"topic": "topic"}}
		for _, channel := range []string{s.rooms(), "topic", "other"} {
			l.take(&pgconn.Notification{Channel: channel, Payload: payload})
		}
	})
}
