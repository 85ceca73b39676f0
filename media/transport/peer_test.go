package transport

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/pion/dtls/v3/pkg/crypto/selfsign"
	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"github.com/confab/confab/media/udp"
)

var testCertificate = sync.OnceValue(func() *webrtc.Certificate {
	c, err := NewCertificate()
	if err != nil {
		panic(err)
	}
	return c
})

// vp8Engine knows VP8 and its retransmissions' absence, so that offers stay small.
func vp8Engine(t testing.TB) *webrtc.MediaEngine {
	t.Helper()
	e := &webrtc.MediaEngine{}
	err := e.RegisterCodec(webrtc.RTPCodecParameters{
		RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8, ClockRate: 90000},
		PayloadType:        96,
	}, webrtc.RTPCodecTypeVideo)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// inbox collects what a Transport receives.
type inbox struct {
	rtp, rtcp chan []byte
}

func newInbox() *inbox { return &inbox{rtp: make(chan []byte, 4096), rtcp: make(chan []byte, 4096)} }

func (i *inbox) HandleRTP(_ time.Time, packets []Packet) {
	for _, p := range packets {
		i.rtp <- append([]byte(nil), p.Bytes()...)
	}
}

func (i *inbox) HandleRTCP(_ time.Time, b []byte) { i.rtcp <- append([]byte(nil), b...) }

// site is one server: a running Mux.
type site struct {
	*Mux
	stop func()
}

// newSite runs a Mux over sock until the test ends.
func newSite(t testing.TB, sock *udp.Socket, advertise ...netip.AddrPort) *site {
	t.Helper()
	o := MuxOptions{}
	if advertise != nil {
		o.Advertise = func() []netip.AddrPort { return advertise }
	}
	s := &site{Mux: NewMux(sock, o)}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	s.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Mux.Run: %v", err)
		}
	})
	t.Cleanup(s.stop)
	return s
}

// listen opens a loopback socket.
func listen(t testing.TB, o udp.Options) *udp.Socket {
	t.Helper()
	s, err := udp.Listen("127.0.0.1:0", o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// call is one pion client connected to a Transport of a site.
type call struct {
	t      testing.TB
	site   *site
	client *webrtc.PeerConnection
	server *Transport
	inbox  *inbox
	states chan State
	faults chan error
	tx     *udp.Tx
	got    *inbox // what the client receives
	uplink *webrtc.TrackLocalStaticRTP
}

// newCall prepares both ends; nothing is negotiated yet. settings may change the client's.
func newCall(t testing.TB, s *site, settings ...func(*webrtc.SettingEngine)) *call {
	t.Helper()
	c := &call{t: t, site: s, inbox: newInbox(), got: newInbox(), states: make(chan State, 64), faults: make(chan error, 8), tx: s.Socket().NewTx(64)}
	var err error
	c.server, err = New(Config{
		Mux: s.Mux, MediaEngine: vp8Engine(t), Certificate: testCertificate(), Handler: c.inbox,
		OnState: func(s State, err error) {
			c.states <- s
			if err != nil {
				c.faults <- err
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	e := webrtc.SettingEngine{}
	e.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	e.SetIncludeLoopbackCandidate(true)
	e.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4, webrtc.NetworkTypeUDP6})
	for _, f := range settings {
		f(&e)
	}
	api := webrtc.NewAPI(webrtc.WithMediaEngine(vp8Engine(t)), webrtc.WithSettingEngine(e), webrtc.WithInterceptorRegistry(&interceptor.Registry{}))
	if c.client, err = api.NewPeerConnection(webrtc.Configuration{Certificates: []webrtc.Certificate{*testCertificate()}}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.close)
	c.uplink, err = webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8, ClockRate: 90000}, "video", "up")
	if err != nil {
		t.Fatal(err)
	}
	if _, err = c.client.AddTransceiverFromTrack(c.uplink, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly}); err != nil {
		t.Fatal(err)
	}
	if _, err = c.client.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
		t.Fatal(err)
	}
	c.client.OnTrack(func(r *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
		go func() {
			b := make([]byte, 1500)
			for {
				n, _, err := receiver.Read(b)
				if err != nil {
					return
				}
				c.got.rtcp <- append([]byte(nil), b[:n]...)
			}
		}()
		b := make([]byte, 1500)
		for {
			n, _, err := r.Read(b)
			if err != nil {
				return
			}
			c.got.rtp <- append([]byte(nil), b[:n]...)
		}
	})
	return c
}

func (c *call) close() {
	if err := c.client.GracefulClose(); err != nil {
		c.t.Error(err)
	}
	if err := c.server.Close(); err != nil {
		c.t.Error(err)
	}
}

// negotiate makes one round of offer and answer. between is called when only the server knows both.
func (c *call) negotiate(o *webrtc.OfferOptions, between ...func()) {
	c.t.Helper()
	c.negotiateAs(o, func(sdp string) string { return sdp }, between...)
}

