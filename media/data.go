package media

import (
	"sync"

	"github.com/pion/webrtc/v4"

	"github.com/confab/confab/media/answer"
)

// Labels of data channels.
const (
	labelReliable = "reliable"
	labelLossy    = "lossy"
)

// How much may wait for one receiver. A lossy channel drops beyond a quarter of a megabyte, a second at a modest rate;
// a reliable one is closed beyond four. What waited in a closed channel stays in the association until it is acknowledged, so
// four is also the bound for all channels of a connection together, however often they are opened again.
const (
	lossyBacklog    = 256 << 10
	reliableBacklog = 4 << 20
)

// dataChannels are the two channels of a connection. pion calls opened and the message handlers on goroutines that end
// with the PeerConnection.
type dataChannels struct {
	conn *connection

	mu    sync.Mutex // guards open; not held while sending
	open  map[string]*webrtc.DataChannel
	count int // opened in total
}

// maxChannels is how often a client may open a channel on one connection, reopening after a cut included.
const maxChannels = 64

func (d *dataChannels) init(c *connection) {
	d.conn, d.open = c, map[string]*webrtc.DataChannel{}
}

// opened takes a channel that the client has opened.
func (d *dataChannels) opened(dc *webrtc.DataChannel) {
	label := dc.Label()
	d.mu.Lock()
	d.count++
	refused := !d.conn.peer.opts.Data || label != labelReliable && label != labelLossy || d.count > maxChannels
	d.mu.Unlock()
	if refused {
		dc.OnOpen(func() { _ = dc.Close() })
		return
	}
	dc.OnOpen(func() {
		d.mu.Lock()
		old := d.open[label]
		d.open[label] = dc
		d.mu.Unlock()
		if old != nil {
			_ = old.Close()
		}
	})
	dc.OnClose(func() { d.forget(label, dc) })
	dc.OnMessage(func(m webrtc.DataChannelMessage) { d.conn.spread(label, m) })
}

func (d *dataChannels) forget(label string, dc *webrtc.DataChannel) {
	d.mu.Lock()
	if d.open[label] == dc {
		delete(d.open, label)
	}
	d.mu.Unlock()
}

func (d *dataChannels) get(label string) *webrtc.DataChannel {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.open[label]
}

// spread sends a message to everybody else in the room: put together once, for all.
func (c *connection) spread(label string, m webrtc.DataChannelMessage) {
	metrics := c.engine.metrics
	if len(m.Data) > answer.MaxMessage {
		metrics.dropped[dropDataInvalid].Inc()
		return
	}
	metrics.dataIn.Inc()
	frame := dataFrame(c.peer.opts.Participant, m)
	for _, other := range c.peer.room.listeners(c.peer) {
		dc := other.data.get(label)
		if dc == nil {
			continue
		}
		all := uint64(max(0, other.tr.PC().SCTP().BufferedAmount()))
		switch {
		case label == labelLossy && (all > reliableBacklog || dc.BufferedAmount() > lossyBacklog):
			metrics.dropped[dropDataSlow].Inc()
		case all > reliableBacklog:
			metrics.dropped[dropDataSlow].Inc()
			other.data.forget(label, dc)
			_ = dc.Close()
		case dc.Send(frame) == nil:
			metrics.dataOut.Inc()
		}
	}
}

// dataFrame is a message as others get it; see the package comment.
func dataFrame(from string, m webrtc.DataChannelMessage) []byte {
	frame := make([]byte, 0, 2+len(from)+len(m.Data))
	var flags byte
	if m.IsString {
		flags = 1
	}
	frame = append(frame, flags, byte(len(from)))
	frame = append(frame, from...)
	return append(frame, m.Data...)
}

// listeners are the connections of all but p.
func (r *room) listeners(p *Peer) []*connection {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([]*connection, 0, len(r.peers))
	for _, o := range r.peers {
		if o != p && o.conn != nil && o.opts.Data && o.opts.Participant != p.opts.Participant {
			out = append(out, o.conn)
		}
	}
	return out
}
