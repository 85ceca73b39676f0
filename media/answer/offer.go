package answer

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"
)

// Limits of an offer. A browser in a room of fifty with three sources of its own stays below a third of them.
const (
	MaxSize       = 128 << 10 // bytes of SDP
	MaxSections   = 160
	maxFormats    = 64 // payload types of one section
	maxCandidates = 64
	maxRIDs       = 4
)

// ErrBad is the parent of every error of Parse.
var ErrBad = errors.New("cannot answer this offer")

func bad(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrBad, fmt.Sprintf(format, args...))
}

// Kind of a section.
type Kind uint8

// The kinds.
const (
	Audio Kind = iota + 1
	Video
	Data
	Other // a kind that is refused
)

// Offer is what an SDP offer says, checked.
type Offer struct {
	Session     string // id of the o= line: another one is another connection
	Ufrag, Pwd  string // ICE credentials of the bundle
	Fingerprint string // "sha-256 AB:CD:…"
	Candidates  []string
	MaxMessage  uint32 // largest data channel message that the client takes, in bytes; 0: any (RFC 8841 §6)
	Mixed       bool   // one- and two-byte header extensions may be mixed (RFC 8285 §4.1.2)
	Sections    []Section
}

// Section is one m-line.
type Section struct {
	Mid        string
	Kind       Kind
	media      string // as written, for the refusal
	proto      []string
	formats    []string
	Sends      bool // the client wants to send here
	Receives   bool // the client wants to receive here
	Rejected   bool // port 0, or nothing in it that we speak
	Codecs     []Codec
	Extensions []Extension
	RIDs       []string // the client's simulcast encodings (RFC 8853), in its order of preference
	Streams    []Stream // SSRCs that it announces
}

// Stream is one announced SSRC and the SSRC of its retransmissions, 0 if there is none.
type Stream struct{ SSRC, RTX uint32 }

// Section by mid, or nil.
func (o *Offer) Section(mid string) *Section {
	for i := range o.Sections {
		if o.Sections[i].Mid == mid {
			return &o.Sections[i]
		}
	}
	return nil
}

// Data tells whether the client wants data channels.
func (o *Offer) Data() bool {
	for i := range o.Sections {
		if o.Sections[i].Kind == Data && !o.Sections[i].Rejected {
			return true
		}
	}
	return false
}

// Parse reads an offer. Errors are ErrBad.
func Parse(text string) (*Offer, error) {
	if len(text) > MaxSize {
		return nil, bad("%d bytes of SDP, at most %d", len(text), MaxSize)
	}
	var d sdp.SessionDescription
	if err := d.UnmarshalString(text); err != nil {
		return nil, bad("not SDP: %v", err)
	}
	switch n := len(d.MediaDescriptions); {
	case n == 0:
		return nil, bad("it has no media section")
	case n > MaxSections:
		return nil, bad("%d media sections, at most %d", n, MaxSections)
	}
	o := &Offer{Session: strconv.FormatUint(d.Origin.SessionID, 10)}
	_, o.Mixed = d.Attribute(sdp.AttrKeyExtMapAllowMixed)
	agreed := newNumbers()
	seen := map[string]bool{}
	for _, m := range d.MediaDescriptions {
		s, err := section(m, &d, agreed)
		if err != nil {
			return nil, err
		}
		if seen[s.Mid] {
			return nil, bad("two sections have mid %q", s.Mid)
		}
		seen[s.Mid] = true
		if s.Kind == Data {
			o.MaxMessage = maxMessage(m)
		}
		o.Sections = append(o.Sections, *s)
		if _, mixed := m.Attribute(sdp.AttrKeyExtMapAllowMixed); mixed {
			o.Mixed = true
		}
	}
	if err := o.bundle(&d); err != nil {
		return nil, err
	}
	return o, o.transport(&d)
}

// bundle checks that all live sections share one transport.
func (o *Offer) bundle(d *sdp.SessionDescription) error {
	group := map[string]bool{}
	for _, a := range d.Attributes {
		if f := strings.Fields(a.Value); a.Key == sdp.AttrKeyGroup && len(f) > 1 && f[0] == "BUNDLE" {
			for _, mid := range f[1:] {
				group[mid] = true
			}
		}
	}
	live := 0
	for i := range o.Sections {
		s := &o.Sections[i]
		if s.Rejected {
			continue
		}
		live++
		if !group[s.Mid] && (len(o.Sections) > 1 || len(group) > 0) {
			return bad("section %q is not in the BUNDLE group; use bundlePolicy max-bundle", s.Mid)
		}
	}
	if live == 0 {
		return bad("no section offers Opus, VP8, VP9, H264, AV1 or a data channel")
	}
	return nil
}

