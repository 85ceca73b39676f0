package netlab

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"github.com/confab/confab/signaling/protocol"
)

// Guest says who a client is and what it wants.
type Guest struct {
	Name         string
	Mode         protocol.Mode
	Media        protocol.State // at the start; zero is microphone and camera
	RelayOnly    bool           // as iceTransportPolicy "relay"
	Pairs, Audio int            // receive slots on the SFU; zero is 3 and 2
	Host         *Host          // nil: one of its own
}

// Client is a participant. Its methods may be called from the test's goroutine at any time.
type Client struct {
	Guest
	Inbox *Inbox

	lab    *Lab
	t      testing.TB
	api    *webrtc.API
	studio *studio
	ctx    context.Context // ends with the client
	cancel context.CancelFunc
	tasks  sync.WaitGroup // everything that runs but the loop

	reading atomic.Pointer[chan struct{}] // not nil: nothing is read until it is closed

	mu    sync.Mutex // guards the fields below
	posts []func()
	wake  chan struct{}
	ended bool // the loop takes nothing more

	// All below belongs to the loop; others see it by ask.
	socket    *socket
	joining   chan error // the outcome of Join; nil when it is known
	self      string
	secret    string
	epoch     string
	seq       uint64
	people    []protocol.Participant
	names     map[string]string // of everybody there ever was, by id
	route     protocol.RouteState
	servers   []protocol.ICEServer
	state     protocol.State
	wants     []protocol.Want
	left      string // why the seat is gone; "" while it is ours
	paths     []path
	prepared  *sfuPath
	resources []*Resource // WHIP and WHEP
	revision  uint32
	readyFor  uint32
	history   []Heard
	chat      []protocol.ChatMessage // without system lines
	states    int                    // state commands sent: each has an id of its own
	errors    []*protocol.Error
	speakers  []protocol.Speaker
	resumes   []bool // recovered or not
}

// Heard is an event and when it came.
type Heard struct {
	At    time.Time
	Event protocol.Event
}

// Client makes a client that ends with the test.
func (l *Lab) Client(g Guest) *Client {
	l.t.Helper()
	if g.Host == nil {
		g.Host = l.Host()
	}
	if g.Pairs == 0 && g.Audio == 0 {
		g.Pairs, g.Audio = 3, 2
	}
	if g.Media == (protocol.State{}) {
		g.Media = protocol.State{Microphone: true, Camera: true}
	}
	api, err := newAPI(g.Host)
	if err != nil {
		l.t.Fatal(err)
	}
	c := &Client{
		Guest: g, Inbox: newInbox(), lab: l, t: l.t, api: api, studio: newStudio(g.Name), wake: make(chan struct{}, 1),
		state: g.Media, names: map[string]string{},
	}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.studio.set(g.Media)
	var loop sync.WaitGroup
	loop.Go(c.loop)
	c.tasks.Go(func() { c.studio.run(c.ctx.Done()) })
	l.t.Cleanup(func() {
		c.ask(c.closeAll)
		c.cancel()
		loop.Wait()
		c.tasks.Wait()
		c.Inbox.verify(l.t, g.Name)
	})
	return c
}

// fault fails the test for what the server, or the client itself, must not do.
func (c *Client) fault(format string, args ...any) {
	c.t.Helper()
	c.t.Errorf("%s at %v: %s", c.Name, time.Now().Format("15:04:05.000"), fmt.Sprintf(format, args...))
}

