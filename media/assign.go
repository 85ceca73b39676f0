package media

import (
	"fmt"
	"time"

	"github.com/confab/confab/media/layer"
	"github.com/confab/confab/media/slots"
)

// slotPair are the senders of a pair; one may be missing.
type slotPair struct{ audio, video *sender }

// layout is the slots of a connection in the order of the offer.
type layout struct {
	pairs []slotPair
	audio []*sender
}

// streams gives each slot the id of its media stream: one per pair, so that lips stay in sync.
func (l *layout) streams() map[*sender]string {
	out := map[*sender]string{}
	for i, p := range l.pairs {
		for _, w := range []*sender{p.audio, p.video} {
			if w != nil {
				out[w] = fmt.Sprintf("pair-%d", i)
			}
		}
	}
	for i, w := range l.audio {
		out[w] = fmt.Sprintf("audio-%d", i)
	}
	return out
}

// viewing is what a peer sees. Guarded by room.mu.
type viewing struct {
	tracks        map[string]*track // that it sends, by mid
	layout        layout
	view          slots.View
	shown         map[*sender]binding
	told          map[string]SlotState // by mid
	connections   []ConnectionState    // to be told
	tracksChanged bool
}

// binding is what a slot was last told to show.
type binding struct {
	track *track
	want  layer.Size
}

// order of slots.Source.
var (
	sourceOrder = [...]Source{slots.Microphone: Microphone, slots.Camera: Camera, slots.Screen: Screen, slots.ScreenAudio: ScreenAudio}
	pauses      = map[slots.Pause]PauseReason{slots.PausedMuted: PausedMuted, slots.PausedHidden: PausedHidden}
)

func sourceIndex(s Source) slots.Source {
	for i, o := range sourceOrder {
		if o == s {
			return slots.Source(i)
		}
	}
	return slots.Camera
}

// install puts a negotiated connection in its peer's place. False: the peer has been closed meanwhile.
func (r *room) install(p *Peer, c *connection, tracks map[string]*track, l layout) bool {
	r.mu.Lock()
	if p.closed {
		r.mu.Unlock()
		return false
	}
	old := p.seat
	if p.conn != c {
		p.seat = viewing{connections: old.connections}
	}
	for mid, t := range old.tracks {
		if tracks[mid] != t {
			defer r.silence(t)
		}
	}
	p.conn = c
	p.seat.tracks = tracks
	p.seat.rearrange(l)
	r.mu.Unlock()
	r.poke()
	return true
}

// rearrange changes the layout; slots that stay keep what they show.
func (v *viewing) rearrange(l layout) {
	was := map[*sender]slots.Slot{}
	for i, p := range v.layout.pairs {
		was[p.audio], was[p.video] = v.view.Pairs[i].Audio, v.view.Pairs[i].Video
	}
	for i, w := range v.layout.audio {
		was[w] = v.view.Audio[i]
	}
	delete(was, nil)
	v.layout, v.view = l, slots.View{}
	for _, p := range l.pairs {
		v.view.Pairs = append(v.view.Pairs, slots.Pair{Audio: was[p.audio], Video: was[p.video]})
	}
	for _, w := range l.audio {
		v.view.Audio = append(v.view.Audio, was[w])
	}
	if v.shown == nil {
		v.shown, v.told = map[*sender]binding{}, map[string]SlotState{}
	}
	live := l.streams()
	for w := range v.shown {
		if live[w] == "" {
			delete(v.shown, w)
			delete(v.told, w.mid)
		}
	}
}

// assign decides anew for all peers, binds their slots and tells them.
func (r *room) assign(now time.Duration) {
	ranks, spoke := map[string]int{}, map[string]time.Duration{}
	r.levels.Lock()
	for i, s := range r.speakers {
		ranks[r.levels.names[s.Source]] = i + 1
	}
	for id, name := range r.levels.names {
		spoke[name] = r.levels.detector.Spoke(id)
	}
	r.levels.Unlock()

	r.mu.Lock()
	current := map[string]*Peer{}
	for _, p := range r.peers {
		current[p.opts.Participant] = p // the latest connection of a participant counts
	}
	var members []slots.Member
	for _, p := range r.peers {
		if current[p.opts.Participant] == p {
			m := p.member()
			m.Rank, m.Spoke = ranks[m.ID], spoke[m.ID]
			members = append(members, m)
		}
	}
	var states []note
	for _, p := range r.peers {
		if p.conn != nil {
			r.look(p, members, current, now)
		}
	}
	states = r.notesLocked()
	r.mu.Unlock()
	r.deliver(states)
}

// member is p as a publisher; r.mu is held.
func (p *Peer) member() slots.Member {
	m := slots.Member{ID: p.opts.Participant}
	on := [...]bool{slots.Microphone: p.state.Microphone, slots.Camera: p.state.Camera, slots.Screen: p.state.Screen, slots.ScreenAudio: p.state.ScreenAudio}
	for _, t := range p.seat.tracks {
		i := sourceIndex(t.source)
		m.Tracks[i] = slots.Muted
		if on[i] {
			m.Tracks[i] = slots.Live
		}
		if was := t.muted.Swap(!on[i]); !was && !on[i] && t.source == Microphone {
			p.room.silence(t)
		}
	}
	return m
}

// Sizes for slots that nobody wished for: a tile, and for a viewer without wishes the whole picture.
var (
	tileSize = layer.Size{Width: 640, Height: 360}
	fullSize = layer.Size{Width: 1920, Height: 1080}
)

// look assigns one viewer's slots; r.mu is held.
func (r *room) look(p *Peer, members []slots.Member, current map[string]*Peer, now time.Duration) {
	v := &p.seat
	if len(v.layout.pairs)+len(v.layout.audio) == 0 {
		return
	}
	wants := make([]slots.Want, 0, len(p.wants))
	sizes := map[slots.Ref]layer.Size{}
	for _, w := range p.wants {
		ref := slots.Ref{Participant: w.Participant, Source: sourceIndex(w.Source)}
		wants = append(wants, slots.Want{Ref: ref, Priority: w.Priority, Hidden: !w.Visible})
		sizes[ref] = layer.Size{Width: w.Width, Height: w.Height}
	}
	v.view = slots.Assign(p.opts.Participant, members, wants, v.view)
	for i, pair := range v.layout.pairs {
		v.show(p, pair.audio, v.view.Pairs[i].Audio, sizes, current)
		v.show(p, pair.video, v.view.Pairs[i].Video, sizes, current)
	}
	for i, w := range v.layout.audio {
		v.show(p, w, v.view.Audio[i], sizes, current)
	}
}

// show binds a slot to what was assigned to it, if that has changed.
func (v *viewing) show(p *Peer, w *sender, s slots.Slot, sizes map[slots.Ref]layer.Size, current map[string]*Peer) {
	if w == nil {
		return
	}
	var b binding
	if publisher := current[s.Participant]; publisher != nil && !s.None() && s.Pause == slots.Flowing {
		for _, t := range publisher.seat.tracks {
			if sourceIndex(t.source) == s.Source && t.video == w.video {
				b.track = t
			}
		}
	}
	if w.video && b.track != nil {
		var wished bool
		if b.want, wished = sizes[s.Ref]; !wished {
			b.want = tileSize
			if p.opts.AutoView {
				b.want = fullSize
			}
		}
	}
	if v.shown[w] == b {
		return
	}
	v.shown[w] = b
	shard := w.conn.home
	shard.call(func() { w.bind(shard, b.track, b.want, p.engine.since(time.Now())) })
}
