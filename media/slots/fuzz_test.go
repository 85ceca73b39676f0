package slots

import (
	"testing"
	"time"
)

// FuzzAssign walks a room through states made from the octets and checks what must always hold.
func FuzzAssign(f *testing.F) {
	f.Add(uint8(2), uint8(1), []byte("a room where things happen, one after another"))
	f.Add(uint8(1), uint8(0), []byte{0xFF, 0, 0xAA, 0x55, 1, 2, 3, 4, 5, 6, 7, 8})
	f.Add(uint8(9), uint8(3), []byte{0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0xAA, 0xAA, 0xAA, 0xAA})
	f.Fuzz(func(t *testing.T, pairs, audio uint8, b []byte) {
		if len(b) > 256 {
			return
		}
		now := View{Pairs: make([]Pair, pairs%12), Audio: make([]Slot, audio%6)}
		members := make([]Member, 6)
		for i := range members {
			members[i].ID = string(rune('a' + i))
		}
		viewer := members[2].ID
		var wants []Want
		for i := 0; i+1 < len(b); i += 2 {
			m := &members[int(b[i])%len(members)]
			switch b[i] >> 5 {
			case 0, 1, 2:
				for s := range m.Tracks {
					m.Tracks[s] = Track(b[i+1] >> (2 * s) & 3 % 3)
				}
			case 3, 4:
				m.Rank, m.Spoke = int(b[i+1]%4), time.Duration(i)
			case 5, 6:
				wants = append(wants, Want{Ref: Ref{m.ID, Source(b[i+1] % 4)}, Priority: int(b[i+1] % 101), Hidden: b[i+1]&0x80 != 0})
			case 7:
				wants = nil
			}
			next := Assign(viewer, members, wants, now)
			check(t, viewer, members, now, next)
			if again := Assign(viewer, members, wants, next); again.String() != next.String() {
				t.Fatalf("not stable: %v became %v", next, again)
			}
			now = next
		}
	})
}

func check(t *testing.T, viewer string, members []Member, now, next View) {
	t.Helper()
	if len(next.Pairs) != len(now.Pairs) || len(next.Audio) != len(now.Audio) {
		t.Fatal("the numbers of slots changed")
	}
	track := func(r Ref) Track {
		for _, m := range members {
			if m.ID == r.Participant {
				return m.Tracks[r.Source]
			}
		}
		return Absent
	}
	shown := map[Ref]bool{}
	see := func(s Slot, sources ...Source) {
		if s.None() {
			return
		}
		fits := false
		for _, source := range sources {
			fits = fits || s.Source == source
		}
		if !fits || s.Participant == viewer || shown[s.Ref] || track(s.Ref) == Absent || (s.Pause == PausedMuted) != (track(s.Ref) == Muted) {
			t.Fatalf("%v must not be in %v", s, next)
		}
		shown[s.Ref] = true
	}
	freeAudio, freeVideo := false, false
	for i, p := range next.Pairs {
		see(p.Audio, Microphone, ScreenAudio)
		see(p.Video, Camera, Screen)
		freeAudio = freeAudio || p.Audio.None()
		freeVideo = freeVideo || p.Video.None()
		if own := partner(p.Video.Ref); !p.Video.None() && track(own) != Absent && p.Audio.Ref != own {
			t.Fatalf("pair %d of %v is torn", i, next)
		}
	}
	for _, s := range next.Audio {
		see(s, Microphone, ScreenAudio)
		freeAudio = freeAudio || s.None()
	}
	for _, m := range members {
		for source := range Source(4) {
			free := freeAudio
			if source == Camera || source == Screen {
				free = freeVideo
			}
			r := Ref{m.ID, source}
			if m.ID != viewer && track(r) != Absent && !shown[r] && free {
				t.Fatalf("%v has no slot, and there is one in %v", Slot{Ref: r}, next)
			}
		}
	}
	// Nobody moves from one video slot to another.
	for i, p := range now.Pairs {
		for j, q := range next.Pairs {
			if i != j && !p.Video.None() && p.Video.Ref == q.Video.Ref {
				t.Fatalf("%v moved from pair %d to %d", p.Video, i, j)
			}
		}
	}
}
