package netlab

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/confab/confab/signaling/protocol"
)

// go test ./internal/netlab -run Random -stories 200 looks further than the tests of a day do.
var (
	stories    = flag.Uint64("stories", 4, "how many random stories are told")
	firstStory = flag.Uint64("first-story", 0, "seed of the first")
)

// A minute of people who come and go, mute, share and write, on links that fail. Whatever happens, the clients hold the server to the
// protocol; and when the links have healed, everybody knows the same and receives everybody.
func TestRandomStories(t *testing.T) {
	for i := range *stories {
		seed := *firstStory + i
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			story(t, func(l *Lab) {
				w := &walk{l: l, dice: rand.New(rand.NewPCG(seed, 0))}
				for range 2 {
					w.join()
				}
				for end := time.Now().Add(time.Minute); time.Now().Before(end); {
					w.step()
					time.Sleep(time.Duration(w.dice.IntN(3000)) * time.Millisecond)
				}
				w.rest(t)
			}, Seed(seed))
		})
	}
}

// walk is a random story.
type walk struct {
	l      *Lab
	dice   *rand.Rand
	there  []*Client
	guests int
	lines  int
}

// most is how many people fit in everybody's slots, and in a mesh.
const most = 4

func (w *walk) join() {
	w.guests++
	c := w.l.Client(Guest{Name: fmt.Sprint("guest", w.guests)})
	c.Join("r")
	w.there = append(w.there, c)
}

// step does one thing, of one person.
func (w *walk) step() {
	i := w.dice.IntN(len(w.there))
	c := w.there[i]
	what := ""
	switch w.dice.IntN(10) {
	case 0, 1:
		if what = "joins"; len(w.there) < most {
			w.join()
		}
	case 2:
		if what = "leaves"; len(w.there) > 1 && c.Online() && c.Left() == "" {
			c.Leave()
			w.there = slices.Delete(w.there, i, i+1)
		}
	case 3:
		if what = "vanishes"; len(w.there) > 1 {
			c.Vanish()
			w.there = slices.Delete(w.there, i, i+1)
		}
	case 4:
		what = "loses the socket"
		c.Host.Reset()
	case 5:
		what = "loses the link"
		c.Host.Cut(true)
		time.Sleep(time.Duration(w.dice.IntN(6000)) * time.Millisecond)
		c.Host.Cut(false)
	case 6:
		what = "loses the media"
		c.Host.CutMedia(true)
		time.Sleep(time.Duration(w.dice.IntN(8000)) * time.Millisecond)
		c.Host.CutMedia(false)
	case 7:
		what = "shares"
		c.Set(func(s *protocol.State) { s.Screen = !s.Screen })
	case 8:
		what = "mutes"
		c.Set(func(s *protocol.State) { s.Camera = !s.Camera })
	case 9:
		what = "writes"
		w.lines++
		c.Say(fmt.Sprint(w.lines), fmt.Sprint("line ", w.lines), nil)
	}
	w.l.t.Logf("%s: %s %s", time.Now().Format("05.000"), c.Name, what)
}

// rest lets the room come to rest, and checks that it is whole.
func (w *walk) rest(t *testing.T) {
	for _, c := range w.there {
		c.Set(func(s *protocol.State) { s.Camera, s.Screen = true, false }) // as many videos as there are slots
	}
	time.Sleep(45 * time.Second) // the seats of those who vanished are given up
	w.l.receiving(15*time.Second, w.there...)
	first := w.there[0]
	for _, c := range w.there {
		if why := c.Left(); why != "" {
			t.Errorf("%s has lost the seat: %s", c.Name, why)
		}
		if got, want := c.People(), first.People(); !reflect.DeepEqual(got, want) || len(got) != len(w.there) {
			t.Errorf("%s knows of %+v, %s of %+v", c.Name, got, first.Name, want)
		}
		if r := c.Route(); r != first.Route() || !r.Done {
			t.Errorf("%s's route is %+v", c.Name, r)
		}
		if n := c.Paths(); n != 1 {
			t.Errorf("%s has %d paths", c.Name, n)
		}
	}
	// There is one log, of which everybody has read the same.
	log := map[uint64]string{}
	for _, c := range w.there {
		for _, h := range c.History() {
			if _, own := h.Event.(*protocol.Granted); own { // the others read of it as participant-updated
				continue
			}
			frame, err := protocol.EncodeMessage(h.Event)
			if err != nil {
				t.Fatal(err)
			}
			if before, known := log[h.Event.Sequence()]; known && before != string(frame) {
				t.Errorf("event %d is %s to one and %s to another", h.Event.Sequence(), before, frame)
			}
			log[h.Event.Sequence()] = string(frame)
		}
	}
	if last := slices.Max(slices.Collect(maps.Keys(log))); last > first.sequence() {
		t.Errorf("%s has read up to %d of %d", first.Name, first.sequence(), last)
	}
}
