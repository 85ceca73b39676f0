package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// fileOption is the one option every Set has: the YAML file to read. It cannot be set in that file.
const fileOption = "config"

// A Set is the options of one program.
type Set struct {
	prefix  string // of environment variables, without the underscore
	target  any    // pointer to the struct
	options []*option
	byName  map[string]*option
	file    string // what --config or PREFIX_CONFIG says
}

// option is one field of the struct.
type option struct {
	name, group, unit, def, help string
	oneof                        []string
	value                        reflect.Value
	flag                         *flagValue // nil while the option has no flag
	origin                       Origin
	faulty                       bool // a source had a value that does not parse
}

// New describes the options of target, a pointer to a struct whose fields carry the tags of the package comment, and sets
// every field to its default. prefix starts the environment variables: "CONFAB" makes CONFAB_LISTEN of listen. A struct that
// cannot be described is a mistake of the programmer: New panics.
func New(prefix string, target any) *Set {
	s := &Set{prefix: prefix, target: target, byName: map[string]*option{}}
	v := reflect.ValueOf(target).Elem()
	s.add(&option{
		name: fileOption, group: "Configuration", unit: "path", value: reflect.ValueOf(&s.file).Elem(),
		help: "YAML file with the options below, without their dashes. Flags and environment variables win over it.",
	})
	group := ""
	for i := range v.NumField() {
		tag := v.Type().Field(i).Tag
		if g := tag.Get("group"); g != "" {
			group = g
		}
		o := &option{
			name: tag.Get("name"), group: group, unit: tag.Get("unit"), def: tag.Get("default"), help: tag.Get("help"),
			value: v.Field(i),
		}
		if choices := tag.Get("oneof"); choices != "" {
			o.oneof = strings.Split(choices, "|")
		}
		s.add(o)
	}
	return s
}

func (s *Set) add(o *option) {
	if o.name == "" || o.help == "" || s.byName[o.name] != nil {
		panic(fmt.Sprintf("config: option %q needs a name of its own and a help text", o.name))
	}
	o.value.SetZero()
	if o.def != "" {
		if err := o.set([]string{o.def}); err != nil {
			panic(fmt.Sprintf("config: default of %s: %v", o.name, err))
		}
	}
	o.origin = Origin{name: o.name, text: "default"}
	s.options = append(s.options, o)
	s.byName[o.name] = o
}

// AddFlags adds a flag for each option, or only for the named ones: a command beside the main one shares the file and the
// environment without offering every flag. --config is always added.
func (s *Set) AddFlags(flags *pflag.FlagSet, only ...string) {
	for _, o := range s.options {
		if len(only) > 0 && o.name != fileOption && !slices.Contains(only, o.name) {
			continue
		}
		o.flag = &flagValue{option: o}
		flags.Var(o.flag, o.name, o.help)
	}
}

// Copy describes target, a struct of the type that s describes, with the flags that s was given: to Load it is to read the file and the
// environment anew.
func (s *Set) Copy(target any) *Set {
	c := New(s.prefix, target)
	for i, o := range c.options {
		o.flag = s.options[i].flag
	}
	return c
}

// File is the path of the YAML file that Load has read, "" if none.
func (s *Set) File() string { return s.file }

// Origin says where the value of the named option comes from. It panics for a name that is not an option.
func (s *Set) Origin(name string) Origin { return s.byName[name].origin }

// Given reports whether the named option was set anywhere, even to its default.
func (s *Set) Given(name string) bool { return s.byName[name].origin.text != "default" }

// flagValue collects what the command line says. It accepts anything, so that a bad value is reported with all other faults
// instead of ending the parsing.
type flagValue struct {
	option *option
	given  []string
}

func (f *flagValue) Set(text string) error { f.given = append(f.given, text); return nil }
func (f *flagValue) String() string {
	if f.option == nil { // pflag asks a zero value what it looks like
		return ""
	}
	return f.option.def
}
func (f *flagValue) Type() string { return f.option.kind() }
