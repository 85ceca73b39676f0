package slots

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// The tables write a room as members "name:flags", flags of m M (microphone live, muted), c C (camera), s S (screen),
// x X (screen audio), and a number: the rank as a speaker. A view is its pairs "audio+video" and then its spare audio slots:
// "a.m+a.c -+- | b.m". The sources are m c s x; "!" is muted, "?" hidden, "-" is none.

func room(s string) []Member {
	var members []Member
	for _, f := range strings.Fields(s) {
		id, flags, _ := strings.Cut(f, ":")
		m := Member{ID: id}
		for _, c := range flags {
			switch {
			case c >= '0' && c <= '9':
				m.Rank = int(c - '0')
			case strings.ContainsRune("mcsx", c):
				m.Tracks[strings.IndexRune("mcsx", c)] = Live
			default:
				m.Tracks[strings.IndexRune("MCSX", c)] = Muted
			}
		}
		members = append(members, m)
	}
	return members
}

func slot(s string) Slot {
	if s == "-" {
		return Slot{}
	}
	var out Slot
	switch s[len(s)-1] {
	case '!':
		out.Pause, s = PausedMuted, s[:len(s)-1]
	case '?':
		out.Pause, s = PausedHidden, s[:len(s)-1]
	}
	id, source, _ := strings.Cut(s, ".")
	out.Ref = Ref{Participant: id, Source: Source(strings.Index("mcsx", source))}
	return out
}

func view(s string) View {
	var v View
	pairs, audio, _ := strings.Cut(s, "|")
	for _, f := range strings.Fields(pairs) {
		a, b, _ := strings.Cut(f, "+")
		v.Pairs = append(v.Pairs, Pair{Audio: slot(a), Video: slot(b)})
	}
	for _, f := range strings.Fields(audio) {
		v.Audio = append(v.Audio, slot(f))
	}
	return v
}

func (s Slot) String() string {
	if s.None() {
		return "-"
	}
	return s.Participant + "." + string("mcsx"[s.Source]) + []string{"", "!", "?"}[s.Pause]
}

func (v View) String() string {
	var b strings.Builder
	for _, p := range v.Pairs {
		fmt.Fprintf(&b, "%v+%v ", p.Audio, p.Video)
	}
	b.WriteString("|")
	for _, s := range v.Audio {
		fmt.Fprintf(&b, " %v", s)
	}
	return b.String()
}

// wishes are "a.c=50", "a.c?=50" hidden.
func wishes(s string) []Want {
	var wants []Want
	for _, f := range strings.Fields(s) {
		what, priority, _ := strings.Cut(f, "=")
		sl := slot(what)
		w := Want{Ref: sl.Ref, Hidden: sl.Pause == PausedHidden}
		fmt.Sscan(priority, &w.Priority)
		wants = append(wants, w)
	}
	return wants
}

