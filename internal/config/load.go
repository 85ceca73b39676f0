package config

import "os"

// validator is a struct that checks what single values cannot show. It reports by option name.
type validator interface {
	Validate(report func(option, problem string))
}

// Load fills the struct from the file, the environment (as of os.Environ) and the flags, which must have been parsed, and then
// validates it. Its error is Faults, with everything that is wrong.
func (s *Set) Load(environ []string) error {
	var faults Faults
	env := s.readEnv(environ, &faults)
	s.chooseFile(env)
	if s.file != "" {
		s.readFile(s.file, &faults)
	}
	for _, o := range s.options {
		if text, ok := env[o.name]; ok {
			o.apply(s.envName(o.name), []string{text}, &faults)
		}
	}
	for _, o := range s.options {
		if o.flag != nil && len(o.flag.given) > 0 {
			o.apply("--"+o.name, o.flag.given, &faults)
		}
	}
	if v, ok := s.target.(validator); ok {
		v.Validate(func(name, problem string) {
			if !s.byName[name].faulty { // what it says of a value that was not understood would mislead
				faults.add(s.Origin(name).String(), "%s", problem)
			}
		})
	}
	if len(faults) > 0 {
		return faults
	}
	return nil
}

// chooseFile looks ahead for the one option that must be known before all others.
func (s *Set) chooseFile(env map[string]string) {
	s.file = env[fileOption]
	if f := s.byName[fileOption].flag; f != nil && len(f.given) > 0 {
		s.file = f.given[len(f.given)-1]
	}
}

func (s *Set) readFile(path string, faults *Faults) {
	content, err := os.ReadFile(path)
	if err != nil {
		faults.add("--"+fileOption, "%v", err)
		return
	}
	s.parseFile(path, content, faults)
}

// apply sets the option from one source. A later source overrides an earlier one, but a fault in either is a fault.
func (o *option) apply(where string, texts []string, faults *Faults) {
	if err := o.set(texts); err != nil {
		faults.add(where, "%v", err)
		o.faulty = true
		return
	}
	o.origin = Origin{name: o.name, text: where}
}
