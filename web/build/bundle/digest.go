package bundle

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

// InputsFile is the name, in the bundle, of the file that holds the digest of its sources.
const InputsFile = "inputs.sha256"

// Digest sums up everything that the release bundle is made of: the app, the SDK, the locked versions of the packages,
// and this package itself. Tests and development pages do not count.
func Digest(web string) (string, error) {
	var names []string
	for _, dir := range []string{"app/src", "app/styles", "app/static", "sdk/src", "build/bundle"} {
		err := filepath.WalkDir(filepath.Join(web, dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || strings.HasSuffix(path, "_test.go") {
				return err
			}
			names = append(names, path)
			return nil
		})
		if err != nil {
			return "", fmt.Errorf("list sources: %w", err)
		}
	}
	names = append(names, filepath.Join(web, "package-lock.json"))
	sort.Strings(names)
	sum := sha256.New()
	for _, name := range names {
		if err := digestFile(sum, web, name); err != nil {
			return "", fmt.Errorf("read source: %w", err)
		}
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// digestFile adds a file's name, length and content, so that no two sets of files look alike.
func digestFile(sum io.Writer, web, name string) error {
	content, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	rel, err := filepath.Rel(web, name)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(sum, "%s %d\n", filepath.ToSlash(rel), len(content)); err != nil {
		return err
	}
	_, err = sum.Write(content)
	return err
}
