package protocol

import "fmt"

// Error makes a wire error usable as a Go error inside the server and in Go clients.
func (e *Error) Error() string { return string(e.Code) + ": " + e.Message }

// For returns a copy of e about the command with the given id.
func (e Error) For(id string) *Error {
	e.ID = id
	return &e
}

// malformed is the refusal of a frame or a field. It is a fault of the client's program, so a retry cannot help.
func malformed(format string, args ...any) *Error {
	return &Error{Code: CodeMalformed, Message: fmt.Sprintf(format, args...), Hint: "See docs/protocol.md for what the message may contain."}
}
