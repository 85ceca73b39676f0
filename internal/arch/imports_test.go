package arch

import (
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestImportsPointInward(t *testing.T) {
	found, _ := packages(t)
	for name, p := range found {
		r, listed := rules[name]
		if !listed {
			t.Errorf("%s is not listed in internal/arch/rules_test.go: say what it may import and whether it is pure", name)
			continue
		}
		for _, f := range p.files {
			for _, spec := range f.Imports {
				imported, err := strconv.Unquote(spec.Path.Value)
				if err != nil {
					t.Fatal(err)
				}
				if ours, ok := strings.CutPrefix(imported, module+"/"); ok && !mayImport(r.imports, ours) {
					t.Errorf("%s imports %s: it may import %v of ours", name, ours, r.imports)
				}
				if strings.HasPrefix(imported, "github.com/pion/") && !r.pion {
					t.Errorf("%s imports %s: only media, relay and internal/netlab speak to pion", name, imported)
				}
			}
		}
	}
}

func TestRulesAreOfPackagesThatExist(t *testing.T) {
	found, _ := packages(t)
	for name := range rules {
		if found[name] == nil {
			t.Errorf("%s is listed and does not exist", name)
		}
	}
}

func mayImport(allowed []string, imported string) bool {
	return slices.ContainsFunc(allowed, func(a string) bool {
		prefix, below := strings.CutSuffix(a, "...")
		return a == imported || below && (strings.HasPrefix(imported, prefix) || imported+"/" == prefix)
	})
}

func TestMayImport(t *testing.T) {
	for _, tt := range []struct {
		allowed, imported string
		want              bool
	}{
		{"media", "media", true},
		{"media", "media/seq", false},
		{"media/...", "media/seq", true},
		{"media/...", "media", true},
		{"media/...", "mediation", false},
		{"...", "auth", true},
	} {
		if got := mayImport([]string{tt.allowed}, tt.imported); got != tt.want {
			t.Errorf("mayImport(%s, %s) = %v", tt.allowed, tt.imported, got)
		}
	}
}
