package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"mime"
	"strings"
	"unicode/utf8"
)

// Branding is what an operator may change of the looks. The zero value is Confab's own.
type Branding struct {
	Name     string // at most 40 characters; empty: Confab
	Accent   string // #rrggbb; lightened and darkened as far as legible text needs; empty: Confab's own
	Logo     []byte // a picture, shown 32 px high; empty: Confab's own
	LogoType string // its media type, for example image/svg+xml; required with Logo
}

// brand is a Branding that was found usable.
type brand struct {
	Name   string
	Logo   string // path, or "" for the built-in one
	accent *palette
}

func (b Branding) prepare() (brand, error) {
	out := brand{Name: b.Name}
	var faults []error
	if out.Name == "" {
		out.Name = "Confab"
	}
	if !utf8.ValidString(out.Name) || utf8.RuneCountInString(out.Name) > 40 {
		faults = append(faults, errors.New("name: want at most 40 characters"))
	}
	if b.Accent != "" {
		base, err := parseColour(b.Accent)
		if err != nil {
			faults = append(faults, fmt.Errorf("accent: %w", err))
		} else {
			p := newPalette(base)
			out.accent = &p
		}
	}
	if len(b.Logo) > 0 {
		out.Logo = "/brand/logo"
		if kind, _, err := mime.ParseMediaType(b.LogoType); err != nil || !strings.HasPrefix(kind, "image/") {
			faults = append(faults, fmt.Errorf("logo: media type %q is not of a picture", b.LogoType))
		}
	}
	return out, errors.Join(faults...)
}

// fill puts the name and the logo into a page of the bundle.
func (b brand) fill(name string, page []byte) ([]byte, error) {
	if strings.HasSuffix(name, ".webmanifest") {
		quoted, err := json.Marshal(b.Name)
		if err != nil {
			return nil, err
		}
		return bytes.ReplaceAll(page, []byte(`"{{.Name}}"`), quoted), nil
	}
	t, err := template.New(name).Parse(string(page))
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := t.Execute(&out, b); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// css overrides the accent of the app's stylesheet, for the light and the dark theme.
func (b brand) css() string {
	if b.accent == nil {
		return "/* the built-in colours */\n"
	}
	p := b.accent
	return fmt.Sprintf(":root {\n  --accent: light-dark(%s, %s);\n  --on-accent: light-dark(%s, %s);\n}\n",
		p.light, p.dark, p.onLight, p.onDark)
}
