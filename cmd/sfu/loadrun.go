package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/confab/confab/signaling/protocol"
)

// settleTime is how long everybody may take to hear the last message.
const settleTime = 10 * time.Second

// loadRun is a load and its figures.
type loadRun struct {
	o     loadOptions
	began time.Time
	dials chan struct{} // capacity maxDials: held while somebody connects

	mu                  sync.Mutex // guards the fields below
	joined, sent, acked int
	refused             int // messages that were answered by an error
	delivered           int
	lost, doubled       uint64
	lastJoin            time.Time
	latencies           []time.Duration // at most maxLatencies: the first ones
	errors              map[string]int  // by code
	newest              []uint64        // by room: the last event that somebody was promised
}

// maxDials is how many people connect at once. A server holds at most 64 connections of one address that have not spoken yet, whatever
// address they claim when they do: see package portmux.
const maxDials = 32

// chatID begins the ids of messages.
const chatID = "c"

// maxLatencies bounds the memory of a long run.
const maxLatencies = 1 << 20

func newLoadRun(o loadOptions) *loadRun {
	return &loadRun{o: o, errors: map[string]int{}, newest: make([]uint64, o.Rooms), dials: make(chan struct{}, maxDials)}
}

// run lets everybody come, chat and leave, and returns when all are gone.
func (r *loadRun) run(ctx context.Context) {
	r.began = time.Now()
	chatting, stop := context.WithTimeout(ctx, r.o.For)
	defer stop()
	var people, talkers sync.WaitGroup
	settled := make(chan struct{}) // nobody sends any more
	for i := range r.o.Rooms * r.o.People {
		talkers.Add(1)
		people.Go(func() { r.person(chatting, i, &talkers, settled) })
	}
	talkers.Wait()
	close(settled)
	people.Wait()
}

// person is one visitor, from the first attempt to connect to leaving.
func (r *loadRun) person(ctx context.Context, n int, talkers *sync.WaitGroup, settled <-chan struct{}) {
	var once sync.Once
	silent := func() { once.Do(talkers.Done) }
	defer silent()
	conn := r.connect(ctx, n)
	if conn == nil {
		return
	}
	defer conn.Close()
	v := &visitor{r: r, room: n % r.o.Rooms, name: fmt.Sprintf("Load %d", n), conn: conn, joined: make(chan struct{}), read: make(chan struct{})}
	go v.listen()
	defer func() { conn.Close(); <-v.read }()
	v.write(&protocol.Join{ID: "join", Room: fmt.Sprintf("%s-%d", r.o.Prefix, v.room+1), Name: v.name, Token: r.o.Token, Mode: protocol.ModeSFU})
	select {
	case <-v.joined:
	case <-v.read:
		return
	case <-ctx.Done():
		return
	}
	v.talk(ctx)
	silent()
	<-settled
	v.settle()
	v.write(&protocol.Leave{ID: "leave"})
	select {
	case <-v.read:
	case <-time.After(2 * time.Second):
	}
}

// connect tries until there is a socket or ctx ends, and waits as long as the server says in between.
func (r *loadRun) connect(ctx context.Context, n int) *websocket.Conn {
	d := websocket.Dialer{HandshakeTimeout: 10 * time.Second, Subprotocols: []string{protocol.Subprotocol}}
	for {
		select {
		case r.dials <- struct{}{}:
		case <-ctx.Done():
			return nil
		}
		conn, res, err := d.DialContext(ctx, r.o.URL, r.o.header(n))
		<-r.dials
		if err == nil {
			return conn
		}
		if ctx.Err() != nil {
			return nil
		}
		wait := time.Second
		r.fail(dialCode(res))
		if res != nil {
			if after, err := strconv.Atoi(res.Header.Get("Retry-After")); err == nil {
				wait = time.Duration(min(after, 60)) * time.Second
			}
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil
		}
	}
}

// dialCode is the code of a refused handshake.
func dialCode(res *http.Response) string {
	if res == nil {
		return "no-connection"
	}
	var wire protocol.Error
	if json.NewDecoder(res.Body).Decode(&wire) == nil && wire.Code != "" {
		return string(wire.Code)
	}
	return "http-" + strconv.Itoa(res.StatusCode)
}

func (r *loadRun) fail(code string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.errors[code]++
}

// visitor is somebody with a socket. Its listener reads; the person's own goroutine writes.
type visitor struct {
	r      *loadRun
	room   int
	name   string
	conn   *websocket.Conn
	joined chan struct{} // closed by the listener
	read   chan struct{} // closed when the listener has ended

	seq     uint64 // of the last event; guarded by r.mu, as is leaving
	leaving bool
}

