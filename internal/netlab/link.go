package netlab

import (
	"fmt"
	"strings"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"github.com/confab/confab/signaling/protocol"
)

// link is what a connection to a peer and one to the SFU have in common. It belongs to the client's loop.
type link struct {
	c       *Client
	way     *way
	pc      *webrtc.PeerConnection
	state   webrtc.PeerConnectionState
	outputs []*output
	closed  bool
}

// open makes the connection. changed is called by the loop when its state has.
func (l *link) open(c *Client, w *way, changed func()) {
	l.c, l.way = c, w
	pc, err := c.api.NewPeerConnection(configuration(c.servers, c.RelayOnly))
	if err != nil { // the configuration is ours
		panic(fmt.Sprintf("netlab: make a connection: %v", err))
	}
	l.pc = pc
	pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		c.post(func() {
			if l.state = s; !l.closed {
				changed()
			}
		})
	})
	pc.OnTrack(func(t *webrtc.TrackRemote, r *webrtc.RTPReceiver) {
		mid := ""
		for _, x := range pc.GetTransceivers() {
			if x.Receiver() == r {
				mid = x.Mid()
			}
		}
		l.take(t, r, mid)
	})
}

// take reads a track until its end.
func (l *link) take(t *webrtc.TrackRemote, r *webrtc.RTPReceiver, mid string) {
	l.c.tasks.Go(func() {
		for {
			if _, _, err := r.ReadRTCP(); err != nil { // drives pion's receiver reports
				return
			}
		}
	})
	started := t.Kind() == webrtc.RTPCodecTypeAudio
	for n := 0; ; n++ {
		p, attributes, err := t.ReadRTP()
		if err != nil {
			return
		}
		repaired := attributes.Get(webrtc.AttributeRtxPayloadType) != nil
		l.c.Inbox.put(l.way, mid, p.Payload, repaired)
		if started {
			continue
		}
		// A decoder that has not seen a keyframe asks for one; the SFU begins with one and needs no asking.
		if label, ok := readLabel(p.Payload); ok && label.Key {
			started = true
		} else if n%20 == 0 {
			_ = l.pc.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: uint32(t.SSRC())}}) // fails when closed
		}
	}
}

// send makes the studio's output for a source whose track has a sender.
func (l *link) send(source protocol.Source, track *webrtc.TrackLocalStaticRTP, sender *webrtc.RTPSender) {
	l.outputs = append(l.outputs, l.c.studio.add(source, track, sender, &l.c.tasks))
}

func (l *link) connected() bool { return l.state == webrtc.PeerConnectionStateConnected }

func (l *link) close() {
	if l.closed {
		return
	}
	l.closed = true
	for _, o := range l.outputs {
		l.c.studio.remove(o)
	}
	if err := l.pc.GracefulClose(); err != nil {
		l.c.fault("close a connection: %v", err)
	}
}

// ufrags returns the ICE username fragments of a description (RFC 8839 §5.4).
func ufrags(sdp string) map[string]bool {
	found := map[string]bool{}
	for line := range strings.Lines(sdp) {
		if u, ok := strings.CutPrefix(strings.TrimSpace(line), "a=ice-ufrag:"); ok {
			found[u] = true
		}
	}
	return found
}
