package api

import (
	_ "embed"
	"encoding/json"
	"net/http"
	"sync"

	"go.yaml.in/yaml/v3"
)

//go:embed openapi.yaml
var document []byte

// Document returns the OpenAPI description of the API as JSON.
var Document = sync.OnceValue(func() []byte {
	var v any
	if err := yaml.Unmarshal(document, &v); err != nil {
		panic("openapi.yaml: " + err.Error()) // it is a part of the program, and a test reads it
	}
	out, err := json.Marshal(v)
	if err != nil {
		panic("openapi.yaml: " + err.Error())
	}
	return out
})

func serveDocument(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "max-age=3600")
	_, _ = w.Write(Document()) // a client that is gone misses nothing
}
