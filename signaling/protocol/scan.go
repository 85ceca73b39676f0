package protocol

import (
	"encoding/json"
	"reflect"
	"strings"
)

// A scanner walks over a frame that json.Valid has accepted and refuses what encoding/json would let pass: names in
// another case, names given twice, deep nesting. It notes the two names that are read before the struct is known.
type scanner struct {
	b   []byte
	pos int

	typ, id string // of the outermost object, when they are strings
}

// scan checks frame against the fields of typ, or only looks for type and id when typ is nil.
func scan(frame []byte, typ reflect.Type) (s scanner, err *Error) {
	s.b = frame
	s.space()
	if s.pos >= len(frame) || frame[s.pos] != '{' {
		return s, malformed("a message is a JSON object")
	}
	err = s.value(typ, 1)
	return s, err
}

// value walks one value, which is the content of typ; nil means that its names are not checked.
func (s *scanner) value(typ reflect.Type, depth int) *Error {
	if depth > MaxDepth {
		return malformed("the message is nested deeper than %d", MaxDepth)
	}
	for typ != nil && typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	s.space()
	switch s.b[s.pos] {
	case '{':
		return s.object(typ, depth)
	case '[':
		var elem reflect.Type
		if typ != nil && typ.Kind() == reflect.Slice {
			elem = typ.Elem()
		}
		s.pos++
		for s.space(); s.b[s.pos] != ']'; s.separator() {
			if err := s.value(elem, depth+1); err != nil {
				return err
			}
		}
		s.pos++
	case '"':
		s.text()
	default: // number, true, false, null: up to what ends them
		for s.pos < len(s.b) && !strings.ContainsRune(" \t\r\n,]}", rune(s.b[s.pos])) {
			s.pos++
		}
	}
	return nil
}

func (s *scanner) object(typ reflect.Type, depth int) *Error {
	var elem reflect.Type
	var fields map[string]reflect.Type
	switch {
	case typ == nil:
	case typ.Kind() == reflect.Map:
		elem = typ.Elem()
	case typ.Kind() == reflect.Struct:
		fields = fieldsOf[typ]
	}
	seen := make(map[string]bool, 8)
	s.pos++
	for s.space(); s.b[s.pos] != '}'; s.separator() {
		name := s.text()
		if seen[name] {
			return malformed("%q is given twice", clip(name))
		}
		seen[name] = true
		s.space()
		s.pos++ // the colon
		s.space()

		inner := elem
		if fields != nil {
			field, known := fields[name]
			if !known && (depth > 1 || name != "type") {
				return malformed("unknown field %q", clip(name))
			}
			inner = field
		}
		from := s.pos
		if err := s.value(inner, depth+1); err != nil {
			return err
		}
		if depth == 1 && s.b[from] == '"' {
			switch name {
			case "type":
				s.typ = unquote(s.b[from:s.pos])
			case "id":
				s.id = unquote(s.b[from:s.pos])
			}
		}
	}
	s.pos++
	return nil
}

// text walks over a string and returns what it says.
func (s *scanner) text() string {
	from := s.pos
	for s.pos++; s.b[s.pos] != '"'; s.pos++ {
		if s.b[s.pos] == '\\' {
			s.pos++
		}
	}
	s.pos++
	return unquote(s.b[from:s.pos])
}

func (s *scanner) space() {
	for s.pos < len(s.b) && strings.IndexByte(" \t\r\n", s.b[s.pos]) >= 0 {
		s.pos++
	}
}

// separator walks over the comma between two elements, if there is one.
func (s *scanner) separator() {
	s.space()
	if s.b[s.pos] == ',' {
		s.pos++
		s.space()
	}
}

func unquote(quoted []byte) string {
	var out string
	if json.Unmarshal(quoted, &out) != nil {
		return ""
	}
	return out
}

// clip keeps a stranger's text short enough to be repeated in an error.
func clip(text string) string {
	const most = 40
	if r := []rune(text); len(r) > most {
		return string(r[:most]) + "…"
	}
	return text
}

// fieldsOf lists the JSON names of every struct that can be part of a message, and what is behind each.
var fieldsOf = map[reflect.Type]map[string]reflect.Type{}

func init() {
	for _, t := range table {
		addFields(t.Struct)
	}
}

func addFields(typ reflect.Type) {
	switch typ.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		addFields(typ.Elem())
	case reflect.Struct:
		if fieldsOf[typ] != nil {
			return
		}
		fields := make(map[string]reflect.Type, typ.NumField())
		fieldsOf[typ] = fields
		for i := range typ.NumField() {
			f := typ.Field(i)
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			fields[name] = f.Type
			addFields(f.Type)
		}
	}
}
