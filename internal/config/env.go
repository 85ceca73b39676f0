package config

import (
	"regexp"
	"strings"
)

func (s *Set) envName(option string) string {
	return s.prefix + "_" + strings.ToUpper(strings.ReplaceAll(option, "-", "_"))
}

// readEnv returns the environment's value of each option it names. An empty variable counts as absent: container tools pass on
// variables they know nothing of.
func (s *Set) readEnv(environ []string, faults *Faults) map[string]string {
	values := map[string]string{}
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		rest, ours := strings.CutPrefix(name, s.prefix+"_")
		if !ours || value == "" || serviceLink.MatchString(rest) {
			continue
		}
		option := strings.ToLower(strings.ReplaceAll(rest, "_", "-"))
		if s.byName[option] == nil {
			faults.add(name, "no such option%s", s.suggest(option, s.envName))
			continue
		}
		values[option] = value
	}
	return values
}

// serviceLink matches what Kubernetes and Docker put into the environment of a pod beside a service that has our name.
var serviceLink = regexp.MustCompile(`^(SERVICE_(HOST|PORT(_[A-Z0-9_]+)?)|PORT(_\d+_(TCP|UDP)(_(PROTO|PORT|ADDR))?)?)$`)
