package api

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/confab/confab/auth"
	"github.com/confab/confab/signaling/protocol"
)

// call is one request of somebody who may make it.
type call struct {
	api    *API
	ctx    context.Context //nolint:containedctx // a call ends with its request
	w      http.ResponseWriter
	r      *http.Request
	claims auth.Claims
	room   string // of the path; "" if it has none

	status int
	body   any  // of the answer, as JSON; nil: none
	begun  bool // the answer is being streamed
}

// opens checks that the token is for a room, whose id is checked first.
func (c *call) opens(room string) error {
	switch {
	case !protocol.ValidRoom(room):
		return &protocol.Error{Code: protocol.CodeMalformed, Message: "the room must be 1 to 64 characters of a-z, 0-9, - and _"}
	case !c.claims.Opens(room):
		return &protocol.Error{Code: protocol.CodeForbidden, Message: "the token is for another room", Hint: "Mint one for this room."}
	}
	return nil
}

// reply sets what is answered when the operation returns.
func (c *call) reply(status int, body any) error {
	c.status, c.body = status, body
	return nil
}

func (c *call) answer() {
	if c.begun {
		return
	}
	if c.body == nil {
		c.w.WriteHeader(c.status)
		return
	}
	write(c.w, c.api.opt.Write, c.status, c.body)
}

// write sends JSON; a client that is gone misses nothing.
func write(w http.ResponseWriter, patience time.Duration, status int, body any) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(patience)) // only a test's recorder has none
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(body)
}

// participant returns the one of the path.
func (c *call) participant() (string, error) {
	id := c.r.PathValue("participant")
	if !protocol.ValidParticipant(id) {
		return "", malformed("the participant must be an id of 1 to %d characters of a-z and 0-9", protocol.MaxParticipant)
	}
	return id, nil
}

// Pages.
const (
	defaultPage = 50
	maxPage     = 100
)

// query reads the parameters of a request, of which there may be only the ones named, each once.
func (c *call) query(names ...string) (url.Values, error) {
	values, err := url.ParseQuery(c.r.URL.RawQuery)
	if err != nil {
		return nil, malformed("the query cannot be read")
	}
	for name, given := range values {
		if !slices.Contains(names, name) {
			return nil, malformed("there is no parameter %q", clip(name))
		}
		if len(given) != 1 {
			return nil, malformed("the parameter %q is given twice", clip(name))
		}
	}
	return values, nil
}

// number reads a parameter; absent it is the default.
func number(values url.Values, name string, otherwise, least, most uint64) (uint64, error) {
	if !values.Has(name) {
		return otherwise, nil
	}
	n, err := strconv.ParseUint(values.Get(name), 10, 64)
	if err != nil || n < least || n > most {
		return 0, malformed("%s must be a number from %d to %d", name, least, most)
	}
	return n, nil
}
