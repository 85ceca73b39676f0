package signaling

import (
	"bytes"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/gorilla/websocket"

	"github.com/confab/confab/signaling/protocol"
)

// socket carries a session on a WebSocket (RFC 6455), with permessage-deflate (RFC 7692) for what is large enough to be worth it.
type socket struct {
	conn  *websocket.Conn
	frame *bytes.Buffer // of the last read; nil between reads
	pongs bucket
	heard func()        // a control frame has come
	body  time.Duration // in which a message that has begun must end
	ended atomic.Bool   // the close frame was sent
}

// deflateFrom is the size from which messages are deflated: below it, the saving is less than a packet.
const deflateFrom = 1 << 10

// batchUpTo is how many bytes of small frames go into one message.
const batchUpTo = 16 << 10

func newSocket(conn *websocket.Conn, body time.Duration) *socket {
	s := &socket{conn: conn, body: body}
	conn.SetReadLimit(protocol.MaxFrame) // of a frame as it comes; read bounds what it inflates to
	conn.SetPongHandler(func(string) error { s.heard(); return nil })
	conn.SetPingHandler(func(data string) error {
		s.heard()
		if !s.pongs.take(1, 1, 10, time.Now()) {
			return nil // RFC 6455 §5.5.3: only the most recent ping needs an answer
		}
		err := conn.WriteControl(websocket.PongMessage, []byte(data), time.Now().Add(time.Second))
		if errors.Is(err, websocket.ErrCloseSent) {
			return nil
		}
		return err
	})
	return s
}

// read implements carrier. Between messages nothing but a small buffer waits; once a message has begun it must end in time.
func (s *socket) read() ([]byte, error) {
	if s.frame != nil {
		s.frame.Reset()
		frameBuffers.Put(s.frame)
		s.frame = nil
	}
	kind, r, err := s.conn.NextReader()
	if err != nil {
		return nil, readError(err)
	}
	s.deadline(time.Now().Add(s.body))
	s.frame = frameBuffers.Get().(*bytes.Buffer)
	n, err := s.frame.ReadFrom(io.LimitReader(r, protocol.MaxFrame+1))
	switch {
	case err != nil:
		return nil, readError(err)
	case n > protocol.MaxFrame: // a deflate bomb
		return nil, errTooLarge
	case kind != websocket.TextMessage:
		return nil, errNotText
	}
	s.deadline(time.Time{})
	return s.frame.Bytes(), nil
}

// deadline bounds what is being read. It may miss that the socket has just been closed: the session ends it a little later then.
func (s *socket) deadline(at time.Time) {
	if !s.ended.Load() {
		_ = s.conn.SetReadDeadline(at) // fails only on a closed socket, and then so does the read
	}
}

func readError(err error) error {
	switch {
	case websocket.IsCloseError(err, websocket.CloseGoingAway): // RFC 6455 §7.4.1
		return errPageClosed
	case errors.Is(err, websocket.ErrReadLimit): // gorilla has sent close frame 1009 and will not write any more
		return errTooLarge
	}
	return err
}

// write implements carrier.
func (s *socket) write(frames [][]byte, patience time.Duration) error {
	for len(frames) > 0 {
		n, size := 0, 0
		for n < len(frames) && len(frames[n]) < deflateFrom && size < batchUpTo {
			size += len(frames[n])
			n++
		}
		_ = s.conn.SetWriteDeadline(time.Now().Add(patience)) // fails with the write
		var err error
		switch {
		case n > 1:
			err = s.writeBatch(frames[:n])
		case n == 1:
			s.conn.EnableWriteCompression(false)
			err = s.conn.WriteMessage(websocket.TextMessage, frames[0])
		default:
			n = 1
			s.conn.EnableWriteCompression(true)
			err = s.conn.WritePreparedMessage(prepare(frames[0]))
		}
		if err != nil {
			return err
		}
		frames = frames[n:]
	}
	return nil
}

// writeBatch sends small frames as one JSON array. It is not deflated: hardly two clients get the same one.
func (s *socket) writeBatch(frames [][]byte) error {
	b := frameBuffers.Get().(*bytes.Buffer)
	defer func() { b.Reset(); frameBuffers.Put(b) }()
	for i, f := range frames {
		b.WriteByte("[,"[min(i, 1)])
		b.Write(f)
	}
	b.WriteByte(']')
	s.conn.EnableWriteCompression(false)
	return s.conn.WriteMessage(websocket.TextMessage, b.Bytes())
}

// ping implements carrier; the client's WebSocket answers by itself.
func (s *socket) ping(patience time.Duration) error {
	return s.conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(patience))
}

// close implements carrier.
func (s *socket) close(code int, reason string) {
	_ = s.conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, reason), time.Now().Add(time.Second))
	s.ended.Store(true)
	_ = s.conn.SetReadDeadline(time.Now().Add(time.Second)) // the client's answer is waited for, but not for ever
}

func (s *socket) hurry() { _ = s.netConn().SetWriteDeadline(time.Now().Add(time.Second)) }
func (s *socket) abort() { _ = s.conn.Close() }

func (s *socket) netConn() net.Conn { return s.conn.NetConn() }

// frameBuffers are shared by all sockets: one that has nothing to read or write needs none. They have at most the size of a message.
var frameBuffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// prepared remembers the last large frames as they go over the wire, so that what many sessions get is deflated once.
var prepared struct {
	mu   sync.Mutex // guards the fields below
	ring [32]preparedFrame
	next int
}

// preparedFrame holds the frame, so that no other can have its address meanwhile.
type preparedFrame struct {
	frame   []byte
	message *websocket.PreparedMessage
}

func prepare(frame []byte) *websocket.PreparedMessage {
	p := &prepared
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.ring {
		if f := p.ring[i].frame; len(f) == len(frame) && unsafe.SliceData(f) == unsafe.SliceData(frame) {
			return p.ring[i].message
		}
	}
	m, err := websocket.NewPreparedMessage(websocket.TextMessage, frame)
	if err != nil {
		panic(err) // it writes to memory
	}
	p.ring[p.next] = preparedFrame{frame, m}
	p.next = (p.next + 1) % len(p.ring)
	return m
}
