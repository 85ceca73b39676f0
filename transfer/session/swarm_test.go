package session

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"
)

// crowd is a sender and receivers that all have roads to each other.
type crowd struct {
	sender    *Sender
	source    *memSource
	at        *place // of the sender
	mu        sync.Mutex
	roads     map[[2]string]*road
	places    map[string]*place
	sinks     []*memSink
	receivers []*Receiver
	results   chan error
	tasks     sync.WaitGroup
}

func newCrowd(files [][]byte, up float64) *crowd {
	c := &crowd{source: &memSource{files: files}, at: &place{rate: up}, roads: map[[2]string]*road{}, places: map[string]*place{}, results: make(chan error, 100)}
	c.sender = NewSender(SendOptions{Entries: c.source.entries(), Source: c.source})
	return c
}

// between is the road of two receivers; the lesser name opens.
func (c *crowd) between(a, b string) *road {
	c.mu.Lock()
	defer c.mu.Unlock()
	if a > b {
		a, b = b, a
	}
	r := c.roads[[2]string{a, b}]
	if r == nil {
		r = newRoad(c.places[a], c.places[b], 15*time.Millisecond)
		c.roads[[2]string{a, b}] = r
	}
	return r
}

func (c *crowd) add(t *testing.T, up float64, ctx context.Context) {
	name := fmt.Sprintf("r%d", len(c.receivers))
	c.mu.Lock()
	c.places[name] = &place{rate: up}
	c.mu.Unlock()
	sink := newSink(t)
	main := newRoad(c.at, c.places[name], 15*time.Millisecond)
	r := NewReceiver(ReceiveOptions{Dialer: taker{main}, Peer: "a", Sink: sink, Swarm: func(secret [16]byte, peer string) (Dialer, bool) {
		if secret == [16]byte{} {
			t.Error("no secret")
		}
		if road := c.between(name, peer); name < peer {
			return opener{road}, true
		} else {
			return taker{road}, false
		}
	}})
	c.sinks, c.receivers = append(c.sinks, sink), append(c.receivers, r)
	c.tasks.Go(func() {
		defer func() { // who ends leaves the room
			main.mu.Lock()
			main.shut = true
			main.mu.Unlock()
			c.mu.Lock()
			for k, road := range c.roads {
				if k[0] == name || k[1] == name {
					road.mu.Lock()
					road.shut = true
					road.mu.Unlock()
				}
			}
			c.mu.Unlock()
		}()
		c.results <- r.Run(ctx)
	})
	c.tasks.Go(func() { c.results <- c.sender.Serve(t.Context(), name, opener{main}) })
}

func TestOneToFourCostsTheSenderLittleMoreThanOneUpload(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		const size = 48 * mib
		c := newCrowd([][]byte{data(size-5*mib-7, 1), data(5*mib, 2), data(7, 3)}, 2e6)
		for range 4 {
			c.add(t, 2e6, t.Context())
			time.Sleep(500 * time.Millisecond)
		}
		began := time.Now()
		for range 8 {
			if err := <-c.results; err != nil {
				t.Error(err)
			}
		}
		took := time.Since(began)
		c.tasks.Wait()
		for _, s := range c.sinks {
			s.same(c.source.files)
			s.once()
		}
		uploads := float64(c.at.sent) / size
		t.Logf("%.2f uploads in %v; one alone takes %v", uploads, took, time.Duration(size/2e6*float64(time.Second)))
		if uploads > 1.6 {
			t.Errorf("the sender has sent %.2f times what it has", uploads)
		}
		if took > 60*time.Second { // four uploads one after the other take 100 s
			t.Errorf("it took %v", took)
		}
		if c.source.reads > 48*2 {
			t.Errorf("%d blocks were read of the disk, which has 48", c.source.reads)
		}
	})
}

func TestReceiversWhoComeLateAndGoEarly(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newCrowd([][]byte{data(30*mib+3, 1)}, 2e6)
		first, leave := context.WithCancel(t.Context())
		c.add(t, 2e6, first)
		time.Sleep(5 * time.Second)
		c.add(t, 2e6, t.Context())
		time.Sleep(3 * time.Second)
		c.add(t, 0.2e6, t.Context()) // hardly passes anything on
		time.Sleep(2 * time.Second)
		leave()
		failed := 0
		for range 6 {
			if err := <-c.results; errors.Is(err, ErrGaveUp) || errors.Is(err, context.Canceled) {
				failed++
			} else if err != nil {
				t.Error(err)
			}
		}
		c.tasks.Wait()
		if failed != 2 {
			t.Errorf("%d ends of the one who left", failed)
		}
		for _, s := range c.sinks[1:] {
			s.same(c.source.files)
			s.once()
		}
	})
}

// TestAReceiverThatLiesCostsTheOthersNothing has a receiver that passes on other bytes than it has.
func TestAReceiverThatLiesCostsTheOthersNothing(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newCrowd([][]byte{data(20*mib, 1)}, 4e6)
		c.add(t, 4e6, t.Context())
		c.add(t, 4e6, t.Context())
		c.sinks[1].mu.Lock()
		c.sinks[1].lies = true
		c.sinks[1].mu.Unlock()
		for range 4 {
			if err := <-c.results; err != nil {
				t.Error(err)
			}
		}
		c.tasks.Wait()
		for _, s := range c.sinks {
			s.same(c.source.files)
		}
	})
}
