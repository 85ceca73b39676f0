package answer

import (
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"
)

// Extension is one RTP header extension (RFC 8285) with the client's id, 1 to 255.
type Extension struct {
	ID  uint8
	URI string
}

// The header extensions that the engine reads or passes on.
const (
	URIMid             = "urn:ietf:params:rtp-hdrext:sdes:mid"
	URIRID             = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
	URIRepairedRID     = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
	URIAudioLevel      = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
	URITransportCC     = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
	URIPlayoutDelay    = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"
	URIAbsCaptureTime  = "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time"
	URIDependencyDescr = "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension"
)

// use says in which of our directions an extension is accepted.
type use struct{ receive, send, audio, video bool }

// accepted does not list two that browsers offer:
//   - video-orientation (3GPP TS 26.114): a publisher that may not send it turns the pixels itself, whereas a
//     subscriber without it would show a phone's picture lying on its side;
//   - abs-send-time: only REMB receivers read it, and both sides have transport-wide feedback.
//
// Transport-wide sequence numbers are asked of publishers; towards subscribers they come with send-side estimation.
var accepted = map[string]use{
	URIMid:             {receive: true, send: true, audio: true, video: true},
	URIRID:             {receive: true, video: true},
	URIRepairedRID:     {receive: true, video: true},
	URIAudioLevel:      {receive: true, send: true, audio: true},
	URITransportCC:     {receive: true, audio: true, video: true},
	URIPlayoutDelay:    {receive: true, send: true, video: true},
	URIAbsCaptureTime:  {receive: true, send: true, audio: true, video: true},
	URIDependencyDescr: {receive: true, send: true, video: true},
}

// extensions reads the extmap lines that are of use in a section.
func extensions(m *sdp.MediaDescription, d *sdp.SessionDescription, kind Kind, agreed *numbers) ([]Extension, error) {
	var out []Extension
	for _, attrs := range [][]sdp.Attribute{m.Attributes, d.Attributes} {
		for _, a := range attrs {
			f := strings.Fields(a.Value)
			if a.Key != sdp.AttrKeyExtMap || len(f) < 2 {
				continue
			}
			number, _, _ := strings.Cut(f[0], "/")
			id, err := strconv.ParseUint(number, 10, 8)
			u, known := accepted[f[1]]
			if err != nil || id == 0 || id == 15 || !known || kind == Audio && !u.audio || kind == Video && !u.video {
				continue
			}
			if was, taken := agreed.extensions[uint8(id)]; taken && was != f[1] {
				return nil, bad("header extension id %d means two things in one bundle", id)
			}
			agreed.extensions[uint8(id)] = f[1]
			if !listed(out, f[1]) {
				out = append(out, Extension{uint8(id), f[1]})
			}
		}
	}
	return out, nil
}

func listed(list []Extension, uri string) bool {
	for _, e := range list {
		if e.URI == uri {
			return true
		}
	}
	return false
}

// Uses lists the extensions that a section uses when we send (or receive) in it.
func (s *Section) Uses(sending bool) []Extension {
	var out []Extension
	for _, e := range s.Extensions {
		if u := accepted[e.URI]; sending && u.send || !sending && u.receive {
			out = append(out, e)
		}
	}
	return out
}
