package seq

import (
	"testing"
	"time"
)

const (
	pass = iota // Map
	drop        // Drop
	swap        // Switch, then Map
)

const none = -1

type step struct {
	in  uint16
	act int
	out int
}

func TestRewriterSequence(t *testing.T) {
	for _, tc := range []struct {
		name  string
		steps []step
	}{
		{"the first packet takes the first number", []step{
			// in     act   out
			{500, swap, 65534},
			{501, pass, 65535},
			{502, pass, 0},
		}},
		{"a dropped packet leaves no gap, across the wrap", []step{
			{65533, swap, 65534},
			{65534, pass, 65535},
			{65535, drop, none},
			{0, pass, 0},
			{1, pass, 1},
		}},
		{"a lost packet leaves a gap", []step{
			{10, swap, 65534},
			{13, pass, 1},
			{14, pass, 2},
		}},
		{"a late packet finds its place, once", []step{
			{10, swap, 65534},
			{13, pass, 1},
			{12, pass, 0},
			{12, pass, none},
			{11, pass, 65535},
			{13, pass, none},
		}},
		{"a late packet from before a drop finds its place", []step{
			{10, swap, 65534},
			{12, drop, none}, // 11 is missing
			{13, pass, 0},
			{11, pass, 65535},
		}},
		{"a late packet that is not forwarded becomes padding in its place", []step{
			{10, swap, 65534},
			{12, pass, 0},
			{11, drop, 65535},
			{11, pass, none},
			{13, pass, 1},
		}},
		{"a dropped packet that comes again stays dropped", []step{
			{10, swap, 65534},
			{11, drop, none},
			{12, pass, 65535},
			{11, pass, none},
			{11, drop, none},
		}},
		{"another source goes on where the one before ended", []step{
			{10, swap, 65534},
			{11, pass, 65535},
			{40000, swap, 0},
			{40001, pass, 1},
			{39999, pass, none}, // before the switch
		}},
		{"a switch back in time is no late packet", []step{
			{1000, swap, 65534},
			{1001, pass, 65535},
			{5, swap, 0},
			{7, pass, 2},
			{6, pass, 1},
		}},
		{"an absurd jump is a gap of one", []step{
			{10, swap, 65534},
			{20010, pass, 0},
			{20011, pass, 1},
			{10000, pass, none},
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := NewRewriter(90000, 64, 65534, 7)
			var u Unwrapper
			for i, s := range tc.steps {
				if s.act == swap {
					u = Unwrapper{}
				}
				p := In{Seq: u.Unwrap(s.in)}
				var o Out
				var ok bool
				switch s.act {
				case swap:
					r.Switch(uint32(i), p, 0, nil)
					o, ok = r.Map(p, 0)
				case pass:
					o, ok = r.Map(p, 0)
				case drop:
					o, ok = r.Drop(p)
				}
				if got := int(o.Seq); ok != (s.out != none) || ok && got != s.out {
					t.Fatalf("step %d: in %d: out %d %v, want %d", i, s.in, got, ok, s.out)
				}
			}
		})
	}
}

func TestRewriterTimestampGoesOnByTheTimeElapsed(t *testing.T) {
	at := func(step int32) *uint32 { ts := 1000 + uint32(step); return &ts }
	for _, tc := range []struct {
		name    string
		elapsed time.Duration
		hint    *uint32
		want    uint32 // added to the last timestamp
	}{
		{"three frames later", 100 * time.Millisecond, nil, 9000},
		{"a pause of an hour", time.Hour, nil, 324_000_000},
		{"the same instant is the least step", 0, nil, 1},
		{"a hint is exact", 40 * time.Millisecond, at(3000), 3000},
		{"a hint behind is the least step", 5 * time.Millisecond, at(-3000), 1},
		{"an absurd hint is ignored", 40 * time.Millisecond, at(900_000), 3600},
		{"an absurd hint behind is ignored", 40 * time.Millisecond, at(-900_000), 3600},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := NewRewriter(90000, 64, 0, 1000)
			a := In{Seq: 70000, Timestamp: 4_294_967_000}
			r.Switch(1, a, time.Minute, nil)
			if o, _ := r.Map(a, time.Minute); o.Timestamp != 1000 {
				t.Fatalf("first timestamp %d, want 1000", o.Timestamp)
			}
			b := In{Seq: 90000, Timestamp: 55}
			now := time.Minute + tc.elapsed
			r.Switch(2, b, now, tc.hint)
			o, _ := r.Map(b, now)
			if got := o.Timestamp - 1000; got != tc.want {
				t.Fatalf("timestamp went on by %d, want %d", got, tc.want)
			}
			if ts, ok := r.Timestamp(55 + 90); !ok || ts != o.Timestamp+90 {
				t.Fatalf("report timestamp %d %v, want %d", ts, ok, o.Timestamp+90)
			}
		})
	}
}

