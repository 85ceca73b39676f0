package content

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// ErrPath is what errors of Names wrap.
var ErrPath = errors.New("this path is not accepted")

// Names returns, for the paths of an offer, paths to save them at: relative, with "/" between, the same number in the same order.
//
// What climbs out of the folder or is no path of a well-behaved sender is refused: absolute paths, drive letters, empty
// components, "." and "..", backslashes, control characters, invalid UTF-8, and what is too long. What is only illegal on some system, or
// could deceive, is made safe: < > : " | ? * and characters that change the direction of text become "_"; "_" is appended to a
// component that ends with a dot or a space, and to the stem of a name that Windows reserves. Of two paths that
// a system without case would take for one, and of a file and a folder of one name, the second gets " (2)".
func Names(paths []string) ([]string, error) {
	n := namer{taken: map[string]kind{}, moved: map[string]string{}, next: map[string]int{}}
	out := make([]string, len(paths))
	for i, p := range paths {
		parts, folder, err := split(p)
		if err != nil {
			return nil, fmt.Errorf("%w: %q: %w", ErrPath, clip(p), err)
		}
		if out[i] = n.place(parts, folder); len(out[i]) > MaxPath {
			return nil, fmt.Errorf("%w: %q: it is too long", ErrPath, clip(p))
		}
	}
	return out, nil
}

// split returns the safe components of a path.
func split(path string) (parts []string, folder bool, err error) {
	switch {
	case !utf8.ValidString(path):
		return nil, false, errors.New("it is not UTF-8")
	case len(path) > MaxPath:
		return nil, false, errors.New("it is too long")
	case strings.HasPrefix(path, "/"):
		return nil, false, errors.New("it is absolute")
	case len(path) >= 2 && path[1] == ':' && (path[0]|0x20) >= 'a' && (path[0]|0x20) <= 'z':
		return nil, false, errors.New("it begins with a drive letter")
	case strings.Contains(path, `\`):
		return nil, false, errors.New("it contains a backslash")
	}
	path, folder = strings.CutSuffix(norm.NFC.String(path), "/")
	for part := range strings.SplitSeq(path, "/") {
		safe, err := component(part)
		if err != nil {
			return nil, false, err
		}
		parts = append(parts, safe)
	}
	return parts, folder, nil
}

func component(part string) (string, error) {
	switch {
	case part == "":
		return "", errors.New("a name in it is empty")
	case part == "." || part == "..":
		return "", errors.New("it points out of the folder")
	case strings.ContainsFunc(part, unicode.IsControl):
		return "", errors.New("it contains a control character")
	}
	part = strings.Map(func(r rune) rune {
		if strings.ContainsRune(`<>:"|?*`, r) || deceives(r) {
			return '_'
		}
		return r
	}, part)
	if strings.HasSuffix(part, ".") || strings.HasSuffix(part, " ") {
		part += "_"
	}
	stem, _, _ := strings.Cut(part, ".")
	if bare := strings.TrimRight(stem, " "); reserved[strings.ToLower(bare)] {
		part = bare + "_" + part[len(stem):]
	}
	if len(part) > MaxComponent {
		return "", fmt.Errorf("a name in it has more than %d bytes", MaxComponent)
	}
	return part, nil
}

// deceives reports whether a character makes the text beside it look different from what it is (UAX #9 §2), or begins a line.
func deceives(r rune) bool {
	return r == 0x61c || r == 0x200e || r == 0x200f || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || r == 0x2028 || r == 0x2029 || r == 0xfeff
}

// reserved are the names that Windows keeps for devices, with any extension.
var reserved = func() map[string]bool {
	m := map[string]bool{"con": true, "prn": true, "aux": true, "nul": true, "conin$": true, "conout$": true}
	for _, d := range []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "¹", "²", "³"} {
		m["com"+d], m["lpt"+d] = true, true
	}
	return m
}()

type kind byte

const (
	isFile kind = iota + 1
	isFolder
)

// namer gives every file a name of its own.
type namer struct {
	taken map[string]kind   // by folded path
	moved map[string]string // every folder: folded path as offered to the name it has
	next  map[string]int    // the number to try next for a folded path, so that many alike cost no more than few
}

func (n *namer) place(parts []string, folder bool) string {
	at := ""
	for i, part := range parts {
		if i < len(parts)-1 || folder {
			at += n.folder(at, part) + "/"
		} else {
			at += n.file(at, part)
		}
	}
	return at
}

func (n *namer) folder(at, name string) string {
	key := fold(at + name)
	if to, ok := n.moved[key]; ok {
		return to
	}
	as := n.free(at, name, isFolder)
	n.moved[key] = as
	return as
}

func (n *namer) file(at, name string) string { return n.free(at, name, isFile) }

// free takes the first name that nothing else has; a folder may share one with a folder.
func (n *namer) free(at, name string, k kind) string {
	key := fold(at + name)
	for as := name; ; as = numbered(name, n.next[key], k == isFolder) {
		switch has := n.taken[fold(at+as)]; {
		case has == 0, has == isFolder && k == isFolder:
			n.taken[fold(at+as)] = k
			return as
		}
		n.next[key] = max(2, n.next[key]+1)
	}
}

// numbered returns name with a number before its extension, shortened to what a component may have.
func numbered(name string, i int, folder bool) string {
	stem, ext := name, ""
	if dot := strings.LastIndexByte(name, '.'); dot > 0 && !folder && len(name)-dot <= 20 {
		stem, ext = name[:dot], name[dot:]
	}
	suffix := fmt.Sprintf(" (%d)%s", i, ext)
	for len(stem)+len(suffix) > MaxComponent {
		_, last := utf8.DecodeLastRuneInString(stem)
		stem = stem[:len(stem)-last]
	}
	return stem + suffix
}

func fold(path string) string { return strings.ToLower(path) }

func clip(text string) string {
	if r := []rune(text); len(r) > 80 {
		return string(r[:80]) + "…"
	}
	return text
}
