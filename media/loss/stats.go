package loss

import "time"

// maxDropout is the jump (RFC 3550 A.1) that counts as a restart of the source and not as loss.
const maxDropout = 3000

// Stats counts what arrives of one SSRC. Make it with NewStats; it has one owner.
type Stats struct {
	rate uint32 // Hz

	packets, octets uint64
	base, highest   uint64 // of the sequence; base moves with restarts

	reportedExpected, reportedPackets uint64 // at the last Report

	lastTimestamp uint32
	transit       int64  // of the newest frame: arrival less timestamp, in timestamp units
	jitter        uint32 // 16ths of timestamp units: RFC 3550 A.8

	lastSR uint32
	srAt   time.Duration
}

// NewStats makes the statistics of a source with the RTP clock rate in Hz.
func NewStats(rate uint32) *Stats { return &Stats{rate: rate} }

// Receive notes a packet; size in octets. Packets repaired by RTX count too: RFC 3550 counts what is missing in the end.
func (s *Stats) Receive(seq uint64, timestamp uint32, size int, now time.Duration) {
	s.packets++
	s.octets += uint64(size)
	if s.packets == 1 {
		s.base, s.highest = seq, seq
		s.lastTimestamp, s.transit = timestamp, s.ticks(now)-int64(timestamp)
		return
	}
	if seq <= s.highest {
		if seq < s.base && s.base-seq <= maxDropout {
			s.base = seq
		}
		return
	}
	if jump := seq - s.highest - 1; jump > maxDropout {
		s.base += jump
	}
	s.highest = seq
	if timestamp != s.lastTimestamp {
		s.measure(timestamp, now)
	}
}

// measure updates the jitter. Only the first packet of a frame counts: the others leave the sender later than their
// timestamp says, which is pacing and no jitter of the network.
func (s *Stats) measure(timestamp uint32, now time.Duration) {
	transit := s.ticks(now) - int64(timestamp)
	d := int32(transit - s.transit) // modulo 2^32: timestamps wrap
	s.transit, s.lastTimestamp = transit, timestamp
	if d < 0 {
		d = -d
	}
	if uint32(d) > 10*s.rate { // the source's clock was set
		return
	}
	s.jitter += uint32(d) - (s.jitter+8)>>4
}

func (s *Stats) ticks(d time.Duration) int64 {
	whole := d / time.Second
	return int64(whole)*int64(s.rate) + int64(d-whole*time.Second)*int64(s.rate)/int64(time.Second)
}

// SenderReport notes a sender report's NTP time (32.32) for LSR and DLSR.
func (s *Stats) SenderReport(ntp uint64, now time.Duration) {
	s.lastSR, s.srAt = uint32(ntp>>16), now
}

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
func (s *Stats) Report(now time.Duration) (Block, bool) {
	if s.packets == 0 {
		return Block{}, false
	}
	b := Block{HighestSeq: uint32(s.highest), Jitter: s.jitter >> 4, LastSR: s.lastSR}
	const most = 1<<23 - 1 // 24 bits, signed
	b.TotalLost = uint32(max(min(s.lost(), most), -most-1)) & 0xFFFFFF
	expected := int64(s.expected() - s.reportedExpected)
	if lost := expected - int64(s.packets-s.reportedPackets); lost > 0 && expected > 0 {
		b.FractionLost = uint8(min(lost<<8/expected, 255))
	}
	s.reportedExpected, s.reportedPackets = s.expected(), s.packets
	if s.lastSR != 0 {
		since := now - s.srAt
		b.DelaySR = uint32(since/time.Second)<<16 + uint32(since%time.Second<<16/time.Second)
	}
	return b, true
}

func (s *Stats) expected() uint64 { return s.highest - s.base + 1 }

func (s *Stats) lost() int64 { return int64(s.expected()) - int64(s.packets) }

// Totals counts since the beginning.
type Totals struct {
	Packets, Octets uint64
	Lost            int64 // negative: duplicates
	Jitter          time.Duration
}

// Totals gives the counters.
func (s *Stats) Totals() Totals {
	t := Totals{Packets: s.packets, Octets: s.octets, Jitter: time.Duration(s.jitter>>4) * time.Second / time.Duration(s.rate)}
	if s.packets > 0 {
		t.Lost = s.lost()
	}
	return t
}

// RoundTrip is the round trip that a report block tells to the sender of the reports it answers (RFC 3550 §6.4.1):
// nowNTP is the NTP time of its arrival. False when it has no LSR or makes no sense.
func RoundTrip(lastSR, delaySR uint32, nowNTP uint64) (time.Duration, bool) {
	rtt := uint32(nowNTP>>16) - lastSR - delaySR // 16.16 seconds
	if lastSR == 0 || rtt > 60<<16 {
		return 0, false
	}
	return time.Duration(rtt) * time.Second >> 16, true
}
