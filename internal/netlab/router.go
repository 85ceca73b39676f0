package netlab

import (
	"slices"
	"time"

	"github.com/confab/confab/signaling/protocol"
)

// path is one way for all media: a mesh of peers, or the SFU. Its methods belong to the client's loop.
type path interface {
	is() *way
	connected() bool
	roster()
	resumed() // the socket is back; signals may have been lost
	retire()  // a newer route is being built: carry on, and do not complain
	close()
}

// settleTime is how long a connected path waits for somebody's media before it counts as ready without.
const settleTime = 6 * time.Second

// begin takes the first route.
func (c *Client) begin(route protocol.RouteState, answer *protocol.SFUAnswer) {
	p := c.prepared
	c.prepared = nil
	if route.Transport != protocol.TransportSFU || answer == nil {
		p.close()
		c.follow(route)
		return
	}
	p.way.generation = route.Generation
	c.paths = append(c.paths, p)
	p.accept(answer)
	c.use(route)
}

// follow builds the path of a route beside the present one.
func (c *Client) follow(route protocol.RouteState) {
	for _, p := range c.paths {
		if p, ok := p.(*mesh); ok {
			p.retire()
		}
	}
	if p := c.sfu(); p != nil && route.Transport == protocol.TransportSFU {
		p.way.generation = route.Generation // the room came back to it before it was closed
		c.use(route)
		return
	}
	if route.Transport == protocol.TransportSFU {
		p := c.newSFUPath(route.Generation)
		c.paths = append(c.paths, p)
		c.use(route)
		p.connect()
		return
	}
	p := &mesh{c: c, way: &way{protocol.TransportP2P, route.Generation}, peers: map[string]*peer{}, online: map[string]bool{}}
	c.paths = append(c.paths, p)
	c.use(route)
}

func (c *Client) use(route protocol.RouteState) {
	c.route = route
	c.roster()
	c.look(route.Generation, time.Time{})
}

// done closes what is older than a generation.
func (c *Client) done(generation uint32) {
	if c.route.Generation == generation {
		c.route.Done = true
	}
	c.paths = slices.DeleteFunc(c.paths, func(p path) bool {
		old := p.is().generation < generation
		if old {
			p.close()
		}
		return old
	})
}

// roster tells the paths who is there. An older mesh loses people and gains none.
func (c *Client) roster() {
	for _, p := range c.people {
		c.names[p.ID] = p.Name
	}
	for _, p := range c.paths {
		p.roster()
	}
}

func (c *Client) current() path {
	for _, p := range c.paths {
		if p.is().generation == c.route.Generation {
			return p
		}
	}
	return nil
}

func (c *Client) sfu() *sfuPath {
	for _, p := range c.paths {
		if p, ok := p.(*sfuPath); ok {
			return p
		}
	}
	return nil
}

// look looks every so often whether all that is worth waiting for flows, and then tells that the route is ready.
func (c *Client) look(generation uint32, connected time.Time) {
	p := c.current()
	if p == nil || c.route.Generation != generation || c.route.Done || c.readyFor == generation {
		return
	}
	if p.connected() {
		if connected.IsZero() {
			connected = time.Now()
		}
		if c.allFlow(p) || time.Since(connected) > settleTime {
			c.readyFor = generation
			c.send(&protocol.RouteReady{ID: "ready", Generation: generation})
			return
		}
	}
	c.after(100*time.Millisecond, func() { c.look(generation, connected) })
}

// allFlow reports whether everything that others send comes by a path, as far as it can.
func (c *Client) allFlow(p path) bool {
	for _, person := range c.people {
		if person.ID == c.self || !person.Online {
			continue
		}
		on := map[protocol.Source]bool{
			protocol.Microphone: person.Media.Microphone, protocol.Camera: person.Media.Camera, protocol.Screen: person.Media.Screen,
		}
		for source, sends := range on {
			if sfu, ok := p.(*sfuPath); ok && !sfu.expects(person.ID, source) {
				continue
			}
			if sends && !c.Inbox.flowing(p.is(), person.Name, source) {
				return false
			}
		}
	}
	return true
}

// failed tells the server that a path cannot be built, if it is the one that matters.
func (c *Client) failed(w *way, reason string) {
	if p := c.current(); p != nil && p.is() == w {
		c.send(&protocol.RouteFailed{ID: "failed", Generation: w.generation, Reason: reason})
	}
}
