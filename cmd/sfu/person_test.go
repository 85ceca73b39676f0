package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/confab/confab/signaling/protocol"
)

// person is a client as the web SDK is: it comes back, keeps what is not acknowledged and sends it again, and remembers what it has heard. It is also a
// network that doubles, reorders and cuts.
type person struct {
	t      *testing.T
	name   string
	random *rand.Rand
	stop   context.CancelFunc
	over   chan struct{}

	mu      sync.Mutex // guards the fields below
	at      func() string
	conn    *websocket.Conn // nil while there is no seat on a socket
	joined  *protocol.Joined
	seq     uint64
	outbox  []*protocol.Chat
	acked   map[string]uint64
	said    int
	heard   map[uint64]string // chat by seq
	refused map[protocol.Code]int
	other   chan protocol.Message // what a test looks at; full: dropped
	resumes int
	faults  []error
}

// arrive brings somebody into a room, who stays until the test ends.
func arrive(t *testing.T, name string, at func() string, join protocol.Join) *person {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	p := &person{
		t: t, name: name, at: at, stop: cancel, over: make(chan struct{}), random: rand.New(rand.NewPCG(uint64(len(name)), uint64(name[0]))),
		acked: map[string]uint64{}, heard: map[uint64]string{}, refused: map[protocol.Code]int{}, other: make(chan protocol.Message, 1000),
	}
	join.ID, join.Name, join.Key = "join", name, fmt.Sprintf("%022s", name)
	go func() {
		defer close(p.over)
		for ctx.Err() == nil {
			p.visit(ctx, join)
			select {
			case <-time.After(time.Duration(20+p.draw(80)) * time.Millisecond): // with jitter, as everybody comes at once
			case <-ctx.Done():
			}
		}
	}()
	t.Cleanup(p.leave)
	p.until("a seat", func() bool { return p.joined != nil })
	return p
}

// leave ends the client without a word.
func (p *person) leave() {
	p.stop()
	p.cut()
	<-p.over
}

// visit is the life of one socket.
func (p *person) visit(ctx context.Context, join protocol.Join) {
	p.mu.Lock()
	url := p.at()
	p.mu.Unlock()
	if url == "" {
		return
	}
	d := websocket.Dialer{Subprotocols: []string{protocol.Subprotocol}, HandshakeTimeout: 5 * time.Second}
	conn, _, err := d.DialContext(ctx, url, nil)
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	p.mu.Lock()
	var first protocol.Command = &join
	if p.joined != nil {
		first = &protocol.Resume{ID: "resume", Session: p.joined.Session, Epoch: p.joined.Epoch, Seq: p.seq}
		p.resumes++
	}
	frame, _ := protocol.EncodeCommand(first)
	_ = conn.WriteMessage(websocket.TextMessage, frame) // its failure is the reader's too
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.conn = nil
	}()
	for {
		_, frame, err := conn.ReadMessage()
		if err != nil {
			return
		}
		messages, err := protocol.DecodeMessages(frame)
		if err != nil {
			p.fault(err)
			return
		}
		for _, m := range messages {
			if !p.take(conn, m) {
				return
			}
		}
	}
}

func (p *person) fault(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = append(p.faults, err)
}

// take handles a message and reports whether the socket is of use.
func (p *person) take(conn *websocket.Conn, m protocol.Message) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch m := m.(type) {
	case *protocol.Joined:
		if p.joined != nil && !m.Recovered {
			p.faults = append(p.faults, fmt.Errorf("not recovered from %d", p.seq))
		}
		p.joined, p.seq, p.conn = m, m.Seq, conn
		p.flush()
	case protocol.Event:
		if p.seq++; m.Sequence() != p.seq {
			p.faults = append(p.faults, fmt.Errorf("event %d comes where %d is due", m.Sequence(), p.seq))
			return false
		}
		if chat, ok := m.(*protocol.ChatMessage); ok {
			p.heard[chat.Seq] = chat.Text
		}
	case *protocol.Ack:
		p.acked[m.ID] = m.Seq
		p.outbox = slices.DeleteFunc(p.outbox, func(c *protocol.Chat) bool { return c.ID == m.ID })
	case *protocol.Error:
		p.refused[m.Code]++
		switch {
		case m.ID == "resume" || m.ID == "join":
			if !m.Retry || m.Code == protocol.CodeSessionExpired {
				p.faults = append(p.faults, fmt.Errorf("%s: %w", m.ID, m))
			}
			return false
		case m.Code == protocol.CodeUnavailable:
			time.AfterFunc(time.Duration(m.After)*time.Millisecond, p.again)
		}
	}
	select {
	case p.other <- m:
	default:
	}
	return true
}

