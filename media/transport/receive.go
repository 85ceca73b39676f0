package transport

import (
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/pion/srtp/v3"
)

// maxEarly bounds what is kept of a peer that sends before our side has its keys: the first keyframe, at usual bitrates.
// It can only be used by who has passed an ICE check.
const maxEarly = 64

// Packet is one decrypted RTP packet with Headroom free bytes in front: Buf[Headroom:Headroom+N].
// The buffer is the socket's: valid, and free to be changed, during HandleRTP only.
type Packet struct {
	Buf []byte
	N   int
}

// Bytes is the packet without its headroom.
func (p Packet) Bytes() []byte { return p.Buf[Headroom : Headroom+p.N] }

// Handler takes what a peer sends, on the receive loop that all peers share: it must not block.
type Handler interface {
	// HandleRTP gets the packets of one peer found in one receive batch, in order of arrival. now is read once per batch.
	HandleRTP(now time.Time, packets []Packet)
	// HandleRTCP gets one decrypted compound packet, valid during the call.
	HandleRTCP(now time.Time, compound []byte)
}

// deliver decrypts the inbox and gives it to the handler. Called by the receive loop only.
func (t *Transport) deliver(now time.Time) {
	defer func() { t.inbox = t.inbox[:0] }()
	t.recvMu.Lock()
	defer t.recvMu.Unlock()
	if t.closed {
		return
	}
	keys := t.keysIn.Load()
	if keys == nil {
		t.keepEarly()
		return
	}
	t.clear = t.clear[:0]
	if t.early != nil {
		t.decrypt(keys, t.early, now)
	}
	t.decrypt(keys, t.inbox, now)
	if len(t.clear) > 0 {
		t.handler.HandleRTP(now, t.clear)
	}
	t.early = nil
}

// keepEarly copies packets that came before the keys.
func (t *Transport) keepEarly() {
	for _, p := range t.inbox {
		if len(t.early) == maxEarly {
			t.receive.early.Add(1)
			continue
		}
		t.early = append(t.early, Packet{Buf: slices.Clone(p.Buf[:Headroom+p.N]), N: p.N})
	}
}

// decrypt works in place: RTP is collected in t.clear, RTCP goes to the handler at once.
func (t *Transport) decrypt(keys *srtp.Context, packets []Packet, now time.Time) {
	for _, p := range packets {
		b := p.Bytes()
		if classify(b) == kindRTCP {
			b, err := keys.DecryptRTCP(b[:0], b, nil)
			if err != nil {
				t.receive.refuse(err)
				continue
			}
			t.receive.rtcp.Add(1)
			t.handler.HandleRTCP(now, b)
			continue
		}
		b, err := keys.DecryptRTP(b[:0], b, &t.inRTP)
		if err != nil {
			t.receive.refuse(err)
			continue
		}
		t.receive.rtp.Add(1)
		t.clear = append(t.clear, Packet{Buf: p.Buf, N: len(b)})
	}
}

// Stats counts what a Transport has received since it was made.
type Stats struct {
	RTP, RTCP uint64 // delivered
	Replayed  uint64 // dropped: seen before, too old to tell (RFC 3711 §3.3.2), or not well-formed
	Forged    uint64 // dropped: not authentic
	Early     uint64 // dropped: too much came before the keys
}

type receiveCounters struct{ rtp, rtcp, replayed, forged, early atomic.Uint64 }

func (c *receiveCounters) refuse(err error) {
	if errors.Is(err, srtp.ErrFailedToVerifyAuthTag) {
		c.forged.Add(1)
	} else {
		c.replayed.Add(1) // pion/srtp has no public name for a replay; what else is refused is too short to be SRTP
	}
}

// Stats returns a snapshot of the counters.
func (t *Transport) Stats() Stats {
	c := &t.receive
	return Stats{RTP: c.rtp.Load(), RTCP: c.rtcp.Load(), Replayed: c.replayed.Load(), Forged: c.forged.Load(), Early: c.early.Load()}
}
