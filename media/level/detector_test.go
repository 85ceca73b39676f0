package level

import (
	"fmt"
	"testing"
	"time"
)

// packet is the interval of Opus packets.
const packet = 20 * time.Millisecond

// say feeds n packets of a level and returns the time after them and the first packet (counted from 1) that made a speaker.
func say(d *Detector, id uint32, value uint8, n int, now time.Duration) (time.Duration, int) {
	made := 0
	for i := range n {
		if d.Observe(id, value, now) && made == 0 {
			made = i + 1
		}
		now += packet
	}
	return now, made
}

func TestTheFirstSyllableIsNotCut(t *testing.T) {
	for _, tc := range []struct {
		name   string
		values []uint8
		made   int // which packet makes a speaker; 0: none
	}{
		{"speech after silence", []uint8{127, 127, 90, 40, 35, 30}, 5},
		{"quiet speech", []uint8{80, 49, 49}, 3},
		{"a click", []uint8{80, 20, 80, 80, 20, 80, 80}, 0},
		{"noise", []uint8{60, 55, 50, 50, 52, 58}, 0},
		{"speech with a plosive's gap", []uint8{80, 40, 60, 40, 35}, 5},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d, made := NewDetector(), 0
			for i, v := range tc.values {
				if d.Observe(1, v, time.Duration(i)*packet) {
					made = i + 1
				}
			}
			if made != tc.made {
				t.Fatalf("a speaker at packet %d, want %d", made, tc.made)
			}
		})
	}
}

func names(d *Detector, now time.Duration) (string, bool) {
	list, changed := d.Speakers(nil, now)
	s := ""
	for _, sp := range list {
		s += fmt.Sprint(sp.Source, " ")
	}
	return s, changed
}

func TestSpeakers(t *testing.T) {
	d := NewDetector()
	now := time.Second
	check := func(when, want string, wantChanged bool) {
		t.Helper()
		if got, changed := names(d, now); got != want || changed != wantChanged {
			t.Fatalf("%s: speakers %q changed %v, want %q %v", when, got, changed, want, wantChanged)
		}
	}
	check("silence", "", false)
	now, _ = say(d, 1, 30, 20, now)
	check("one speaks", "1 ", true)
	check("still", "1 ", false)
	now, _ = say(d, 2, 27, 40, now-20*packet)
	say(d, 1, 30, 1, now)
	check("another, hardly louder", "1 2 ", true)
	for range 50 {
		say(d, 1, 30, 1, now)
		now, _ = say(d, 2, 10, 1, now)
	}
	check("another, much louder", "2 1 ", true)
	now, _ = say(d, 2, 127, 50, now) // a second
	now, _ = say(d, 1, 30, 2, now)
	check("a pause between words", "1 2 ", true)
	if got := d.Spoke(2); now-got < time.Second {
		t.Fatalf("spoke at %v", got)
	}
	now += 1900 * time.Millisecond
	check("the end of a turn", "1 ", true)
	now += 200 * time.Millisecond
	check("silence again, without packets", "", true)
	if d.Remove(1) {
		t.Fatal("a silent one was a speaker")
	}
	say(d, 2, 20, 3, now)
	if !d.Remove(2) || d.Remove(2) || d.Spoke(2) != 0 {
		t.Fatal("remove")
	}
	check("the speaker left", "", false)
}

func TestLevelIsSmoothed(t *testing.T) {
	d := NewDetector()
	now, _ := say(d, 1, 30, 20, 0)
	now, _ = say(d, 1, 127, 3, now) // a gap within a word
	list, _ := d.Speakers(nil, now)
	if len(list) != 1 || list[0].Level < 30 || list[0].Level > 45 {
		t.Fatalf("speakers %+v, want a level a little above 30", list)
	}
}

func TestObserveDoesNotAllocate(t *testing.T) {
	d, now := NewDetector(), time.Second
	buf := make([]Speaker, 0, 8)
	d.Observe(1, 30, now)
	d.Observe(2, 30, now)
	d.Observe(2, 30, now)
	d.Speakers(buf, now)
	if n := testing.AllocsPerRun(1000, func() {
		now += packet
		d.Observe(1, 127, now)
		d.Observe(2, 20, now)
		d.Speakers(buf, now)
	}); n != 0 {
		t.Fatalf("%v allocations, want 0", n)
	}
}
