package seq

import "math/bits"

// state of a place in the history.
type state uint8

const (
	reserved state = iota // for a packet that may still come
	filled                // with a packet that was sent
	padding               // nothing will be sent here again
)

// entry is one sequence number of the slot; 24 octets, since every slot has hundreds.
type entry struct {
	seqLow    uint32 // of the source's extended sequence number
	seqHigh   uint16
	state     state
	tl0       uint8
	source    uint32
	timestamp uint32
	id, frame uint16
	resent    uint32 // when, in ms; 0: never
}

func record(source uint32, seq uint64, s Shift, st state) entry {
	return entry{
		seqLow: uint32(seq), seqHigh: uint16(seq >> 32), state: st, source: source,
		timestamp: s.Timestamp, id: s.ID, frame: s.Frame, tl0: s.TL0,
	}
}

func (e *entry) seq() uint64 { return uint64(e.seqHigh)<<32 | uint64(e.seqLow) }

func (e *entry) shift() Shift {
	return Shift{Timestamp: e.timestamp, ID: e.id, Frame: e.frame, TL0: e.tl0}
}

func (e *entry) origin() Origin { return Origin{Source: e.source, Seq: e.seq(), Shift: e.shift()} }

// history is the last sequence numbers of a slot, each with what it stands for. Since the last switch the sources' numbers ascend in it.
type history struct {
	entries []entry // a power of two, indexed by the slot's extended sequence number
	size    int
	start   uint64 // the first number since the last switch
	first   uint64 // the first number ever
	last    uint64 // the newest
}

func (h *history) init(size int, firstSeq uint16) {
	h.size = 1 << bits.Len(uint(max(size, 2)-1))
	h.first = 1<<16 + uint64(firstSeq)
	h.start, h.last = h.first, h.first-1
}

// begin starts the numbers of another source.
func (h *history) begin() {
	if h.entries == nil {
		h.entries = make([]entry, h.size)
	}
	h.start = h.last + 1
}

func (h *history) push(e entry) {
	h.last++
	*h.at(h.last) = e
}

func (h *history) at(n uint64) *entry { return &h.entries[n&uint64(h.size-1)] }

// oldest is the oldest number that is still there.
func (h *history) oldest() uint64 { return max(h.first, h.last+1-min(h.last+1, uint64(h.size))) }

// maxGap bounds the work that one jump of a source can cause.
func (h *history) maxGap() int { return min(h.size/2, 128) }

// find returns what n stands for, or nil.
func (h *history) find(n uint16) *entry {
	full := h.last - uint64(uint16(h.last)-n)
	if h.entries == nil || full < h.oldest() || full > h.last {
		return nil
	}
	if e := h.at(full); e.state != padding {
		return e
	}
	return nil
}

// fill settles the reserved place of the present source's packet seq; false if there is none.
func (h *history) fill(seq uint64, st state) (n uint16, s Shift, ok bool) {
	lo, hi := max(h.start, h.oldest()), h.last+1 // the first place in [lo, hi) that is not before seq
	for lo < hi {
		if mid := lo + (hi-lo)/2; h.at(mid).seq() < seq {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo > h.last {
		return 0, Shift{}, false
	}
	e := h.at(lo)
	if e.seq() != seq || e.state != reserved {
		return 0, Shift{}, false
	}
	e.state = st
	return uint16(lo), e.shift(), true
}
