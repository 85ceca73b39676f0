package media

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/transport/v5/vnet"
	"github.com/pion/webrtc/v4"
)

// client is a pion PeerConnection that stands in for a browser.
type client struct {
	t    *testing.T
	name string
	pc   *webrtc.PeerConnection
	peer *Peer

	readers sync.WaitGroup

	mu       sync.Mutex
	slots    map[string]SlotState
	speakers []Speaker
	states   []ConnectionState
	sources  []Source
	got      map[string][]*rtp.Packet // by mid
	dropNext map[string]int
	audio    []string
	pairs    []Pair
	tracks   map[string]Source
	changed  chan struct{}
}

type clientOptions struct {
	publish, subscribe, data, autoView bool
	codecs                             []string // video; none: VP8
}

// clientAPI is pion as a browser would be set up. In a virtual network n is the client's host, else nil.
func clientAPI(n *vnet.Net, codecs ...string) *webrtc.API {
	se := webrtc.SettingEngine{}
	se.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	se.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	// When the server hangs up, pion's SCTPTransport.Stop would wait for a timer with a lock held that another of its goroutines
	// wants: a pause of 200 ms in real time, but virtual time stands still while anyone waits for a mutex.
	se.DisableCloseByDTLS(true)
	if n != nil {
		se.SetNet(n)
	} else {
		se.SetIncludeLoopbackCandidate(true)
		se.SetInterfaceFilter(func(n string) bool { return n == "lo" })
	}
	me := &webrtc.MediaEngine{}
	fb := []webrtc.RTCPFeedback{{Type: "nack"}, {Type: "nack", Parameter: "pli"}, {Type: "ccm", Parameter: "fir"}, {Type: "transport-cc"}}
	must(me.RegisterCodec(webrtc.RTPCodecParameters{PayloadType: 111, RTPCodecCapability: webrtc.RTPCodecCapability{
		MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2, SDPFmtpLine: "minptime=10;useinbandfec=1"}}, webrtc.RTPCodecTypeAudio))
	if len(codecs) == 0 {
		codecs = []string{webrtc.MimeTypeVP8}
	}
	for i, mime := range codecs {
		pt := webrtc.PayloadType(96 + 2*i)
		c := webrtc.RTPCodecCapability{MimeType: mime, ClockRate: 90000, RTCPFeedback: fb}
		if mime == webrtc.MimeTypeH264 {
			c.SDPFmtpLine = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"
		}
		must(me.RegisterCodec(webrtc.RTPCodecParameters{PayloadType: pt, RTPCodecCapability: c}, webrtc.RTPCodecTypeVideo))
		must(me.RegisterCodec(webrtc.RTPCodecParameters{PayloadType: pt + 1, RTPCodecCapability: webrtc.RTPCodecCapability{
			MimeType: webrtc.MimeTypeRTX, ClockRate: 90000, SDPFmtpLine: "apt=" + itoa(int(pt))}}, webrtc.RTPCodecTypeVideo))
	}
	for _, uri := range []string{"urn:ietf:params:rtp-hdrext:sdes:mid", "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
		"urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"} {
		must(me.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: uri}, webrtc.RTPCodecTypeVideo))
	}
	for _, uri := range []string{"urn:ietf:params:rtp-hdrext:sdes:mid", "urn:ietf:params:rtp-hdrext:ssrc-audio-level"} {
		must(me.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: uri}, webrtc.RTPCodecTypeAudio))
	}
	return webrtc.NewAPI(webrtc.WithMediaEngine(me), webrtc.WithSettingEngine(se), webrtc.WithInterceptorRegistry(&interceptor.Registry{}))
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func itoa(n int) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + itoa(n%10)
}

func (b *bench) join(room, name string, o clientOptions) *client {
	b.t.Helper()
	pc, err := clientAPI(b.host(), o.codecs...).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		b.t.Fatal(err)
	}
	c := &client{t: b.t, name: name, pc: pc, slots: map[string]SlotState{}, got: map[string][]*rtp.Packet{},
		dropNext: map[string]int{}, tracks: map[string]Source{}, changed: make(chan struct{}, 1)}
	c.peer, err = b.engine.Connect(PeerOptions{Room: room, Participant: name, Publish: o.publish, Subscribe: o.subscribe, Data: o.data,
		AutoView: o.autoView, Events: c.events()})
	if err != nil {
		b.t.Fatal(err)
	}
	pc.OnTrack(func(tr *webrtc.TrackRemote, rx *webrtc.RTPReceiver) { c.read(tr, rx) })
	b.t.Cleanup(func() {
		_ = pc.GracefulClose()
		c.readers.Wait()
	})
	return c
}

func (c *client) events() Events {
	return Events{
		Slots: func(s []SlotState) {
			c.update(func() {
				for _, x := range s {
					c.slots[x.Mid] = x
				}
			})
		},
		Speakers:   func(s []Speaker) { c.update(func() { c.speakers = s }) },
		Connection: func(s ConnectionState) { c.update(func() { c.states = append(c.states, s) }) },
		Tracks:     func(s []Source) { c.update(func() { c.sources = s }) },
	}
}