func TestRewriterPictures(t *testing.T) {
	type frame struct {
		seq     uint64
		act     int
		id      uint16
		tl0     uint8
		wantID  int
		wantTL0 uint8
	}
	for _, tc := range []struct {
		name    string
		compact bool
		frames  []frame
	}{
		{"dropped frames leave no gap in compact ids", true, []frame{
			// seq     act  id    tl0  → id tl0
			{70000, swap, 0x7FFE, 254, 1, 1},
			{70001, pass, 0x7FFE, 254, 1, 1},
			{70002, drop, 0x7FFF, 254, none, 0},
			{70003, drop, 0x7FFF, 254, none, 0}, // of the same frame
			{70004, pass, 0, 255, 2, 2},
			{70005, drop, 1, 255, none, 0},
			{70006, pass, 2, 0, 3, 3},
		}},
		{"dropped frames leave a gap in ids that others refer to", false, []frame{
			{70000, swap, 10, 5, 1, 1},
			{70001, drop, 11, 5, none, 0},
			{70002, pass, 12, 6, 3, 2},
		}},
		{"a lost frame leaves its gap", true, []frame{
			{70000, swap, 10, 5, 1, 1},
			{70002, pass, 12, 6, 3, 2},
			{70003, drop, 13, 6, none, 0},
			{70004, pass, 14, 7, 4, 3},
			{70001, pass, 11, 5, 2, 1}, // late
		}},
		{"another source goes on", true, []frame{
			{70000, swap, 10, 5, 1, 1},
			{70001, pass, 11, 6, 2, 2},
			{80000, swap, 9000, 200, 3, 3},
			{80001, pass, 9001, 201, 4, 4},
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := NewRewriter(90000, 64, 0, 0)
			for i, f := range tc.frames {
				p := In{Seq: f.seq, HasID: true, ID: f.id, Compact: tc.compact, TL0: f.tl0}
				if f.act == drop {
					r.Drop(p)
					continue
				}
				if f.act == swap {
					r.Switch(1, p, 0, nil)
				}
				o, ok := r.Map(p, 0)
				if !ok || int(o.ID) != f.wantID || o.TL0 != f.wantTL0 {
					t.Fatalf("packet %d: id %d tl0 %d %v, want %d %d", i, o.ID, o.TL0, ok, f.wantID, f.wantTL0)
				}
				origin, ok := r.Origin(o.Seq)
				if again := origin.Apply(o.Seq, p); !ok || again != o {
					t.Fatalf("packet %d: resent as %+v, was %+v", i, again, o)
				}
			}
		})
	}
}

func TestOrigin(t *testing.T) {
	r := NewRewriter(90000, 16, 100, 0)
	if _, ok := r.Origin(100); ok {
		t.Fatal("origin before the first packet")
	}
	a := In{Seq: 70000}
	r.Switch(7, a, 0, nil)
	r.Map(a, 0)
	r.Map(In{Seq: 70003}, 0) // 101 and 102 are missing
	r.Drop(In{Seq: 70004})
	pad, ok := r.Pad() // 104
	if !ok || pad.Seq != 104 {
		t.Fatalf("pad %+v %v", pad, ok)
	}
	b := In{Seq: 90000}
	r.Switch(8, b, time.Second, nil)
	r.Map(b, time.Second)

	for _, tc := range []struct {
		n      uint16
		source uint32
		seq    uint64
	}{
		{100, 7, 70000},
		{101, 7, 70001},
		{102, 7, 70002},
		{103, 7, 70003},
		{104, 0, 0}, // padding
		{105, 8, 90000},
		{106, 0, 0}, // still to come
		{99, 0, 0},  // before the first
	} {
		o, ok := r.Origin(tc.n)
		if ok != (tc.seq != 0) || o.Source != tc.source || o.Seq != tc.seq {
			t.Errorf("origin of %d: source %d seq %d %v, want %d %d", tc.n, o.Source, o.Seq, ok, tc.source, tc.seq)
		}
	}
	for i := range uint64(20) {
		r.Map(In{Seq: 90001 + i}, time.Second)
	}
	if _, ok := r.Origin(105); ok {
		t.Error("origin of a packet older than the history")
	}
}

func TestResendWaitsARoundTrip(t *testing.T) {
	r := NewRewriter(90000, 16, 100, 0)
	p := In{Seq: 70000}
	r.Switch(7, p, 0, nil)
	r.Map(p, 0)
	for _, tc := range []struct {
		now  time.Duration
		want bool
	}{
		{0, true},
		{10 * time.Millisecond, false},
		{51 * time.Millisecond, true},
		{100 * time.Millisecond, false},
		{102 * time.Millisecond, true},
	} {
		if _, ok := r.Resend(100, tc.now, 50*time.Millisecond); ok != tc.want {
			t.Errorf("resend at %v: %v, want %v", tc.now, ok, tc.want)
		}
	}
}

func TestBeforeASource(t *testing.T) {
	r := NewRewriter(48000, 16, 0, 0)
	if _, ok := r.Map(In{Seq: 70000}, 0); ok {
		t.Error("mapped without a source")
	}
	if _, ok := r.Drop(In{Seq: 70000}); ok {
		t.Error("padding without a source")
	}
	if _, ok := r.Pad(); ok {
		t.Error("padded without a source")
	}
	if _, ok := r.Timestamp(1); ok {
		t.Error("timestamp without a source")
	}
	if _, ok := r.Source(); ok {
		t.Error("a source without a source")
	}
}

func TestRewriterDoesNotAllocate(t *testing.T) {
	r := NewRewriter(90000, 512, 0, 0)
	p := In{Seq: 70000, HasID: true, Compact: true}
	r.Switch(1, p, 0, nil)
	if n := testing.AllocsPerRun(1000, func() {
		r.Map(p, 0)
		p.Seq += 2
		p.ID++
		r.Drop(p)
		p.Seq++
		r.Map(p, 0)
		r.Map(In{Seq: p.Seq - 2}, 0)
		r.Resend(5, time.Second, 0)
		p.Seq++
		r.Switch(2, p, 0, nil)
	}); n != 0 {
		t.Fatalf("%v allocations, want 0", n)
	}
}
