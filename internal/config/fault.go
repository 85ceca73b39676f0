package config

import (
	"fmt"
	"strings"
)

// Origin is the place a value came from: a flag, an environment variable, a line of the file, or the default.
type Origin struct {
	name string // the option
	text string // "--listen", "CONFAB_LISTEN", "confab.yaml:3: listen", or "default"
}

// String names the place as its reader would look for it.
func (o Origin) String() string {
	if o.text == "default" {
		return o.name + " (default)"
	}
	return o.text
}

// A Fault is one thing wrong with the configuration.
type Fault struct {
	Where   string // as Origin.String
	Problem string // what is wrong and what to do about it
}

// Faults is every fault of a configuration, in the order file, environment, flags, validation. It is the error of Load.
type Faults []Fault

// Error lists all faults, one per line.
func (f Faults) Error() string {
	if len(f) == 1 {
		return fmt.Sprintf("configuration: %s: %s", f[0].Where, f[0].Problem)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "configuration: %d faults", len(f))
	for _, fault := range f {
		fmt.Fprintf(&b, "\n  %s: %s", fault.Where, fault.Problem)
	}
	return b.String()
}

func (f *Faults) add(where, format string, args ...any) {
	*f = append(*f, Fault{Where: where, Problem: fmt.Sprintf(format, args...)})
}
