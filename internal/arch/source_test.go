package arch

import (
	"bufio"
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

const module = "github.com/confab/confab"

// root is the top of the repository, seen from this package.
const root = "../.."

// pkg is the Go source of one folder.
type pkg struct {
	files []*ast.File // without tests
	names []string    // of files
}

// packages parses every package of the module, by its path below the module.
func packages(t *testing.T) (map[string]*pkg, *token.FileSet) {
	t.Helper()
	fset, found := token.NewFileSet(), map[string]*pkg{}
	for _, name := range files(t) {
		if !strings.HasSuffix(name, ".go") || !strings.Contains(name, "/") {
			continue
		}
		dir := path.Dir(name)
		if found[dir] == nil {
			found[dir] = &pkg{}
		}
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(fset, filepath.Join(root, name), nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		found[dir].files = append(found[dir].files, f)
		found[dir].names = append(found[dir].names, name)
	}
	return found, fset
}

// skipped are folders that hold nothing people write.
var skipped = map[string]bool{"node_modules": true, "testdata": true, "dist": true, "bin": true, ".git": true, "shots": true}

// files lists the files of the repository, with slashes, relative to its top.
func files(t *testing.T) []string {
	t.Helper()
	var names []string
	err := fs.WalkDir(os.DirFS(root), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && skipped[d.Name()] {
			return fs.SkipDir
		}
		if !d.IsDir() {
			names = append(names, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// lines calls f with each line of the file, counted from 1.
func lines(t *testing.T, name string, f func(n int, line string)) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	scanner := bufio.NewScanner(bytes.NewReader(content))
	scanner.Buffer(nil, len(content)+1)
	for n := 1; scanner.Scan(); n++ {
		f(n, scanner.Text())
	}
}
