package layer

import "testing"

// trace is one packet and what becomes of it. Each packet is a whole frame unless part says otherwise.
type trace struct {
	target Target // set before the packet, unless stay
	enc    int
	seq    uint64
	what   string // k keyframe, y joinable, u up to layer 2 allowed, m marker, c continuation of a frame, e end of a layer frame, p padding
	s, t   uint8
	want   Verdict
	mark   bool
}

func at(enc int, spatial, temporal uint8) Target { return Target{enc, spatial, temporal} }

var stay = Target{Encoding: 77}

func TestSelector(t *testing.T) {
	all := uint8(AllLayers)
	for _, tc := range []struct {
		name  string
		steps []trace
	}{
		{"nothing before a keyframe of the target", []trace{
			// target       enc seq what s  t  verdict mark
			{at(1, all, all), 0, 10, "k", 0, 0, Foreign, false},
			{stay, 1, 20, "", 0, 0, Foreign, false},
			{stay, 1, 21, "k", 0, 0, Switch, false},
			{stay, 1, 22, "cm", 0, 0, Forward, true},
			{stay, 0, 11, "", 0, 0, Foreign, false},
		}},
		{"up: the old encoding flows until the new one's keyframe", []trace{
			{at(0, all, all), 0, 10, "km", 0, 0, Switch, true},
			{at(2, all, all), 0, 11, "m", 0, 0, Forward, true},
			{stay, 2, 50, "m", 0, 0, Foreign, false},
			{stay, 0, 12, "m", 0, 0, Forward, true},
			{stay, 2, 51, "k", 0, 0, Switch, false},
			{stay, 0, 13, "m", 0, 0, Foreign, false},
			{stay, 2, 52, "cm", 0, 0, Forward, true},
		}},
		{"a keyframe of the present encoding is no switch", []trace{
			{at(0, all, all), 0, 10, "k", 0, 0, Switch, false},
			{stay, 0, 11, "k", 0, 0, Forward, false},
		}},
		{"a pause ends with a keyframe", []trace{
			{at(0, all, all), 0, 10, "k", 0, 0, Switch, false},
			{at(None, 0, 0), 0, 11, "", 0, 0, Foreign, false},
			{stay, 0, 12, "k", 0, 0, Foreign, false},
			{at(0, all, all), 0, 13, "", 0, 0, Foreign, false},
			{stay, 0, 14, "k", 0, 0, Switch, false},
		}},
		{"padding closes up, and is nobody's keyframe", []trace{
			{at(0, all, all), 0, 9, "pk", 0, 0, Foreign, false},
			{stay, 0, 10, "k", 0, 0, Switch, false},
			{stay, 0, 11, "p", 0, 0, Drop, false},
		}},
		{"temporal layers: down at any frame, up where it may be joined", []trace{
			{at(0, 0, all), 0, 10, "k", 0, 0, Switch, false},
			{stay, 0, 11, "", 0, 2, Forward, false},
			{at(0, 0, 0), 0, 12, "c", 0, 2, Forward, false}, // the frame has begun
			{stay, 0, 13, "", 0, 1, Drop, false},
			{stay, 0, 14, "", 0, 0, Forward, false},
			{at(0, 0, 2), 0, 15, "", 0, 2, Drop, false},
			{stay, 0, 16, "", 0, 1, Drop, false},
			{stay, 0, 17, "y", 0, 2, Drop, false}, // layer 1 first
			{stay, 0, 18, "y", 0, 1, Forward, false},
			{stay, 0, 19, "", 0, 2, Drop, false},
			{stay, 0, 20, "y", 0, 2, Forward, false},
			{stay, 0, 21, "", 0, 2, Forward, false},
		}},
		{"temporal layers: up at a keyframe", []trace{
			{at(0, 0, 0), 0, 10, "k", 0, 0, Switch, false},
			{at(0, 0, 2), 0, 11, "", 0, 2, Drop, false},
			{stay, 0, 12, "k", 0, 0, Forward, false},
			{stay, 0, 13, "", 0, 2, Forward, false},
		}},
		{"temporal layers: up after a frame that allows it", []trace{
			{at(0, 0, 0), 0, 10, "k", 0, 0, Switch, false},
			{at(0, 0, 1), 0, 11, "", 0, 1, Drop, false},
			{stay, 0, 12, "u", 0, 1, Drop, false}, // itself not sent
			{stay, 0, 13, "u", 0, 0, Forward, false},
			{stay, 0, 14, "", 0, 1, Forward, false},
			{stay, 0, 15, "", 0, 2, Drop, false},
		}},
		{"a late packet is decided as its frame was", []trace{
			{at(0, 0, 0), 0, 10, "k", 0, 0, Switch, false},
			{at(0, 0, 1), 0, 12, "c", 0, 1, Drop, false},
			{stay, 0, 13, "y", 0, 1, Forward, false},
			{stay, 0, 11, "y", 0, 1, Drop, false},
			{stay, 0, 14, "c", 0, 1, Forward, false},
		}},
		{"spatial layers: the marker moves down", []trace{
			{at(0, 0, all), 0, 10, "ke", 0, 0, Switch, true},
			{stay, 0, 11, "em", 1, 0, Drop, false},
			{stay, 0, 12, "e", 0, 0, Forward, true},
		}},
		{"spatial layers: down between pictures, up at a keyframe", []trace{
			{at(0, 2, all), 0, 10, "ke", 0, 0, Switch, false},
			{stay, 0, 11, "e", 1, 0, Forward, false},
			{at(0, 1, all), 0, 12, "em", 2, 0, Forward, true},
			{stay, 0, 13, "e", 0, 0, Forward, false},
			{stay, 0, 14, "e", 1, 0, Forward, true},
			{stay, 0, 15, "em", 2, 0, Drop, false},
			{at(0, 2, all), 0, 16, "e", 0, 0, Forward, false},
			{stay, 0, 17, "em", 2, 0, Drop, false},
			{stay, 0, 18, "ke", 0, 0, Forward, false},
			{stay, 0, 19, "em", 2, 0, Forward, true},
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := NewSelector()
			for i, st := range tc.steps {
				if st.target != stay {
					s.SetTarget(st.target)
				}
				p := Packet{Encoding: st.enc, Seq: st.seq, Start: true, Spatial: st.s, Temporal: st.t}
				for _, c := range st.what {
					switch c {
					case 'k':
						p.Keyframe = true
					case 'y':
						p.Switch = true
					case 'u':
						p.Up = 2
					case 'm':
						p.Marker = true
					case 'c':
						p.Start = false
					case 'e':
						p.End = true
					case 'p':
						p.Padding = true
					}
				}
				if v, m := s.Select(&p); v != st.want || m != st.mark {
					t.Fatalf("step %d: verdict %d marker %v, want %d %v", i, v, m, st.want, st.mark)
				}
			}
		})
	}
}

