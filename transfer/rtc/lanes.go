package rtc

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/logging"
	"github.com/pion/transport/v5"
	"github.com/pion/webrtc/v4"

	"github.com/confab/confab/transfer/session"
)

const (
	label         = "confab-transfer"
	connectWithin = 20 * time.Second // of a lane; ICE gives up after 15 s
	maxBackoff    = 15 * time.Second
	maxPending    = 16 // lanes that the peer may have offered at once
	maxEarly      = 64 // candidates that may come before their description

	receiveBuffer = 8 << 20   // of SCTP: with the default of 1 MiB a lane of 100 ms can't be faster than 10 MB/s
	maxMessage    = 256 << 10 // Chromium's bound; ours are 64 KiB and a header
)

// Options is what Lanes need.
type Options struct {
	Opens       bool // this side has opened the transfer, and so offers its lanes
	Certificate webrtc.Certificate
	Peer        string                    // fingerprint of the peer's certificate, which it has proved
	ICEServers  func() []webrtc.ICEServer // asked for each lane, as credentials expire; may be nil
	RelayOnly   bool
	Send        func(Step) // gives a step to signaling; must not block
	Log         *slog.Logger
	Net         transport.Net // nil: the system's
}

// Lanes makes lanes to one peer. It is a session.Dialer.
type Lanes struct {
	o    Options
	api  *webrtc.API
	done chan struct{} // closed when no lane will come any more

	tasks sync.WaitGroup // connections that are being closed

	mu       sync.Mutex // guards the fields below
	next     int
	attempts map[int]*attempt
	ready    chan session.Lane // on the side that answers

	err error // why done is closed
}

// NewCertificate makes a certificate for a transfer.
func NewCertificate() (webrtc.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return webrtc.Certificate{}, fmt.Errorf("make a key: %w", err)
	}
	c, err := webrtc.GenerateCertificate(key)
	if err != nil {
		return webrtc.Certificate{}, fmt.Errorf("make a certificate: %w", err)
	}
	return *c, nil
}

// New returns lanes to a peer. Close ends them.
func New(o Options) *Lanes {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	quiet := logging.NewDefaultLoggerFactory()
	quiet.DefaultLogLevel = logging.LogLevelDisabled // what matters comes back as errors and states
	se := webrtc.SettingEngine{LoggerFactory: quiet}
	se.DisableCloseByDTLS(true) // a lane that ends is closed here, once; the end of its association is seen by its reader
	se.DetachDataChannels()
	se.SetSCTPMaxReceiveBufferSize(receiveBuffer)
	se.SetSCTPMaxMessageSize(maxMessage)
	se.SetICETimeouts(5*time.Second, 10*time.Second, 2*time.Second)
	if o.Net != nil {
		se.SetNet(o.Net)
		se.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	} else {
		se.SetIncludeLoopbackCandidate(true) // both may be on one machine that has no other address
	}
	return &Lanes{
		o: o, api: webrtc.NewAPI(webrtc.WithSettingEngine(se)), done: make(chan struct{}),
		attempts: map[int]*attempt{}, ready: make(chan session.Lane, maxPending),
	}
}

// Close ends all lanes, and waits until they have ended.
func (l *Lanes) Close() {
	l.end(errEnded)
	l.mu.Lock()
	all := make([]*attempt, 0, len(l.attempts))
	for _, a := range l.attempts {
		all = append(all, a)
	}
	l.mu.Unlock()
	for _, a := range all {
		_ = a.Close()
	}
	l.tasks.Wait()
}

// Gone tells that the peer has left the room: no lane can be negotiated any more. Those that are there go on.
func (l *Lanes) Gone() { l.end(errors.New("the peer has left the room")) }

var errEnded = errors.New("the transfer has ended")

func (l *Lanes) end(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil {
		l.err = err
		close(l.done)
	}
}

func (l *Lanes) reason() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

