package protocol

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
)

// EncodeMessage writes one frame for a client. The caller owns the result. It fails only for a type that is not in the
// table, which is a fault of the program.
func EncodeMessage(m Message) ([]byte, error) { return encode(m) }

// EncodeCommand writes one frame for a server; Go clients use it.
func EncodeCommand(c Command) ([]byte, error) { return encode(c) }

func encode(v any) ([]byte, error) {
	typ := reflect.TypeOf(v)
	if typ == nil || typ.Kind() != reflect.Pointer || nameOf[typ.Elem()] == "" || reflect.ValueOf(v).IsNil() {
		return nil, fmt.Errorf("encode %T: not a message", v)
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, `{"type":%q`, nameOf[typ.Elem()])
	// The Encoder, unlike Marshal, can leave <, > and & alone: SDP and chat are full of them, and frames are not HTML.
	var body bytes.Buffer
	enc := json.NewEncoder(&body)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(full(v)); err != nil {
		return nil, fmt.Errorf("encode %T: %w", v, err)
	}
	fields := bytes.TrimSuffix(body.Bytes(), []byte("\n"))
	if len(fields) > len("{}") {
		out.WriteByte(',')
	}
	out.Write(fields[1:])
	return out.Bytes(), nil
}

// full replaces absent lists by empty ones, so that a client finds an array wherever the schema says array. It copies what
// it changes: the caller's message may be shared.
func full(v any) any {
	switch m := v.(type) {
	case *Joined:
		c := *m
		c.Participants, c.Chat, c.ICEServers, c.Grants = list(c.Participants), list(c.Chat), list(c.ICEServers), list(c.Grants)
		return &c
	case *History:
		return &History{ID: m.ID, Messages: list(m.Messages), More: m.More}
	case *Granted:
		return &Granted{Seq: m.Seq, Role: m.Role, Grants: list(m.Grants)}
	case *Knocks:
		return &Knocks{Knocks: list(m.Knocks), More: m.More}
	case *Credentials:
		c := *m
		c.ICEServers = list(c.ICEServers)
		return &c
	case *Slots:
		return &Slots{Slots: list(m.Slots)}
	case *Speakers:
		return &Speakers{Speakers: list(m.Speakers)}
	case *View:
		return &View{ID: m.ID, Wants: list(m.Wants)}
	}
	return v
}

func list[T any](in []T) []T {
	if in == nil {
		return []T{}
	}
	return in
}
