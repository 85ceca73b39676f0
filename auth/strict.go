package auth

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// maxDepth is how deep the JSON of a token may nest. Ours has depth 2; identity providers add objects of their own.
const maxDepth = 8

// jws is a token taken apart: a JSON Web Signature in compact serialisation (RFC 7515 §7.1), nothing of it verified.
type jws struct {
	header    map[string]json.RawMessage
	payload   map[string]json.RawMessage
	signed    string // what the signature is over
	signature []byte
}

// split takes a token apart. Keys are compared as they are, and none may stand twice: RFC 7519 §4 lets a parser take the last one,
// and two parsers that take different ones are how a checked claim and a used claim come apart.
func split(token string) (t jws, err error) {
	if len(token) > MaxToken {
		return jws{}, fmt.Errorf("%w: %d bytes, more than %d", ErrTooLarge, len(token), MaxToken)
	}
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return jws{}, fmt.Errorf("%w: %d parts, want 3", ErrMalformed, len(parts))
	}
	if t.header, err = part(parts[0]); err != nil {
		return jws{}, err
	}
	if t.payload, err = part(parts[1]); err != nil {
		return jws{}, err
	}
	t.signed = token[:len(parts[0])+1+len(parts[1])]
	t.signature, err = base64url(parts[2])
	return t, err
}

// part decodes the header or the payload.
func part(encoded string) (map[string]json.RawMessage, error) {
	content, err := base64url(encoded)
	if err != nil {
		return nil, err
	}
	return object(content)
}

// base64url decodes without padding, and takes one spelling of each content only (RFC 7515 §2).
func base64url(text string) ([]byte, error) {
	if strings.ContainsAny(text, "\r\n") { // encoding/base64 skips them
		return nil, fmt.Errorf("%w: a line break in base64url", ErrMalformed)
	}
	content, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrMalformed, err)
	}
	return content, nil
}

// object reads one JSON object and nothing behind it.
func object(content []byte) (map[string]json.RawMessage, error) {
	if !utf8.Valid(content) {
		return nil, fmt.Errorf("%w: not UTF-8", ErrMalformed)
	}
	d := json.NewDecoder(bytes.NewReader(content))
	if err := walk(d, 0); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: more than one JSON value", ErrMalformed)
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(content, &members); err != nil {
		return nil, fmt.Errorf("%w: %v", ErrMalformed, err)
	}
	if members == nil {
		return nil, fmt.Errorf("%w: null, want an object", ErrMalformed)
	}
	return members, nil
}

// walk reads one value and refuses keys that stand twice in any object of it, and deep nesting.
func walk(d *json.Decoder, depth int) error {
	t, err := d.Token()
	if err != nil {
		return fmt.Errorf("%w: %v", ErrMalformed, err)
	}
	open, ok := t.(json.Delim)
	if !ok {
		return nil
	}
	if depth++; depth > maxDepth {
		return fmt.Errorf("%w: nested deeper than %d", ErrMalformed, maxDepth)
	}
	seen := map[string]bool{}
	for d.More() {
		if open == '{' {
			key, err := d.Token()
			if err != nil {
				return fmt.Errorf("%w: %v", ErrMalformed, err)
			}
			name, _ := key.(string) // an object's keys are strings, or Token has failed
			if seen[name] {
				return fmt.Errorf("%w: %q", ErrDuplicate, name)
			}
			seen[name] = true
		}
		if err := walk(d, depth); err != nil {
			return err
		}
	}
	if _, err := d.Token(); err != nil { // the end of the object or array
		return fmt.Errorf("%w: %v", ErrMalformed, err)
	}
	return nil
}

// member decodes one member of an object if it is there; null is not of any type that a token has.
func member[T any](from map[string]json.RawMessage, name string) (value T, there bool, err error) {
	raw, there := from[name]
	if !there {
		return value, false, nil
	}
	if string(raw) == "null" || json.Unmarshal(raw, &value) != nil {
		return value, true, fmt.Errorf("%w: %q has the wrong type", ErrMalformed, name)
	}
	return value, true, nil
}

// text decodes a string of at most limit bytes, without control characters.
func text(from map[string]json.RawMessage, name string, limit int) (string, error) {
	value, _, err := member[string](from, name)
	switch {
	case err != nil:
		return "", err
	case len(value) > limit:
		return "", fmt.Errorf("%w: %q has more than %d bytes", ErrMalformed, name, limit)
	case strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return "", fmt.Errorf("%w: %q has a control character", ErrMalformed, name)
	}
	return value, nil
}
