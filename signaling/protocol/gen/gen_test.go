package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/confab/confab/signaling/protocol"
)

func TestWrittenFilesAreFresh(t *testing.T) {
	m, err := load("..")
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range outputs {
		got, err := os.ReadFile(filepath.Join("..", o.path))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, o.write(m)) {
			t.Errorf("%s is not up to date: run go generate ./signaling/protocol", o.path)
		}
	}
}

func TestEverythingIsDocumented(t *testing.T) {
	m, err := load("..")
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range protocol.Types() {
		if m.structOf(w.Struct.Name()).doc == "" {
			t.Errorf("%s has no comment", w.Struct.Name())
		}
	}
	for _, e := range m.enums {
		if e.doc == "" || len(e.values) == 0 {
			t.Errorf("%s has no comment or no values", e.name)
		}
	}
}
