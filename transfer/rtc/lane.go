package rtc

import (
	"errors"
	"io"
	"sync"
	"time"

	"github.com/pion/datachannel"
	"github.com/pion/webrtc/v4"

	"github.com/confab/confab/transfer/session"
)

// How much may wait in a data channel: enough to keep SCTP busy while the writer sleeps, little enough that a request that is taken
// back is not sent anyway.
const (
	mostBuffered = 1 << 20
	lowBuffered  = 256 << 10
)

// linger is how long a connection stays that is closed: pion aborts the association, and what was just written shall get out before.
const linger = 50 * time.Millisecond

// attempt is a lane from its offer on. It is a session.Lane once it is open.
type attempt struct {
	l      *Lanes
	number int
	pc     *webrtc.PeerConnection
	open   chan struct{} // closed when the fields behind it are set
	closed chan struct{}
	once   sync.Once

	dc  *webrtc.DataChannel // set before open is closed, as are those below
	raw datachannel.ReadWriteCloser
	low chan struct{} // of capacity 1: less than lowBuffered waits

	mu     sync.Mutex // guards the fields below
	remote bool       // the peer's description is set
	early  []webrtc.ICECandidateInit
	served bool // ICE servers were known
}

func (l *Lanes) newAttempt(number int) (*attempt, error) {
	c := webrtc.Configuration{Certificates: []webrtc.Certificate{l.o.Certificate}}
	if l.o.ICEServers != nil {
		c.ICEServers = l.o.ICEServers()
	}
	if l.o.RelayOnly {
		c.ICETransportPolicy = webrtc.ICETransportPolicyRelay
	}
	pc, err := l.api.NewPeerConnection(c)
	if err != nil {
		return nil, err
	}
	a := &attempt{
		l: l, number: number, pc: pc, open: make(chan struct{}), closed: make(chan struct{}), low: make(chan struct{}, 1),
		served: len(c.ICEServers) > 0,
	}
	pc.OnICECandidate(func(c *webrtc.ICECandidate) {
		s := Step{T: "candidate", Lane: number, Candidate: new(string), Mid: "0"}
		if c != nil {
			*s.Candidate = c.ToJSON().Candidate
		}
		l.o.Send(s)
	})
	pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		if s == webrtc.PeerConnectionStateFailed || s == webrtc.PeerConnectionStateClosed {
			_ = a.Close()
		}
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		_ = pc.Close()
		return nil, l.err
	}
	l.attempts[number] = a
	return a, nil
}

// watch makes the attempt a lane when its channel opens.
func (a *attempt) watch(dc *webrtc.DataChannel) {
	dc.SetBufferedAmountLowThreshold(lowBuffered)
	dc.OnBufferedAmountLow(func() {
		select {
		case a.low <- struct{}{}:
		default:
		}
	})
	var once sync.Once
	dc.OnOpen(func() {
		once.Do(func() {
			raw, err := dc.Detach()
			if err != nil {
				_ = a.Close()
				return
			}
			select {
			case <-a.open: // a second channel: there is one
				return
			default:
			}
			a.dc, a.raw = dc, raw
			close(a.open)
		})
	})
}

func (a *attempt) offer() error {
	o, err := a.pc.CreateOffer(nil)
	if err != nil {
		return err
	}
	// The offer goes out before SetLocalDescription starts to gather: candidates must not overtake it.
	a.l.o.Send(Step{T: "offer", Lane: a.number, SDP: o.SDP})
	return a.pc.SetLocalDescription(o)
}

func (a *attempt) answer(sdp string) error {
	if err := a.describe(webrtc.SDPTypeOffer, sdp); err != nil {
		return err
	}
	o, err := a.pc.CreateAnswer(nil)
	if err != nil {
		return err
	}
	a.l.o.Send(Step{T: "answer", Lane: a.number, SDP: o.SDP})
	return a.pc.SetLocalDescription(o)
}

func (a *attempt) accept(sdp string) error { return a.describe(webrtc.SDPTypeAnswer, sdp) }

// describe sets the peer's description and the candidates that came before it.
func (a *attempt) describe(typ webrtc.SDPType, sdp string) error {
	if err := a.pc.SetRemoteDescription(webrtc.SessionDescription{Type: typ, SDP: sdp}); err != nil {
		return err
	}
	a.mu.Lock()
	early := a.early
	a.remote, a.early = true, nil
	a.mu.Unlock()
	for _, c := range early {
		a.add(c)
	}
	return nil
}

func (a *attempt) candidate(s Step) {
	c := webrtc.ICECandidateInit{Candidate: *s.Candidate, SDPMid: &s.Mid}
	a.mu.Lock()
	if !a.remote {
		if len(a.early) < maxEarly {
			a.early = append(a.early, c)
		}
		a.mu.Unlock()
		return
	}
	a.mu.Unlock()
	a.add(c)
}

func (a *attempt) add(c webrtc.ICECandidateInit) {
	if c.Candidate == "" {
		return // pion needs no end of candidates
	}
	if err := a.pc.AddICECandidate(c); err != nil {
		a.l.o.Log.Debug("a candidate cannot be used", "err", err)
	}
}

// Close implements session.Lane.
func (a *attempt) Close() error {
	a.once.Do(func() {
		close(a.closed)
		a.l.mu.Lock()
		delete(a.l.attempts, a.number)
		a.l.mu.Unlock()
		a.l.tasks.Go(func() { // of its own: pion waits for callbacks, of which this may be one
			time.Sleep(linger)
			_ = a.pc.GracefulClose()
		})
	})
	return nil
}

// Read implements session.Lane.
func (a *attempt) Read(p []byte) (int, bool, error) {
	n, text, err := a.raw.ReadDataChannel(p)
	if err != nil {
		if errors.Is(err, io.ErrShortBuffer) {
			err = errors.New("a message is longer than any may be")
		}
		_ = a.Close()
	}
	return n, text, err
}

// Write implements session.Lane.
func (a *attempt) Write(p []byte, text bool) error {
	for a.dc.BufferedAmount() > mostBuffered {
		select {
		case <-a.low:
		case <-a.closed:
			return io.ErrClosedPipe
		}
	}
	select {
	case <-a.closed:
		return io.ErrClosedPipe
	default:
	}
	_, err := a.raw.WriteDataChannel(p, text)
	return err
}

var _ session.Lane = (*attempt)(nil)
