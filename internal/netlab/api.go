package netlab

import (
	"fmt"
	"sync"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/webrtc/v4"

	"github.com/confab/confab/media/transport"
	"github.com/confab/confab/signaling/protocol"
)

// certificate is everybody's: making one for each connection would cost more than the calls.
var certificate = sync.OnceValue(func() webrtc.Certificate {
	c, err := transport.NewCertificate()
	if err != nil {
		panic(err)
	}
	return *c
})

// newAPI is pion on a host, set up as a browser is: Opus with levels, VP8 with RTX, NACK, receiver reports, and ICE that takes 15 s to
// give up.
func newAPI(h *Host) (*webrtc.API, error) {
	se := webrtc.SettingEngine{LoggerFactory: quiet()}
	se.SetNet(h.vnet)
	se.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	se.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	se.SetICETimeouts(5*time.Second, 15*time.Second, 2*time.Second)
	me := &webrtc.MediaEngine{}
	feedback := []webrtc.RTCPFeedback{{Type: "nack"}, {Type: "nack", Parameter: "pli"}, {Type: "ccm", Parameter: "fir"}}
	codec := func(kind webrtc.RTPCodecType, pt webrtc.PayloadType, c webrtc.RTPCodecCapability) error {
		return me.RegisterCodec(webrtc.RTPCodecParameters{PayloadType: pt, RTPCodecCapability: c}, kind)
	}
	extension := func(kind webrtc.RTPCodecType, uri string) error {
		return me.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: uri}, kind)
	}
	registry := &interceptor.Registry{}
	for _, err := range []error{
		codec(webrtc.RTPCodecTypeAudio, 111, webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2, SDPFmtpLine: "minptime=10;useinbandfec=1"}),
		codec(webrtc.RTPCodecTypeVideo, 96, webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8, ClockRate: 90000, RTCPFeedback: feedback}),
		codec(webrtc.RTPCodecTypeVideo, 97, webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeRTX, ClockRate: 90000, SDPFmtpLine: "apt=96"}),
		extension(webrtc.RTPCodecTypeAudio, "urn:ietf:params:rtp-hdrext:sdes:mid"),
		extension(webrtc.RTPCodecTypeVideo, "urn:ietf:params:rtp-hdrext:sdes:mid"),
		extension(webrtc.RTPCodecTypeAudio, levelURI),
		webrtc.ConfigureNack(me, registry),
		webrtc.ConfigureRTCPReports(registry),
	} {
		if err != nil {
			return nil, fmt.Errorf("set pion up: %w", err)
		}
	}
	return webrtc.NewAPI(webrtc.WithMediaEngine(me), webrtc.WithSettingEngine(se), webrtc.WithInterceptorRegistry(registry)), nil
}

// configuration is what a connection is made with.
func configuration(servers []protocol.ICEServer, relayOnly bool) webrtc.Configuration {
	c := webrtc.Configuration{Certificates: []webrtc.Certificate{certificate()}}
	for _, s := range servers {
		c.ICEServers = append(c.ICEServers, webrtc.ICEServer{URLs: s.URLs, Username: s.Username, Credential: s.Credential})
	}
	if relayOnly {
		c.ICETransportPolicy = webrtc.ICETransportPolicyRelay
	}
	return c
}
