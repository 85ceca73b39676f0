package record

import (
	"bytes"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/confab/confab/media/codec"
	"github.com/confab/confab/media/frames"
	"github.com/confab/confab/media/seq"
)

const (
	inputQueue = 2048        // packets a track's writer may be behind: two seconds of 1080p
	heldBytes  = 16 << 20    // of frames that wait for the first sender report
	layerGone  = time.Second // a layer that has been silent so long does not come any more
	pollEvery  = 200 * time.Millisecond
	syncEvery  = 5 * time.Second
	maxLayers  = 8
)

// Packet is one RTP packet for an Input.
type Packet struct {
	frames.Packet
	Layer  int    // simulcast: 0 is the smallest
	Stream uint32 // changes when the layer's source begins anew
	Kind   codec.Kind
	Rate   int         // ticks a second of the timestamps
	At     time.Time   // of arrival
	Report *seq.Report // the sender's last; nil: none yet
}

// Input records one track.
type Input struct {
	r                   *Recording // fixed at construction, like the next
	participant, source string
	index               int

	packets chan Packet
	full    atomic.Uint64 // packets that found the queue full
	wants   atomic.Uint32 // bit i: a keyframe of layer i is needed

	// The writer's.
	layer   int
	stream  uint32
	seen    [maxLayers]time.Time
	kind    codec.Kind
	builder *frames.Assembler
	clock   clock
	since   time.Time // of the first frame of this layer
	held    []frames.Frame
	size    int
	file    *trackFile
	private []byte
	files   int
	synced  time.Time
}

// Put hands a packet over; it does not block, and copies nothing: the payload is the Input's from now on. It reports whether the packet was taken.
func (in *Input) Put(p Packet) bool {
	select {
	case in.packets <- p:
		return true
	default:
		in.full.Add(1)
		return false
	}
}

// WantsKeyframe reports, once, that the layer's next keyframe is waited for.
func (in *Input) WantsKeyframe(layer int) bool {
	bit := uint32(1) << layer
	return in.wants.Load()&bit != 0 && in.wants.And(^bit)&bit != 0
}

func (in *Input) want(layer int) { in.wants.Or(1 << layer) }

// run writes until the recording ends.
func (in *Input) run() {
	in.layer = -1
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		select {
		case p := <-in.packets:
			in.take(&p)
		case now := <-tick.C:
			in.poll(now)
		case <-in.r.stopping:
			for len(in.packets) > 0 {
				p := <-in.packets
				in.take(&p)
			}
			in.finish()
			return
		}
	}
}

// take adds a packet.
func (in *Input) take(p *Packet) {
	if p.Layer < 0 || p.Layer >= maxLayers || p.Rate <= 0 {
		return
	}
	in.seen[p.Layer] = p.At
	if p.Layer != in.layer || p.Stream != in.stream || p.Kind != in.kind {
		if !in.better(p) {
			return
		}
		if p.Kind != codec.Opus && !p.Keyframe {
			in.want(p.Layer)
			return
		}
		in.begin(p)
		if in.builder == nil {
			return
		}
	}
	in.clock.heed(p.Report)
	if in.builder.Wants() && !p.Keyframe {
		in.want(p.Layer)
	}
	in.place(in.builder.Push(p.Packet, in.r.since(p.At)), p.At)
}

// better reports whether the packet's layer is to be recorded instead of the present one.
func (in *Input) better(p *Packet) bool {
	return in.layer < 0 || p.Layer >= in.layer || p.At.Sub(in.seen[in.layer]) > layerGone
}

// begin changes to another layer.
func (in *Input) begin(p *Packet) {
	if in.builder != nil {
		in.place(in.builder.Poll(in.r.since(p.At)), p.At)
		in.r.lost.Add(in.builder.Lost())
	}
	in.flush(true)
	if p.Kind != in.kind {
		in.end()
	}
	in.layer, in.stream, in.kind = p.Layer, p.Stream, p.Kind
	in.builder = frames.New(p.Kind)
	in.clock = clock{rate: int64(p.Rate), base: in.r.began}
	in.since = time.Time{}
}

func (in *Input) poll(now time.Time) {
	if in.builder != nil {
		in.place(in.builder.Poll(in.r.since(now)), now)
		in.flush(!in.since.IsZero() && now.Sub(in.since) > firstReport)
	}
	if in.file != nil && now.Sub(in.synced) > syncEvery {
		in.synced = now
		_ = in.file.out.f.Sync() // what it would say, the next write says
	}
}

// place puts frames where they belong in time. They wait while the sender's clock is not known.
func (in *Input) place(list []frames.Frame, at time.Time) {
	for _, f := range list {
		if in.clock.wall.IsZero() {
			in.clock.set(f.Timestamp, at)
		}
		if in.since.IsZero() {
			in.since = at
		}
		in.held = append(in.held, f)
		in.size += len(f.Data)
	}
	in.flush(at.Sub(in.since) > firstReport || in.size > heldBytes)
}

// flush writes what is held: once the clock is tied to the sender's, or when it must be.
func (in *Input) flush(must bool) {
	if !in.clock.tied && !must {
		return
	}
	for _, f := range in.held {
		in.write(f)
	}
	clear(in.held)
	in.held, in.size = in.held[:0], 0
}

func (in *Input) write(f frames.Frame) {
	at := in.clock.at(f.Timestamp).Sub(in.r.began).Milliseconds()
	in.clock.advance(f.Timestamp)
	if at < 0 {
		return // captured before the recording began
	}
	if f.Keyframe && (in.file == nil || in.kind == codec.H264) {
		i, ok := frames.Describe(in.kind, f.Data)
		if ok && (in.file == nil || !bytes.Equal(i.Private, in.private)) {
			in.open(i)
		}
	}
	if in.file == nil {
		return
	}
	if in.file.first < 0 {
		in.r.tell(at, trackLine{Type: "track", File: in.file.name, Participant: in.participant, Source: in.source, Codec: codecNames[in.kind],
			Width: in.file.width, Height: in.file.height, Private: in.private})
	}
	in.file.write(f, at)
}

func (in *Input) open(i frames.Info) {
	in.end()
	in.files++
	name := fmt.Sprintf("%02d-%s-%s-%d%s", in.index, safe(in.participant), safe(in.source), in.files, extension(in.kind))
	file, err := createTrack(in.r.root, name, in.participant+" "+in.source, in.kind, i, &in.r.budget)
	if err != nil {
		in.r.fail(err)
		return
	}
	in.file, in.private = file, i.Private
	in.file.width, in.file.height = i.Width, i.Height
}

// end closes the file.
func (in *Input) end() {
	if in.file == nil {
		return
	}
	in.file.close()
	in.r.tell(max(in.file.last, 0), trackEnd{Type: "track-end", File: in.file.name, Frames: in.file.frames})
	in.file = nil
}

func (in *Input) finish() {
	if in.builder != nil {
		in.place(in.builder.Poll(1<<62), in.seen[in.layer])
		in.r.lost.Add(in.builder.Lost())
	}
	in.flush(true)
	in.end()
}

// safe is a name as part of a file's name.
func safe(s string) string {
	s = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' {
			return r
		}
		return '_'
	}, s)
	return s[:min(len(s), 40)]
}
