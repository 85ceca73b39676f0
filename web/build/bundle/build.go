package bundle

import (
	"bytes"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"maps"
	"os"
	"path/filepath"
	"slices"
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

// page is what a page refers to: the script and the style that it begins with, and the scripts that those need at once.
type page struct {
	JS, CSS asset
	Preload []asset
}

// worker is the script that hashes and writes files, in a thread of its own: a bundle beside the app's, which knows its name.
const worker = "app/src/files/worker.ts"

// Build bundles the app found in the folder web.
func Build(web string, kind Kind) (Files, error) {
	entry := "app/src/main.tsx"
	if kind == Dev {
		entry = "app/dev/main.tsx"
	}
	files := Files{}
	built, err := run(web, kind, api.BuildOptions{
		EntryPointsAdvanced: []api.EntryPoint{{InputPath: worker, OutputPath: "files-worker"}},
	})
	if err != nil {
		return nil, err
	}
	name := files.addAssets(built.OutputFiles)[0].Path
	built, err = run(web, kind, api.BuildOptions{
		EntryPointsAdvanced: []api.EntryPoint{
			{InputPath: entry, OutputPath: "app"},
			{InputPath: "app/styles/app.css", OutputPath: "app"},
		},
		// What is imported when it is needed (files, the pictures of links) is a file of its own.
		Splitting:  true,
		ChunkNames: "part-[hash]",
		Metafile:   true,
		Define:     map[string]string{"FILES_WORKER": fmt.Sprintf("%q", name)},
	})
	if err != nil {
		return nil, err
	}
	assets := files.addAssets(built.OutputFiles)
	first, err := firstLoad(built.Metafile, assets)
	if err != nil {
		return nil, err
	}
	if err := addStatic(files, filepath.Join(web, "app", "static"), first); err != nil {
		return nil, err
	}
	digest, err := Digest(web)
	if err != nil {
		return nil, err
	}
	files[InputsFile] = []byte(digest + "\n")
	return files, nil
}

// run builds with the options that all our scripts have in common.
func run(web string, kind Kind, o api.BuildOptions) (api.BuildResult, error) {
	define := map[string]string{"process.env.NODE_ENV": `"production"`}
	maps.Copy(define, o.Define)
	options := api.BuildOptions{
		AbsWorkingDir:       web,
		EntryPointsAdvanced: o.EntryPointsAdvanced,
		Splitting:           o.Splitting,
		ChunkNames:          o.ChunkNames,
		Metafile:            o.Metafile,
		Outdir:              "assets",
		EntryNames:          "[name]-[hash]",
		AssetNames:          "[name]-[hash]",
		Bundle:              true,
		Format:              api.FormatESModule,
		Platform:            api.PlatformBrowser,
		JSX:                 api.JSXAutomatic,
		JSXImportSource:     "preact",
		Alias:               map[string]string{"@confab/sdk": "./sdk/src/index.ts", "@confab/sdk/files": "./sdk/src/files/index.ts", "@confab/sdk/files/worker": "./sdk/src/files/worker-index.ts"},
		Target:              api.ES2022,
		Charset:             api.CharsetUTF8,
		LegalComments:       api.LegalCommentsNone,
		MinifySyntax:        kind == Release,
		MinifyWhitespace:    kind == Release,
		// esbuild names files in comments and in the glue it adds; short names keep paths out of the bundle.
		MinifyIdentifiers: kind == Release,
		TsconfigRaw:       `{"compilerOptions":{"verbatimModuleSyntax":true,"jsx":"react-jsx","jsxImportSource":"preact"}}`,
		Define:            define,
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
		return result, errors.New(text)
	}
	return result, nil
}

// addAssets takes built files in; their order is kept.
func (f Files) addAssets(built []api.OutputFile) []asset {
	var assets []asset
	for _, out := range built {
		name := "assets/" + filepath.Base(out.Path)
		f[name] = out.Contents
		sum := sha512.Sum384(out.Contents)
		assets = append(assets, asset{Path: "/" + name, Integrity: "sha384-" + base64.StdEncoding.EncodeToString(sum[:])})
	}
	return assets
}

// firstLoad finds among the assets what a page begins with: esbuild's metafile tells what imports what.
func firstLoad(metafile string, assets []asset) (page, error) {
	var meta struct {
		Outputs map[string]struct {
			EntryPoint string
			Imports    []struct{ Path, Kind string }
		}
	}
	if err := json.Unmarshal([]byte(metafile), &meta); err != nil {
		return page{}, fmt.Errorf("read the metafile: %w", err)
	}
	byPath := map[string]asset{}
	for _, a := range assets {
		byPath[strings.TrimPrefix(a.Path, "/")] = a
	}
	var p page
	for _, path := range slices.Sorted(maps.Keys(meta.Outputs)) {
		out := meta.Outputs[path]
		switch {
		case strings.HasSuffix(out.EntryPoint, "main.tsx"):
			p.JS = byPath[path]
			need := []string{path}
			for len(need) > 0 {
				for _, i := range meta.Outputs[need[0]].Imports {
					if i.Kind == "import-statement" && !slices.Contains(p.Preload, byPath[i.Path]) {
						p.Preload = append(p.Preload, byPath[i.Path])
						need = append(need, i.Path)
					}
				}
				need = need[1:]
			}
		case strings.HasSuffix(out.EntryPoint, ".css"):
			p.CSS = byPath[path]
		}
	}
	if p.JS.Path == "" || p.CSS.Path == "" {
		return p, errors.New("the bundle has no entry")
	}
	return p, nil
}

// addStatic copies the static files; in pages, [[.JS]] and [[.CSS]] become the built assets. Double braces are left for
// package web, which fills in the operator's name.
func addStatic(files Files, dir string, first page) error {
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
			if content, err = fill(name, content, first); err != nil {
				return fmt.Errorf("page %s: %w", name, err)
			}
		}
		files[name] = content
	}
	return nil
}

func fill(name string, content []byte, first page) ([]byte, error) {
	t, err := template.New(name).Delims("[[", "]]").Option("missingkey=error").Parse(string(content))
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := t.Execute(&b, first); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
