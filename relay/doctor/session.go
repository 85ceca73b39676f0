package doctor

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/pion/stun/v3"
)

// session is one five-tuple to the server: its requests, and what the relay brings. Its owner closes it.
type session struct {
	conn   net.Conn
	stream bool // frames are cut from a stream (RFC 8656 §3.1)
	wait   time.Duration

	username, password string
	realm              stun.Realm
	nonce              stun.Nonce
	key                stun.MessageIntegrity // nil: requests go unsigned
	holds              bool                  // an allocation, or an answer to a request for one was lost

	data  chan datagram // from peers; what does not fit is dropped, and shows as loss
	ended chan struct{}

	mu      sync.Mutex // guards the fields below
	waiting map[[stun.TransactionIDSize]byte]chan *stun.Message
	peers   map[uint16]netip.AddrPort // bound channels
	err     error                     // why reading ended
}

// datagram is what a peer has sent.
type datagram struct {
	peer netip.AddrPort
	data []byte
}

// refusal is an error response.
type refusal struct {
	code   stun.ErrorCode
	reason string
}

func (r refusal) Error() string { return fmt.Sprintf("%d %s", r.code, r.reason) }

// errSilent says that no answer came in time.
var errSilent = errors.New("no answer")

// refusedWith reports whether err is an error response, and its code.
func refusedWith(err error) (stun.ErrorCode, bool) {
	var r refusal
	ok := errors.As(err, &r)
	return r.code, ok
}

func newSession(conn net.Conn, stream bool, wait time.Duration) *session {
	s := &session{
		conn: conn, stream: stream, wait: wait, data: make(chan datagram, 1024), ended: make(chan struct{}),
		waiting: map[[stun.TransactionIDSize]byte]chan *stun.Message{}, peers: map[uint16]netip.AddrPort{},
	}
	go s.read()
	return s
}

// close ends the session and waits for its reader. An allocation is given back first (RFC 8656 §7), and the server has answered that, or
// does not answer: nothing of a doctor shall be left when its report is there.
func (s *session) close() {
	if s.holds && s.conn.SetWriteDeadline(time.Now().Add(s.wait)) == nil {
		_, _ = s.request(context.Background(), stun.MethodRefresh, lifetime(0)) // it would expire anyway
	}
	_ = s.conn.Close()
	<-s.ended
}

func (s *session) read() {
	defer close(s.ended)
	buffer := make([]byte, 1<<16)
	for {
		frame, err := s.frame(buffer)
		if err != nil {
			s.mu.Lock()
			s.err = err
			s.mu.Unlock()
			return
		}
		s.take(frame)
	}
}

// frame reads one message into buffer.
func (s *session) frame(buffer []byte) ([]byte, error) {
	if !s.stream {
		n, err := s.conn.Read(buffer)
		return buffer[:n], err
	}
	if _, err := io.ReadFull(s.conn, buffer[:4]); err != nil {
		return nil, err
	}
	length := int(binary.BigEndian.Uint16(buffer[2:]))
	size, rest := 20+length, 16+length
	if isChannel(buffer) {
		size, rest = 4+length, (length+3)&^3
	}
	if size > len(buffer) || 4+rest > len(buffer) {
		return nil, fmt.Errorf("a message of %d bytes", size)
	}
	if _, err := io.ReadFull(s.conn, buffer[4:4+rest]); err != nil {
		return nil, err
	}
	return buffer[:size], nil
}

func isChannel(b []byte) bool { return len(b) >= 4 && b[0]&0xc0 == 0x40 }

