package api

import (
	"crypto/rand"
	"net/http"
	"strings"

	"github.com/confab/confab/signaling/protocol"
	"github.com/confab/confab/store"
)

// MessageList is a page of the chat, oldest first.
type MessageList struct {
	Messages []protocol.ChatMessage `json:"messages"`
	Next     uint64                 `json:"next,omitempty"` // value of `before` for the page of older ones; absent: there are none
}

func (a *API) listMessages(c *call) error {
	query, err := c.query("before", "limit")
	if err != nil {
		return err
	}
	limit, err := number(query, "limit", defaultPage, 1, maxPage)
	if err != nil {
		return err
	}
	before, err := number(query, "before", 0, 1, store.MaxSeq)
	if err != nil {
		return err
	}
	page, more, err := a.opt.Rooms.Messages(c.ctx, c.room, before, int(limit))
	if err != nil {
		return err
	}
	list := MessageList{Messages: append([]protocol.ChatMessage{}, page...)}
	if more && len(page) > 0 {
		list.Next = page[0].Seq
	}
	return c.reply(http.StatusOK, list)
}

type messageBody struct {
	Text string `json:"text"`
	To   string `json:"to"`
}

// Posted is what became of a message.
type Posted struct {
	ID  string `json:"id"`  // the Idempotency-Key, or one that the server has given
	Seq uint64 `json:"seq"` // of the message
}

// postMessage writes to the chat. With the same key it is written once, however often it is asked for.
func (a *API) postMessage(c *call) error {
	keys := c.r.Header.Values("Idempotency-Key")
	if len(keys) > 1 || len(keys) == 1 && !validKey(keys[0]) {
		return malformed("Idempotency-Key must be 1 to %d characters of ASCII without spaces", protocol.MaxID)
	}
	id := rand.Text()
	if len(keys) == 1 {
		id = keys[0]
	}
	var body messageBody
	if err := c.read(&body); err != nil {
		return err
	}
	if err := within(&protocol.Chat{ID: id, To: body.To, Text: body.Text}); err != nil {
		return err
	}
	seq, err := a.opt.Rooms.Say(c.ctx, c.room, id, body.To, body.Text)
	if err != nil {
		return err
	}
	return c.reply(http.StatusCreated, Posted{id, seq})
}

func validKey(key string) bool {
	return key != "" && len(key) <= protocol.MaxID && !strings.ContainsFunc(key, func(r rune) bool { return r < 0x21 || r > 0x7e })
}

func (a *API) deleteMessage(c *call) error {
	seq, err := number(map[string][]string{"message": {c.r.PathValue("message")}}, "message", 0, 1, store.MaxSeq)
	if err != nil {
		return err
	}
	if err := a.opt.Rooms.DeleteMessage(c.ctx, c.room, seq); err != nil {
		return err
	}
	return c.reply(http.StatusNoContent, nil)
}
