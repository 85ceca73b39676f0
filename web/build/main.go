// Command build bundles the web app into web/dist with esbuild's Go API. Run it by "go generate ./web".
//
// The output is a function of the sources alone: no dates, no absolute paths, files named by the hash of their content.
// dist/inputs.sha256 holds the digest of all sources, so that a test without Node can tell a stale bundle.
//
// Preact and its signals come from web/node_modules ("npm ci" in web puts them there); a server build needs neither.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/confab/confab/web/build/bundle"
)

func main() {
	check := flag.Bool("check", false, "build in memory and fail when the committed bundle differs")
	dev := flag.String("dev", "", "build the development page (fake calls, source maps) into this directory instead")
	flag.Parse()
	if err := run(*check, *dev); err != nil {
		fmt.Fprintln(os.Stderr, "web/build:", err)
		os.Exit(1)
	}
}

func run(check bool, dev string) error {
	web, err := findWeb()
	if err != nil {
		return err
	}
	if dev != "" {
		files, err := bundle.Build(web, bundle.Dev)
		if err != nil {
			return err
		}
		return bundle.Write(dev, files)
	}
	files, err := bundle.Build(web, bundle.Release)
	if err != nil {
		return err
	}
	dist := filepath.Join(web, "dist")
	if check {
		return bundle.Compare(dist, files)
	}
	if err := bundle.Write(dist, files); err != nil {
		return err
	}
	for _, f := range files.Sizes() {
		fmt.Println(f)
	}
	return nil
}

// findWeb finds the folder web: "go generate" runs in it, a person runs the program from the root.
func findWeb() (string, error) {
	for _, dir := range []string{".", "web"} {
		if _, err := os.Stat(filepath.Join(dir, "app", "src", "main.tsx")); err == nil {
			return filepath.Abs(dir)
		}
	}
	return "", errors.New("run it in the repository's root or in web")
}
