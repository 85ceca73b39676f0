package session

import (
	"context"
	"encoding/base64"
	"time"

	"github.com/confab/confab/transfer/plan"
	"github.com/confab/confab/transfer/wire"
)

// linger is how long a receiver that has everything stays for other receivers after the last request of one.
const linger = 3 * time.Second

// swarm is told of others that get the same content.
func (r *Receiver) swarm(s *wire.Swarm) {
	secret, _ := base64.RawURLEncoding.DecodeString(s.Secret) // wire has checked it
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.board == nil {
		return
	}
	r.board.Stripe(s.Stripe, s.Of)
	for _, name := range s.Peers {
		if r.o.Swarm == nil || r.byName[name] || len(r.byName) >= wire.MaxPeers || name == r.o.Peer {
			continue
		}
		d, opens := r.o.Swarm([16]byte(secret), name)
		if d == nil {
			continue
		}
		r.next++
		p := &from{r: r, id: r.next, name: name}
		lanes := plan.MaxLanes // as many as the other side makes
		if opens {
			lanes = 1
		}
		p.peer = newPeer(d, p, lanes, p.tell)
		r.byName[name], r.parties[p.id] = true, p
		r.board.Join(p.id, time.Now())
		r.start(p)
	}
	r.pumpLocked(time.Now())
}

// with keeps lanes to another receiver until one of the two has ended.
func (r *Receiver) with(ctx context.Context, p *from) {
	_ = p.peer.run(ctx) // a peer that fails costs nothing but its help
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.parties, p.id)
	delete(r.byName, p.name)
	r.board.Leave(p.id)
	r.pumpLocked(time.Now())
}

// stay serves other receivers for a while when everything is here.
func (r *Receiver) stay(ctx context.Context) {
	t := time.NewTicker(tick)
	defer t.Stop()
	for {
		r.mu.Lock()
		over := len(r.byName) == 0 || time.Since(r.toldAt) > linger && time.Since(r.asked) > linger
		r.mu.Unlock()
		if over {
			return
		}
		select {
		case <-t.C:
		case <-ctx.Done():
			return
		}
	}
}