// negotiateAs is negotiate with an offer changed on its way.
func (c *call) negotiateAs(o *webrtc.OfferOptions, change func(string) string, between ...func()) {
	c.t.Helper()
	must := func(err error) {
		c.t.Helper()
		if err != nil {
			c.t.Fatal(err)
		}
	}
	offer, err := c.client.CreateOffer(o)
	must(err)
	gathered := webrtc.GatheringCompletePromise(c.client)
	must(c.client.SetLocalDescription(offer))
	<-gathered
	offer = *c.client.LocalDescription()
	offer.SDP = change(offer.SDP)
	pc := c.server.PC()
	must(pc.SetRemoteDescription(offer))
	if len(pc.GetSenders()) == 0 || pc.GetSenders()[0].Track() == nil {
		track, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8, ClockRate: 90000}, "video", "down")
		must(err)
		_, err = pc.AddTrack(downTrack{track})
		must(err)
	}
	answer, err := pc.CreateAnswer(nil)
	must(err)
	gathered = webrtc.GatheringCompletePromise(pc)
	must(pc.SetLocalDescription(answer))
	<-gathered
	for _, f := range between {
		f()
	}
	must(c.client.SetRemoteDescription(*pc.LocalDescription()))
}

// downTrack announces a track and sends nothing: we send beside pion.
type downTrack struct{ *webrtc.TrackLocalStaticRTP }

func (d downTrack) Bind(c webrtc.TrackLocalContext) (webrtc.RTPCodecParameters, error) {
	return c.CodecParameters()[0], nil
}

func (d downTrack) Unbind(webrtc.TrackLocalContext) error { return nil }

// downSSRC is the SSRC that the answer announces.
func (c *call) downSSRC() uint32 {
	for _, s := range c.server.PC().GetSenders() {
		if s.Track() != nil {
			return uint32(s.GetParameters().Encodings[0].SSRC)
		}
	}
	c.t.Fatal("no sender")
	return 0
}

func (c *call) waitState(want State) {
	c.t.Helper()
	timeout := time.After(time.Minute)
	for {
		select {
		case s := <-c.states:
			if s == want {
				return
			}
		case <-timeout:
			c.t.Fatalf("state %v not reached, now %v", want, c.server.State())
		}
	}
}

// connect negotiates and waits until media flows both ways.
func (c *call) connect() {
	c.t.Helper()
	c.negotiate(nil)
	c.waitState(StateReady)
	c.warmUp()
}

// warmUp sends until the first packet arrives: pion drops what is written before the client's side is ready.
func (c *call) warmUp() {
	c.t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for seq := uint16(60000); ; seq++ {
		if err := c.uplink.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: seq}}); err != nil {
			c.t.Fatal(err)
		}
		select {
		case b := <-c.inbox.rtp:
			for ; binary.BigEndian.Uint16(b[2:]) != seq; b = receive(c.t, c.inbox.rtp, "the packet sent last") {
			}
			return
		case <-tick.C:
		}
	}
}

// receive waits for one packet.
func receive(t testing.TB, c chan []byte, what string) []byte {
	t.Helper()
	select {
	case b := <-c:
		return b
	case <-time.After(10 * time.Second):
		t.Fatalf("no %s", what)
		return nil
	}
}

// tappedConn is a client's socket that shows what passes.
type tappedConn struct {
	net.PacketConn
	in  func(b []byte) bool // says whether pion may have it
	out func(b []byte) bool // says whether it may leave
}

func (c *tappedConn) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, from, err := c.PacketConn.ReadFrom(b)
		if err != nil || c.in == nil || c.in(b[:n]) {
			return n, from, err
		}
	}
}

func (c *tappedConn) WriteTo(b []byte, to net.Addr) (int, error) {
	if c.out != nil && !c.out(b) {
		return len(b), nil
	}
	return c.PacketConn.WriteTo(b, to)
}

// tap opens a client's socket on loopback, and the setting that makes pion use it. in and out may be nil.
func tap(t testing.TB, in, out func([]byte) bool) (*tappedConn, func(*webrtc.SettingEngine)) {
	t.Helper()
	pc, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &tappedConn{PacketConn: pc, in: in, out: out}
	mux := ice.NewUDPMuxDefault(ice.UDPMuxParams{UDPConn: c})
	t.Cleanup(func() {
		if err := mux.Close(); err != nil {
			t.Error(err)
		}
		_ = pc.Close() // closed by the mux already
	})
	return c, func(e *webrtc.SettingEngine) { e.SetICEUDPMux(mux) }
}

// addr is where the site listens.
func (s *site) addr() net.Addr { return net.UDPAddrFromAddrPort(s.Socket().LocalAddr()) }

// waitConnected waits until the client's ICE has a pair again.
func (c *call) waitConnected() {
	c.t.Helper()
	done := make(chan struct{})
	close1 := sync.OnceFunc(func() { close(done) })
	c.client.OnICEConnectionStateChange(func(s webrtc.ICEConnectionState) {
		if s == webrtc.ICEConnectionStateConnected {
			close1()
		}
	})
	if c.client.ICEConnectionState() == webrtc.ICEConnectionStateConnected {
		close1()
	}
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		c.t.Fatal("the client does not connect")
	}
}

// tlsCertificate makes a certificate for bare DTLS.
func tlsCertificate(t testing.TB) tls.Certificate {
	t.Helper()
	c, err := selfsign.GenerateSelfSigned()
	if err != nil {
		t.Fatal(err)
	}
	return c
}
