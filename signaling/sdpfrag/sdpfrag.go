package sdpfrag

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// MaxCandidates is how many candidates a fragment may carry.
const MaxCandidates = 64

// Fragment is what one PATCH says.
type Fragment struct {
	Ufrag, Pwd string // new ones mean an ICE restart; "" if not given
	Media      []Media
}

// Media is what a fragment says about one m-section.
type Media struct {
	Mid        string
	Candidates []string // without "a=": "candidate:…"
	End        bool     // a=end-of-candidates
}

// ErrMalformed says that a fragment or description is not one.
var ErrMalformed = errors.New("malformed SDP fragment")

// Parse reads a fragment. Attributes that it does not know are ignored, as RFC 8840 §9.2 wants.
func Parse(body string) (Fragment, error) {
	var f Fragment
	var media *Media
	candidates := 0
	for line := range lines(body) {
		switch name, value := split(line); name {
		case "m":
			f.Media = append(f.Media, Media{})
			media = &f.Media[len(f.Media)-1]
		case "a=mid":
			if media == nil || value == "" {
				return Fragment{}, fmt.Errorf("%w: a=mid outside of an m-section", ErrMalformed)
			}
			media.Mid = value
		case "a=ice-ufrag":
			if f.Ufrag != "" && f.Ufrag != value {
				return Fragment{}, fmt.Errorf("%w: two different ufrags; the sections must be bundled", ErrMalformed)
			}
			f.Ufrag = value
		case "a=ice-pwd":
			f.Pwd = value
		case "a=candidate":
			if media == nil {
				return Fragment{}, fmt.Errorf("%w: a=candidate outside of an m-section", ErrMalformed)
			}
			if candidates++; candidates > MaxCandidates {
				return Fragment{}, fmt.Errorf("%w: more than %d candidates", ErrMalformed, MaxCandidates)
			}
			media.Candidates = append(media.Candidates, "candidate:"+value)
		case "a=end-of-candidates":
			if media != nil {
				media.End = true
				continue
			}
			// At session level it speaks of every section (RFC 8838 §8.2); the bundle has one.
			f.Media = append(f.Media, Media{End: true})
		}
	}
	if (f.Ufrag == "") != (f.Pwd == "") {
		return Fragment{}, fmt.Errorf("%w: ufrag and pwd must come together", ErrMalformed)
	}
	if f.Ufrag == "" && len(f.Media) == 0 {
		return Fragment{}, fmt.Errorf("%w: it says nothing", ErrMalformed)
	}
	return f, nil
}

// Restart returns offer with the credentials and candidates of f in place of its own, and a higher version, as a complete
// new offer (RFC 8839 §4.4.1.1.1).
func Restart(offer string, f Fragment) (string, error) {
	var out strings.Builder
	section := -1
	changed := false
	for line := range lines(offer) {
		name, value := split(line)
		switch name {
		case "o":
			words := strings.Fields(value)
			if len(words) < 3 {
				return "", fmt.Errorf("%w: o= line", ErrMalformed)
			}
			version, err := strconv.ParseUint(words[2], 10, 64)
			if err != nil {
				return "", fmt.Errorf("%w: o= line", ErrMalformed)
			}
			words[2] = strconv.FormatUint(version+1, 10)
			line = "o=" + strings.Join(words, " ")
		case "m":
			section++
		case "a=ice-ufrag":
			line, changed = "a=ice-ufrag:"+f.Ufrag, true
		case "a=ice-pwd":
			line = "a=ice-pwd:" + f.Pwd
		case "a=candidate", "a=end-of-candidates":
			continue
		case "a=mid":
			line += "\r\n" + f.of(value, section).lines()
			line = strings.TrimSuffix(line, "\r\n")
		}
		out.WriteString(line + "\r\n")
	}
	if !changed {
		return "", fmt.Errorf("%w: the offer has no ICE credentials", ErrMalformed)
	}
	return out.String(), nil
}

// of returns what f says about the section with the given mid.
func (f Fragment) of(mid string, section int) Media {
	for _, m := range f.Media {
		if m.Mid == mid || m.Mid == "" && section == 0 {
			return m
		}
	}
	return Media{}
}

func (m Media) lines() string {
	var out strings.Builder
	for _, c := range m.Candidates {
		out.WriteString("a=" + c + "\r\n")
	}
	if m.End {
		out.WriteString("a=end-of-candidates\r\n")
	}
	return out.String()
}

// Answer returns the fragment that tells a client of a restart what the complete answer says: the server's new credentials
// and candidates (RFC 9725 §4.3.3).
func Answer(answer string) (string, error) {
	var ufrag, pwd, m, mid string
	var candidates []string
	for line := range lines(answer) {
		switch name, value := split(line); name {
		case "m":
			if m != "" { // the bundle's first section says all
				continue
			}
			m = line
		case "a=mid":
			if mid == "" {
				mid = value
			}
		case "a=ice-ufrag":
			if ufrag == "" {
				ufrag = value
			}
		case "a=ice-pwd":
			if pwd == "" {
				pwd = value
			}
		case "a=candidate":
			if len(candidates) < MaxCandidates && !slices.Contains(candidates, line) {
				candidates = append(candidates, line)
			}
		}
	}
	if ufrag == "" || pwd == "" || m == "" || mid == "" {
		return "", fmt.Errorf("%w: the answer has no ICE credentials", ErrMalformed)
	}
	var out strings.Builder
	out.WriteString("a=ice-ufrag:" + ufrag + "\r\na=ice-pwd:" + pwd + "\r\n" + m + "\r\na=mid:" + mid + "\r\n")
	for _, c := range candidates {
		out.WriteString(c + "\r\n")
	}
	out.WriteString("a=end-of-candidates\r\n")
	return out.String(), nil
}

// split takes "a=mid:0" apart into "a=mid" and "0", and "m=audio …" into "m" and the rest.
func split(line string) (name, value string) {
	if strings.HasPrefix(line, "a=") {
		name, value, _ = strings.Cut(line, ":")
		return name, value
	}
	name, value, _ = strings.Cut(line, "=")
	return name, value
}

// lines yields the lines that are not empty, without their ends.
func lines(s string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for line := range strings.Lines(s) {
			line = strings.TrimRight(line, "\r\n")
			if line != "" && !yield(line) {
				return
			}
		}
	}
}

// Ufrag returns the first ICE username fragment of a description, or "".
func Ufrag(sdp string) string {
	for line := range lines(sdp) {
		if name, value := split(line); name == "a=ice-ufrag" {
			return value
		}
	}
	return ""
}
