// Command gen writes docs/configuration.md from the options of the programs, which print them with their hidden command reference.
//
// go generate ./internal/config runs it. With -check it writes nothing and fails when the page is not up to date, as its test does.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

const intro = `# Configuration

Generated from the source by ` + "`scripts/gen`" + `. Every option is a flag, an environment variable and a key of the YAML file that ` + "`--config`" + ` names. Flags
win over the environment, the environment over the file, the file over the default. An unknown key, flag or variable is an error, and
everything that is wrong is reported at once, each fault with its place.

` + "```yaml" + `
# confab.yaml
listen: :443
public-ip: [203.0.113.7]
tls-cert: /etc/confab/fullchain.pem
tls-key: /etc/confab/privkey.pem
` + "```" + `

An option that takes several values is given by repeating the flag, with commas, or as a YAML list. An empty environment variable counts
as absent. Durations have a unit: ` + "`30s`, `5m`, `2h`" + `.
`

// programs are the commands whose options the page lists.
var programs = []struct{ path, heading string }{
	{"cmd/sfu", "\n## sfu serve\n\nThe server: web app, signaling, SFU and relay.\n"},
	{"cmd/turn", "\n## turn serve\n\nThe relay alone.\n"},
}

func main() {
	check := flag.Bool("check", false, "fail when the page is not up to date")
	flag.Parse()
	if err := run(*check); err != nil {
		fmt.Fprintln(os.Stderr, "internal/config/gen:", err)
		os.Exit(1)
	}
}

func run(check bool) error {
	root, err := findRoot()
	if err != nil {
		return err
	}
	page := bytes.NewBufferString(intro)
	for _, p := range programs {
		command := exec.Command("go", "run", "./"+p.path, "reference")
		command.Dir, command.Stderr = root, os.Stderr
		command.Env = append(os.Environ(), "GOFLAGS=") // a flag such as -race would build everything anew
		options, err := command.Output()
		if err != nil {
			return fmt.Errorf("%s reference: %w", p.path, err)
		}
		page.WriteString(p.heading)
		page.Write(options)
	}
	target := filepath.Join(root, "docs", "configuration.md")
	if !check {
		return os.WriteFile(target, page.Bytes(), 0o644)
	}
	written, err := os.ReadFile(target)
	if err != nil {
		return err
	}
	if !bytes.Equal(written, page.Bytes()) {
		return errors.New("docs/configuration.md is not up to date: run scripts/gen")
	}
	return nil
}

// findRoot walks up to the folder of go.mod.
func findRoot() (string, error) {
	dir, err := os.Getwd()
	for err == nil {
		if _, missing := os.Stat(filepath.Join(dir, "go.mod")); missing == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("not within the repository")
		}
		dir = filepath.Dir(dir)
	}
	return "", err
}