func (c *client) update(f func()) {
	c.mu.Lock()
	f()
	c.mu.Unlock()
	select {
	case c.changed <- struct{}{}:
	default:
	}
}

// repairedMark in ExtensionProfile tells a packet that came as RTX.
const repairedMark = 0xFFFF

// read takes what comes in a slot. pion hands an RTX packet to the reader in the place of the lost one.
func (c *client) read(tr *webrtc.TrackRemote, rx *webrtc.RTPReceiver) {
	mid := ""
	for _, t := range c.pc.GetTransceivers() {
		if t.Receiver() == rx {
			mid = t.Mid()
		}
	}
	for {
		p, attrs, err := tr.ReadRTP()
		if err != nil {
			return
		}
		if attrs.Get(webrtc.AttributeRtxPayloadType) != nil {
			p.ExtensionProfile = repairedMark
		}
		c.update(func() { c.got[mid] = append(c.got[mid], p) })
	}
}

// wait waits until the condition holds, looked at after each event.
func (c *client) wait(what string, cond func() bool) {
	c.t.Helper()
	deadline := time.After(10 * time.Second)
	for {
		c.mu.Lock()
		ok := cond()
		c.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-c.changed:
		case <-deadline:
			c.mu.Lock()
			defer c.mu.Unlock()
			c.t.Fatalf("%s: waited for: %s; slots %v, packets %v, states %v", c.name, what, c.slots, counts(c.got), c.states)
		}
	}
}

func counts(m map[string][]*rtp.Packet) map[string]int {
	out := map[string]int{}
	for k, v := range m {
		out[k] = len(v)
	}
	return out
}

// publish adds a track to send.
func (c *client) publish(mime string, source Source, rids ...string) *publication {
	c.t.Helper()
	p := &publication{c: c, source: source, pliOf: map[uint32]int{}}
	clock, kind := uint32(90000), "video"
	if mime == webrtc.MimeTypeOpus {
		clock, kind = 48000, "audio"
	}
	if len(rids) == 0 {
		rids = []string{""}
	}
	var sender *webrtc.RTPSender
	for _, rid := range rids {
		var opts []func(*webrtc.TrackLocalStaticRTP)
		if rid != "" {
			opts = append(opts, webrtc.WithRTPStreamID(rid))
		}
		tr, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: mime, ClockRate: clock}, kind+string(source), "s", opts...)
		if err != nil {
			c.t.Fatal(err)
		}
		if sender == nil {
			t, err := c.pc.AddTransceiverFromTrack(tr, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
			if err != nil {
				c.t.Fatal(err)
			}
			sender, p.transceiver = t.Sender(), t
		} else if err := sender.AddEncoding(tr); err != nil {
			c.t.Fatal(err)
		}
		p.encodings = append(p.encodings, &encodingSource{track: tr, rid: rid})
	}
	for i := range p.encodings {
		c.readers.Go(func() { p.readRTCP(sender, p.encodings[i].rid) })
	}
	return p
}

// publication is a track that the client sends.
type publication struct {
	c           *client
	source      Source
	tag         byte // added to the number of the encoding in what is sent
	transceiver *webrtc.RTPTransceiver
	encodings   []*encodingSource

	mu    sync.Mutex
	plis  int            // in all
	pliOf map[uint32]int // by SSRC
	nacks []uint16
	rrs   int
}

// plisFor counts the PLIs for encoding i.
func (p *publication) plisFor(i int) int {
	e := p.transceiver.Sender().GetParameters().Encodings[i]
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.pliOf[uint32(e.SSRC)]
}

type encodingSource struct {
	track *webrtc.TrackLocalStaticRTP
	rid   string
	seq   uint16
	ts    uint32
	pic   uint16
}

func (p *publication) readRTCP(s *webrtc.RTPSender, rid string) {
	for {
		var pkts []rtcp.Packet
		var err error
		if rid == "" {
			pkts, _, err = s.ReadRTCP()
		} else {
			pkts, _, err = s.ReadSimulcastRTCP(rid)
		}
		if err != nil {
			return
		}
		p.mu.Lock()
		for _, k := range pkts {
			switch k := k.(type) {
			case *rtcp.PictureLossIndication:
				p.plis++
				p.pliOf[k.MediaSSRC]++
			case *rtcp.TransportLayerNack:
				for _, n := range k.Nacks {
					p.nacks = append(p.nacks, n.PacketList()...)
				}
			case *rtcp.ReceiverReport:
				p.rrs++
			}
		}
		p.mu.Unlock()
	}
}

func (p *publication) count(what *int) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return *what
}

// vp8 sends one frame of n packets on encoding i.
func (p *publication) vp8(i, n int, key bool) { p.vp8Lossy(i, n, key, -1) }

