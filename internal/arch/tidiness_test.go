package arch

import (
	"go/ast"
	"path"
	"regexp"
	"strings"
	"testing"
)

// A story is longer than its name.
const minStory = 120

func TestEveryPackageTellsItsStory(t *testing.T) {
	found, _ := packages(t)
	for name, p := range found {
		if len(p.files) == 0 {
			continue
		}
		var told []string
		for i, f := range p.files {
			if f.Doc == nil || isDirective(f.Doc) {
				continue
			}
			told = append(told, p.names[i])
			text := f.Doc.Text()
			if !strings.HasPrefix(text, "Package "+path.Base(name)+" ") && !strings.HasPrefix(text, "Command "+path.Base(name)+" ") || len(text) < minStory {
				t.Errorf("%s: the package comment must say what %s is, and what it is not", p.names[i], path.Base(name))
			}
		}
		if len(told) != 1 {
			t.Errorf("%s has its package comment in %d files %v, want one (doc.go)", name, len(told), told)
		}
	}
}

// isDirective reports whether the comment is for a tool, such as "//go:build", and not for people.
func isDirective(doc *ast.CommentGroup) bool { return doc.Text() == "" }

// source are the endings of files that people write.
var source = map[string]bool{".go": true, ".ts": true, ".tsx": true, ".mjs": true, ".css": true, ".sh": true}

func TestFilesAreShort(t *testing.T) {
	for _, name := range files(t) {
		if !source[path.Ext(name)] || strings.Contains(name, ".gen.") {
			continue
		}
		last, limit := 0, maxLines
		if strings.Contains(path.Base(name), "_test.") || strings.Contains(path.Base(name), ".test.") {
			limit = maxTestLines
		}
		lines(t, name, func(n int, _ string) { last = n })
		if last > limit {
			t.Errorf("%s has %d lines, more than %d: it is more than one idea", name, last, limit)
		}
	}
}

// leftovers are notes to oneself, paths of a machine, and tests that were switched off. The words are split so as not to find themselves.
var leftovers = map[string]*regexp.Regexp{
	"a note to oneself": regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|XX` + `X|HA` + `CK)\b`),
	"a machine's path":  regexp.MustCompile(`(^|[\s"'=(])/(work|ro` + `ot|home)/[a-z]`),
	"a test off":        regexp.MustCompile(`\b(describe|it|test)\.(skip|only|todo)\(`),
}

func TestNothingIsLeftLyingAbout(t *testing.T) {
	for _, name := range files(t) {
		if !source[path.Ext(name)] && path.Ext(name) != ".md" && !strings.HasPrefix(name, "scripts/") {
			continue
		}
		lines(t, name, func(n int, line string) {
			for what, pattern := range leftovers {
				if pattern.MatchString(line) {
					t.Errorf("%s:%d has %s: %s", name, n, what, strings.TrimSpace(line))
				}
			}
		})
	}
}
