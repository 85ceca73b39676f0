package loss

import (
	"slices"
	"testing"
	"time"
)

const ms = time.Millisecond

func TestGenerator(t *testing.T) {
	const rtt = 40 * ms
	const never = -1
	type step struct {
		at   time.Duration // ms
		in   uint64        // received; 0: ask Due
		due  []uint64
		next time.Duration // ms; never: nothing is missing
	}
	for _, tc := range []struct {
		name  string
		steps []step
	}{
		{"nothing is missing", []step{
			{0, 100, nil, never},
			{1, 101, nil, never},
			{50, 0, nil, never},
		}},
		{"overtaken packets are not asked for", []step{
			{0, 100, nil, never},
			{1, 103, nil, 11},
			{5, 101, nil, 11},
			{9, 102, nil, never},
			{20, 0, nil, never},
		}},
		{"asked after a moment, and again after a round trip", []step{
			{0, 100, nil, never},
			{1, 103, nil, 11},
			{10, 0, nil, 11},
			{11, 0, []uint64{101, 102}, 51},
			{50, 0, nil, 51},
			{51, 0, []uint64{101, 102}, 101},
			{60, 101, nil, 101},
			{101, 0, []uint64{102}, 161},
		}},
		{"each gap has its own time", []step{
			{0, 100, nil, never},
			{1, 102, nil, 11},
			{8, 104, nil, 11},
			{11, 0, []uint64{101}, 18},
			{18, 0, []uint64{103}, 51},
		}},
		{"given up after a second", []step{
			{0, 100, nil, never},
			{0, 102, nil, 10},
			{990, 0, []uint64{101}, 1000},
			{1000, 0, nil, never},
		}},
		{"an outage is not asked for", []step{
			{0, 100, nil, never},
			{1, 1000, nil, never},
			{2, 1002, nil, 12},
		}},
		{"late packets of before the start are nothing", []step{
			{0, 100, nil, never},
			{1, 90, nil, never},
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			g := NewGenerator()
			for i, s := range tc.steps {
				now := s.at * ms
				if s.in != 0 {
					g.Receive(s.in, now)
				} else if due := g.Due(nil, now, rtt); !slices.Equal(due, s.due) {
					t.Fatalf("step %d: due %v, want %v", i, due, s.due)
				}
				if next, ok := g.Next(rtt); ok != (s.next != never) || ok && next != s.next*ms {
					t.Fatalf("step %d: next %v %v, want %d ms", i, next, ok, s.next)
				}
			}
		})
	}
}

func TestGeneratorGivesUpAfterSomeTries(t *testing.T) {
	g := NewGenerator()
	g.Receive(1, 0)
	g.Receive(3, 0)
	asked := 0
	for now := time.Duration(0); now < 2*time.Second; now += ms {
		asked += len(g.Due(nil, now, ms)) // a link with next to no delay
	}
	if asked != tries || g.Missing() != 0 {
		t.Fatalf("asked %d times, %d missing", asked, g.Missing())
	}
}

func TestSkip(t *testing.T) {
	g := NewGenerator()
	g.Receive(1, 0)
	g.Receive(4, 0)
	g.Receive(6, 0)
	g.Skip(4)
	if due := g.Due(nil, time.Second/2, 0); !slices.Equal(due, []uint64{5}) {
		t.Fatalf("due %v, want 5", due)
	}
}

func TestPairs(t *testing.T) {
	for _, tc := range []struct {
		seqs []uint64
		want []Pair
	}{
		{nil, nil},
		{[]uint64{65536 + 5}, []Pair{{5, 0}}},
		{[]uint64{10, 11, 13, 26}, []Pair{{10, 0b1000_0000_0000_0101}}},
		{[]uint64{10, 27}, []Pair{{10, 0}, {27, 0}}},
		{[]uint64{65535, 65536}, []Pair{{65535, 1}}},
	} {
		if got := Pairs(nil, tc.seqs); !slices.Equal(got, tc.want) {
			t.Errorf("%v: %v, want %v", tc.seqs, got, tc.want)
		}
	}
}

// FuzzGenerator compares what is missing with a plain set.
func FuzzGenerator(f *testing.F) {
	f.Add([]byte{1, 5, 250, 3, 90, 200, 1})
	f.Fuzz(func(t *testing.T, steps []byte) {
		g, missing := NewGenerator(), map[uint64]bool{}
		seq, highest := uint64(1000), uint64(1000)
		g.Receive(seq, 0)
		for _, s := range steps {
			seq += uint64(int64(int8(s)))
			seq = max(seq, 1)
			g.Receive(seq, 0)
			delete(missing, seq)
			for n := highest + 1; n < seq; n++ {
				missing[n] = true
			}
			highest = max(highest, seq)
			if len(missing) > capacity { // the oldest are given up: the tables' matter
				return
			}
			if g.Missing() != len(missing) {
				t.Fatalf("%d missing, want %d", g.Missing(), len(missing))
			}
		}
		due := g.Due(nil, time.Second/2, 0)
		if len(due) != len(missing) || !slices.IsSorted(due) {
			t.Fatalf("due %v, missing %v", due, missing)
		}
		var back []uint64
		for _, p := range Pairs(nil, due) {
			back = append(back, uint64(p.PacketID))
			for i := range 16 {
				if p.Mask>>i&1 != 0 {
					back = append(back, uint64(p.PacketID)+uint64(i)+1)
				}
			}
		}
		for i, n := range due {
			if !missing[n] || uint16(back[i]) != uint16(n) {
				t.Fatalf("asks for %d as %d", n, back[i])
			}
		}
	})
}

func TestNothingAllocates(t *testing.T) {
	g, s := NewGenerator(), NewStats(90000)
	var buf [capacity]uint64
	seq, now := uint64(1), time.Duration(0)
	if n := testing.AllocsPerRun(1000, func() {
		seq += 3
		now += ms
		g.Receive(seq, now)
		g.Receive(seq-1, now)
		g.Due(buf[:0], now, 0)
		g.Next(0)
		s.Receive(seq, uint32(seq), 1000, now)
		s.Report(now)
	}); n != 0 {
		t.Fatalf("%v allocations, want 0", n)
	}
}
