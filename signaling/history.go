package signaling

import (
	"context"

	"github.com/confab/confab/signaling/protocol"
	"github.com/confab/confab/signaling/room"
)

// historyPages bounds how far one request looks for messages that its sender may see: others' private ones lie between.
const historyPages = 10

// history answers with older messages. It asks the log beside the actor; what it costs depends on the page, not on the room.
func (c *session) history(ctx context.Context, g *protocol.GetHistory) error {
	var since uint64
	var epoch string
	if err := c.inRoom(ctx, func() error { since, epoch = c.room.state().Since, c.room.epoch; return nil }); err != nil {
		return err
	}
	messages, more, err := c.srv.messages(ctx, c.room.id, epoch, since, c.member.id, g.Before, g.Limit)
	if err != nil {
		return err
	}
	c.send(&protocol.History{ID: g.ID, Messages: messages, More: more})
	return nil
}

// messages returns the newest messages before one, oldest first, as a participant may see them.
func (s *Server) messages(ctx context.Context, id, epoch string, since uint64, viewer string, before uint64, limit int) (found []protocol.ChatMessage, more bool, err error) {
	if limit == 0 {
		limit = protocol.MaxHistory
	}
	ctx, cancel := context.WithTimeout(ctx, s.limits.Patience)
	defer cancel()
	for range historyPages {
		records, err := s.store.Page(ctx, id, epoch, before, limit+1)
		if err != nil {
			return nil, false, errUnavailable
		}
		if len(records) == 0 {
			return found, false, nil
		}
		events := make([]room.Event, 0, len(records))
		lowest := before
		for i, r := range records {
			e, err := room.Decode(r.Seq, r.At, r.Kind, r.Data)
			if err != nil {
				s.log.Error("the chat's history cannot be read", "room", id, "err", err)
				return nil, false, errUnavailable
			}
			events = append(events, e)
			if i == 0 || r.Ref < lowest {
				lowest = r.Ref
			}
		}
		found = append(room.Fold(events, since, viewer), found...)
		before = lowest
		if len(found) > limit {
			return found[len(found)-limit:], true, nil
		}
		if before <= since+1 {
			return found, false, nil
		}
	}
	return found, true, nil
}
