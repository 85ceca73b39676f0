package transport

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"

	"github.com/pion/dtls/v3"
	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
	"github.com/pion/webrtc/v4"

	"github.com/confab/confab/media/udp"
)

// ErrNotReady says that a packet was dropped because there are no keys or no path yet.
var ErrNotReady = errors.New("transport: not ready")

// ErrTooLong says that a packet was dropped because it does not fit into a transmit slot.
var ErrTooLong = errors.New("transport: packet too long")

// Config of a Transport.
type Config struct {
	Mux         *Mux
	MediaEngine *webrtc.MediaEngine // codecs and header extensions; may be shared, it is copied
	Certificate *webrtc.Certificate // one per process, see NewCertificate; nil makes one
	Handler     Handler
	OnState     func(State, error) // called in order, one at a time, from a goroutine of pion's; must not block or call Close; error only with StateFailed
	Log         *slog.Logger       // nil: silent
}

// Transport is one peer's connection: pion's PeerConnection for ICE, DTLS and SCTP, and our own SRTP beside it.
type Transport struct {
	mux     *Mux
	pc      *webrtc.PeerConnection
	handler Handler
	log     *slog.Logger
	tap     handshakeTap
	state   stateMachine

	// Guarded by the mux's table.
	agent    *agent           // the current ICE credentials
	owned    []netip.AddrPort // addresses proved to be the peer's
	released bool

	// Receiving: the receive loop's own, but for keysIn.
	keysIn  atomic.Pointer[srtp.Context]
	recvMu  sync.Mutex // held while the handler is called, so that Close can wait
	closed  bool       // guarded by recvMu
	inbox   []Packet   // of this batch, encrypted
	early   []Packet   // copies of what came before the keys
	clear   []Packet   // of this batch, decrypted
	inRTP   rtp.Header // scratch
	receive receiveCounters

	profile atomic.Uint32 // an srtp.ProtectionProfile, once there are keys

	// Sending: the one sender's own, but for the pointers.
	keysOut atomic.Pointer[srtp.Context]
	dest    atomic.Pointer[udp.Dest]
	outRTP  rtp.Header // scratch

	closeOnce sync.Once
	closeErr  error
}

// New makes a Transport; its PeerConnection answers as DTLS server.
func New(c Config) (*Transport, error) {
	t := &Transport{mux: c.Mux, handler: c.Handler, log: c.Log}
	if t.log == nil {
		t.log = slog.New(slog.DiscardHandler)
	}
	t.state.notify = c.OnState
	engine, err := t.settings()
	if err != nil {
		return nil, err
	}
	// An empty registry: nobody but us sends RTCP, and nobody copies packets.
	api := webrtc.NewAPI(webrtc.WithMediaEngine(c.MediaEngine), webrtc.WithSettingEngine(engine),
		webrtc.WithInterceptorRegistry(&interceptor.Registry{}))
	var config webrtc.Configuration
	if c.Certificate != nil {
		config.Certificates = []webrtc.Certificate{*c.Certificate}
	}
	if t.pc, err = api.NewPeerConnection(config); err != nil {
		return nil, fmt.Errorf("make peer connection: %w", err)
	}
	t.watch()
	return t, nil
}

// settings are what makes pion serve beside us. One SettingEngine serves one Transport, so that hooks know whose they are.
func (t *Transport) settings() (webrtc.SettingEngine, error) {
	e := webrtc.SettingEngine{LoggerFactory: pionLoggers{t.log}}
	e.SetICEUDPMux(peerMux{t})
	e.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	e.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4, webrtc.NetworkTypeUDP6})
	e.DisableActiveTCP(true)
	e.SetPrflxAcceptanceMinWait(0) // browsers hide their addresses: the first to answer is as good as any
	// The DTLS server chooses the SRTP profile, and Chromium as server would take HMAC-SHA1, six times as dear as GCM.
	if err := e.SetAnsweringDTLSRole(webrtc.DTLSRoleServer); err != nil {
		return e, fmt.Errorf("set DTLS role: %w", err)
	}
	e.SetSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AEAD_AES_256_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_80)
	e.SetDTLSInsecureSkipHelloVerify(true) // ICE has verified the address: one round trip less
	e.SetDTLSServerHelloMessageHook(t.tap.serverHello)
	e.SetDTLSKeyLogWriter(&t.tap)
	return e, nil
}

