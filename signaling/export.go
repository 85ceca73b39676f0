package signaling

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/confab/confab/store"
)

// Exported is one line of an export: an event of a room's log, or first, when the beginning of the log has been trimmed, the state that it led to.
type Exported struct {
	Seq   uint64          `json:"seq"`
	Time  time.Time       `json:"time,omitzero"`
	Kind  string          `json:"kind"` // of the event; "snapshot" for the state
	Event json.RawMessage `json:"event"`
}

// Export writes what happened in a room as JSON lines, oldest first. The error is store.ErrGone when there is no such room. Hashes of secrets and of
// network addresses are left out.
func Export(ctx context.Context, s store.Store, id string, w io.Writer) error {
	info, err := s.Find(ctx, id)
	if err != nil {
		return fmt.Errorf("find the room: %w", err)
	}
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	seq := info.First - 1
	if seq > 0 && info.Snapshot != nil {
		if err := out.Encode(Exported{Seq: info.SnapshotSeq, Kind: "snapshot", Event: public(info.Snapshot)}); err != nil {
			return err
		}
	}
	for seq < info.Last {
		records, err := s.Read(ctx, id, info.Epoch, seq, readEvents)
		switch {
		case errors.Is(err, store.ErrTrimmed): // just now: what is left follows
			if info, err = s.Find(ctx, id); err != nil {
				return fmt.Errorf("find the room: %w", err)
			}
			seq = max(seq, info.First-1)
			continue
		case err != nil:
			return fmt.Errorf("read the room's log: %w", err)
		}
		for _, r := range records {
			if err := out.Encode(Exported{r.Seq, r.At, r.Kind, public(r.Data)}); err != nil {
				return err
			}
			seq = r.Seq
		}
	}
	return nil
}

// secrets are the members of events and snapshots that nobody outside of the server has a use for.
var secrets = map[string]bool{"session": true, "key": true, "address": true, "password": true}

// public leaves secrets out, at any depth.
func public(data []byte) json.RawMessage {
	var v any
	in := json.NewDecoder(bytes.NewReader(data))
	in.UseNumber()
	if in.Decode(&v) != nil {
		return json.RawMessage("null")
	}
	var strip func(v any)
	strip = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for name, inner := range v {
				if _, isText := inner.(string); isText && secrets[name] {
					delete(v, name)
					continue
				}
				strip(inner)
			}
		case []any:
			for _, inner := range v {
				strip(inner)
			}
		}
	}
	strip(v)
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false) // it is for people and programs, not for a page
	if enc.Encode(v) != nil {
		return json.RawMessage("null")
	}
	return out.Bytes()
}
