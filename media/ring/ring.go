package ring

// Ring holds packets with a value of type M each (what was parsed from the packet).
type Ring[M any] struct {
	index []Entry[M]
}

// Entry is one packet. Room and Packet are valid until the ring has overwritten them: do not keep them past the next Put.
type Entry[M any] struct {
	Seq  uint64 // extended sequence number
	Meta M

	start, at, end uint64 // positions in the arena's endless stream: of the room, of the packet, behind the packet
}

// New makes a ring of so many packets (rounded up to a power of two) and octets, with room octets before each packet.
func New[M any](packets, octets, room int) *Ring[M] { panic("soon") }

// Put copies packet b into the ring and returns its entry; nil if it does not fit into the arena or if its place
// belongs to a newer packet or to itself (a duplicate). The pointer is valid until the next Put.
func (r *Ring[M]) Put(seq uint64, b []byte, meta M) *Entry[M] { panic("soon") }

// Get finds a packet; nil if it never came or is gone. The pointer is valid until the next Put.
func (r *Ring[M]) Get(seq uint64) *Entry[M] { panic("soon") }

// Packet is the packet's octets.
func (r *Ring[M]) Packet(e *Entry[M]) []byte { panic("soon") }

// Room is the octets of the room and the packet; the packet starts at Room's length less Packet's.
func (r *Ring[M]) Room(e *Entry[M]) []byte { panic("soon") }
