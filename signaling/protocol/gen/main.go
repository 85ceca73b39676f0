package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// outputs are the written files, relative to the directory of package protocol.
var outputs = []struct {
	path  string
	write func(*model) []byte
}{
	{"../../web/sdk/src/protocol.gen.ts", typeScript},
	{"../../docs/protocol.md", markdown},
}

func main() {
	if err := run("."); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

// run reads package protocol in dir and writes every output.
func run(dir string) error {
	m, err := load(dir)
	if err != nil {
		return err
	}
	for _, o := range outputs {
		path := filepath.Join(dir, o.path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, o.write(m), 0o644); err != nil {
			return err
		}
	}
	return nil
}
