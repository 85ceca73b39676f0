package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/confab/confab/store"
)

// Outage kills the server under two nodes that are at work, starts it again, then stops it for a while, and holds the nodes to have lost nothing
// that was acknowledged, to have coded every failure, and to hear of each other again.
func Outage(t *testing.T, server *Server, open func(t *testing.T) store.Store) {
	ctx, cancel := context.WithTimeout(t.Context(), 4*patience)
	defer cancel()
	l := &lab{T: t, ctx: ctx, open: func() store.Store { return open(t) }}
	a, b := l.node(), l.node()
	r := l.room(a, "room")

	looks, changes, messages := make(chan struct{}, 1000), make(chan change, 100_000), make(chan string, 100_000)
	l.background(func(ctx context.Context) error {
		return b.Watch(ctx, func(room string, last uint64) {
			if room == "" {
				looks <- struct{}{}
			} else {
				changes <- change{room, last}
			}
		})
	})
	l.background(func(ctx context.Context) error {
		return b.Subscribe(ctx, "topic", func(data []byte) { messages <- string(data) })
	})
	receive(l, "first look", looks)
	receive(l, "first call", messages)

	// A writer that goes on through it all, as the contract of Append says.
	var last uint64
	ending, end := context.WithCancel(ctx)
	var writer sync.WaitGroup
	writer.Go(func() {
		for ending.Err() == nil {
			last = l.insist(a, r, last)
			time.Sleep(time.Millisecond)
		}
	})
	for range 2 {
		server.Kill()
		server.Start()
		receive(l, "look after the server came back", looks)
		for m := "x"; m != ""; {
			m = receive(l, "gap of the topic", messages)
		}
	}
	end()
	writer.Wait()
	if have := l.log(b, r, 0); uint64(len(have)) != last {
		t.Fatalf("the log has %d records, acknowledged were %d", len(have), last)
	}
	for len(changes) > 0 {
		<-changes
	}
	l.must(b.Publish(ctx, "topic", []byte("heard")))
	for receive(l, "message after the server came back", messages) != "heard" {
	}
	l.must(a.Append(ctx, r.ID, r.Epoch, last, batch(last, 1)))
	for receive(l, "change after the server came back", changes) != (change{"room", last + 1}) {
	}

	// A server without time: whoever asks gets the end of his context, coded as not knowing.
	server.Pause()
	short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	err := a.Append(short, r.ID, r.Epoch, last+1, batch(last+1, 1))
	cancel()
	server.Resume()
	// The connection's deadline may come a moment before the context's.
	if !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, store.ErrUnavailable) || !store.Unknown(err) {
		t.Fatalf("append to a server that is stopped: %v", err)
	}
	if last = l.insist(b, r, last+1); last == 0 {
		t.Fatal("the room is lost")
	}
	if have := l.log(a, r, 0); uint64(len(have)) != last {
		t.Fatalf("the log has %d records, acknowledged were %d", len(have), last)
	}
}

// insist appends a record that is unique until it knows that it is there, and returns the number of the last record that it knows.
func (l *lab) insist(s store.Store, r store.Room, after uint64) uint64 {
	unique := fmt.Sprintf("%p after %d", s, after)
	for l.ctx.Err() == nil {
		records := batch(after, 1)
		records[0].Data = []byte(unique)
		ctx, cancel := context.WithTimeout(l.ctx, time.Second)
		err := s.Append(ctx, r.ID, r.Epoch, after, records)
		cancel()
		if err == nil {
			return after + 1
		}
		if !errors.Is(err, store.ErrConflict) && !store.Unknown(err) {
			l.Errorf("append: %v", err)
			return 0
		}
		ctx, cancel = context.WithTimeout(l.ctx, time.Second)
		missed, err := s.Read(ctx, r.ID, r.Epoch, after, 0)
		cancel()
		if err != nil {
			if !store.Unknown(err) {
				l.Errorf("read: %v", err)
				return 0
			}
			time.Sleep(5 * time.Millisecond)
			continue
		}
		there := false
		for _, rec := range missed {
			after = rec.Seq
			there = there || string(rec.Data) == unique
		}
		if there {
			return after
		}
	}
	return 0
}