// again sends what is not acknowledged.
func (p *person) again() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.flush()
}

// flush sends the outbox in some order, and some of it twice; p.mu is held.
func (p *person) flush() {
	for _, i := range p.random.Perm(len(p.outbox)) {
		for range 1 + p.random.IntN(2) {
			p.try(p.outbox[i])
		}
	}
}

// try sends a command, if there is a socket; p.mu is held.
func (p *person) try(c protocol.Command) {
	frame, err := protocol.EncodeCommand(c)
	if err != nil {
		p.faults = append(p.faults, err)
		return
	}
	if p.conn != nil {
		_ = p.conn.SetWriteDeadline(time.Now().Add(5 * time.Second))
		_ = p.conn.WriteMessage(websocket.TextMessage, frame) // its failure is the reader's too
	}
}

func (p *person) send(c protocol.Command) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.try(c)
}

// say puts a message into the outbox and sends it, sometimes twice, sometimes after later ones.
func (p *person) say() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.said++
	text := fmt.Sprint(p.name, "-", p.said)
	c := &protocol.Chat{ID: text, Text: text}
	p.outbox = append(p.outbox, c)
	switch p.random.IntN(8) {
	case 0: // lost on the way; flush sends it
	case 1:
		p.try(c)
		p.try(c)
	case 2:
		p.flush()
	default:
		p.try(c)
	}
}

// cut ends the socket without a word.
func (p *person) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.conn != nil {
		_ = p.conn.NetConn().Close()
	}
}

// move makes the next socket one of another server.
func (p *person) move(at func() string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.at = at
}

// look runs f while nothing changes.
func (p *person) look(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
}

func (p *person) draw(n int) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.random.IntN(n)
}

// until waits for something that is asked with p.mu held.
func (p *person) until(what string, is func() bool) {
	p.t.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		p.mu.Lock()
		done, fault := is(), errors.Join(p.faults...)
		state := fmt.Sprintf("seq %d, %d not acknowledged, refused %v, socket %v", p.seq, len(p.outbox), p.refused, p.conn != nil)
		p.mu.Unlock()
		switch {
		case done:
			return
		case fault != nil || time.Now().After(deadline):
			p.t.Fatalf("%s waits for %s: %s; %v", p.name, what, state, fault)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// next returns the next message of a type, and drops others.
func next[T protocol.Message](p *person, is func(T) bool) T {
	p.t.Helper()
	deadline := time.After(time.Minute)
	for {
		select {
		case m := <-p.other:
			if got, ok := m.(T); ok && is(got) {
				return got
			}
		case <-deadline:
			var want T
			p.t.Fatalf("%s waits for %T", p.name, want)
		}
	}
}

// settled waits until everybody has said and heard everything.
func settled(people []*person) {
	for _, p := range people {
		p.t.Helper()
		deadline := time.Now().Add(time.Minute)
		for {
			p.mu.Lock()
			n := len(p.outbox)
			p.mu.Unlock()
			if n == 0 || time.Now().After(deadline) {
				break
			}
			p.again()
			time.Sleep(100 * time.Millisecond)
		}
		p.until("its acknowledgements", func() bool { return len(p.outbox) == 0 })
	}
	var last uint64
	for _, p := range people {
		p.mu.Lock()
		for _, seq := range p.acked {
			last = max(last, seq)
		}
		p.mu.Unlock()
	}
	for _, p := range people {
		p.until(fmt.Sprint("event ", last), func() bool { return p.seq >= last })
	}
}
