package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The examples of docs/api.md are run, as they stand there, against a server.
func TestDocumentedRequests(t *testing.T) {
	for _, tool := range []string{"bash", "curl", "go"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatal(err)
			}
			t.Skip(err)
		}
	}
	page, err := os.ReadFile("../../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	var script strings.Builder
	script.WriteString("set -euo pipefail\n")
	blocks := regexp.MustCompile("(?ms)^```sh\n(.*?)^```$").FindAllStringSubmatch(string(page), -1)
	for _, block := range blocks {
		for line := range strings.Lines(block[1]) {
			// Each answer on a line of its own, so that what fails can be found.
			script.WriteString(strings.TrimSuffix(line, "\n") + "; echo\n")
		}
	}
	if requests := strings.Count(script.String(), "curl "); requests < 10 {
		t.Fatalf("%d requests are in the page: is it written in another way?", requests)
	}

	dir := t.TempDir()
	secrets := filepath.Join(dir, "secrets")
	if err := os.WriteFile(secrets, []byte(strings.Repeat("d", 32)), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("go", "build", "-o", filepath.Join(dir, "sfu"), ".").CombinedOutput(); err != nil { //nolint:gosec // our own program
		t.Fatalf("%v\n%s", err, out)
	}
	s := start(t, "--secret-file", secrets)
	command := exec.CommandContext(t.Context(), "bash", "-xc", script.String()) //nolint:gosec // a page of ours
	command.Dir = dir
	command.Env = append(os.Environ(), "SERVER="+s.url, "PATH="+dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for name, want := range map[string]string{"standup.jsonl": `"kind":"said"`, "retro.jsonl": `"Five minutes left."`} {
		content, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || !strings.Contains(string(content), want) {
			t.Errorf("%s has no %s: %v\n%s", name, want, err, content)
		}
	}
}
