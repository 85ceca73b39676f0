package config

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"
)

// parseFile applies the YAML mapping in content. The document is read as nodes, which know their lines, and not into the struct,
// where only the first fault would be seen.
func (s *Set) parseFile(path string, content []byte, faults *Faults) {
	decoder := yaml.NewDecoder(strings.NewReader(string(content)))
	var doc yaml.Node
	if err := decoder.Decode(&doc); errors.Is(err, io.EOF) {
		return // an empty file sets nothing
	} else if err != nil {
		faults.add(path, "%s", strings.TrimPrefix(err.Error(), "yaml: "))
		return
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		faults.add(path, "holds more than one document")
	}
	root := doc.Content[0]
	if root.Kind == yaml.ScalarNode && root.Tag == "!!null" {
		return // nothing but comments
	}
	if root.Kind != yaml.MappingNode {
		faults.add(fmt.Sprintf("%s:%d", path, root.Line), "must be a mapping, such as\n    listen: :8080")
		return
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, value := root.Content[i], root.Content[i+1]
		where := fmt.Sprintf("%s:%d: %s", path, key.Line, key.Value)
		o := s.byName[key.Value]
		switch {
		case o == nil || o.name == fileOption:
			faults.add(where, "no such option%s", s.suggest(key.Value, func(name string) string { return name }))
		case seen[key.Value] != 0:
			faults.add(where, "given twice, first in line %d", seen[key.Value])
		default:
			o.applyNode(where, value, faults)
		}
		seen[key.Value] = key.Line
	}
}

func (o *option) applyNode(where string, value *yaml.Node, faults *Faults) {
	switch {
	case value.Kind == yaml.ScalarNode && value.Tag == "!!null":
		faults.add(where, "has no value; remove the line to get the default")
	case value.Kind == yaml.ScalarNode:
		o.apply(where, []string{value.Value}, faults)
	case value.Kind == yaml.SequenceNode && o.isList():
		var texts []string
		for _, item := range value.Content {
			if item.Kind != yaml.ScalarNode {
				faults.add(where, "line %d is not a plain value", item.Line)
				return
			}
			texts = append(texts, item.Value)
		}
		o.apply(where, texts, faults)
	default:
		faults.add(where, "takes one plain value")
	}
}
