package answer

import (
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"
)

// section reads one m-line.
func section(m *sdp.MediaDescription, d *sdp.SessionDescription, agreed *numbers) (*Section, error) {
	s := &Section{media: m.MediaName.Media, proto: m.MediaName.Protos, formats: m.MediaName.Formats}
	s.Mid, _ = m.Attribute(sdp.AttrKeyMID)
	if !token(s.Mid, 1, 32) {
		return nil, bad("a section's mid is missing or malformed")
	}
	_, bundleOnly := m.Attribute("bundle-only")
	s.Rejected = m.MediaName.Port.Value == 0 && !bundleOnly // RFC 8843 §6
	switch s.media {
	case "audio":
		s.Kind = Audio
	case "video":
		s.Kind = Video
	case "application":
		s.Kind = Data
		if strings.Join(s.proto, "/") != "UDP/DTLS/SCTP" || len(s.formats) != 1 || s.formats[0] != "webrtc-datachannel" {
			s.Rejected = true
		}
		return s, nil
	default:
		s.Kind, s.Rejected = Other, true
		return s, nil
	}
	if s.Rejected {
		return s, nil
	}
	if len(s.formats) > maxFormats {
		return nil, bad("section %q offers %d formats, at most %d", s.Mid, len(s.formats), maxFormats)
	}
	if _, mux := m.Attribute(sdp.AttrKeyRTCPMux); !mux {
		return nil, bad("section %q has no rtcp-mux", s.Mid)
	}
	s.Sends, s.Receives = direction(m, d)
	var err error
	if s.Codecs, err = codecs(m, s.Kind, agreed); err != nil {
		return nil, err
	}
	if s.Extensions, err = extensions(m, d, s.Kind, agreed); err != nil {
		return nil, err
	}
	s.RIDs = rids(m)
	s.Streams = streams(m)
	if len(s.Codecs) == 0 {
		s.Rejected = true
	}
	return s, nil
}

// maxMessage is 64 KiB unless the client says otherwise (RFC 8841 §6.1).
func maxMessage(m *sdp.MediaDescription) uint32 {
	v, _ := m.Attribute("max-message-size")
	if n, err := strconv.ParseUint(v, 10, 32); err == nil {
		return uint32(n)
	}
	return 64 << 10
}

func direction(m *sdp.MediaDescription, d *sdp.SessionDescription) (sends, receives bool) {
	for _, attrs := range [][]sdp.Attribute{m.Attributes, d.Attributes} {
		for _, a := range attrs {
			switch a.Key {
			case sdp.AttrKeySendRecv:
				return true, true
			case sdp.AttrKeySendOnly:
				return true, false
			case sdp.AttrKeyRecvOnly:
				return false, true
			case sdp.AttrKeyInactive:
				return false, false
			}
		}
	}
	return true, true // RFC 8866 §6.7
}

// rids reads a=simulcast:send q;h;f (RFC 8853), of alternatives the first; the order is the client's.
func rids(m *sdp.MediaDescription) []string {
	known := map[string]bool{}
	for _, a := range m.Attributes {
		if f := strings.Fields(a.Value); a.Key == "rid" && len(f) >= 2 && f[1] == "send" && ridName(f[0]) {
			known[f[0]] = true
		}
	}
	v, _ := m.Attribute("simulcast")
	f := strings.Fields(v)
	var out []string
	for i := 0; i+1 < len(f); i += 2 {
		if f[i] != "send" {
			continue
		}
		for _, stream := range strings.Split(f[i+1], ";") {
			rid, _, _ := strings.Cut(stream, ",")
			rid = strings.TrimPrefix(rid, "~") // paused for now; it may start at any time
			if known[rid] && len(out) < maxRIDs {
				out = append(out, rid)
				known[rid] = false
			}
		}
	}
	return out
}

func ridName(s string) bool { // RFC 8851 §10: alphanumeric; 16 bytes fit a one-byte header extension
	if len(s) == 0 || len(s) > 16 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !(c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z') {
			return false
		}
	}
	return true
}

// streams reads a=ssrc and a=ssrc-group:FID (RFC 5576, RFC 4588 §8.8).
func streams(m *sdp.MediaDescription) []Stream {
	var out []Stream
	repair := map[uint32]bool{}
	for _, a := range m.Attributes {
		f := strings.Fields(a.Value)
		if a.Key != sdp.AttrKeySSRCGroup || len(f) != 3 || f[0] != sdp.SemanticTokenFlowIdentification {
			continue
		}
		main, e1 := strconv.ParseUint(f[1], 10, 32)
		rtx, e2 := strconv.ParseUint(f[2], 10, 32)
		if e1 == nil && e2 == nil && main != rtx && len(out) < maxRIDs {
			out = append(out, Stream{uint32(main), uint32(rtx)})
			repair[uint32(rtx)] = true
		}
	}
	for _, a := range m.Attributes {
		f := strings.Fields(a.Value)
		if a.Key != sdp.AttrKeySSRC || len(f) == 0 {
			continue
		}
		v, err := strconv.ParseUint(f[0], 10, 32)
		if err != nil || repair[uint32(v)] {
			continue
		}
		known := len(out) >= maxRIDs
		for _, s := range out {
			known = known || s.SSRC == uint32(v)
		}
		if !known {
			out = append(out, Stream{SSRC: uint32(v)})
		}
	}
	return out
}
