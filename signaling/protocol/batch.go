package protocol

import (
	"bytes"
	"encoding/json"
	"errors"
)

// DecodeMessages reads one frame from a server: a message, or an array of them in order. Messages of unknown types are left out.
func DecodeMessages(frame []byte) ([]Message, error) {
	parts := []json.RawMessage{frame}
	if trimmed := bytes.TrimLeft(frame, " \t\r\n"); len(trimmed) > 0 && trimmed[0] == '[' {
		if err := json.Unmarshal(frame, &parts); err != nil {
			return nil, errors.New("the frame is no array of messages")
		}
	}
	out := make([]Message, 0, len(parts))
	for _, part := range parts {
		m, err := DecodeMessage(part)
		switch {
		case errors.Is(err, ErrUnknownType):
		case err != nil:
			return nil, err
		default:
			out = append(out, m)
		}
	}
	return out, nil
}
