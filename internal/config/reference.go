package config

import (
	"fmt"
	"io"
	"strings"
)

// WriteReference writes the options as a Markdown section: one table per group.
func (s *Set) WriteReference(w io.Writer) error {
	var b strings.Builder
	group := ""
	for _, o := range s.options {
		if o.group != group {
			group = o.group
			fmt.Fprintf(&b, "\n### %s\n\n| flag and file key | environment | value | default | |\n|---|---|---|---|---|\n", group)
		}
		def := "none"
		if o.def != "" {
			def = "`" + o.def + "`"
		}
		fmt.Fprintf(&b, "| `--%s` | `%s` | %s | %s | %s |\n", o.name, s.envName(o.name), o.cell(), def, escape(o.help))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (o *option) cell() string {
	kind := escape(o.kind())
	if o.isList() {
		return kind + ", several"
	}
	return kind
}

// escape keeps a bar inside a table cell.
func escape(text string) string { return strings.ReplaceAll(text, "|", `\|`) }
