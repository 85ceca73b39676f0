package bundle

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
)

// Files are the files of a bundle by their slash-separated path.
type Files map[string][]byte

// Sizes tells each file's size, plain and compressed, in the order of their names.
func (f Files) Sizes() []string {
	var lines []string
	for _, name := range f.names() {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		// A bytes.Buffer never fails.
		_, _ = z.Write(f[name])
		_ = z.Close()
		lines = append(lines, fmt.Sprintf("%-32s %7d bytes, %6d compressed", name, len(f[name]), b.Len()))
	}
	return lines
}

func (f Files) names() []string {
	names := make([]string, 0, len(f))
	for name := range f {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// Write makes dir hold exactly these files: others are removed.
func Write(dir string, f Files) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	old, err := list(dir)
	if err != nil {
		return err
	}
	for name, content := range f {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			return err
		}
	}
	for _, name := range old {
		if _, keep := f[name]; keep {
			continue
		}
		if err := os.Remove(filepath.Join(dir, filepath.FromSlash(name))); err != nil {
			return err
		}
	}
	return nil
}

// Compare tells in what dir differs from these files.
func Compare(dir string, f Files) error {
	have, err := list(dir)
	if err != nil {
		return err
	}
	var faults []error
	seen := map[string]bool{}
	for _, name := range have {
		seen[name] = true
		if _, wanted := f[name]; !wanted {
			faults = append(faults, fmt.Errorf("%s is left over", name))
		}
	}
	for _, name := range f.names() {
		if !seen[name] {
			faults = append(faults, fmt.Errorf("%s is missing", name))
			continue
		}
		content, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		if err != nil {
			return err
		}
		if !bytes.Equal(content, f[name]) {
			faults = append(faults, fmt.Errorf("%s differs", name))
		}
	}
	if len(faults) > 0 {
		return fmt.Errorf("the bundle is not fresh, run \"go generate ./web\":\n%w", errors.Join(faults...))
	}
	return nil
}

func list(dir string) ([]string, error) {
	var names []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && path == dir {
			return nil
		}
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		names = append(names, filepath.ToSlash(rel))
		return nil
	})
	return names, err
}
