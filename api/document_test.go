package api

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/confab/confab/auth"
)

func load(t *testing.T) *openapi3.T {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(Document())
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// The description is good OpenAPI, and its examples are what it describes.
func TestDocumentIsValid(t *testing.T) {
	doc := load(t)
	if err := doc.Validate(t.Context(), openapi3.EnableExamplesValidation()); err != nil {
		t.Fatal(err)
	}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			if op.RequestBody != nil && op.RequestBody.Value.Content["application/json"].Example == nil {
				t.Errorf("%s %s: the body has no example", method, path)
			}
			for status, response := range op.Responses.Map() {
				for kind, media := range response.Value.Content {
					if media.Example == nil {
						t.Errorf("%s %s: %s %s has no example", method, path, status, kind)
					}
				}
			}
		}
	}
}

// The examples of bodies are taken by what reads them, not only by their schemas: nothing but the room or the person is missing.
func TestExamplesAreTaken(t *testing.T) {
	b := newBench(t)
	doc := load(t)
	for _, r := range routes {
		op := doc.Paths.Value(r.path).GetOperation(r.method)
		if op.RequestBody == nil {
			continue
		}
		body, err := json.Marshal(op.RequestBody.Value.Content["application/json"].Example)
		if err != nil {
			t.Fatal(err)
		}
		path := strings.NewReplacer("{room}", "nobody-here", "{participant}", "k3v9").Replace(r.path)
		if a := b.send(r.method, path, admin(t, auth.AnyRoom), string(body)); a.status != http.StatusCreated && a.code(t) != CodeNoSuchRoom {
			t.Errorf("%s: %s: %d %s", r.name, body, a.status, a.body)
		}
	}
}

// What is described is there, and what is there is described.
func TestDocumentHasTheRoutes(t *testing.T) {
	var described, served []string
	for path, item := range load(t).Paths.Map() {
		for method, op := range item.Operations() {
			described = append(described, method+" "+path+" "+op.OperationID)
		}
	}
	for _, r := range routes {
		served = append(served, r.method+" "+r.path+" "+r.name)
	}
	slices.Sort(described)
	slices.Sort(served)
	if !slices.Equal(described, served) {
		t.Errorf("described:\n%s\nserved:\n%s", strings.Join(described, "\n"), strings.Join(served, "\n"))
	}
}

// Every code that the API uses is described.
func TestDocumentHasTheCodes(t *testing.T) {
	var described []string
	for _, code := range load(t).Components.Schemas["Error"].Value.Properties["code"].Value.Enum {
		described = append(described, code.(string))
	}
	for _, code := range []string{string(CodeNoSuchRoom), string(CodeExists), string(CodeMethod), string(CodeNoSuchPath), string(CodeMediaType)} {
		if !slices.Contains(described, code) {
			t.Errorf("%s is not described", code)
		}
	}
}

func TestDocumentIsServed(t *testing.T) {
	b := newBench(t)
	a := b.send(http.MethodGet, "/openapi.json", "", "")
	if a.status != http.StatusOK || a.header.Get("Content-Type") != "application/json" || a.body != string(Document()) {
		t.Errorf("%d %.80s", a.status, a.body)
	}
}
