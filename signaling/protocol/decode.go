package protocol

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"unicode/utf8"
)

// ErrUnknownType is what DecodeMessage returns for a type that this version does not know; a client skips it.
var ErrUnknownType = errors.New("unknown message type")

// DecodeCommand reads one frame from a client. It is strict: anything that the protocol does not describe is refused. The
// error is always an *Error that may be sent as it is; it carries the command's id when that could be read. The returned
// command shares no memory with frame.
func DecodeCommand(frame []byte) (Command, error) {
	if len(frame) > MaxFrame {
		return nil, &Error{Code: CodeTooLarge, Message: fmt.Sprintf("the message has %d bytes, at most %d are allowed", len(frame), MaxFrame)}
	}
	if !utf8.Valid(frame) {
		return nil, malformed("the message is not UTF-8")
	}
	if !json.Valid(frame) {
		return nil, malformed("the message is not one JSON value")
	}
	head, bad := scan(frame, nil)
	if bad != nil {
		return nil, bad.For(usableID(head.id))
	}
	id := usableID(head.id)
	typ, known := commands[head.typ]
	if !known {
		return nil, malformed("unknown type %q", clip(head.typ)).For(id)
	}
	if _, bad := scan(frame, typ); bad != nil {
		return nil, bad.For(id)
	}
	v := reflect.New(typ).Interface()
	if err := json.Unmarshal(frame, v); err != nil {
		return nil, describe(err).For(id)
	}
	if bad := validate(v.(Command)); bad != nil {
		return nil, bad.For(id)
	}
	return v.(Command), nil
}

// DecodeMessage reads one frame from a server. It is lenient where DecodeCommand is strict, because a server may be newer
// than its clients: unknown fields are ignored, and an unknown type is ErrUnknownType, which a client skips.
func DecodeMessage(frame []byte) (Message, error) {
	if !json.Valid(frame) {
		return nil, errors.New("the message is not one JSON value")
	}
	head, bad := scan(frame, nil)
	if bad != nil {
		return nil, bad
	}
	typ, known := messages[head.typ]
	if !known {
		return nil, fmt.Errorf("%w %q", ErrUnknownType, clip(head.typ))
	}
	v := reflect.New(typ).Interface()
	if err := json.Unmarshal(frame, v); err != nil {
		return nil, fmt.Errorf("message of type %s: %w", head.typ, err)
	}
	return v.(Message), nil
}

// describe says in words what encoding/json found wrong with a value.
func describe(err error) *Error {
	var typeErr *json.UnmarshalTypeError
	if errors.As(err, &typeErr) {
		return malformed("%q cannot be a %s", clip(typeErr.Field), clip(typeErr.Value))
	}
	return malformed("the message cannot be read")
}

// usableID returns id if it may stand in an error.
func usableID(id string) string {
	if validID(id) {
		return id
	}
	return ""
}
