package loss

import "time"

// Generator finds what is missing from one SSRC. Make it with NewGenerator.
type Generator struct{}

// NewGenerator makes a generator.
func NewGenerator() *Generator { return &Generator{} }

// Receive notes a packet. The first one starts the sequence. True: a gap opened; ask Due soon.
func (g *Generator) Receive(seq uint64, now time.Duration) bool { panic("soon") }

// Due appends to dst the sequence numbers to ask for now, ascending, and counts them as asked for. rtt is the round trip to the sender; 0: unknown.
func (g *Generator) Due(dst []uint64, now, rtt time.Duration) []uint64 { panic("soon") }

// Next is when Due may have something; false: nothing is missing.
func (g *Generator) Next(now, rtt time.Duration) (time.Duration, bool) { panic("soon") }

// Missing is how many packets are still hoped for.
func (g *Generator) Missing() int { panic("soon") }

// Skip gives up everything before seq: a keyframe that begins there needs none of it.
func (g *Generator) Skip(seq uint64) { panic("soon") }

// Pair is one entry of a generic NACK: a packet id and a mask of the 16 that follow (RFC 4585 §6.2.1).
type Pair struct{ PacketID, Mask uint16 }

// Pairs appends ascending sequence numbers to dst as NACK entries.
func Pairs(dst []Pair, seqs []uint64) []Pair { panic("soon") }
