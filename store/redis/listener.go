package redis

import (
	"context"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/confab/confab/store/internal/hub"
)

const (
	// firstRetry and lastRetry bound the pause before the listening connection is made again; it doubles, and half of it is chance.
	firstRetry, lastRetry = 100 * time.Millisecond, 10 * time.Second
	// probe is how often a silent listening connection is asked whether it lives.
	probe = 15 * time.Second
)

// listener owns the connection that hears of rooms and topics.
type listener struct {
	store *Store

	mu     sync.Mutex      // guards wanted
	wanted map[string]bool // topics, as subscribers come (true) and go (false), not yet told to the server
	wake   chan struct{}   // holds one: something is wanted
}

// want is called by the hub, under its lock: it only remembers.
func (l *listener) want(topic string, wanted bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wanted[topic] = wanted
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// run listens until ctx ends.
func (l *listener) run(ctx context.Context) {
	pause := firstRetry
	for ctx.Err() == nil {
		began := time.Now()
		l.listen(ctx)
		l.store.hub.Disconnected()
		if time.Since(began) > lastRetry {
			pause = firstRetry
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause/2 + rand.N(pause/2)):
		}
		pause = min(2*pause, lastRetry)
	}
}

// listen serves one connection until it is lost. Why does not matter: it is made again.
func (l *listener) listen(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	sub := l.store.client.Subscribe(ctx, l.store.grown())
	var asking sync.WaitGroup
	defer asking.Wait()
	defer func() { _ = sub.Close() }() // ends the wait for a message, and it may be lost already
	defer cancel()
	asking.Go(func() {
		<-ctx.Done()
		_ = sub.Close()
	})
	for first := true; ; first = false {
		// A pong must come after every silence.
		m, err := sub.ReceiveTimeout(ctx, 2*probe)
		if err != nil {
			return
		}
		switch m := m.(type) {
		case *redis.Subscription:
			// The first is that of the rooms' channel.
			if first {
				for _, topic := range l.store.hub.Topics() {
					l.want(topic, true)
				}
				l.store.hub.Connected()
				asking.Go(func() {
					defer cancel() // without it, nothing new can be heard
					l.ask(ctx, sub)
				})
			} else if topic, is := strings.CutPrefix(m.Channel, l.store.prefix+"topic:"); is && m.Kind == "subscribe" {
				l.store.hub.TopicReady(topic)
			}
		case *redis.Message:
			l.take(m)
		}
	}
}

// ask tells the server what is wanted, and asks whether it lives.
func (l *listener) ask(ctx context.Context, sub *redis.PubSub) {
	alive := time.NewTicker(probe)
	defer alive.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-alive.C:
			if sub.Ping(ctx) != nil {
				return
			}
		case <-l.wake:
			l.mu.Lock()
			wanted := l.wanted
			l.wanted = map[string]bool{}
			l.mu.Unlock()
			for topic, on := range wanted {
				act := sub.Unsubscribe
				if on {
					act = sub.Subscribe
				}
				if act(ctx, l.store.prefix+"topic:"+topic) != nil {
					return
				}
			}
		}
	}
}

// take hands a message on. One that cannot be read is nobody's of ours.
func (l *listener) take(m *redis.Message) {
	if topic, is := strings.CutPrefix(m.Channel, l.store.prefix+"topic:"); is {
		l.store.hub.Deliver(topic, hub.Message{Data: []byte(m.Payload)})
		return
	}
	last, id, _ := strings.Cut(m.Payload, " ")
	if seq, err := strconv.ParseUint(last, 10, 64); err == nil && id != "" {
		l.store.hub.Grown(id, seq)
	}
}