// watch follows the parts of the PeerConnection. PC.OnConnectionStateChange and the like stay free for others.
func (t *Transport) watch() {
	d := t.pc.SCTP().Transport()
	d.OnStateChange(t.dtlsChanged)
	i := d.ICETransport()
	i.OnConnectionStateChange(t.iceChanged)
	i.OnSelectedCandidatePairChange(t.pairChanged)
}

// dtlsChanged is called with pion's DTLS lock held.
func (t *Transport) dtlsChanged(s webrtc.DTLSTransportState) {
	switch s {
	case webrtc.DTLSTransportStateConnected:
		err := t.makeContexts()
		if err != nil {
			t.log.Error("no media with this peer", "err", err)
		}
		t.state.keysDone(err)
	case webrtc.DTLSTransportStateFailed:
		t.tap.wipe()
		t.state.keysDone(errors.New("DTLS handshake failed"))
	case webrtc.DTLSTransportStateClosed:
		t.state.ended()
	default:
	}
}

// makeContexts makes the SRTP contexts of both directions, once.
func (t *Transport) makeContexts() error {
	keys, profile, err := t.tap.keys()
	if err != nil {
		return err
	}
	defer wipeKeys(&keys)
	// 64 packets is the least that RFC 3711 §3.3.2 allows; simulcast over Wi-Fi reorders by more.
	in, err := srtp.CreateContext(keys.RemoteMasterKey, keys.RemoteMasterSalt, profile,
		srtp.SRTPReplayProtection(512), srtp.SRTCPReplayProtection(128))
	if err != nil {
		return fmt.Errorf("make inbound SRTP context: %w", err)
	}
	out, err := srtp.CreateContext(keys.LocalMasterKey, keys.LocalMasterSalt, profile)
	if err != nil {
		return fmt.Errorf("make outbound SRTP context: %w", err)
	}
	t.profile.Store(uint32(profile))
	t.keysIn.Store(in)
	t.keysOut.Store(out)
	t.log.Debug("media keys derived", "profile", profile.String())
	return nil
}

func (t *Transport) iceChanged(s webrtc.ICETransportState) {
	switch s {
	case webrtc.ICETransportStateConnected, webrtc.ICETransportStateCompleted:
		t.state.path(pathUp)
	case webrtc.ICETransportStateDisconnected:
		t.state.path(pathSilent)
	case webrtc.ICETransportStateFailed:
		t.state.path(pathLost)
	case webrtc.ICETransportStateClosed:
		t.state.ended()
	default:
	}
}

// pairChanged points media at the pair that ICE has selected. Until a restart has selected another, the old one serves.
func (t *Transport) pairChanged(p *webrtc.ICECandidatePair) {
	ip, err := netip.ParseAddr(p.Remote.Address)
	local, errLocal := netip.ParseAddr(p.Local.Address)
	if err = errors.Join(err, errLocal); err != nil {
		t.log.Warn("selected candidate pair is of no use", "err", err)
		return
	}
	source := t.mux.table.source(t, netip.AddrPortFrom(local.Unmap(), p.Local.Port))
	t.dest.Store(udp.NewDestFrom(source, netip.AddrPortFrom(ip.Unmap(), p.Remote.Port)))
	t.state.path(pathUp)
	t.log.Debug("media path selected", "remote", p.Remote.Typ.String())
}

// PC is the PeerConnection. Never write RTP or RTCP through it: see the package comment.
func (t *Transport) PC() *webrtc.PeerConnection { return t.pc }

// Profile is the SRTP protection profile agreed with the peer; zero before StateReady.
func (t *Transport) Profile() srtp.ProtectionProfile {
	return srtp.ProtectionProfile(t.profile.Load())
}

// State is the current state.
func (t *Transport) State() State { return t.state.load() }

// Close ends the connection and waits until the Handler is not called any more and pion's goroutines have ended. It is
// idempotent. It must not be called by the Handler, OnState or another callback of pion's, on their goroutines.
func (t *Transport) Close() error {
	t.closeOnce.Do(func() {
		t.state.closed() // first: what pion tells from now on is no failure
		t.mux.table.release(t)
		t.recvMu.Lock()
		t.closed, t.early = true, nil
		t.recvMu.Unlock()
		t.closeErr = t.pc.GracefulClose()
		t.keysIn.Store(nil)
		t.keysOut.Store(nil)
		t.tap.wipe()
	})
	return t.closeErr
}

// NewCertificate makes a DTLS certificate for the life of a process.
func NewCertificate() (*webrtc.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make DTLS key: %w", err)
	}
	c, err := webrtc.GenerateCertificate(key)
	if err != nil {
		return nil, fmt.Errorf("make DTLS certificate: %w", err)
	}
	return c, nil
}