// transport reads what belongs to the one transport, from the session or the first live section that says it.
func (o *Offer) transport(d *sdp.SessionDescription) error {
	find := func(key string) string {
		for i, m := range d.MediaDescriptions {
			if v, ok := m.Attribute(key); ok && !o.Sections[i].Rejected {
				return v
			}
		}
		v, _ := d.Attribute(key)
		return v
	}
	o.Ufrag, o.Pwd = find("ice-ufrag"), find("ice-pwd")
	if !token(o.Ufrag, 4, 256) || !token(o.Pwd, 22, 256) { // RFC 8839 §5.4
		return bad("ICE credentials are missing or malformed")
	}
	if s := find(sdp.AttrKeyConnectionSetup); s != "actpass" && s != "active" {
		return bad("a=setup is %q; this server is the DTLS server, so it must be actpass or active", clip(s))
	}
	if o.Fingerprint = fingerprint(d, o); o.Fingerprint == "" {
		return bad("there is no usable DTLS fingerprint")
	}
	for i, m := range d.MediaDescriptions {
		if o.Sections[i].Rejected {
			continue
		}
		for _, a := range m.Attributes {
			if a.Key == sdp.AttrKeyCandidate && len(o.Candidates) < maxCandidates && Candidate(a.Value) {
				o.Candidates = append(o.Candidates, a.Value)
			}
		}
	}
	return nil
}

// fingerprint prefers SHA-256, which every browser sends (RFC 8122 allows several).
func fingerprint(d *sdp.SessionDescription, o *Offer) string {
	best := ""
	look := func(attrs []sdp.Attribute) {
		for _, a := range attrs {
			f := strings.Fields(a.Value)
			if a.Key != "fingerprint" || len(f) != 2 || !hexPairs(f[1]) {
				continue
			}
			hash := strings.ToLower(f[0])
			if bytes, known := hashBytes[hash]; !known || len(f[1]) != 3*bytes-1 {
				continue
			}
			if best == "" || hash == "sha-256" && !strings.HasPrefix(best, "sha-256") {
				best = hash + " " + f[1]
			}
		}
	}
	for i, m := range d.MediaDescriptions {
		if !o.Sections[i].Rejected {
			look(m.Attributes)
		}
	}
	look(d.Attributes)
	return best
}

var hashBytes = map[string]int{"sha-256": 32, "sha-384": 48, "sha-512": 64}

func hexPairs(s string) bool {
	for i := range len(s) {
		c := s[i]
		if i%3 == 2 {
			if c != ':' {
				return false
			}
		} else if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F') {
			return false
		}
	}
	return len(s)%3 == 2
}

// Candidate tells whether a candidate attribute (RFC 8839 §5.1) is one that the server can reach: UDP and an address.
// Host names (mDNS) are not: the client's address is learned from its checks.
func Candidate(v string) bool {
	f := strings.Fields(strings.TrimPrefix(v, "candidate:"))
	if len(f) < 8 || !strings.EqualFold(f[2], "udp") || f[6] != "typ" {
		return false
	}
	if strings.HasSuffix(f[4], ".local") || !strings.ContainsAny(f[4], ".:") {
		return false
	}
	for _, r := range f[4] {
		if !strings.ContainsRune("0123456789abcdefABCDEF.:", r) {
			return false
		}
	}
	port, err := strconv.ParseUint(f[5], 10, 16)
	return err == nil && port > 0 && (f[7] == "host" || f[7] == "srflx" || f[7] == "prflx" || f[7] == "relay")
}

// token tells whether s consists of ice-chars (RFC 8839 §5.4) plus what browsers put there, within length bounds.
func token(s string, least, most int) bool {
	if len(s) < least || len(s) > most {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c > '~' {
			return false
		}
	}
	return true
}

// clip makes foreign text fit for an error message.
func clip(s string) string {
	if len(s) > 32 {
		s = s[:32]
	}
	return strings.ToValidUTF8(s, "?")
}
