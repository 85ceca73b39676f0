package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	flagOf    = regexp.MustCompile(`--[a-z][a-z-]+`)
	execStart = regexp.MustCompile(`(?m)^ExecStart=(\S+)(.*)$`)
	entry     = regexp.MustCompile(`(?m)^ENTRYPOINT \[(.*)\]$`)
)

// section lists the flags of a program, from the page that is generated from its source.
func section(t *testing.T, program string) string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(repository, "docs", "configuration.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, text, ok := strings.Cut(string(page), "\n## "+program+" serve\n")
	if !ok {
		t.Fatalf("docs/configuration.md does not know %s", program)
	}
	text, _, _ = strings.Cut(text, "\n## ")
	return text
}

// known checks that a program has every flag of a command line.
func known(t *testing.T, where, program, line string) {
	t.Helper()
	for _, flag := range flagOf.FindAllString(line, -1) {
		if !strings.Contains(section(t, program), "| `"+flag+"` |") {
			t.Errorf("%s: %s serve has no %s", where, program, flag)
		}
	}
}

func TestPackagingNamesFlagsThatExist(t *testing.T) {
	for unit, program := range map[string]string{"confab.service": "sfu", "confab-turn.service": "turn"} {
		text, err := os.ReadFile(filepath.Join(repository, "packaging", unit))
		if err != nil {
			t.Fatal(err)
		}
		start := execStart.FindStringSubmatch(string(text))
		if start == nil || start[1] != "/usr/local/bin/"+program || !strings.HasPrefix(start[2], " serve ") {
			t.Fatalf("%s does not start %s serve: %q", unit, program, start)
		}
		known(t, unit, program, start[2])
	}
	text, err := os.ReadFile(filepath.Join(repository, "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	entries := entry.FindAllStringSubmatch(string(text), -1)
	if len(entries) != 2 {
		t.Fatalf("the Dockerfile has %d entry points, want those of the relay and of the server", len(entries))
	}
	for _, e := range entries {
		words := strings.Split(strings.ReplaceAll(e[1], `"`, ""), ", ")
		program := strings.TrimPrefix(words[0], "/")
		if _, err := os.Stat(filepath.Join(repository, "cmd", program)); err != nil {
			t.Errorf("the Dockerfile starts %s: %v", program, err)
			continue
		}
		known(t, "Dockerfile", program, e[1])
	}
}

// systemd understands every line of the units, and finds little that they leave open.
func TestUnitsAreVerified(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd-analyze is not installed")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for unit, exposure := range map[string]string{"confab.service": "40", "confab-turn.service": "20"} { // of 100
		text, err := os.ReadFile(filepath.Join(repository, "packaging", unit))
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), unit)
		write(t, path, execStart.ReplaceAllString(string(text), "ExecStart="+self+"$2"), 0o644) // systemd wants the program to be there
		out, err := exec.Command(analyze, "verify", "--recursive-errors=no", "--man=no", path).CombinedOutput()
		for line := range strings.Lines(string(out)) {
			if strings.Contains(line, unit) {
				t.Errorf("verify: %s", line)
			}
		}
		if err != nil && !strings.Contains(string(out), unit) {
			t.Logf("systemd-analyze verify did not run: %v: %s", err, out)
		}
		out, err = exec.Command(analyze, "security", "--offline=true", "--threshold="+exposure, path).CombinedOutput()
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		if t.Log(lines[len(lines)-1]); err != nil {
			t.Errorf("%s: security: %v\n%s", unit, err, out)
		}
	}
}

var (
	metricMade = regexp.MustCompile(`"(relay_[a-z_]+)"`)
	metricTold = regexp.MustCompile("`(relay_[a-z_]+)`")
	flagTold   = regexp.MustCompile("`(--[a-z][a-z-]+)")
)

// docs/turn.md names every metric of the relay and no other, and only options that there are.
func TestPageOfTheRelay(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(repository, "docs", "turn.md"))
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile(filepath.Join(repository, "relay", "metrics.go"))
	if err != nil {
		t.Fatal(err)
	}
	names := func(r *regexp.Regexp, text []byte) map[string]bool {
		found := map[string]bool{}
		for _, m := range r.FindAllSubmatch(text, -1) {
			found[string(m[1])] = true
		}
		return found
	}
	made, told := names(metricMade, source), names(metricTold, page)
	if len(made) == 0 {
		t.Fatal("relay/metrics.go makes no metric: this test looks for the wrong thing")
	}
	for name := range made {
		if !told[name] {
			t.Errorf("docs/turn.md does not tell of %s", name)
		}
	}
	for name := range told {
		if !made[name] {
			t.Errorf("docs/turn.md tells of %s, which nothing counts", name)
		}
	}
	for flag := range names(flagTold, page) {
		if flag != "--json" && flag != "--network" { // of the doctor, and of docker
			known(t, "docs/turn.md", "turn", flag)
		}
	}
}
