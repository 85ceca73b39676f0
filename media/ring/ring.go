package ring

import "math/bits"

// Ring holds packets with a value of type M each (what was parsed from the packet).
type Ring[M any] struct {
	index []Entry[M] // a power of two, by sequence number
	arena []byte
	room  int
	next  uint64 // where the next room starts, in the arena's endless stream
}

// Entry is one packet.
type Entry[M any] struct {
	Seq  uint64 // extended sequence number, never 0
	Meta M

	at     uint64 // of the room, in the endless stream
	length int32  // of the packet
}

// New makes a ring of so many packets (rounded up to a power of two) and octets, with room octets before each packet.
func New[M any](packets, octets, room int) *Ring[M] {
	return &Ring[M]{
		index: make([]Entry[M], 1<<bits.Len(uint(max(packets, 1)-1))),
		arena: make([]byte, octets),
		room:  room,
	}
}

// Put copies packet b into the ring and returns its entry; nil if it does not fit into the arena or if its place
// in the index belongs to a newer packet or to itself (a duplicate). The pointer is valid until the next Put.
func (r *Ring[M]) Put(seq uint64, b []byte, meta M) *Entry[M] {
	size := r.room + len(b)
	e := r.entry(seq)
	if size > len(r.arena) || seq == 0 || e.Seq > seq || e.Seq == seq && r.holds(e) {
		return nil
	}
	if n := uint64(len(r.arena)); r.next%n+uint64(size) > n { // a packet does not wrap
		r.next += n - r.next%n
	}
	*e = Entry[M]{Seq: seq, Meta: meta, at: r.next, length: int32(len(b))}
	r.next += uint64(size)
	copy(r.Packet(e), b)
	return e
}

// Get finds a packet; nil if it never came or is gone. The pointer is valid until the next Put.
func (r *Ring[M]) Get(seq uint64) *Entry[M] {
	if e := r.entry(seq); seq != 0 && e.Seq == seq && r.holds(e) {
		return e
	}
	return nil
}

func (r *Ring[M]) entry(seq uint64) *Entry[M] { return &r.index[seq&uint64(len(r.index)-1)] }

// holds tells that the arena has not yet been written over the packet.
func (r *Ring[M]) holds(e *Entry[M]) bool { return r.next-e.at <= uint64(len(r.arena)) }

// Packet is the packet's octets. They are valid until the next Put.
func (r *Ring[M]) Packet(e *Entry[M]) []byte { return r.Room(e)[r.room:] }

// Room is the octets of the room and, behind it, the packet. They are valid until the next Put.
func (r *Ring[M]) Room(e *Entry[M]) []byte {
	start := e.at % uint64(len(r.arena))
	end := start + uint64(r.room) + uint64(e.length)
	return r.arena[start:end:end]
}
