package bundle

import (
	"bytes"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"os"
	"path/filepath"
	"strings"

	"github.com/evanw/esbuild/pkg/api"
)

// Kind is what a bundle is for.
type Kind int

// The kinds.
const (
	Release Kind = iota // what is embedded: minified, hashed, without source maps
	Dev                 // fake calls for design work and screenshots: readable, with source maps
)

// asset is a built file as a page refers to it.
type asset struct{ Path, Integrity string }

// Build bundles the app found in the folder web.
func Build(web string, kind Kind) (Files, error) {
	entry := "app/src/main.tsx"
	if kind == Dev {
		entry = "app/dev/main.tsx"
	}
	options := api.BuildOptions{
		AbsWorkingDir: web,
		EntryPointsAdvanced: []api.EntryPoint{
			{InputPath: entry, OutputPath: "app"},
			{InputPath: "app/styles/app.css", OutputPath: "app"},
		},
		Outdir:           "assets",
		EntryNames:       "[name]-[hash]",
		AssetNames:       "[name]-[hash]",
		Bundle:           true,
		Format:           api.FormatESModule,
		Platform:         api.PlatformBrowser,
		JSX:              api.JSXAutomatic,
		JSXImportSource:  "preact",
		Alias:            map[string]string{"@confab/sdk": "./sdk/src/index.ts"},
		Target:           api.ES2022,
		Charset:          api.CharsetUTF8,
		LegalComments:    api.LegalCommentsNone,
		MinifySyntax:     kind == Release,
		MinifyWhitespace: kind == Release,
		// esbuild names files in comments and in the glue it adds; short names keep paths out of the bundle.
		MinifyIdentifiers: kind == Release,
		TsconfigRaw:       `{"compilerOptions":{"verbatimModuleSyntax":true,"jsx":"react-jsx","jsxImportSource":"preact"}}`,
		Define:            map[string]string{"process.env.NODE_ENV": `"production"`},
		LogLevel:          api.LogLevelSilent,
	}
	if kind == Dev {
		options.Sourcemap = api.SourceMapInline
	}
	result := api.Build(options)
	if len(result.Errors) > 0 {
		text := strings.Join(api.FormatMessages(result.Errors, api.FormatMessagesOptions{}), "\n")
		if _, err := os.Stat(filepath.Join(web, "node_modules", "preact")); errors.Is(err, os.ErrNotExist) {
			text += "\nThe packages are not installed: run \"npm ci\" in web."
		}
		return nil, errors.New(text)
	}

	files := Files{}
	assets := map[string]asset{}
	for _, out := range result.OutputFiles {
		name := "assets/" + filepath.Base(out.Path)
		files[name] = out.Contents
		sum := sha512.Sum384(out.Contents)
		assets[strings.TrimPrefix(filepath.Ext(out.Path), ".")] = asset{
			Path:      "/" + name,
			Integrity: "sha384-" + base64.StdEncoding.EncodeToString(sum[:]),
		}
	}
	if err := addStatic(files, filepath.Join(web, "app", "static"), assets); err != nil {
		return nil, err
	}
	digest, err := Digest(web)
	if err != nil {
		return nil, err
	}
	files[InputsFile] = []byte(digest + "\n")
	return files, nil
}

// addStatic copies the static files; in pages, [[.JS]] and [[.CSS]] become the built assets. Double braces are left for
// package web, which fills in the operator's name.
func addStatic(files Files, dir string, assets map[string]asset) error {
	names, err := list(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		content, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		if err != nil {
			return err
		}
		if strings.HasSuffix(name, ".html") {
			if content, err = fill(name, content, assets); err != nil {
				return fmt.Errorf("page %s: %w", name, err)
			}
		}
		files[name] = content
	}
	return nil
}

func fill(name string, page []byte, assets map[string]asset) ([]byte, error) {
	t, err := template.New(name).Delims("[[", "]]").Option("missingkey=error").Parse(string(page))
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := t.Execute(&b, map[string]asset{"JS": assets["js"], "CSS": assets["css"]}); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
