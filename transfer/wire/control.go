package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/confab/confab/transfer/content"
)

// Bounds of control messages.
const (
	MaxText    = 64 << 10 // bytes of a message
	MaxPage    = 48 << 10 // bytes of entries in one message, unless a single entry is larger
	MaxMessage = 500      // bytes of a text for people
	MaxPeers   = 64       // of a swarm
	MaxLanes   = 8
)

// ErrControl is what errors about control messages wrap; ErrUnknown is for one of a newer version, which is skipped.
var (
	ErrControl = errors.New("not a control message of a transfer")
	ErrUnknown = errors.New("a control message of an unknown type")
)

// Control is a control message: a pointer to one of the structs below.
type Control interface{ kind() string }

// The control messages. "S" is the side that has the files, "R" the one that gets them.
type (
	// Offer begins a transfer (S).
	Offer struct {
		Root  content.Hash `json:"root"`
		Count int          `json:"count"` // of entries
		Total int64        `json:"total"` // bytes of all, without streams
		Name  string       `json:"name"`  // for people: of the file, or of the folder
		Note  string       `json:"note,omitempty"`
	}
	// Entries is a page of what is offered (S).
	Entries struct {
		First   int             `json:"first"` // index of the first of them
		Entries []content.Entry `json:"entries"`
	}
	// Accept says what R wants. Files is nil for all.
	Accept struct{ Files []int }
	// Decline says that R wants nothing.
	Decline struct {
		Reason string `json:"reason,omitempty"`
	}
	// Pause stops requests (R) or answers (S) until Continue of the same side.
	Pause struct{}
	// Continue ends a Pause.
	Continue struct{}
	// CancelAll ends the transfer ("cancel").
	CancelAll struct {
		Message string `json:"message,omitempty"`
	}
	// Lanes says how many lanes R wants.
	Lanes struct {
		N int `json:"n"`
	}
	// Verified says that a file is whole at R.
	Verified struct {
		File int `json:"file"`
	}
	// Ended says how long a stream was, and what its root is (S).
	Ended struct {
		File int          `json:"file"`
		Size int64        `json:"size"`
		Root content.Hash `json:"root"`
	}
	// Done says that all that was accepted is verified (R), and that this was heard (S).
	Done struct {
		Root content.Hash `json:"root"`
	}
	// Changed says that a file of S is not what it was when it was offered; other files go on.
	Changed struct {
		File    int    `json:"file"`
		Message string `json:"message,omitempty"`
	}
	// Failed ends the transfer because of an error.
	Failed struct {
		Code    Code   `json:"code"`
		Message string `json:"message,omitempty"`
	}
	// Swarm tells R of others that get the same content (S). Secret is 16 bytes, base64url.
	Swarm struct {
		Secret string   `json:"secret"`
		Stripe int      `json:"stripe"` // R asks S first for blocks whose number is Stripe modulo Of
		Of     int      `json:"of"`
		Peers  []string `json:"peers"` // participant ids
	}
)

// Code says what has failed.
type Code string

// The codes.
const (
	NoSpace     Code = "no-space"    // the disk of R is full
	Permission  Code = "permission"  // R may not write, or S not read, any more
	FileChanged Code = "changed"     // the only file has changed while it was sent
	Gone        Code = "gone"        // the files are not there any more
	BadBlock    Code = "bad-block"   // S has sent a block that is not the one offered, three times
	BadMessage  Code = "bad-message" // a message is not as it must be
	TooMuch     Code = "too-much"    // more was asked or sent than may be
	Timeout     Code = "timeout"     // what must come has not come in time
	Internal    Code = "internal"    // something else has gone wrong on the other side
)

func (*Offer) kind() string     { return "offer" }
func (*Entries) kind() string   { return "entries" }
func (*Accept) kind() string    { return "accept" }
func (*Decline) kind() string   { return "decline" }
func (*Pause) kind() string     { return "pause" }
func (*Continue) kind() string  { return "continue" }
func (*CancelAll) kind() string { return "cancel" }
func (*Lanes) kind() string     { return "lanes" }
func (*Verified) kind() string  { return "verified" }
func (*Ended) kind() string     { return "ended" }
func (*Done) kind() string      { return "done" }
func (*Changed) kind() string   { return "changed" }
func (*Failed) kind() string    { return "error" }
func (*Swarm) kind() string     { return "swarm" }

var kinds = map[string]func() Control{
	"offer": func() Control { return new(Offer) }, "entries": func() Control { return new(Entries) },
	"accept": func() Control { return new(Accept) }, "decline": func() Control { return new(Decline) },
	"pause": func() Control { return new(Pause) }, "continue": func() Control { return new(Continue) },
	"cancel": func() Control { return new(CancelAll) }, "lanes": func() Control { return new(Lanes) },
	"verified": func() Control { return new(Verified) }, "ended": func() Control { return new(Ended) },
	"done": func() Control { return new(Done) }, "changed": func() Control { return new(Changed) },
	"error": func() Control { return new(Failed) }, "swarm": func() Control { return new(Swarm) },
}

// MarshalJSON writes "all" for no list.
func (a *Accept) MarshalJSON() ([]byte, error) {
	if a.Files == nil {
		return []byte(`{"files":"all"}`), nil
	}
	return json.Marshal(map[string][]int{"files": a.Files})
}

// UnmarshalJSON reads what MarshalJSON writes.
func (a *Accept) UnmarshalJSON(data []byte) error {
	var raw struct {
		Files json.RawMessage `json:"files"`
	}
	if err := json.Unmarshal(data, &raw); err != nil {
		return err
	}
	if string(raw.Files) == `"all"` {
		a.Files = nil
		return nil
	}
	if err := json.Unmarshal(raw.Files, &a.Files); err != nil {
		return err
	}
	if a.Files == nil {
		return errors.New(`files must be "all" or a list`)
	}
	return nil
}

// Encode returns the text of a control message.
func Encode(c Control) []byte {
	body, err := json.Marshal(c)
	if err != nil {
		panic(err) // all of them are plain data
	}
	head := `{"t":"` + c.kind() + `"`
	if len(body) > len("{}") {
		head += ","
	}
	return append([]byte(head), body[1:]...)
}

// Decode reads a control message and checks every value.
func Decode(text []byte) (Control, error) {
	if len(text) > MaxText {
		return nil, fmt.Errorf("%w: it has %d bytes", ErrControl, len(text))
	}
	var head struct {
		T string `json:"t"`
	}
	if !utf8.Valid(text) {
		return nil, fmt.Errorf("%w: it is not UTF-8", ErrControl)
	}
	if err := json.Unmarshal(text, &head); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrControl, err)
	}
	make, known := kinds[head.T]
	if !known {
		return nil, fmt.Errorf("%w: %q", ErrUnknown, head.T[:min(len(head.T), 40)])
	}
	c := make()
	if err := json.Unmarshal(text, c); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrControl, head.T, err)
	}
	if err := check(c); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrControl, head.T, err)
	}
	return c, nil
}
