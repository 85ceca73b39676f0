package netlab

import (
	"fmt"
	"slices"
	"time"

	"github.com/confab/confab/signaling/protocol"
)

// send writes a command, if there is a socket; what is lost with one is said again after resume, where it matters.
func (c *Client) send(command protocol.Command) {
	frame, err := protocol.EncodeCommand(command)
	if err != nil {
		c.fault("a command that cannot be encoded: %v", err)
		return
	}
	if c.socket != nil {
		c.socket.send(frame)
	}
}

// receive handles a message of the server.
func (c *Client) receive(s *socket, m protocol.Message) {
	if s != c.socket {
		return // of a socket that was given up
	}
	switch m := m.(type) {
	case protocol.Event:
		c.event(m)
	case *protocol.Joined:
		c.joined(m)
	case *protocol.SFUAnswer:
		if p := c.sfu(); p != nil {
			p.accept(m)
		}
	case *protocol.Credentials:
		c.servers = m.ICEServers
	case *protocol.PeerSignal:
		for _, p := range c.paths {
			if p, ok := p.(*mesh); ok && p.way.generation == m.Generation && p.peers[m.From] != nil {
				p.peers[m.From].receive(m)
			}
		}
	case *protocol.Slots:
		if p := c.sfu(); p != nil {
			p.assign(m.Slots)
		}
	case *protocol.Speakers:
		c.speakers = m.Speakers
	case *protocol.Error:
		c.refused(m)
	case *protocol.Left:
		c.left = m.Reason
	}
}

func (c *Client) refused(e *protocol.Error) {
	c.errors = append(c.errors, e)
	switch {
	case c.joining != nil:
		c.settled(e)
	case e.Code == protocol.CodeSessionExpired || e.Code == protocol.CodeReplaced:
		c.left = string(e.Code)
	case c.sfu() != nil:
		c.sfu().refused(e)
	}
}

// settled tells Join how it went.
func (c *Client) settled(err error) {
	if c.joining != nil {
		c.joining <- err
		c.joining = nil
	}
}

// joined begins, or goes on after a resume.
func (c *Client) joined(m *protocol.Joined) {
	again := c.self == m.Self
	if again {
		c.resumes = append(c.resumes, m.Recovered)
	}
	c.secret, c.servers = m.Session, m.ICEServers
	if m.Recovered {
		if !again || m.Epoch != c.epoch || m.Seq != c.seq {
			c.fault("recovered at %s/%d, have %s/%d", m.Epoch, m.Seq, c.epoch, c.seq)
		}
	} else {
		before := c.route
		c.self, c.epoch, c.seq, c.people = m.Self, m.Epoch, m.Seq, m.Participants
		c.chat = slices.DeleteFunc(m.Chat, func(m protocol.ChatMessage) bool { return m.Line != "" })
		switch {
		case !again:
			c.begin(m.Route, m.Answer)
		case m.Route.Generation != before.Generation:
			c.follow(m.Route)
		}
		if m.Route.Done {
			c.done(m.Route.Generation)
		}
	}
	c.roster()
	if again {
		for _, p := range c.paths {
			p.resumed()
		}
		s := c.state
		c.states++
		s.ID = fmt.Sprint("state:", c.states)
		c.send(&s)
		if c.wants != nil {
			c.send(&protocol.View{ID: "view", Wants: c.wants})
		}
		if c.readyFor == c.route.Generation && !c.route.Done {
			c.send(&protocol.RouteReady{ID: "ready", Generation: c.readyFor})
		}
	}
	c.settled(nil)
}

// event applies an entry of the room's log. Each comes once and in order, whatever happens to sockets.
func (c *Client) event(e protocol.Event) {
	if c.self == "" {
		c.fault("an event before joined: %#v", e)
		return
	}
	if e.Sequence() != c.seq+1 {
		c.fault("event %d after %d: %#v", e.Sequence(), c.seq, e)
	}
	c.seq = e.Sequence()
	c.history = append(c.history, Heard{time.Now(), e})
	is := func(id string) func(protocol.Participant) bool {
		return func(p protocol.Participant) bool { return p.ID == id }
	}
	switch e := e.(type) {
	case *protocol.ParticipantJoined:
		if slices.ContainsFunc(c.people, is(e.Participant.ID)) {
			c.fault("%s joined twice", e.Participant.Name)
		}
		c.people = append(slices.Clip(c.people), e.Participant)
		c.roster()
	case *protocol.ParticipantLeft:
		if !slices.ContainsFunc(c.people, is(e.ID)) {
			c.fault("%s left and was not there", e.ID)
		}
		c.people = slices.DeleteFunc(slices.Clone(c.people), is(e.ID))
		c.roster()
	case *protocol.ParticipantUpdated:
		i := slices.IndexFunc(c.people, is(e.Participant.ID))
		if i < 0 {
			c.fault("%s was updated and is not there", e.Participant.Name)
			return
		}
		c.people = slices.Clone(c.people)
		c.people[i] = e.Participant
		c.roster()
	case *protocol.Granted:
		c.people = slices.Clone(c.people)
		if i := slices.IndexFunc(c.people, is(c.self)); i >= 0 {
			c.people[i].Role = e.Role
		}
	case *protocol.ChatMessage:
		c.chat = append(c.chat, *e)
	case *protocol.Route:
		c.follow(e.Route)
	case *protocol.RouteDone:
		c.done(e.Generation)
	}
}

// socketEnded comes back, unless the seat is gone.
func (c *Client) socketEnded(s *socket, code int) {
	if s != c.socket {
		return
	}
	c.socket = nil
	if c.joining != nil {
		c.settled(&protocol.Error{Code: protocol.CodeInternal, Message: "the socket ended"})
		return
	}
	if c.self == "" || c.left != "" || code == protocol.CloseRejoin || code == protocol.CloseStay {
		if c.left == "" {
			c.left = "closed"
		}
		return
	}
	c.tasks.Go(c.comeBack)
}

// comeBack opens a socket, with growing pauses, and resumes on it.
func (c *Client) comeBack() {
	for pause := 300 * time.Millisecond; ; pause = min(2*pause, 5*time.Second) {
		select {
		case <-time.After(pause):
		case <-c.ctx.Done():
			return
		}
		s, err := c.openSocket(c.ctx)
		if err != nil {
			continue
		}
		c.post(func() {
			if c.left != "" {
				s.close()
				return
			}
			c.socket = s
			c.send(&protocol.Resume{ID: "resume", Session: c.secret, Epoch: c.epoch, Seq: c.seq})
		})
		return
	}
}

// person returns a participant by id, or nil.
func (c *Client) person(id string) *protocol.Participant {
	for i := range c.people {
		if c.people[i].ID == id {
			return &c.people[i]
		}
	}
	return nil
}
