package loss

import "time"

// Stats counts what arrives of one SSRC. Make it with NewStats.
type Stats struct {
	rate uint32
}

// NewStats makes the statistics of a source with the RTP clock rate in Hz.
func NewStats(rate uint32) *Stats { return &Stats{rate: rate} }

// Receive notes a packet; size in octets. Packets repaired by RTX count too: RFC 3550 counts what is missing in the end.
func (s *Stats) Receive(seq uint64, timestamp uint32, size int, now time.Duration) { panic("soon") }

// SenderReport notes a sender report's NTP time (32.32) for LSR and DLSR.
func (s *Stats) SenderReport(ntp uint64, now time.Duration) { panic("soon") }

// Block is a report block (RFC 3550 §6.4.1) without its SSRC.
type Block struct {
	FractionLost uint8  // of the packets expected since the last Report, in 1/256
	TotalLost    uint32 // 24 bits, signed: duplicates make it fall
	HighestSeq   uint32 // extended
	Jitter       uint32 // in timestamp units
	LastSR       uint32 // the middle 32 bits of the last report's NTP time; 0: none
	DelaySR      uint32 // since then, in 1/65536 s
}

// Report gives the block and starts a new interval; false when nothing ever arrived.
func (s *Stats) Report(now time.Duration) (Block, bool) { panic("soon") }

// RoundTrip is the round trip that a report block tells to the sender of the reports it answers (RFC 3550 §6.4.1):
// nowNTP is the NTP time of its arrival. False when it has no LSR or makes no sense.
func RoundTrip(lastSR, delaySR uint32, nowNTP uint64) (time.Duration, bool) { panic("soon") }

// Totals counts since the beginning.
type Totals struct {
	Packets, Octets uint64
	Lost            int64
	Jitter          time.Duration
}

// Totals gives the counters.
func (s *Stats) Totals() Totals { panic("soon") }