func TestWaiting(t *testing.T) {
	s := NewSelector()
	want := func(when string, enc int) {
		t.Helper()
		if got := s.Waiting(); got != enc {
			t.Fatalf("%s: waits for %d, want %d", when, got, enc)
		}
	}
	want("at first", None)
	s.SetTarget(at(1, 0, AllLayers))
	want("with a target", 1)
	s.Select(&Packet{Encoding: 1, Seq: 1, Start: true, Keyframe: true})
	want("there", None)
	s.SetTarget(at(1, 1, AllLayers))
	want("for a spatial layer", 1)
	s.SetTarget(at(0, AllLayers, AllLayers))
	want("on the way down", 0)
	s.SetTarget(at(None, 0, 0))
	want("paused", None)
	s.Reset()
	want("reset", None)
	if s.Current() != None || s.Target().Encoding != None {
		t.Fatalf("after Reset: %d, %+v", s.Current(), s.Target())
	}
}

func TestSelectDoesNotAllocate(t *testing.T) {
	s := NewSelector()
	s.SetTarget(at(0, AllLayers, AllLayers))
	p := &Packet{Start: true, Keyframe: true}
	if n := testing.AllocsPerRun(1000, func() {
		p.Seq++
		s.Select(p)
	}); n != 0 {
		t.Fatalf("%v allocations per packet, want 0", n)
	}
}
