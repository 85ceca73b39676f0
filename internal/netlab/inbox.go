package netlab

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/confab/confab/signaling/protocol"
)

// Inbox is everything a client has received: media by author and source, with the way it came.
type Inbox struct {
	mu      sync.Mutex // guards the fields below
	streams map[streamKey][]arrival
	flows   map[flowKey]int          // packets
	seen    map[packetKey]bool       // true: as a repair
	told    map[slotKey][]assignment // in the order told
	faults  []string
}

type streamKey struct {
	from   string
	source protocol.Source
}

// arrival is one packet.
type arrival struct {
	label
	at       time.Time
	way      *way
	mid      string
	repaired bool // came as a retransmission (RFC 4588)
}

// way is one connection: to a peer, or to the SFU.
type way struct {
	transport  protocol.Transport
	generation uint32
}

type (
	flowKey struct {
		way *way
		streamKey
	}
	packetKey struct {
		flowKey
		frame uint32
		index uint8
	}
	slotKey struct {
		way *way
		mid string
	}
	assignment struct {
		at time.Time
		streamKey
	}
)

func newInbox() *Inbox {
	return &Inbox{streams: map[streamKey][]arrival{}, flows: map[flowKey]int{}, seen: map[packetKey]bool{}, told: map[slotKey][]assignment{}}
}

// put takes a packet.
func (i *Inbox) put(w *way, mid string, payload []byte, repaired bool) {
	l, ok := readLabel(payload)
	i.mu.Lock()
	defer i.mu.Unlock()
	if !ok {
		i.faults = append(i.faults, fmt.Sprintf("a packet in %s of %s is nobody's: % x", mid, w.transport, payload[:min(len(payload), 24)]))
		return
	}
	key := streamKey{l.From, l.Source}
	flow := flowKey{w, key}
	id := packetKey{flow, l.Frame, l.Index}
	// A retransmission may meet the packet it replaces, or another one; anything else comes once.
	if before, again := i.seen[id]; again {
		if !before && !repaired {
			i.faults = append(i.faults, fmt.Sprintf("packet %d of frame %d of %s's %s came twice by %s", l.Index, l.Frame, l.From, l.Source, w.transport))
		}
		return
	}
	i.seen[id] = repaired
	i.flows[flow]++
	i.streams[key] = append(i.streams[key], arrival{l, time.Now(), w, mid, repaired})
}

// assign notes what the server says of a slot.
func (i *Inbox) assign(w *way, mid, from string, source protocol.Source) {
	i.mu.Lock()
	defer i.mu.Unlock()
	k := slotKey{w, mid}
	i.told[k] = append(i.told[k], assignment{time.Now(), streamKey{from, source}})
}

// flowing reports whether a stream has come by a way.
func (i *Inbox) flowing(w *way, from string, source protocol.Source) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.flows[flowKey{w, streamKey{from, source}}] > 0
}

// tolerance is how far the word about a slot and its media may be apart: they travel on different ways.
const tolerance = time.Second

// verify fails the test for what must never happen.
func (i *Inbox) verify(t testing.TB, who string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, stream := range i.streams {
		for _, a := range stream {
			told := i.told[slotKey{a.way, a.mid}]
			if a.way.transport != protocol.TransportSFU || a.at.Add(tolerance).After(time.Now()) {
				continue // what was told of the latest packets may be on its way
			}
			if !assigned(told, a) {
				i.faults = append(i.faults, fmt.Sprintf("slot %s carried %s's %s, which the server did not say: %v", a.mid, a.From, a.Source, told))
				break
			}
		}
	}
	for n, f := range i.faults {
		if n == 10 {
			t.Errorf("%s: and %d more", who, len(i.faults)-n)
			break
		}
		t.Errorf("%s: %s", who, f)
	}
}

// assigned reports whether the server said of a slot what came in it, at about that time.
func assigned(told []assignment, a arrival) bool {
	for n, s := range told {
		over := n+1 < len(told) && told[n+1].at.Add(tolerance).Before(a.at)
		if s.streamKey == (streamKey{a.From, a.Source}) && !s.at.After(a.at.Add(tolerance)) && !over {
			return true
		}
	}
	return false
}

// Quality sums up a stream over a time.
type Quality struct {
	Frames   int           // of which at least a packet has come
	Complete int           // of which all have
	Repaired int           // packets that came as retransmissions
	Gap      time.Duration // the longest time without a new complete frame, the ends of the time included
	Missing  int           // frames between the first and the last complete one that are not complete
}

func (q Quality) String() string {
	return fmt.Sprintf("%d frames, %d complete, %d missing, %d packets repaired, longest gap %v", q.Frames, q.Complete, q.Missing, q.Repaired, q.Gap.Round(time.Millisecond))
}

// Between sums up what has come of a stream by any way, from one time to another. A frame that has come twice, by an old and a
// new way, counts once, when it is first complete.
func (i *Inbox) Between(from string, source protocol.Source, start, end time.Time) Quality {
	i.mu.Lock()
	defer i.mu.Unlock()
	type onWay struct {
		way   *way
		frame uint32
	}
	parts, frames, complete := map[onWay]int{}, map[uint32]bool{}, map[uint32]bool{}
	q, last := Quality{}, start
	for _, a := range i.streams[streamKey{from, source}] {
		if a.at.Before(start) || a.at.After(end) {
			continue
		}
		if a.repaired {
			q.Repaired++
		}
		frames[a.Frame] = true
		on := onWay{a.way, a.Frame}
		if parts[on]++; parts[on] == int(a.Count) && !complete[a.Frame] {
			complete[a.Frame] = true
			q.Gap = max(q.Gap, a.at.Sub(last))
			last = a.at
		}
	}
	q.Gap = max(q.Gap, end.Sub(last))
	q.Frames, q.Complete = len(frames), len(complete)
	first, final := ^uint32(0), uint32(0)
	for f := range complete {
		first, final = min(first, f), max(final, f)
	}
	if q.Complete > 0 {
		q.Missing = int(final-first) + 1 - q.Complete
	}
	return q
}

// Since is Between until now.
func (i *Inbox) Since(from string, source protocol.Source, start time.Time) Quality {
	return i.Between(from, source, start, time.Now())
}

// Came reports whether anything of a stream has come since the given time, by a transport; "" is any.
func (i *Inbox) Came(from string, source protocol.Source, by protocol.Transport, since time.Time) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, a := range slices.Backward(i.streams[streamKey{from, source}]) {
		if a.at.Before(since) {
			return false
		}
		if by == "" || a.way.transport == by {
			return true
		}
	}
	return false
}
