package slots

// Assign gives the next view of a viewer: same numbers of slots as in now, whose assignments are kept where they can be.
// members are in the order they joined; the viewer may be among them. It does not change its arguments.
func Assign(viewer string, members []Member, wants []Want, now View) View {
	a := assigner{
		viewer:  viewer,
		members: members,
		wants:   make(map[Ref]Want, len(wants)),
		next:    View{Pairs: make([]Pair, len(now.Pairs)), Audio: make([]Slot, len(now.Audio))},
	}
	for _, w := range wants {
		if _, twice := a.wants[w.Ref]; !twice {
			a.wants[w.Ref] = w
		}
	}
	a.video(now)
	a.audio(now)
	return a.next
}

// assigner is one run of Assign.
type assigner struct {
	viewer  string
	members []Member
	wants   map[Ref]Want
	next    View
}

// slot is the slot that shows the candidate's track.
func (a *assigner) slot(c candidate) Slot {
	s := Slot{Ref: c.ref}
	switch {
	case c.muted:
		s.Pause = PausedMuted
	case a.wants[c.ref].Hidden:
		s.Pause = PausedHidden
	}
	return s
}

// video fills the pairs' videos.
func (a *assigner) video(now View) {
	places := make([]place, len(now.Pairs))
	for i := range now.Pairs {
		places[i] = place{slot: &a.next.Pairs[i].Video, was: now.Pairs[i].Video.Ref}
	}
	chosen := a.choose(places, []Source{Screen, Camera}, a.videoClass, nil)
	a.keep(places, chosen)
	for i := range chosen { // who is heard in a pair already need not move to be seen there
		c := &chosen[i]
		for j := range places {
			if !c.placed && places[j].free() && now.Pairs[j].Audio.Ref == partner(c.ref) {
				a.put(&places[j], c)
			}
		}
	}
	a.fill(places, chosen)
}

// audio fills the pairs' audio with what belongs to their videos, and everything left over with who is left over.
func (a *assigner) audio(now View) {
	taken := make(map[Ref]bool)
	var unseen, other []place // pairs without video, and pairs whose video has no sound
	for i := range a.next.Pairs {
		pair, was := &a.next.Pairs[i], now.Pairs[i].Audio.Ref
		if pair.Video.None() {
			unseen = append(unseen, place{slot: &pair.Audio, was: was})
			continue
		}
		ref := partner(pair.Video.Ref)
		if c, ok := a.candidate(ref); ok {
			pair.Audio = a.slot(c)
			taken[ref] = true
		} else {
			other = append(other, place{slot: &pair.Audio, was: was})
		}
	}
	places := make([]place, 0, len(now.Audio)+len(now.Pairs))
	for i := range now.Audio {
		places = append(places, place{slot: &a.next.Audio[i], was: now.Audio[i].Ref})
	}
	places = append(append(places, unseen...), other...)

	heard := make(map[Ref]bool) // now, in whatever slot
	for _, p := range now.Pairs {
		heard[p.Audio.Ref] = true
	}
	for _, s := range now.Audio {
		heard[s.Ref] = true
	}
	chosen := a.choose(places, []Source{ScreenAudio, Microphone}, a.audioClass, func(c *candidate) bool {
		c.here = c.here || heard[c.ref]
		return !taken[c.ref]
	})
	a.keep(places, chosen)
	a.fill(places, chosen)
}

// partner is the sound that belongs to a video.
func partner(video Ref) Ref {
	if video.Source == Screen {
		return Ref{Participant: video.Participant, Source: ScreenAudio}
	}
	return Ref{Participant: video.Participant, Source: Microphone}
}