func TestAssign(t *testing.T) {
	for _, tc := range []struct{ name, members, wants, now, next string }{
		{"an empty room", "me:mc", "", "-+- | -", "-+- | -"},
		{"everybody, never me", "a:mc me:mc b:mc", "", "-+- -+- -+- | -", "a.m+a.c b.m+b.c -+- | -"},
		{"nobody moves when one joins", "a:mc b:mc c:mc", "", "b.m+b.c -+- -+- |", "b.m+b.c a.m+a.c c.m+c.c |"},
		{"nobody moves when one leaves", "b:mc c:mc", "", "a.m+a.c b.m+b.c c.m+c.c |", "-+- b.m+b.c c.m+c.c |"},
		{"who has a place stays before who joined earlier", "a:mc b:mc", "", "b.m+b.c | -", "b.m+b.c | a.m"},
		{"a speaker takes the place of who does not speak", "a:mc b:mc c:mc1", "", "a.m+a.c b.m+b.c | -", "a.m+a.c c.m+c.c | b.m"},
		{"a speaker in view stays in view", "a:mc2 b:mc c:mc1", "", "a.m+a.c b.m+b.c | -", "a.m+a.c c.m+c.c | b.m"},
		{"one slot follows the speaker", "a:mc b:mc1", "", "a.m+a.c |", "b.m+b.c |"},
		{"and stays when it is quiet again", "a:mc b:mc", "", "b.m+b.c |", "b.m+b.c |"},
		{"wishes before speakers", "a:mc b:mc1 c:mc", "c.c=10", "-+- | - -", "c.m+c.c | b.m a.m"},
		{"wishes by priority", "a:mc b:mc c:mc", "a.c=1 b.c=3 c.c=2", "-+- -+- | -", "b.m+b.c c.m+c.c | a.m"},
		{"of equal wishes the speaker", "a:mc b:mc c:mc1", "a.c=5 b.c=5 c.c=5", "a.m+a.c b.m+b.c | -", "a.m+a.c c.m+c.c | b.m"},
		{"a screen first, with its sound", "a:mc b:mcsx c:mc1", "a.c=90 c.c=90", "a.m+a.c c.m+c.c | - -", "b.x+b.s c.m+c.c | a.m b.m"},
		{"a hidden one keeps the place behind the visible", "a:mc b:mc c:mc", "a.c?=90 b.c=1", "a.m+a.c -+- | -", "a.m+a.c? b.m+b.c | c.m"},
		{"a hidden one gives way to the visible", "a:mc b:mc c:mc", "a.c?=90 b.c=1 c.c=1", "a.m+a.c -+- | -", "b.m+b.c c.m+c.c | a.m"},
		{"a hidden screen is not first", "a:mc b:s", "b.s?=90 a.c=1", "-+- |", "a.m+a.c |"},
		{"muted keeps the place while nobody needs it", "a:MC b:mc", "", "a.m+a.c -+- |", "a.m!+a.c! b.m+b.c |"},
		{"muted gives way", "a:mC b:mc", "", "a.m+a.c | -", "b.m+b.c | a.m"},
		{"who turns the camera on is seen where they are heard", "a:mc b:mc", "", "b.m+b.c a.m+- |", "b.m+b.c a.m+a.c |"},
		{"voices without a camera", "a:m b:m c:mc", "", "-+- | - -", "c.m+c.c | a.m b.m"},
		{"voices in pairs that have none of their own", "a:m b:m c:s", "", "-+- | -", "b.m+c.s | a.m"},
		{"unseen pairs before a screen's", "a:m b:m c:m d:s", "", "-+- -+- | -", "c.m+d.s b.m+- | a.m"},
		{"audio stays when there is room", "a:m b:m", "", "| - b.m", "| a.m b.m"},
		{"too many voices: the loudest", "a:m b:m c:m2 d:m1", "", "| a.m b.m", "| d.m c.m"},
		{"too many voices: who speaks stays", "a:m b:m1 c:m", "", "| a.m b.m", "| a.m b.m"},
		{"too many voices: muted ones go", "a:M b:m", "", "| a.m", "| b.m"},
		{"a screen's sound before voices", "a:m1 b:x", "", "|  -", "| b.x"},
		{"a source that ended leaves", "a:m", "", "a.m+a.c | -", "a.m+- | -"},
		{"nonsense in the present view is cleared", "me:mc a:mc", "", "me.m+a.c a.m+a.c | a.m", "a.m+a.c -+- | -"},
		{"wishes for nobody", "a:mc", "ghost.c=100", "-+- |", "a.m+a.c |"},
		{"no slots", "a:mc", "a.c=1", "|", "|"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			now := view(tc.now)
			before := now.String()
			got := Assign("me", room(tc.members), wishes(tc.wants), now)
			if want := view(tc.next); got.String() != want.String() {
				t.Fatalf("\n got %v\nwant %v", got, want)
			}
			if now.String() != before {
				t.Fatalf("the present view was changed to %v", now)
			}
			again := Assign("me", room(tc.members), wishes(tc.wants), got)
			if again.String() != got.String() {
				t.Fatalf("not stable: %v became %v", got, again)
			}
		})
	}
}

func TestWhoSpokeLastGoesLast(t *testing.T) {
	members := room("a:mc b:mc c:mc d:mc1")
	members[0].Spoke, members[1].Spoke, members[2].Spoke = 3*time.Second, time.Second, 2*time.Second
	got := Assign("me", members, nil, view("a.m+a.c b.m+b.c c.m+c.c | -"))
	if want := "a.m+a.c d.m+d.c c.m+c.c | b.m"; got.String() != want {
		t.Fatalf("got %v, want %v", got, want)
	}
}
