package signaling

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/confab/confab/signaling/protocol"
)

// fakeMedia stands for an SFU. It answers "answer to <session id of the offer> <n>".
type fakeMedia struct {
	mu    sync.Mutex // guards the fields below
	peers []*fakePeer
	delay time.Duration
	fail  error // of Connect
}

func (m *fakeMedia) Connect(o MediaPeerOptions) (MediaPeer, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		return nil, m.fail
	}
	p := &fakePeer{media: m, MediaPeerOptions: o}
	m.peers = append(m.peers, p)
	return p, nil
}

// of returns the last connection of a participant, or nil.
func (m *fakeMedia) of(participant string) *fakePeer {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range slices.Backward(m.peers) {
		if p.Participant == participant {
			return p
		}
	}
	return nil
}

// open counts the connections that were not closed.
func (m *fakeMedia) open() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for _, p := range m.peers {
		if !p.closed {
			n++
		}
	}
	return n
}

type fakePeer struct {
	MediaPeerOptions
	media *fakeMedia

	// Guarded by media.mu.
	busy, closed bool
	offers       []MediaOffer
	candidates   []string
	wants        []protocol.Want
	state        protocol.State
}

// enter checks that no two methods run at once.
func (p *fakePeer) enter() func() {
	p.media.mu.Lock()
	defer p.media.mu.Unlock()
	if p.busy || p.closed {
		panic("two operations at once, or one after Close")
	}
	p.busy = true
	return func() {
		p.media.mu.Lock()
		defer p.media.mu.Unlock()
		p.busy = false
	}
}

func (p *fakePeer) Negotiate(ctx context.Context, o MediaOffer) (string, error) {
	defer p.enter()()
	p.media.mu.Lock()
	delay := p.media.delay
	p.media.mu.Unlock()
	if delay > 0 {
		select {
		case <-time.After(delay):
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
	if !strings.HasPrefix(o.SDP, "v=0") {
		return "", fmt.Errorf("%w: it is nonsense", ErrBadSDP)
	}
	p.media.mu.Lock()
	defer p.media.mu.Unlock()
	p.offers = append(p.offers, o)
	return fakeAnswer(sdpSession(o.SDP), len(p.offers)), nil
}

func fakeAnswer(session string, n int) string {
	return fmt.Sprintf("v=0\r\no=- %s 1 IN IP4 0.0.0.0\r\ns=answer %d\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=ice-ufrag:server%d\r\na=ice-pwd:secret\r\na=candidate:1 1 udp 1 192.0.2.1 3478 typ host\r\n", session, n, n)
}

func fakeOffer(session string) string {
	return fmt.Sprintf("v=0\r\no=- %s 1 IN IP4 0.0.0.0\r\ns=-\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=ice-ufrag:client\r\na=ice-pwd:secret\r\na=sendonly\r\n", session)
}

func (p *fakePeer) AddCandidate(mid string, index int, candidate string) error {
	defer p.enter()()
	if strings.Contains(candidate, "nonsense") {
		return errors.New("nonsense")
	}
	p.media.mu.Lock()
	defer p.media.mu.Unlock()
	p.candidates = append(p.candidates, fmt.Sprintf("%s/%d/%s", mid, index, candidate))
	return nil
}

func (p *fakePeer) SetView(wants []protocol.Want) {
	defer p.enter()()
	p.media.mu.Lock()
	defer p.media.mu.Unlock()
	p.wants = wants
}

func (p *fakePeer) SetState(s protocol.State) {
	defer p.enter()()
	p.media.mu.Lock()
	defer p.media.mu.Unlock()
	p.state = s
}

func (p *fakePeer) Close() {
	p.media.mu.Lock()
	defer p.media.mu.Unlock()
	if p.closed {
		panic("closed twice")
	}
	p.closed = true
}

// seen returns a copy of what the peer was told.
func (p *fakePeer) seen() fakePeer {
	p.media.mu.Lock()
	defer p.media.mu.Unlock()
	return *p
}
