package auth

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the policy table into docs/tokens.md")

const page = "../docs/tokens.md"

// The page shows the rules themselves.
func TestDocumentedPolicy(t *testing.T) {
	content, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	const start, end = "<!-- policy -->\n", "<!-- /policy -->"
	before, rest, ok := strings.Cut(string(content), start)
	old, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no place for the table", page)
	}
	if got := policyTable(); got != old {
		if !*update {
			t.Fatalf("%s shows another policy than rules: go test ./auth -run Documented -update", page)
		}
		if err := os.WriteFile(page, []byte(before+start+got+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// policyTable asks May, and so shows what it does and not what rules seem to say.
func policyTable() string {
	all := everything()
	var b strings.Builder
	b.WriteString("| to | viewer | member | moderator | host | grant |\n|---|---|---|---|---|---|\n")
	for _, do := range Actions() {
		verb := strings.NewReplacer(" this person", " a person").Replace(do.String())
		row := func(name string, targets ...Target) {
			fmt.Fprintf(&b, "| %s |", name)
			for _, role := range Roles {
				var on []string
				for _, target := range targets {
					if target.Give = RoleViewer; May(Actor{"me", role, all}, do, target) == nil {
						on = append(on, string(target.Role))
					}
				}
				switch {
				case len(on) == 0:
					b.WriteString(" |")
				case len(targets) == 1 || len(on) == len(Roles):
					b.WriteString(" yes |")
				default:
					fmt.Fprintf(&b, " up to %s |", on[len(on)-1])
				}
			}
			if name := rules[do].named; name != "" {
				name = "`" + name + "`"
				fmt.Fprintf(&b, " %s |\n", name)
				return
			}
			b.WriteString(" |\n")
		}
		others := make([]Target, len(Roles))
		for i, role := range Roles {
			others[i] = Target{ID: "you", Role: role}
		}
		switch rules[do].about {
		case alone:
			row(verb, Target{})
		case message:
			row(strings.Replace(verb, "this message", "one's own message", 1), Target{ID: "me"})
			row(strings.Replace(verb, "this message", "a message of others", 1), others...)
		case person:
			row(verb, others...)
		}
	}
	return b.String()
}

// The programs of the page mint tokens that are good.
func TestDocumentedPrograms(t *testing.T) {
	content, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		language, file string
		command        []string
	}{
		{"go", "main.go", []string{"go", "run"}},
		{"js", "mint.js", []string{"node"}},
		{"python", "mint.py", []string{"python3"}},
	} {
		_, rest, ok := strings.Cut(string(content), "```"+tt.language+"\n")
		program, _, ok2 := strings.Cut(rest, "```")
		if !ok || !ok2 {
			t.Errorf("%s has no program in %s", page, tt.language)
			continue
		}
		if _, err := exec.LookPath(tt.command[0]); err != nil {
			t.Logf("%s is not installed: its program was not run", tt.command[0])
			continue
		}
		file := filepath.Join(t.TempDir(), tt.file)
		if err := os.WriteFile(file, []byte(program), 0o600); err != nil {
			t.Fatal(err)
		}
		command := exec.Command(tt.command[0], append(tt.command[1:], file)...) //nolint:gosec // programs of ours
		command.Env = append(os.Environ(), "SECRET="+string(secret))
		var stderr bytes.Buffer
		command.Stderr = &stderr
		out, err := command.Output()
		if err != nil {
			t.Errorf("%s: %v\n%s", tt.language, err, &stderr)
			continue
		}
		c, err := Verify([][]byte{secret}, string(out), time.Now())
		if left := time.Until(c.Expires); err != nil || c.Room != "standup" || c.Identity != "u-17" || c.Name != "Ada" || c.Role != RoleMember || c.Grants != AllGrants() || left > time.Hour {
			t.Errorf("%s: %+v, %v", tt.language, c, err)
		}
	}
}
