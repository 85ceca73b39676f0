package netlab

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"github.com/confab/confab/signaling/protocol"
)

// studio makes a client's media: 50 packets of audio a second, and 17 frames of each video that is on. What is made goes to every
// output, that is to every connection the client has at the moment, as with one camera track in several connections.
type studio struct {
	name string

	mu      sync.Mutex // guards the fields below
	outputs map[*output]bool
	on      map[protocol.Source]bool
	level   byte // RFC 6464: -dBov
	frames  map[protocol.Source]uint32
}

// output is one source on one connection.
type output struct {
	source protocol.Source
	track  *webrtc.TrackLocalStaticRTP
	sender *webrtc.RTPSender
	key    atomic.Bool // a keyframe is due

	// Of the studio's goroutine.
	seq, picture uint16
	ts           uint32
}

const (
	tick        = 20 * time.Millisecond
	ticksPerPic = 3
	levelURI    = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
)

func newStudio(name string) *studio {
	return &studio{name: name, outputs: map[*output]bool{}, on: map[protocol.Source]bool{}, level: 40, frames: map[protocol.Source]uint32{}}
}

// run makes media until stop is closed.
func (s *studio) run(stop <-chan struct{}) {
	t := time.NewTicker(tick)
	defer t.Stop()
	for n := 0; ; n++ {
		select {
		case <-t.C:
			s.make(protocol.Microphone)
			if n%ticksPerPic == 0 {
				s.make(protocol.Camera)
				s.make(protocol.Screen)
			}
		case <-stop:
			return
		}
	}
}

func (s *studio) make(source protocol.Source) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.on[source] {
		return
	}
	s.frames[source]++
	for o := range s.outputs {
		if o.source == source {
			o.write(label{From: s.name, Source: source, Frame: s.frames[source]}, s.level)
		}
	}
}

// write sends a frame. Errors are those of a connection that has ended.
func (o *output) write(l label, level byte) {
	if l.Source == protocol.Microphone {
		l.Count = 1
		o.ts += 960
		o.seq++
		h := rtp.Header{Version: 2, SequenceNumber: o.seq, Timestamp: o.ts}
		for _, x := range o.sender.GetParameters().HeaderExtensions {
			if x.URI == levelURI {
				_ = h.SetExtension(uint8(x.ID), []byte{0x80 | level})
			}
		}
		_ = o.track.WriteRTP(&rtp.Packet{Header: h, Payload: opusPayload(l)})
		return
	}
	l.Count = 3
	if l.Key = o.key.Swap(false) || o.picture == 0; l.Key {
		l.Count = 6
	}
	o.ts += ticksPerPic * 1800
	o.picture++
	for l.Index = range l.Count {
		o.seq++
		h := rtp.Header{Version: 2, SequenceNumber: o.seq, Timestamp: o.ts, Marker: l.Index == l.Count-1}
		_ = o.track.WriteRTP(&rtp.Packet{Header: h, Payload: vp8Payload(l, o.picture)})
	}
}

// newTrack makes a track for an output.
func newTrack(source protocol.Source) (*webrtc.TrackLocalStaticRTP, error) {
	c := webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8, ClockRate: 90000}
	if source == protocol.Microphone {
		c = webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2}
	}
	return webrtc.NewTrackLocalStaticRTP(c, string(source), "stream-"+string(source))
}

// add begins to send a source by a connection. The caller must wait for readers, which end with the connection, and remove the
// output then.
func (s *studio) add(source protocol.Source, track *webrtc.TrackLocalStaticRTP, sender *webrtc.RTPSender, readers *sync.WaitGroup) *output {
	o := &output{source: source, track: track, sender: sender}
	readers.Go(func() {
		for { // reading also drives pion's answers to NACKs
			packets, _, err := sender.ReadRTCP()
			if err != nil {
				return
			}
			for _, p := range packets {
				switch p.(type) {
				case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
					o.key.Store(true)
				}
			}
		}
	})
	s.mu.Lock()
	s.outputs[o] = true
	s.mu.Unlock()
	return o
}

func (s *studio) remove(o *output) {
	s.mu.Lock()
	delete(s.outputs, o)
	s.mu.Unlock()
}

// set turns sources on and off.
func (s *studio) set(state protocol.State) {
	s.mu.Lock()
	s.on[protocol.Microphone], s.on[protocol.Camera], s.on[protocol.Screen] = state.Microphone, state.Camera, state.Screen
	s.mu.Unlock()
}

func (s *studio) speak(level byte) {
	s.mu.Lock()
	s.level = level
	s.mu.Unlock()
}
