package loss

import (
	"testing"
	"time"
)

func TestReport(t *testing.T) {
	for _, tc := range []struct {
		name           string
		seqs           []uint64
		fraction       uint8
		total, highest uint32
	}{
		{"all there", []uint64{70000, 70001, 70002, 70003}, 0, 0, 70003},
		{"one of four lost", []uint64{70000, 70001, 70003}, 64, 1, 70003},
		{"late is not lost", []uint64{70000, 70002, 70001}, 0, 0, 70002},
		{"overtaken by the first", []uint64{70001, 70000, 70002}, 0, 0, 70002},
		{"duplicates make the total fall", []uint64{70000, 70000, 70001, 70001}, 0, 0xFFFFFE, 70001},
		{"a restart is not loss", []uint64{70000, 90000, 90001}, 0, 0, 90001},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := NewStats(90000)
			for _, seq := range tc.seqs {
				s.Receive(seq, 0, 100, 0)
			}
			b, ok := s.Report(0)
			if !ok || b.FractionLost != tc.fraction || b.TotalLost != tc.total || b.HighestSeq != tc.highest {
				t.Fatalf("%+v %v, want fraction %d total %d highest %d", b, ok, tc.fraction, tc.total, tc.highest)
			}
			if b, _ = s.Report(0); b.FractionLost != 0 || b.TotalLost != tc.total {
				t.Fatalf("next interval %+v, want no fraction and the same total", b)
			}
		})
	}
	if _, ok := NewStats(90000).Report(0); ok {
		t.Fatal("a report of nothing")
	}
}

func TestJitter(t *testing.T) {
	for _, tc := range []struct {
		name     string
		late     func(frame int) time.Duration
		min, max time.Duration
	}{
		{"none", func(int) time.Duration { return 0 }, 0, 0},
		{"constant delay", func(int) time.Duration { return 50 * ms }, 0, 0},
		{"every other frame 10 ms late", func(n int) time.Duration { return time.Duration(n%2) * 10 * ms }, 9 * ms, 10 * ms},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := NewStats(90000)
			seq := uint64(70000)
			ts := uint32(1<<32 - 90*33*10) // wraps
			for frame := range 200 {
				now := time.Duration(frame)*33*ms + tc.late(frame)
				for i := range 3 { // paced within the frame: no jitter
					s.Receive(seq, ts, 1000, now+time.Duration(i)*3*ms)
					seq++
				}
				ts += 33 * 90
			}
			if got := s.Totals().Jitter; got < tc.min || got > tc.max {
				t.Fatalf("jitter %v, want %v to %v", got, tc.min, tc.max)
			}
		})
	}
}

func TestSenderReportAndRoundTrip(t *testing.T) {
	s := NewStats(90000)
	s.Receive(70000, 0, 10, 0)
	const ntp = 0x1122_3344_5566_7788
	s.SenderReport(ntp, time.Second)
	b, _ := s.Report(1500 * ms)
	if b.LastSR != 0x3344_5566 || b.DelaySR != 1<<15 {
		t.Fatalf("LSR %x DLSR %x", b.LastSR, b.DelaySR)
	}
	later := uint64(ntp) + 1<<31 + 1<<29 // 625 ms after the report was sent
	if rtt, ok := RoundTrip(b.LastSR, b.DelaySR, later); !ok || rtt != 125*ms {
		t.Fatalf("round trip %v %v, want 125ms", rtt, ok)
	}
	if _, ok := RoundTrip(0, 0, later); ok {
		t.Fatal("round trip without a report")
	}
	if _, ok := RoundTrip(b.LastSR, 1<<17, later); ok {
		t.Fatal("a negative round trip")
	}
}

func TestTotals(t *testing.T) {
	s := NewStats(48000)
	if s.Totals() != (Totals{}) {
		t.Fatal("totals of nothing")
	}
	s.Receive(5, 0, 80, 0)
	s.Receive(8, 0, 20, 0)
	if got := s.Totals(); got != (Totals{Packets: 2, Octets: 100, Lost: 2}) {
		t.Fatalf("%+v", got)
	}
}
