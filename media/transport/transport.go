package transport

import (
	"errors"
	"log/slog"
	"time"

	"github.com/pion/webrtc/v4"

	"github.com/confab/confab/media/udp"
)

// ErrNotReady says that a packet was dropped because there are no keys or no path yet.
var ErrNotReady = errors.New("transport: not ready")

// Packet is one decrypted RTP packet with Headroom free bytes in front: Buf[Headroom:Headroom+N].
// The buffer is the socket's: valid, and free to be changed, during HandleRTP only.
type Packet struct {
	Buf []byte
	N   int
}

// Bytes is the packet without its headroom.
func (p Packet) Bytes() []byte { return p.Buf[Headroom : Headroom+p.N] }

// Handler takes what a peer sends, on the receive loop that all peers share: it must not block.
type Handler interface {
	// HandleRTP gets the packets of one peer found in one receive batch. now is read once per batch.
	HandleRTP(now time.Time, packets []Packet)
	// HandleRTCP gets one decrypted compound packet, valid during the call.
	HandleRTCP(now time.Time, compound []byte)
}

// State of a Transport.
type State uint8

const (
	StateNew          State = iota // nothing agreed yet
	StateReady                     // a path and keys: media flows both ways
	StateDisconnected              // nothing heard for some seconds; may come back by itself or by an ICE restart
	StateFailed                    // given up: the error says why; an ICE restart may still repair a lost path
	StateClosed                    // closed by either side; the last state
)

// Config of a Transport.
type Config struct {
	Mux         *Mux
	MediaEngine *webrtc.MediaEngine // codecs and header extensions; may be shared, it is copied
	Certificate *webrtc.Certificate // one per process, see NewCertificate; nil makes one
	Handler     Handler
	OnState     func(State, error) // called in order, from a goroutine of pion's, must not block; error only with StateFailed
	Log         *slog.Logger       // nil: silent
}

// Transport is one peer's connection: pion's PeerConnection for ICE, DTLS and SCTP, and our own SRTP beside it.
type Transport struct{}

// New makes a Transport; its PeerConnection answers as DTLS server.
func New(c Config) (*Transport, error) { return &Transport{}, nil }

// NewCertificate makes a DTLS certificate for the life of a process.
func NewCertificate() (*webrtc.Certificate, error) { return nil, nil }

// PC is the PeerConnection. Never write RTP or RTCP through it: see the package comment.
func (t *Transport) PC() *webrtc.PeerConnection { return nil }

// State is the current state.
func (t *Transport) State() State { return StateNew }

// WriteRTP encrypts the RTP packet prefix+payload into tx. Only one goroutine ever calls WriteRTP and WriteRTCP.
func (t *Transport) WriteRTP(tx *udp.Tx, prefix, payload []byte) error { return ErrNotReady }

// WriteRTCP encrypts a compound RTCP packet into tx; same goroutine as WriteRTP.
func (t *Transport) WriteRTCP(tx *udp.Tx, compound []byte) error { return ErrNotReady }

// Close ends the connection and waits until the Handler is not called any more. Not to be called by the Handler.
func (t *Transport) Close() error { return nil }