func (v *visitor) write(c protocol.Command) {
	frame, err := protocol.EncodeCommand(c)
	if err != nil {
		panic(err) // a fault of the program
	}
	if _, leave := c.(*protocol.Leave); leave {
		v.r.mu.Lock()
		v.leaving = true
		v.r.mu.Unlock()
	}
	_ = v.conn.SetWriteDeadline(time.Now().Add(10 * time.Second))
	_ = v.conn.WriteMessage(websocket.TextMessage, frame) // the listener says what is wrong
}

// talk chats at the rate until ctx or the socket ends.
func (v *visitor) talk(ctx context.Context) {
	if v.r.o.Rate == 0 {
		select {
		case <-ctx.Done():
		case <-v.read:
		}
		return
	}
	tick := time.NewTicker(time.Duration(float64(time.Second) / v.r.o.Rate))
	defer tick.Stop()
	for n := 1; ; n++ {
		select {
		case <-tick.C:
			v.r.mu.Lock()
			v.r.sent++
			v.r.mu.Unlock()
			v.write(&protocol.Chat{ID: fmt.Sprintf(chatID+"%d", n), Text: fmt.Sprintf("load %d", time.Now().UnixNano())})
		case <-ctx.Done():
			return
		case <-v.read:
			return
		}
	}
}

// settle waits until every message has been answered, and this visitor has heard what was promised to anybody in the room; what it has not heard by
// then is lost. Who left sooner would not be told what became of the last message.
func (v *visitor) settle() {
	for deadline := time.Now().Add(settleTime); ; time.Sleep(50 * time.Millisecond) {
		v.r.mu.Lock()
		missing := v.r.newest[v.room] - min(v.seq, v.r.newest[v.room])
		over := missing == 0 && v.r.acked+v.r.refused >= v.r.sent || time.Now().After(deadline)
		select {
		case <-v.read:
			over = true
		default:
		}
		if over {
			v.r.lost += missing
		}
		v.r.mu.Unlock()
		if over {
			return
		}
	}
}

// listen reads until the socket ends.
func (v *visitor) listen() {
	defer close(v.read)
	for {
		_, frame, err := v.conn.ReadMessage()
		if err != nil {
			v.ended(err)
			return
		}
		list := []json.RawMessage{frame}
		if bytes.HasPrefix(frame, []byte("[")) && json.Unmarshal(frame, &list) != nil {
			v.r.fail("unreadable")
			continue
		}
		for _, one := range list {
			m, err := protocol.DecodeMessage(one)
			if err == nil {
				v.hear(m, time.Now())
			} else if !errors.Is(err, protocol.ErrUnknownType) {
				v.r.fail("unreadable")
			}
		}
	}
}

// ended counts a socket that ends before the visitor leaves.
func (v *visitor) ended(err error) {
	v.r.mu.Lock()
	defer v.r.mu.Unlock()
	var closed *websocket.CloseError
	switch {
	case v.leaving:
	case errors.As(err, &closed):
		v.r.errors["closed-"+strconv.Itoa(closed.Code)]++
	default:
		v.r.errors["cut"]++
	}
}

// hear checks and counts one message.
func (v *visitor) hear(m protocol.Message, now time.Time) {
	r := v.r
	r.mu.Lock()
	defer r.mu.Unlock()
	switch m := m.(type) {
	case *protocol.Joined:
		v.seq = m.Seq
		r.joined++
		r.lastJoin = now
		close(v.joined)
		return
	case *protocol.Error:
		r.errors[string(m.Code)]++
		if strings.HasPrefix(m.ID, chatID) {
			r.refused++
		}
	case *protocol.Ack:
		r.acked++
		r.newest[v.room] = max(r.newest[v.room], m.Seq)
	}
	e, ok := m.(protocol.Event)
	if !ok {
		return
	}
	if e.Sequence() <= v.seq {
		r.doubled++
		return
	}
	r.lost += e.Sequence() - v.seq - 1
	v.seq = e.Sequence()
	if chat, ok := m.(*protocol.ChatMessage); ok && chat.Name != v.name {
		r.delivered++
		if sent, err := strconv.ParseInt(strings.TrimPrefix(chat.Text, "load "), 10, 64); err == nil && len(r.latencies) < maxLatencies {
			r.latencies = append(r.latencies, now.Sub(time.Unix(0, sent)))
		}
	}
}

// quantile is of the latencies; r.mu is held.
func (r *loadRun) quantile(q float64) time.Duration {
	if len(r.latencies) == 0 {
		return 0
	}
	slices.Sort(r.latencies)
	return r.latencies[int(q*float64(len(r.latencies)-1))].Round(10 * time.Microsecond)
}

// errorsByCode is for people; r.mu is held.
func (r *loadRun) errorsByCode() string {
	if len(r.errors) == 0 {
		return "none"
	}
	var list []string
	for _, code := range slices.Sorted(maps.Keys(r.errors)) {
		list = append(list, fmt.Sprintf("%s %d", code, r.errors[code]))
	}
	return strings.Join(list, ", ")
}
