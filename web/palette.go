package web

import (
	"encoding/hex"
	"fmt"
	"math"
	"strings"
)

// colour is sRGB, each part 0 to 1.
type colour [3]float64

// palette is one accent made legible on both themes: at least 4.5:1 against the page, and so for text on it
// (WCAG 2.2 §1.4.3).
type palette struct {
	light, onLight colour
	dark, onDark   colour
}

var (
	white = colour{1, 1, 1}
	black = colour{0, 0, 0}

	// The page colours of the two themes at their least favourable, from web/app/styles/tokens.css.
	lightPage = colour{0.945, 0.953, 0.961}
	darkPage  = colour{0.16, 0.18, 0.2}
)

const legible = 4.5

func newPalette(base colour) palette {
	light := towards(base, black, lightPage)
	dark := towards(base, white, darkPage)
	return palette{light: light, onLight: textOn(light), dark: dark, onDark: textOn(dark)}
}

// towards mixes the colour with another in small steps until it is legible on the page.
func towards(c, end, page colour) colour {
	for share := 0.0; share < 1; share += 0.02 {
		if mixed := mix(c, end, share); contrast(mixed, page) >= legible {
			return mixed
		}
	}
	return end
}

// textOn is white where white can be read, else black; one of the two always can.
func textOn(c colour) colour {
	if contrast(white, c) >= legible {
		return white
	}
	return black
}

func mix(a, b colour, share float64) colour {
	var out colour
	for i := range out {
		out[i] = a[i]*(1-share) + b[i]*share
	}
	return out
}

// contrast is the ratio of WCAG 2.2, 1 to 21.
func contrast(a, b colour) float64 {
	x, y := luminance(a), luminance(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

// luminance is the relative luminance of WCAG 2.2.
func luminance(c colour) float64 {
	var linear [3]float64
	for i, v := range c {
		if v <= 0.04045 {
			linear[i] = v / 12.92
		} else {
			linear[i] = math.Pow((v+0.055)/1.055, 2.4)
		}
	}
	return 0.2126*linear[0] + 0.7152*linear[1] + 0.0722*linear[2]
}

func parseColour(s string) (colour, error) {
	digits, hash := strings.CutPrefix(s, "#")
	raw, err := hex.DecodeString(digits)
	if !hash || err != nil || len(raw) != 3 {
		return colour{}, fmt.Errorf("%q is not a colour like #0b7a75", s)
	}
	return colour{float64(raw[0]) / 255, float64(raw[1]) / 255, float64(raw[2]) / 255}, nil
}

// String is the colour as CSS writes it.
func (c colour) String() string {
	part := func(v float64) int { return int(math.Round(v * 255)) }
	return fmt.Sprintf("#%02x%02x%02x", part(c[0]), part(c[1]), part(c[2]))
}