// Dial implements session.Dialer.
func (l *Lanes) Dial(ctx context.Context) (session.Lane, error) {
	if !l.o.Opens {
		select {
		case lane := <-l.ready:
			return lane, nil
		case <-l.done:
			return nil, l.reason()
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	for wait := 500 * time.Millisecond; ; wait = min(maxBackoff, 2*wait) {
		lane, err := l.open(ctx)
		if err == nil {
			return lane, nil
		}
		l.o.Log.Debug("a lane did not come up", "err", err)
		select {
		case <-time.After(wait):
		case <-l.done:
			return nil, l.reason()
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// open makes one lane.
func (l *Lanes) open(ctx context.Context) (session.Lane, error) {
	l.mu.Lock()
	if l.err != nil {
		l.mu.Unlock()
		return nil, l.err
	}
	number := l.next
	l.next++
	l.mu.Unlock()
	a, err := l.newAttempt(number)
	if err != nil {
		return nil, err
	}
	dc, err := a.pc.CreateDataChannel(label, nil)
	if err == nil {
		a.watch(dc)
		err = a.offer()
	}
	if err != nil {
		_ = a.Close()
		return nil, fmt.Errorf("offer a lane: %w", err)
	}
	late := time.NewTimer(connectWithin)
	defer late.Stop()
	select {
	case <-a.open:
		return a, nil
	case <-a.closed:
		return nil, errors.New("the connection has failed")
	case <-late.C:
		err = errors.New("the connection did not come up in time")
	case <-l.done:
		err = l.reason()
	case <-ctx.Done():
		err = ctx.Err()
	}
	_ = a.Close()
	return nil, err
}

// Handle takes a step of the peer. It does not block on the network. What is not of a living lane is ignored.
func (l *Lanes) Handle(s Step) {
	l.mu.Lock()
	a := l.attempts[s.Lane]
	pending, over := len(l.attempts), l.err != nil
	l.mu.Unlock()
	switch s.T {
	case "offer":
		if a == nil && !l.o.Opens && !over && pending < maxPending {
			l.answer(s)
		}
	case "answer":
		if a != nil && l.o.Opens {
			l.accept(a, s)
		}
	case "candidate":
		if a != nil {
			a.candidate(s)
		}
	case "end":
		l.end(&EndError{Code: s.Code, Message: s.Message})
	}
}

// EndError is the peer's reason for ending the transfer during the handshake or the negotiation of a lane.
type EndError struct{ Code, Message string }

func (e *EndError) Error() string {
	if e.Message == "" {
		return "the peer has ended the transfer: " + e.Code
	}
	return e.Message
}

// betrayed ends everything: a description came that the peer has not made.
func (l *Lanes) betrayed(lane int) {
	l.o.Send(Step{T: "end", Lane: lane, Code: "fingerprint", Message: ErrFingerprint.Error()})
	l.end(ErrFingerprint)
}

// answer takes a lane that the peer offers.
func (l *Lanes) answer(s Step) {
	if checkFingerprint(s.SDP, l.o.Peer) != nil {
		l.betrayed(s.Lane)
		return
	}
	a, err := l.newAttempt(s.Lane)
	if err != nil {
		l.o.Log.Warn("a lane cannot be answered", "err", err)
		return
	}
	a.pc.OnDataChannel(func(dc *webrtc.DataChannel) {
		if dc.Label() == label {
			a.watch(dc)
		}
	})
	if err := a.answer(s.SDP); err != nil {
		l.o.Log.Warn("a lane cannot be answered", "err", err)
		_ = a.Close()
		return
	}
	l.tasks.Go(func() {
		late := time.NewTimer(connectWithin)
		defer late.Stop()
		select {
		case <-a.open:
			select {
			case l.ready <- a:
			case <-l.done:
			case <-a.closed:
			}
		case <-a.closed:
		case <-l.done:
			_ = a.Close()
		case <-late.C:
			_ = a.Close()
		}
	})
}

// accept takes the peer's answer to an offered lane.
func (l *Lanes) accept(a *attempt, s Step) {
	if checkFingerprint(s.SDP, l.o.Peer) != nil {
		l.betrayed(s.Lane)
		_ = a.Close()
		return
	}
	if err := a.accept(s.SDP); err != nil {
		l.o.Log.Warn("an answer cannot be used", "err", err)
		_ = a.Close()
	}
}
