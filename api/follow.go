package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/confab/confab/signaling"
	"github.com/confab/confab/signaling/protocol"
)

const (
	followers = 256              // streams of events at once
	heartbeat = 15 * time.Second // between comments, when nothing happens: proxies end what is silent
)

// followRoom streams the room's events (text/event-stream, HTML Living Standard §9.2), after Last-Event-ID.
func (a *API) followRoom(c *call) error {
	from, err := placeOf(c.r.Header.Values("Last-Event-ID"))
	if err != nil {
		return err
	}
	if a.following.Add(1) > followers {
		a.following.Add(-1)
		return &protocol.Error{Code: protocol.CodeTooFast, Message: fmt.Sprintf("%d streams of events are open already", followers), Hint: "Close one, or try again later.", Retry: true, After: 10_000}
	}
	defer a.following.Add(-1)
	out := http.NewResponseController(c.w)
	write := func(text string) error {
		if !c.begun {
			c.begun = true
			h := c.w.Header()
			h.Set("Content-Type", "text/event-stream")
			h.Set("Cache-Control", "no-cache, no-transform")
			h.Set("X-Accel-Buffering", "no") // nginx
			c.w.WriteHeader(http.StatusOK)
		}
		_ = out.SetWriteDeadline(time.Now().Add(a.opt.Write)) // only a test's recorder has none
		if _, err := c.w.Write([]byte(text)); err != nil {
			return err
		}
		return out.Flush()
	}
	err = a.opt.Rooms.Follow(c.r.Context(), c.room, from, heartbeat, func(epoch string, e *signaling.Exported) error {
		if e == nil {
			return write(":\n\n")
		}
		data, err := json.Marshal(e) // no line breaks
		if err != nil {
			return err
		}
		return write(fmt.Sprintf("id: %s:%d\ndata: %s\n\n", epoch, e.Seq, data))
	})
	if c.begun {
		return nil // every stream ends some time, and whoever was cut off asks for the rest
	}
	return err
}

// placeOf reads Last-Event-ID. What is no id of ours is the place of another log, whose stream begins with the state.
func placeOf(ids []string) (signaling.Place, error) {
	if len(ids) == 0 || len(ids) == 1 && ids[0] == "" {
		return signaling.Place{}, nil
	}
	epoch, n, ok := strings.Cut(ids[0], ":")
	seq, err := strconv.ParseUint(n, 10, 63)
	if len(ids) > 1 || !ok || err != nil || len(ids[0]) > 128 {
		return signaling.Place{}, malformed("Last-Event-ID must be the id of an event: epoch:seq")
	}
	return signaling.Place{Epoch: epoch, Seq: seq}, nil
}
