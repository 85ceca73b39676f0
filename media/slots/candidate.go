package slots

import (
	"cmp"
	"slices"
)

// candidate is a track that may be given a place.
type candidate struct {
	ref    Ref
	muted  bool
	member *Member
	joined int  // place in join order
	here   bool // has a place now
	placed bool // has one in the next view
	class  class
	want   int // priority, if wanted
}

// class is the coarse order of candidates: lower is first.
type class int

// candidate finds a track of another member.
func (a *assigner) candidate(ref Ref) (candidate, bool) {
	for i := range a.members {
		if m := &a.members[i]; m.ID == ref.Participant && m.ID != a.viewer {
			return candidate{ref: ref, muted: m.Tracks[ref.Source] == Muted, member: m, joined: i}, m.Tracks[ref.Source] != Absent
		}
	}
	return candidate{}, false
}

// choose gives the candidates of the sources that get one of the places, in order. admit, if not nil, may refuse one.
func (a *assigner) choose(places []place, from []Source, classOf func(*candidate) class, admit func(*candidate) bool) []candidate {
	var all []candidate
	for i := range a.members {
		for _, source := range from {
			m := &a.members[i]
			c := candidate{ref: Ref{Participant: m.ID, Source: source}, muted: m.Tracks[source] == Muted, member: m, joined: i}
			if m.ID == a.viewer || m.Tracks[source] == Absent {
				continue
			}
			c.here = slices.ContainsFunc(places, func(p place) bool { return p.was == c.ref })
			if admit != nil && !admit(&c) {
				continue
			}
			c.want = a.wants[c.ref].Priority
			c.class = classOf(&c)
			all = append(all, c)
		}
	}
	slices.SortStableFunc(all, before)
	return all[:min(len(all), len(places))]
}

// before compares two candidates; what is not decided here is by join order, as members are.
func before(a, b candidate) int {
	return cmp.Or(
		cmp.Compare(a.class, b.class),
		cmp.Compare(b.want, a.want),
		cmp.Compare(rank(a.member), rank(b.member)),
		first(a.here, b.here),
		cmp.Compare(b.member.Spoke, a.member.Spoke),
		cmp.Compare(a.joined, b.joined),
	)
}

// rank sorts those who do not speak behind the speakers.
func rank(m *Member) int {
	if m.Rank == 0 {
		return int(^uint(0) >> 1)
	}
	return m.Rank
}

func first(a, b bool) int {
	switch {
	case a && !b:
		return -1
	case b && !a:
		return 1
	}
	return 0
}

// Classes of videos.
const (
	screens class = iota // being shared: what the meeting is about
	wanted
	hidden // wanted, but not now visible
	anyone
	off // muted: keeps its place as long as nobody needs it
)

func (a *assigner) videoClass(c *candidate) class {
	want, asked := a.wants[c.ref]
	switch {
	case c.muted:
		return off
	case asked && want.Hidden:
		return hidden
	case c.ref.Source == Screen:
		return screens
	case asked:
		return wanted
	}
	return anyone
}

func (a *assigner) audioClass(c *candidate) class {
	switch {
	case c.muted:
		return off
	case c.ref.Source == ScreenAudio:
		return screens
	}
	return anyone
}
