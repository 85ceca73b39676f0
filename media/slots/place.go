package slots

// place is a slot to be filled, and who was there.
type place struct {
	slot *Slot
	was  Ref
}

func (p *place) free() bool { return p.slot.None() }

func (a *assigner) put(p *place, c *candidate) {
	*p.slot = a.slot(*c)
	c.placed = true
}

// keep leaves the chosen ones that have a place where they are.
func (a *assigner) keep(places []place, chosen []candidate) {
	for i := range places {
		for j := range chosen {
			if c := &chosen[j]; !c.placed && c.ref == places[i].was {
				a.put(&places[i], c)
			}
		}
	}
}

// fill gives the free places to the chosen ones that have none.
func (a *assigner) fill(places []place, chosen []candidate) {
	i := 0
	for j := range chosen {
		if chosen[j].placed {
			continue
		}
		for !places[i].free() {
			i++
		}
		a.put(&places[i], &chosen[j])
	}
}
