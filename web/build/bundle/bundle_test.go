package bundle

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWriteAndCompare(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dist")
	if err := Write(dir, Files{"index.html": []byte("old"), "assets/app-1.js": []byte("1")}); err != nil {
		t.Fatal(err)
	}
	fresh := Files{"index.html": []byte("new"), "assets/app-2.js": []byte("2")}
	err := Compare(dir, fresh)
	if err == nil {
		t.Fatal("a stale bundle compares as fresh")
	}
	for _, part := range []string{"assets/app-1.js is left over", "assets/app-2.js is missing", "index.html differs"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not say %q", err, part)
		}
	}
	if err := Write(dir, fresh); err != nil {
		t.Fatal(err)
	}
	if err := Compare(dir, fresh); err != nil {
		t.Errorf("after Write: %v", err)
	}
}

// TestDigest changes one source after another: each must change the digest, and so must a renamed file.
func TestDigest(t *testing.T) {
	web := t.TempDir()
	put := func(name, content string) {
		t.Helper()
		path := filepath.Join(web, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	sources := []string{"app/src/main.tsx", "app/styles/app.css", "app/static/index.html", "sdk/src/call.ts", "build/bundle/build.go", "package-lock.json"}
	for _, name := range sources {
		put(name, "a")
	}
	seen := map[string]string{}
	note := func(what string) {
		t.Helper()
		sum, err := Digest(web)
		if err != nil {
			t.Fatal(err)
		}
		if before, known := seen[sum]; known {
			t.Errorf("%s has the digest of %s", what, before)
		}
		seen[sum] = what
	}
	note("the beginning")
	for _, name := range sources {
		put(name, "b")
		note("a change of " + name)
	}
	if err := os.Rename(filepath.Join(web, "app/src/main.tsx"), filepath.Join(web, "app/src/other.tsx")); err != nil {
		t.Fatal(err)
	}
	note("a renamed file")
}
