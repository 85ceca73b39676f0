package frames

import (
	"errors"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"

	"github.com/confab/confab/media/codec"
)

const (
	window = 1024                   // packets that may wait for an earlier one
	wait   = 500 * time.Millisecond // for a retransmission: a few round trips
	// largestFrame bounds what one timestamp may gather: a 4K keyframe has less.
	largestFrame = 8 << 20
)

var errPayload = errors.New("frames: payload cannot be read")

// Packet is one RTP packet of a source.
type Packet struct {
	Seq       uint64 // extended: it does not wrap
	Timestamp uint32
	Marker    bool
	Start     bool   // the first packet of a frame
	Keyframe  bool   // the first packet of a keyframe
	Payload   []byte // with the payload descriptor; the Assembler keeps it

	came time.Duration
}

// Frame is one picture, or one packet of sound.
type Frame struct {
	Timestamp uint32
	Keyframe  bool
	Data      []byte
}

// Assembler makes the frames of one source. The zero value is not usable.
type Assembler struct {
	kind     codec.Kind
	unpack   rtp.Depacketizer
	waiting  [window]Packet // by sequence number; Payload nil: none
	held     int
	next     uint64 // to be taken
	begun    bool
	current  Frame
	open     bool // current has packets
	spoiled  bool // current lacks some
	needsKey bool // nothing can be decoded before the next keyframe
	lost     uint64
	out      []Frame
}

// New makes an Assembler. It returns nil for a codec that files do not know.
func New(kind codec.Kind) *Assembler {
	a := &Assembler{kind: kind, needsKey: kind != codec.Opus}
	a.unpack = unpacker(kind)
	if a.unpack == nil {
		return nil
	}
	return a
}

func unpacker(kind codec.Kind) rtp.Depacketizer {
	switch kind {
	case codec.Opus:
		return &codecs.OpusPacket{}
	case codec.VP8:
		return &codecs.VP8Packet{}
	case codec.VP9:
		return &codecs.VP9Packet{}
	case codec.H264:
		return &codecs.H264Packet{IsAVC: true}
	case codec.AV1:
		return &codecs.AV1Depacketizer{}
	default:
		return nil
	}
}

// Push adds a packet and returns the frames that are complete now, oldest first; the slice is valid until the next call. now may come from any
// epoch but must not go back.
func (a *Assembler) Push(p Packet, now time.Duration) []Frame {
	a.out = a.out[:0]
	if p.Payload == nil {
		p.Payload = []byte{}
	}
	switch {
	case !a.begun:
		a.begun, a.next = true, p.Seq
	case p.Seq < a.next:
		return nil // too late, or a duplicate
	case p.Seq >= a.next+window:
		a.skip(max(p.Seq-window/2, a.next))
	}
	at := &a.waiting[p.Seq%window]
	if at.Payload != nil {
		return a.out // a duplicate
	}
	p.came = now
	*at = p
	a.held++
	a.advance(now)
	return a.out
}

// Poll gives up what has been missing for too long, and returns what that completes, like Push.
func (a *Assembler) Poll(now time.Duration) []Frame {
	a.out = a.out[:0]
	if a.begun {
		a.advance(now)
	}
	return a.out
}

// Wants reports that nothing can be decoded before a keyframe has come.
func (a *Assembler) Wants() bool { return a.needsKey }

// Lost is how many packets have been given up.
func (a *Assembler) Lost() uint64 { return a.lost }

// advance takes what is in order, and what is waited for no longer.
func (a *Assembler) advance(now time.Duration) {
	for a.held > 0 {
		if at := &a.waiting[a.next%window]; at.Payload != nil {
			p := *at
			*at = Packet{}
			a.held--
			a.next++
			a.take(&p)
			continue
		}
		to := a.next + 1
		for a.waiting[to%window].Payload == nil {
			to++
		}
		if now-a.waiting[to%window].came < wait {
			return
		}
		a.skip(to)
	}
}

// skip gives up everything missing before seq; what is held before it is taken.
func (a *Assembler) skip(seq uint64) {
	for ; a.next < seq; a.next++ {
		if a.held == 0 {
			a.miss(seq - a.next)
			a.next = seq
			return
		}
		at := &a.waiting[a.next%window]
		if at.Payload == nil {
			a.miss(1)
			continue
		}
		p := *at
		*at = Packet{}
		a.held--
		a.take(&p)
	}
}

// miss notes that n packets are lost here.
func (a *Assembler) miss(n uint64) {
	a.lost += n
	if a.kind == codec.Opus {
		return
	}
	a.spoiled = true
	a.needsKey = true
}

// take adds the next packet in order.
func (a *Assembler) take(p *Packet) {
	if a.open && p.Timestamp != a.current.Timestamp {
		a.end()
	}
	if !a.open {
		a.open = true
		a.current = Frame{Timestamp: p.Timestamp}
		// What was lost before the first packet of a frame was not of this one.
		if p.Start {
			a.spoiled = false
			a.unpack = unpacker(a.kind) // a fragment that was begun is not continued
		}
	}
	if p.Keyframe {
		a.current.Keyframe = true
	}
	data, err := a.payload(p)
	if err != nil || len(a.current.Data)+len(data) > largestFrame {
		a.spoiled = true
	} else {
		a.current.Data = append(a.current.Data, data...)
	}
	if p.Marker && a.kind != codec.Opus {
		a.end()
	}
	if a.kind == codec.Opus {
		a.end()
	}
}

// payload takes the descriptor off. pion's depacketizers have panicked on outside bytes before: one packet is the price, not the process.
func (a *Assembler) payload(p *Packet) (data []byte, err error) {
	defer func() {
		if recover() != nil {
			data, err = nil, errPayload
		}
	}()
	if len(p.Payload) == 0 {
		return nil, nil // padding alone
	}
	return a.unpack.Unmarshal(p.Payload)
}

// end finishes the current frame.
func (a *Assembler) end() {
	f, spoiled := a.current, a.spoiled
	a.open, a.spoiled, a.current = false, false, Frame{}
	switch {
	case len(f.Data) == 0:
	case spoiled:
		if a.kind != codec.Opus {
			a.needsKey = true
		}
	case a.kind == codec.Opus:
		f.Keyframe = true
		a.out = append(a.out, f)
	case a.needsKey && !f.Keyframe:
	default:
		a.needsKey = false
		a.out = append(a.out, f)
	}
}
