package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"unicode/utf8"

	"github.com/confab/confab/signaling"
	"github.com/confab/confab/signaling/protocol"
	"github.com/confab/confab/store"
)

// Codes that only HTTP has a use for, besides those of signaling/protocol.
const (
	CodeNoSuchRoom protocol.Code = "no-such-room" // nobody has been in a room of this name for as long as rooms are kept
	CodeExists     protocol.Code = "exists"       // there is a room of this name already
	CodeMethod     protocol.Code = "method"       // the path is right, the method is not
	CodeNoSuchPath protocol.Code = "no-such-path"
	CodeMediaType  protocol.Code = "media-type" // the body is not declared to be JSON
)

// status is that of an answer with this code.
func status(code protocol.Code) int {
	switch code {
	case CodeNoSuchRoom, CodeNoSuchPath:
		return http.StatusNotFound
	case CodeExists:
		return http.StatusConflict
	case CodeMethod:
		return http.StatusMethodNotAllowed
	case CodeMediaType:
		return http.StatusUnsupportedMediaType
	}
	return signaling.StatusOf(code)
}

const see = "See docs/api.md, or /api/v1/openapi.json, for what a request may contain."

func malformed(format string, args ...any) *protocol.Error {
	return &protocol.Error{Code: protocol.CodeMalformed, Message: fmt.Sprintf(format, args...), Hint: see}
}

// clip shortens what a stranger wrote, for a message.
func clip(text string) string {
	const most = 40
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return string([]rune(text)[:most]) + "…"
}

// explain turns the error of an operation into what its caller is told.
func (a *API) explain(err error) *protocol.Error {
	var wire *protocol.Error
	switch {
	case errors.As(err, &wire):
		return wire
	case errors.Is(err, store.ErrGone):
		return &protocol.Error{Code: CodeNoSuchRoom, Message: "there is no such room", Hint: "A room is made by the first who joins, or with POST " + Prefix + "/rooms."}
	case errors.Is(err, context.Canceled):
		return &protocol.Error{Code: protocol.CodeUnavailable, Message: "the request was given up", Retry: true}
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, store.ErrUnavailable), errors.Is(err, store.ErrFull), errors.Is(err, store.ErrClosed):
		a.log.Warn("the store did not answer a request", "err", err)
		return &protocol.Error{Code: protocol.CodeUnavailable, Message: "the rooms' log does not answer just now", Hint: "Try again; what changes something may have happened.", Retry: true, After: 1000}
	}
	a.log.Error("a request has failed", "err", err)
	return &protocol.Error{Code: protocol.CodeInternal, Message: "the server has failed", Hint: "Its log says why."}
}

// refusal is an error in the body of an answer: protocol.Error without what only a socket needs.
type refusal struct {
	Code    protocol.Code `json:"code"`
	Message string        `json:"message"`
	Hint    string        `json:"hint,omitempty"`
	Retry   bool          `json:"retry"`
	After   int           `json:"after,omitempty"`
}

// refuse answers with an error.
func (a *API) refuse(w http.ResponseWriter, operation string, e *protocol.Error) {
	a.metrics.refusals.WithLabelValues(string(e.Code)).Inc()
	a.log.Debug("request refused", "operation", operation, "code", e.Code)
	if e.After > 0 {
		w.Header().Set("Retry-After", strconv.Itoa((e.After+999)/1000))
	}
	code := status(e.Code)
	if code == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="confab"`) // RFC 6750 §3
	}
	write(w, a.opt.Write, code, refusal{e.Code, e.Message, e.Hint, e.Retry, e.After})
}