// take sorts one message: an answer to its request, data to the channel of data. frame is used again afterwards.
func (s *session) take(frame []byte) {
	if isChannel(frame) {
		length := int(binary.BigEndian.Uint16(frame[2:]))
		if 4+length > len(frame) {
			return
		}
		s.mu.Lock()
		peer, bound := s.peers[binary.BigEndian.Uint16(frame)]
		s.mu.Unlock()
		if bound {
			s.offer(datagram{peer, append([]byte{}, frame[4:4+length]...)})
		}
		return
	}
	m := &stun.Message{Raw: append([]byte{}, frame...)}
	if m.Decode() != nil {
		return
	}
	if m.Type == stun.NewType(stun.MethodData, stun.ClassIndication) {
		peer, err := xorAddress(m, stun.AttrXORPeerAddress)
		data, missing := m.Get(stun.AttrData)
		if err == nil && missing == nil {
			s.offer(datagram{peer, data})
		}
		return
	}
	s.mu.Lock()
	answer := s.waiting[m.TransactionID]
	delete(s.waiting, m.TransactionID)
	s.mu.Unlock()
	if answer != nil {
		answer <- m // has room for the one that comes
	}
}

func (s *session) offer(d datagram) {
	select {
	case s.data <- d:
	default:
	}
}

func (s *session) build(method stun.Method, class stun.MessageClass, setters ...stun.Setter) (*stun.Message, error) {
	all := append([]stun.Setter{stun.TransactionID, stun.NewType(method, class)}, setters...)
	if s.key != nil && class == stun.ClassRequest {
		all = append(all, stun.NewUsername(s.username), s.realm, s.nonce, s.key)
	}
	return stun.Build(all...)
}

// firstRTO is how long the first retransmission over UDP waits; it doubles (RFC 8489 §6.2.1).
const firstRTO = 250 * time.Millisecond

// request sends a request and returns the success response. Its error is a refusal, errSilent, or why the connection ended. A stale
// nonce is replaced once.
func (s *session) request(ctx context.Context, method stun.Method, setters ...stun.Setter) (*stun.Message, error) {
	m, err := s.ask(ctx, method, setters...)
	if code, _ := refusedWith(err); code == stun.CodeStaleNonce && s.key != nil && s.nonce.GetFrom(m) == nil {
		m, err = s.ask(ctx, method, setters...)
	}
	return m, err
}

// ask is request without a second try. With a refusal, the message is returned too.
func (s *session) ask(ctx context.Context, method stun.Method, setters ...stun.Setter) (_ *stun.Message, err error) {
	m, err := s.build(method, stun.ClassRequest, setters...)
	if err != nil {
		return nil, err
	}
	answers := make(chan *stun.Message, 1)
	s.mu.Lock()
	s.waiting[m.TransactionID] = answers
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.waiting, m.TransactionID)
		s.mu.Unlock()
		if method == stun.MethodAllocate && s.key != nil {
			_, refused := refusedWith(err)
			s.holds = s.holds || !refused
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, s.wait)
	defer cancel()
	for rto := firstRTO; ; rto *= 2 {
		if _, err := s.conn.Write(m.Raw); err != nil {
			return nil, s.reason(err)
		}
		again := time.NewTimer(rto)
		if s.stream {
			again.Stop()
		}
		select {
		case answer := <-answers:
			again.Stop()
			return answer, s.verdict(answer)
		case <-s.ended:
			again.Stop()
			return nil, s.reason(io.ErrUnexpectedEOF)
		case <-ctx.Done():
			again.Stop()
			return nil, errSilent
		case <-again.C:
		}
	}
}

// reason prefers what the reader saw: over UDP it learns that nobody listens.
func (s *session) reason(err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	return err
}

// verdict is nil for a success response whose integrity holds.
func (s *session) verdict(m *stun.Message) error {
	if m.Type.Class == stun.ClassErrorResponse {
		var attr stun.ErrorCodeAttribute
		if err := attr.GetFrom(m); err != nil {
			return fmt.Errorf("an error response without a code: %w", err)
		}
		return refusal{attr.Code, string(attr.Reason)}
	}
	if s.key != nil {
		if err := s.key.Check(m); err != nil {
			return fmt.Errorf("the answer's MESSAGE-INTEGRITY is wrong or missing: %w", err)
		}
	}
	return nil
}
