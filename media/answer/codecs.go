package answer

import (
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"
)

// Codec is one media format that both sides speak, with the numbers the client gave it.
type Codec struct {
	Name        string // opus, VP8, VP9, H264, AV1
	PayloadType uint8
	RTX         uint8 // payload type of its retransmissions, 0 if there is none
	ClockRate   uint32
	Channels    string // "2" for opus
	Fmtp        string // as offered
	Profile     string // H264: profile-level-id without the level, lower case; else ""
	feedback    []string
}

// numbers checks that one payload type and one extension id mean one thing in the whole bundle (RFC 8843 §10.1).
type numbers struct {
	formats    map[uint8]string
	extensions map[uint8]string
}

func newNumbers() *numbers {
	return &numbers{formats: map[uint8]string{}, extensions: map[uint8]string{}}
}

// offered is one payload type of a section as written.
type offered struct {
	name, channels, fmtp string
	clock                uint32
	feedback             []string
}

// codecs picks what we speak, in the client's order, each with its RTX.
func codecs(m *sdp.MediaDescription, kind Kind, agreed *numbers) ([]Codec, error) {
	table := formats(m)
	var out []Codec
	for _, f := range m.MediaName.Formats {
		pt, err := strconv.ParseUint(f, 10, 7)
		o := table[uint8(pt)]
		if err != nil || o == nil || o.name == "rtx" {
			continue
		}
		c, ok := accept(kind, uint8(pt), o)
		if !ok || duplicate(out, c) {
			continue
		}
		for rtx, r := range table {
			if r.name == "rtx" && parameter(r.fmtp, "apt") == f && (c.RTX == 0 || rtx < c.RTX) {
				c.RTX = rtx
			}
		}
		for _, n := range []uint8{c.PayloadType, c.RTX} {
			meaning := c.Name + "/" + c.Fmtp
			if n == 0 {
				continue
			}
			if n == c.RTX {
				meaning = "rtx/" + f
			}
			if was, taken := agreed.formats[n]; taken && was != meaning {
				return nil, bad("payload type %d means two things in one bundle", n)
			}
			agreed.formats[n] = meaning
		}
		out = append(out, c)
	}
	return out, nil
}

// formats collects rtpmap, fmtp and rtcp-fb of a section by payload type.
func formats(m *sdp.MediaDescription) map[uint8]*offered {
	table := map[uint8]*offered{}
	for _, a := range m.Attributes {
		head, rest, ok := strings.Cut(a.Value, " ")
		pt, err := strconv.ParseUint(head, 10, 7)
		if a.Key != "rtpmap" || !ok || err != nil || len(table) >= maxFormats {
			continue
		}
		f := strings.Split(rest, "/")
		if len(f) < 2 {
			continue
		}
		clock, err := strconv.ParseUint(f[1], 10, 32)
		if err != nil {
			continue
		}
		o := &offered{name: strings.ToLower(f[0]), clock: uint32(clock)}
		if len(f) > 2 {
			o.channels = f[2]
		}
		table[uint8(pt)] = o
	}
	for _, a := range m.Attributes {
		head, rest, ok := strings.Cut(a.Value, " ")
		if !ok || a.Key != "fmtp" && a.Key != "rtcp-fb" {
			continue
		}
		pt, err := strconv.ParseUint(head, 10, 7)
		for n, o := range table {
			switch {
			case a.Key == "fmtp" && err == nil && uint8(pt) == n:
				o.fmtp = rest
			case a.Key == "rtcp-fb" && (head == "*" || err == nil && uint8(pt) == n) && len(o.feedback) < 16:
				o.feedback = append(o.feedback, rest)
			}
		}
	}
	return table
}

// accept decides on one format.
func accept(kind Kind, pt uint8, o *offered) (Codec, bool) {
	c := Codec{PayloadType: pt, ClockRate: o.clock, Channels: o.channels, Fmtp: o.fmtp}
	wanted := []string{"nack", "nack pli", "ccm fir", "transport-cc"}
	switch {
	case kind == Audio && o.name == "opus" && o.clock == 48000 && o.channels == "2":
		c.Name, wanted = "opus", []string{"transport-cc"}
	case kind != Video || o.clock != 90000:
		return c, false
	case o.name == "vp8":
		c.Name = "VP8"
	case o.name == "vp9":
		c.Name = "VP9"
		if p := parameter(o.fmtp, "profile-id"); p != "" && p != "0" {
			return c, false // 10 and 12 bit, 4:4:4: few can decode them, and a slot cannot ask
		}
	case o.name == "av1":
		c.Name = "AV1"
		if p := parameter(o.fmtp, "profile"); p != "" && p != "0" {
			return c, false
		}
	case o.name == "h264":
		c.Name = "H264"
		if parameter(o.fmtp, "packetization-mode") != "1" {
			return c, false // mode 0 has no fragments: a keyframe would not fit in packets
		}
		c.Profile = "42e0" // RFC 6184 §8.1: absent means Baseline level 1; browsers mean Constrained Baseline
		if p := strings.ToLower(parameter(o.fmtp, "profile-level-id")); len(p) == 6 {
			c.Profile = p[:4]
		}
	default:
		return c, false
	}
	for _, w := range wanted {
		for _, f := range o.feedback {
			if f == w {
				c.feedback = append(c.feedback, w)
				break
			}
		}
	}
	return c, true
}

// duplicate tells whether c says nothing new: one payload type per codec and H264 profile is enough.
func duplicate(list []Codec, c Codec) bool {
	for _, have := range list {
		if have.Name == c.Name && have.Profile == c.Profile {
			return true
		}
	}
	return false
}

// parameter finds key=value in an fmtp line.
func parameter(fmtp, key string) string {
	for _, p := range strings.Split(fmtp, ";") {
		k, v, _ := strings.Cut(strings.TrimSpace(p), "=")
		if strings.EqualFold(k, key) {
			return strings.TrimSpace(v)
		}
	}
	return ""
}
