package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/confab/confab/signaling/protocol"
)

// maxBody is more than any body needs: a message of 4000 characters has 16 000 bytes, or six times as many where all of it is escaped.
const maxBody = 128 << 10

// read fills v, a pointer to a struct, from the body of the request.
func (c *call) read(v any) error {
	if kind, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return &protocol.Error{Code: CodeMediaType, Message: "the body must be JSON", Hint: "Send Content-Type: application/json."}
	}
	data, err := io.ReadAll(http.MaxBytesReader(c.w, c.r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return &protocol.Error{Code: protocol.CodeTooLarge, Message: "the body is larger than 128 KiB"}
	case err != nil:
		return malformed("the body did not arrive whole")
	}
	if e := decode(data, v); e != nil {
		return e
	}
	return nil
}

// decode reads one JSON object with the fields of the struct that v points to. It refuses what encoding/json would let pass: other names, names in
// another case, names given twice, what follows the object. All bodies are flat, so values are texts, numbers, booleans and lists of texts.
func decode(data []byte, v any) *protocol.Error {
	if !utf8.Valid(data) {
		return malformed("the body is not UTF-8")
	}
	if !json.Valid(data) {
		return malformed("the body is not one JSON value")
	}
	tokens := json.NewDecoder(bytes.NewReader(data))
	if first, err := tokens.Token(); err != nil || first != json.Delim('{') {
		return malformed("the body must be a JSON object")
	}
	seen := map[string]bool{}
	for tokens.More() {
		name, err := tokens.Token()
		if err != nil {
			return malformed("the body cannot be read")
		}
		text, _ := name.(string) // always, where names are
		switch {
		case seen[text]:
			return malformed("%q is given twice", clip(text))
		case !has(v, text):
			return malformed("there is no field %q", clip(text))
		}
		seen[text] = true
		var value json.RawMessage
		if err := tokens.Decode(&value); err != nil {
			return malformed("the body cannot be read")
		}
	}
	if err := json.Unmarshal(data, v); err != nil {
		var mismatch *json.UnmarshalTypeError
		if errors.As(err, &mismatch) {
			return malformed("%q cannot be a %s", clip(mismatch.Field), clip(mismatch.Value))
		}
		return malformed("the body cannot be read")
	}
	return nil
}

// has reports whether the struct that v points to has a field of that name in JSON.
func has(v any, name string) bool {
	typ := reflect.TypeOf(v).Elem()
	for i := range typ.NumField() {
		tag, _, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
		if tag == name {
			return true
		}
	}
	return false
}

// within refuses values that the protocol would refuse in the same command of a participant: it writes the command and reads it back.
func within(c protocol.Command) error {
	frame, err := protocol.EncodeCommand(c)
	if err != nil {
		return err
	}
	if _, err := protocol.DecodeCommand(frame); err != nil {
		var wire *protocol.Error
		if errors.As(err, &wire) {
			e := wire.For("")
			e.Hint = see
			return e
		}
		return err
	}
	return nil
}

// someID stands for the id that a command of a participant has.
const someID = "x"