// post has f run by the loop, after what was posted before. It never blocks.
func (c *Client) post(f func()) {
	c.mu.Lock()
	if !c.ended {
		c.posts = append(c.posts, f)
	}
	c.mu.Unlock()
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// ask has f run by the loop and returns when it has; f does not run when the client has ended.
func (c *Client) ask(f func()) {
	done := make(chan struct{})
	c.post(func() { f(); close(done) })
	select {
	case <-done:
	case <-c.ctx.Done():
	}
}

// after posts f when d has passed.
func (c *Client) after(d time.Duration, f func()) *time.Timer {
	return time.AfterFunc(d, func() { c.post(f) })
}

// loop is the one goroutine that everything of the client happens in.
func (c *Client) loop() {
	for {
		c.mu.Lock()
		posts := c.posts
		c.posts = nil
		c.mu.Unlock()
		for _, f := range posts {
			f()
		}
		if len(posts) > 0 {
			continue
		}
		select {
		case <-c.wake:
		case <-c.ctx.Done():
			c.mu.Lock()
			c.ended, c.posts = true, nil
			c.mu.Unlock()
			return
		}
	}
}

// closeAll ends the connections and the socket without a word, as a closed tab does.
func (c *Client) closeAll() {
	if c.left == "" {
		c.left = "gone"
	}
	for _, p := range c.paths {
		p.close()
	}
	c.paths = nil
	for _, r := range c.resources {
		r.close()
	}
	if c.prepared != nil {
		c.prepared.close()
		c.prepared = nil
	}
	if c.socket != nil {
		c.socket.close()
		c.socket = nil
	}
}

// TryJoin takes a seat in a room and returns when the server has said so, one way or the other.
func (c *Client) TryJoin(room string) error {
	s, err := c.openSocket(c.ctx)
	if err != nil {
		return err
	}
	outcome := make(chan error, 1)
	c.ask(func() {
		c.socket, c.joining = s, outcome
		c.prepared = c.newSFUPath(0)
		offer, err := c.prepared.prepare()
		if err != nil {
			outcome <- err
			return
		}
		c.send(&protocol.Join{ID: "join", Room: room, Name: c.Name, Mode: c.Mode, Media: c.state, Offer: offer})
	})
	select {
	case err := <-outcome:
		return err
	case <-time.After(20 * time.Second):
		return fmt.Errorf("%s: no answer to join", c.Name)
	}
}

// Join is TryJoin that fails the test.
func (c *Client) Join(room string) {
	c.t.Helper()
	if err := c.TryJoin(room); err != nil {
		c.t.Fatalf("%s cannot join %s: %v", c.Name, room, err)
	}
}

// Leave gives the seat up and ends the client's connections.
func (c *Client) Leave() {
	c.ask(func() { c.send(&protocol.Leave{ID: "leave"}) })
	c.lab.Wait(5*time.Second, c.Name+" has left", func() (gone bool) {
		c.ask(func() { gone = c.left != "" })
		return
	})
	c.ask(c.closeAll)
}

// Vanish ends the client without a word.
func (c *Client) Vanish() { c.ask(c.closeAll) }

// Set changes what the client sends.
func (c *Client) Set(change func(s *protocol.State)) {
	c.ask(func() {
		change(&c.state)
		c.studio.set(c.state)
		s := c.state
		c.states++
		s.ID = fmt.Sprint("state:", c.states)
		c.send(&s)
	})
}

// Speak sets how loud the client is: 0 loudest, 127 silence.
func (c *Client) Speak(level byte) { c.studio.speak(level) }

// Say writes to the chat, to everybody if to is nil.
func (c *Client) Say(id, text string, to *Client) {
	addressee := ""
	if to != nil {
		addressee = to.ID()
	}
	c.ask(func() { c.send(&protocol.Chat{ID: id, To: addressee, Text: text}) })
}

// View says what the client wants to see.
func (c *Client) View(wants ...protocol.Want) {
	c.ask(func() {
		c.wants = wants
		c.send(&protocol.View{ID: "view", Wants: wants})
	})
}

// Read makes the client read its socket, or not.
func (c *Client) Read(on bool) {
	if hold := c.reading.Load(); on && hold != nil {
		c.reading.Store(nil)
		close(*hold)
	} else if !on && hold == nil {
		hold := make(chan struct{})
		c.reading.Store(&hold)
	}
}

// Of what the client knows: copies.

func (c *Client) ID() (id string)                { c.ask(func() { id = c.self }); return }
func (c *Client) Left() (why string)             { c.ask(func() { why = c.left }); return }
func (c *Client) Route() (r protocol.RouteState) { c.ask(func() { r = c.route }); return }
func (c *Client) History() (h []Heard)           { c.ask(func() { h = slices.Clone(c.history) }); return }
func (c *Client) Chat() (m []protocol.ChatMessage) {
	c.ask(func() { m = slices.Clone(c.chat) })
	return
}
func (c *Client) Errors() (e []*protocol.Error) { c.ask(func() { e = slices.Clone(c.errors) }); return }
func (c *Client) People() (p []protocol.Participant) {
	c.ask(func() { p = slices.Clone(c.people) })
	return
}
func (c *Client) Speakers() (s []protocol.Speaker) {
	c.ask(func() { s = slices.Clone(c.speakers) })
	return
}
func (c *Client) Resumes() (r []bool)  { c.ask(func() { r = slices.Clone(c.resumes) }); return }
func (c *Client) Paths() (n int)       { c.ask(func() { n = len(c.paths) }); return }
func (c *Client) sequence() (n uint64) { c.ask(func() { n = c.seq }); return }
func (c *Client) Online() (on bool)    { c.ask(func() { on = c.socket != nil }); return }

// Receives reports whether the client has received from another one, by the transport of the present route, since the given time:
// its audio if its microphone is on, and its video if its camera is.
func (c *Client) Receives(from *Client, since time.Time) bool {
	var transport protocol.Transport
	c.ask(func() { transport = c.route.Transport })
	var state protocol.State
	from.ask(func() { state = from.state })
	return (!state.Microphone || c.Inbox.Came(from.Name, protocol.Microphone, transport, since)) &&
		(!state.Camera || c.Inbox.Came(from.Name, protocol.Camera, transport, since))
}