// vp8Lossy does so without packet number lost.
func (p *publication) vp8Lossy(i, n int, key bool, lost int) {
	e := p.encodings[i]
	e.ts += 3000
	e.pic++
	for k := range n {
		e.seq++
		if k == lost {
			continue
		}
		h := rtp.Header{Version: 2, SequenceNumber: e.seq, Timestamp: e.ts, Marker: k == n-1}
		if e.rid != "" && e.seq < 20 { // browsers stop naming streams, too
			must(h.SetExtension(p.extension("urn:ietf:params:rtp-hdrext:sdes:mid"), []byte(p.transceiver.Mid())))
			must(h.SetExtension(p.extension("urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"), []byte(e.rid)))
		}
		_ = e.track.WriteRTP(&rtp.Packet{Header: h, Payload: vp8Payload(k == 0, key, e.pic, p.tag+byte(i), byte(e.seq))})
	}
}

// vp8Payload is a payload descriptor (RFC 7741 §4.2) with a 15-bit picture id, and a frame's beginning; the last two
// octets tell the encoding and the sequence number, so that tests know what they got.
func vp8Payload(start, key bool, pic uint16, encoding, mark byte) []byte {
	b := []byte{0x80, 0x80, 0x80 | byte(pic>>8), byte(pic)}
	if start {
		b[0] |= 0x10
	}
	frame := []byte{1, 0, 0}
	if start && key {
		w, h := uint16(320)<<(encoding%10), uint16(180)<<(encoding%10)
		frame = []byte{0x10, 0, 0, 0x9d, 0x01, 0x2a, byte(w), byte(w >> 8), byte(h), byte(h >> 8)}
	}
	b = append(append(b, frame...), make([]byte, 60)...)
	return append(b, encoding, mark)
}

func (p *publication) opus(level byte) {
	e := p.encodings[0]
	e.seq++
	e.ts += 960
	h := rtp.Header{Version: 2, SequenceNumber: e.seq, Timestamp: e.ts}
	if id := p.extension("urn:ietf:params:rtp-hdrext:ssrc-audio-level"); id != 0 {
		must(h.SetExtension(id, []byte{0x80 | level}))
	}
	_ = e.track.WriteRTP(&rtp.Packet{Header: h, Payload: []byte{0xfc, byte(e.seq), byte(e.seq >> 8)}})
}

func (p *publication) extension(uri string) uint8 {
	for _, x := range p.transceiver.Sender().GetParameters().HeaderExtensions {
		if x.URI == uri {
			return uint8(x.ID)
		}
	}
	return 0
}

// receivePair and receiveAudio add slots.
func (c *client) receivePair() {
	c.recv(webrtc.RTPCodecTypeAudio)
	c.recv(webrtc.RTPCodecTypeVideo)
}

func (c *client) recv(k webrtc.RTPCodecType) {
	if _, err := c.pc.AddTransceiverFromKind(k, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
		c.t.Fatal(err)
	}
}

// negotiate makes an offer of all and takes the answer. Receive-only sections become pairs in order, the rest spare audio.
func (c *client) negotiate(pubs ...*publication) {
	c.t.Helper()
	if err := c.tryNegotiate(nil, pubs...); err != nil {
		c.t.Fatalf("%s: %v", c.name, err)
	}
}

func (c *client) tryNegotiate(opts *webrtc.OfferOptions, pubs ...*publication) error {
	offer, err := c.pc.CreateOffer(opts)
	if err != nil {
		return err
	}
	gathered := webrtc.GatheringCompletePromise(c.pc)
	if err := c.pc.SetLocalDescription(offer); err != nil {
		return err
	}
	<-gathered
	o := Offer{SDP: c.pc.LocalDescription().SDP, Tracks: map[string]Source{}}
	for _, p := range pubs {
		o.Tracks[p.transceiver.Mid()] = p.source
	}
	var audio, video []string
	for _, t := range c.pc.GetTransceivers() {
		if t.Direction() == webrtc.RTPTransceiverDirectionRecvonly {
			if t.Kind() == webrtc.RTPCodecTypeAudio {
				audio = append(audio, t.Mid())
			} else {
				video = append(video, t.Mid())
			}
		}
	}
	for i, mid := range video {
		o.Pairs = append(o.Pairs, Pair{Audio: audio[i], Video: mid})
	}
	o.Audio = audio[len(video):]
	c.pairs, c.audio = o.Pairs, o.Audio
	answer, err := c.peer.Negotiate(context.Background(), o)
	if err != nil {
		return err
	}
	return c.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer})
}

// every calls f each interval until the test ends or stop is called.
func every(t *testing.T, d time.Duration, f func()) (stop func()) {
	done := make(chan struct{})
	var once sync.Once
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(d)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				f()
			case <-done:
				return
			}
		}
	})
	stop = func() { once.Do(func() { close(done) }); wg.Wait() }
	t.Cleanup(stop)
	return stop
}
