package keyframe

import (
	"testing"
	"time"
)

func TestCollapser(t *testing.T) {
	const (
		ask = iota
		keyframe
		cancel
		poll
	)
	const never = -1
	type step struct {
		at   time.Duration // ms
		act  int
		pli  bool
		next time.Duration // ms; never: nothing to wait for
	}
	for _, tc := range []struct {
		name  string
		steps []step
	}{
		{"one PLI for many wishes", []step{
			// at act      pli    next
			{0, ask, true, 300},
			{10, ask, false, 300},
			{299, ask, false, 300},
			{320, keyframe, false, never},
			{700, poll, false, never},
		}},
		{"again while someone waits", []step{
			{0, ask, true, 300},
			{300, poll, true, 600},
			{599, poll, false, 600},
			{610, poll, true, 910},
		}},
		{"soon after a keyframe: not before the interval", []step{
			{0, ask, true, 300},
			{50, keyframe, false, never},
			{60, ask, false, 300},
			{300, poll, true, 600},
		}},
		{"long after a keyframe: at once", []step{
			{0, ask, true, 300},
			{50, keyframe, false, never},
			{900, ask, true, 1200},
		}},
		{"nobody waits any more", []step{
			{0, ask, true, 300},
			{100, cancel, false, never},
			{400, poll, false, never},
		}},
		{"nobody ever asked", []step{
			{0, poll, false, never},
			{1, keyframe, false, never},
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var c Collapser
			for i, s := range tc.steps {
				now := s.at * time.Millisecond
				var pli bool
				switch s.act {
				case ask:
					pli = c.Ask(now)
				case keyframe:
					c.Keyframe()
				case cancel:
					c.Cancel()
				case poll:
					pli = c.Poll(now)
				}
				if pli != s.pli {
					t.Fatalf("step %d: PLI %v, want %v", i, pli, s.pli)
				}
				next, ok := c.Next()
				if ok != (s.next != never) || ok && next != s.next*time.Millisecond {
					t.Fatalf("step %d: next %v %v, want %d ms", i, next, ok, s.next)
				}
			}
		})
	}
}
