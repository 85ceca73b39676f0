package main

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/confab/confab/signaling/protocol"
)

// model is the protocol as the writers need it, in the order of the source.
type model struct {
	doc     string
	structs []structType
	enums   []enum
	consts  []constValue
}

// structType is a message or a part of messages.
type structType struct {
	name, doc string
	fields    []field
}

// field is one JSON field.
type field struct {
	name     string
	typ      ast.Expr
	optional bool
	doc      string
}

// enum is a string type with its values.
type enum struct {
	name, doc string
	values    []constValue
}

// constValue is a constant; value is Go syntax, which for strings and integers is JSON as well.
type constValue struct{ name, value, doc string }

// wire lists the messages of the classes, in the order of the table.
func wire(classes ...protocol.Class) []protocol.Type {
	var out []protocol.Type
	for _, t := range protocol.Types() {
		if slices.Contains(classes, t.Class) {
			out = append(out, t)
		}
	}
	return out
}

// enumOf returns the enum with the given name, or nil.
func (m *model) enumOf(name string) *enum {
	for i := range m.enums {
		if m.enums[i].name == name {
			return &m.enums[i]
		}
	}
	return nil
}

// structOf returns the struct with the given name.
func (m *model) structOf(name string) structType {
	for _, s := range m.structs {
		if s.name == name {
			return s
		}
	}
	panic("the table names " + name + ", which no file of messages declares")
}

// load reads the source of the package in dir. Structs are taken from the files of messages only: the rest is machinery.
func load(dir string) (*model, error) {
	fset := token.NewFileSet()
	paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, err
	}
	var m model
	var files []*ast.File
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(fset, path, nil, parser.ParseComments)
		if err != nil {
			return nil, fmt.Errorf("parse: %w", err)
		}
		files = append(files, f)
	}
	// Imports are not resolved: constants do not need them, and loading them would take seconds.
	info := &types.Info{Defs: map[*ast.Ident]types.Object{}}
	conf := types.Config{Error: func(error) {}}
	_, _ = conf.Check("protocol", fset, files, info) //nolint:errcheck // fails on the imports, as said

	for _, f := range files {
		name := filepath.Base(fset.File(f.Pos()).Name())
		if name == "doc.go" {
			m.doc = f.Doc.Text()
		}
		for _, d := range f.Decls {
			if g, ok := d.(*ast.GenDecl); ok {
				m.add(g, name, info)
			}
		}
	}
	return &m, nil
}

func (m *model) add(g *ast.GenDecl, file string, info *types.Info) {
	for _, spec := range g.Specs {
		switch s := spec.(type) {
		case *ast.TypeSpec:
			if !slices.Contains([]string{"messages.go", "chat.go", "moderation.go", "transfer.go"}, file) {
				continue
			}
			switch t := s.Type.(type) {
			case *ast.StructType:
				m.structs = append(m.structs, structType{s.Name.Name, docOf(g.Doc, s.Doc), fieldsOf(t)})
			case *ast.Ident:
				m.enums = append(m.enums, enum{name: s.Name.Name, doc: docOf(g.Doc, s.Doc)})
			}
		case *ast.ValueSpec:
			if g.Tok == token.CONST {
				m.addConst(g, s, info)
			}
		}
	}
}

func (m *model) addConst(g *ast.GenDecl, s *ast.ValueSpec, info *types.Info) {
	for _, ident := range s.Names {
		c, ok := info.Defs[ident].(*types.Const)
		if !ok || !ident.IsExported() || c.Val().Kind() == constant.Unknown {
			continue
		}
		doc := docOf(s.Doc, s.Comment)
		if doc == "" && len(g.Specs) == 1 {
			doc = docOf(g.Doc)
		}
		v := constValue{ident.Name, c.Val().ExactString(), doc}
		if named, ok := c.Type().(*types.Named); ok {
			if e := m.enumOf(named.Obj().Name()); e != nil {
				e.values = append(e.values, v)
			}
			continue
		}
		m.consts = append(m.consts, v)
	}
}

func fieldsOf(t *ast.StructType) []field {
	var out []field
	for _, f := range t.Fields.List {
		tag := reflect.StructTag(strings.Trim(f.Tag.Value, "`")).Get("json")
		name, options, _ := strings.Cut(tag, ",")
		out = append(out, field{name, f.Type, strings.Contains(options, "omitempty"), docOf(f.Doc, f.Comment)})
	}
	return out
}

// docOf joins the comments that are there into one line per paragraph.
func docOf(groups ...*ast.CommentGroup) string {
	var parts []string
	for _, g := range groups {
		if t := strings.TrimSpace(g.Text()); t != "" {
			parts = append(parts, strings.ReplaceAll(t, "\n", " "))
		}
	}
	return strings.Join(parts, " ")
}

// jsonType returns what JSON, and with it TypeScript, calls a basic type of Go that a message may have.
func jsonType(basic string) (name string, ok bool) {
	switch basic {
	case "string":
		return "string", true
	case "bool":
		return "boolean", true
	case "int", "int64", "uint32", "uint64":
		return "number", true
	}
	return "", false
}
