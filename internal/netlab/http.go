package netlab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/pion/webrtc/v4"

	"github.com/confab/confab/signaling/protocol"
)

// Resource is a WHIP or WHEP connection of a client that has not joined: the client's studio is the encoder, or its Inbox the player.
type Resource struct {
	link
	room, kind string
	http       http.Client
	location   string
	etag       string
	answer     string
}

// Whip publishes microphone and camera into a room (RFC 9725).
func (c *Client) Whip(room string) (*Resource, error) {
	return c.resource(room, "whip", func(r *Resource) error {
		for _, source := range []protocol.Source{protocol.Microphone, protocol.Camera} {
			track, err := newTrack(source)
			if err != nil {
				return err
			}
			t, err := r.pc.AddTransceiverFromTrack(track, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
			if err != nil {
				return err
			}
			r.send(source, track, t.Sender())
		}
		return nil
	})
}

// Whep watches a room: up to n people at once.
func (c *Client) Whep(room string, n int) (*Resource, error) {
	return c.resource(room, "whep", func(r *Resource) error {
		for range n {
			for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo} {
				if _, err := r.pc.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// resource posts an offer, and trickles the candidates once the answer is there.
func (c *Client) resource(room, kind string, prepare func(*Resource) error) (*Resource, error) {
	r := &Resource{room: room, kind: kind}
	r.http.Transport = &http.Transport{
		DisableKeepAlives: true,
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return c.Host.dial(ctx, c.lab.Server.http) },
	}
	c.ask(func() {
		r.open(c, &way{transport: protocol.Transport(kind)}, func() {})
		c.resources = append(c.resources, r)
	})
	if err := prepare(r); err != nil {
		return nil, err
	}
	offer, err := r.pc.CreateOffer(nil)
	if err != nil {
		return nil, err
	}
	response, body, err := r.do(http.MethodPost, "/"+kind+"/"+room+"?name="+url.QueryEscape(c.Name), "application/sdp", offer.SDP)
	if err != nil {
		return nil, err
	}
	r.location, r.etag, r.answer = response.Header.Get("Location"), response.Header.Get("ETag"), body
	gathered := webrtc.GatheringCompletePromise(r.pc)
	if err := r.pc.SetLocalDescription(offer); err != nil {
		return nil, err
	}
	if err := r.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: body}); err != nil {
		return nil, err
	}
	<-gathered
	_, _, err = r.do(http.MethodPatch, r.location, "application/trickle-ice-sdpfrag", fragment(r.pc.LocalDescription().SDP), "If-Match", r.etag)
	return r, err
}

// Restart begins a new ICE session on the same connection (RFC 9725 §4.3.3).
func (r *Resource) Restart() error {
	offer, err := r.pc.CreateOffer(&webrtc.OfferOptions{ICERestart: true})
	if err != nil {
		return err
	}
	gathered := webrtc.GatheringCompletePromise(r.pc)
	if err := r.pc.SetLocalDescription(offer); err != nil {
		return err
	}
	<-gathered
	response, body, err := r.do(http.MethodPatch, r.location, "application/trickle-ice-sdpfrag", fragment(r.pc.LocalDescription().SDP), "If-Match", "*")
	if err != nil {
		return err
	}
	if etag := response.Header.Get("ETag"); etag == r.etag {
		return errors.New("the new ICE session has the old one's ETag")
	} else {
		r.etag = etag
	}
	// The answer is the old one with the new credentials.
	var answer strings.Builder
	for line := range strings.Lines(r.answer) {
		for _, name := range []string{"a=ice-ufrag:", "a=ice-pwd:"} {
			if strings.HasPrefix(line, name) {
				_, rest, _ := strings.Cut(body, name)
				value, _, _ := strings.Cut(rest, "\r\n")
				line = name + value + "\r\n"
			}
		}
		answer.WriteString(line)
	}
	r.answer = answer.String()
	return r.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: r.answer})
}

// Delete ends the resource.
func (r *Resource) Delete() error {
	_, _, err := r.do(http.MethodDelete, r.location, "", "")
	r.c.ask(r.close)
	return err
}

// do sends a request; an answer that is no success is an error.
func (r *Resource) do(method, path, contentType, body string, header ...string) (*http.Response, string, error) {
	q, err := http.NewRequestWithContext(r.c.ctx, method, "http://"+serverHost+path, strings.NewReader(body))
	if err != nil {
		return nil, "", err
	}
	if contentType != "" {
		q.Header.Set("Content-Type", contentType)
	}
	for i := 0; i+1 < len(header); i += 2 {
		q.Header.Set(header[i], header[i+1])
	}
	response, err := r.http.Do(q)
	if err != nil {
		return nil, "", err
	}
	b, err := io.ReadAll(response.Body)
	_ = response.Body.Close() // has been read
	if err == nil && response.StatusCode/100 != 2 {
		err = fmt.Errorf("%s %s: %s: %s", method, path, response.Status, b)
	}
	return response, string(b), err
}

// fragment is what of a description is trickled (RFC 8840 §9): credentials, and the candidates of the first section.
func fragment(sdp string) string {
	var credentials, section, candidates []string
	sections := 0
	for line := range strings.Lines(sdp) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "m="):
			if sections++; sections == 1 {
				section = append(section, line)
			}
		case sections != 1:
		case strings.HasPrefix(line, "a=mid:"):
			section = append(section, line)
		case strings.HasPrefix(line, "a=ice-ufrag:"), strings.HasPrefix(line, "a=ice-pwd:"):
			credentials = append(credentials, line)
		case strings.HasPrefix(line, "a=candidate:"):
			candidates = append(candidates, line)
		}
	}
	lines := append(append(credentials, section...), candidates...)
	return strings.Join(append(lines, "a=end-of-candidates", ""), "\r\n")
}
