package doctor

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// Status is how a check went.
type Status string

const (
	OK      Status = "ok"
	Note    Status = "note"    // works, and is worth knowing or about to fail
	Skipped Status = "skipped" // could not be looked at, or does not apply
	Failed  Status = "failed"
)

// Check is one thing looked at.
type Check struct {
	Leg    string `json:"leg"`   // such as "UDP IPv4", or "server" for what is not of one leg
	Name   string `json:"check"` // stable; see the names in the code of the checks
	Status Status `json:"status"`
	Detail string `json:"detail"`        // what was seen
	Fix    string `json:"fix,omitempty"` // what to do about it; every failure has one
}

// Report is all that was looked at, in order.
type Report struct {
	Server string  `json:"server"`
	Checks []Check `json:"checks"`
}

// Failed tells whether any check failed.
func (r *Report) Failed() bool { return r.count(Failed) > 0 }

func (r *Report) count(s Status) (n int) {
	for _, c := range r.Checks {
		if c.Status == s {
			n++
		}
	}
	return n
}

// WriteJSON writes the report as one JSON object.
func (r *Report) WriteJSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(r)
}

// marks make a failure stand out without colour.
var marks = map[Status]string{OK: "ok", Note: "note", Skipped: "-", Failed: "FAILED"}

// WriteTable writes the report for people: a line per check, the fix below what failed.
func (r *Report) WriteTable(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintln(&b, r.Server)
	leg := ""
	for _, c := range r.Checks {
		if c.Leg != leg {
			leg = c.Leg
			fmt.Fprintf(&b, "\n%s\n", leg)
		}
		fmt.Fprintf(&b, "  %-7s %-16s %s\n", marks[c.Status], c.Name, c.Detail)
		if c.Fix != "" {
			fmt.Fprintf(&b, "  %-7s %-16s → %s\n", "", "", c.Fix)
		}
	}
	fmt.Fprintf(&b, "\n%d ok, %d failed, %d to note, %d skipped\n", r.count(OK), r.count(Failed), r.count(Note), r.count(Skipped))
	_, err := io.WriteString(w, b.String())
	return err
}
