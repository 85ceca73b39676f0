package transport

import (
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// takeoverAfter is how long the owner of an address must have been silent before another peer can have it. We check a
	// living path every 2 s (pion's keep-alive), so whoever answers is never that silent. Without this, a peer could
	// name, or forge, another's address and take its media away.
	takeoverAfter = 5 * time.Second

	// maxAddresses bounds the addresses that one peer can own: more than any host has candidates.
	maxAddresses = 32

	// maxChecks bounds each of the two generations of unanswered checks.
	maxChecks = 8192
)

// table says who is behind a ufrag, an address or a STUN transaction.
type table struct {
	epoch              atomic.Uint64 // changes when an address changes hands: caches of owners are then void
	takeovers, refused atomic.Uint64

	mu     sync.RWMutex // guards the fields below
	agents map[string]*agent
	owned  map[netip.AddrPort]*ownership

	checkMu     sync.Mutex // guards the two generations
	checks, old map[transactionID]*iceConn
}

// ownership is an address that has passed an ICE check in the name of a Transport.
type ownership struct {
	t     *Transport
	heard time.Time
}

func (x *table) init() {
	x.agents, x.owned = map[string]*agent{}, map[netip.AddrPort]*ownership{}
	x.checks = map[transactionID]*iceConn{}
}

// addConn makes the connection of a candidate of t.
func (m *Mux) addConn(t *Transport, ufrag string, local netip.AddrPort) (*iceConn, error) {
	x := &m.table
	x.mu.Lock()
	defer x.mu.Unlock()
	a := x.agents[ufrag]
	switch {
	case a == nil:
		a = &agent{t: t, ufrag: ufrag}
		x.agents[ufrag] = a
		t.agent = a
	case a.t != t:
		return nil, fmt.Errorf("ICE username fragment %q is taken", ufrag)
	}
	c := &iceConn{mux: m, t: t, agent: a, local: local, source: local.Addr(), in: newQueue(iceQueue, &m.count.iceOverflow)}
	a.conns = append(a.conns, c)
	return c, nil
}

// removeAgent forgets credentials of t. The addresses that they have proved stay t's, so that media flows on during a restart.
func (m *Mux) removeAgent(t *Transport, ufrag string) {
	x := &m.table
	x.mu.Lock()
	a := x.agents[ufrag]
	if a == nil || a.t != t {
		x.mu.Unlock()
		return
	}
	delete(x.agents, ufrag)
	conns := a.conns
	a.conns = nil
	x.mu.Unlock()
	for _, c := range conns {
		c.in.close()
	}
}

func (m *Mux) removeConn(c *iceConn) {
	x := &m.table
	x.mu.Lock()
	defer x.mu.Unlock()
	c.agent.conns = slices.DeleteFunc(slices.Clone(c.agent.conns), func(o *iceConn) bool { return o == c })
	if len(c.agent.conns) == 0 && x.agents[c.agent.ufrag] == c.agent {
		delete(x.agents, c.agent.ufrag)
	}
}

// expect notes that c has sent a check, whose response is to come back to it wherever it comes from.
func (m *Mux) expect(id transactionID, c *iceConn) {
	x := &m.table
	x.checkMu.Lock()
	defer x.checkMu.Unlock()
	if len(x.checks) >= maxChecks {
		x.checks, x.old = map[transactionID]*iceConn{}, x.checks
	}
	x.checks[id] = c
}

// answered is the candidate that sent the check which this response is for. That a response comes at all
// shows that the owner of its address is alive: nobody else has seen the transaction id.
func (x *table) answered(id transactionID, from netip.AddrPort) *iceConn {
	x.checkMu.Lock()
	c := x.checks[id]
	if c == nil {
		c = x.old[id]
	}
	delete(x.checks, id)
	delete(x.old, id)
	x.checkMu.Unlock()
	if c == nil {
		return nil
	}
	x.mu.Lock()
	if o := x.owned[from]; o != nil && o.t == c.t {
		o.heard = time.Now()
	}
	x.mu.Unlock()
	return c
}

// claim makes to an address of t, because pion has authenticated a check from there.
func (m *Mux) claim(t *Transport, to netip.AddrPort) {
	x := &m.table
	now := time.Now()
	x.mu.Lock()
	defer x.mu.Unlock()
	o := x.owned[to]
	switch {
	case t.released:
		return
	case o == nil:
		if len(t.owned) >= maxAddresses {
			x.evictLocked(t)
		}
	case o.t == t:
		o.heard = now
		return
	case now.Sub(o.heard) < takeoverAfter:
		x.refused.Add(1)
		return
	default:
		o.t.owned = slices.DeleteFunc(o.t.owned, func(a netip.AddrPort) bool { return a == to })
		x.takeovers.Add(1)
		x.epoch.Add(1)
	}
	x.owned[to] = &ownership{t: t, heard: now}
	t.owned = append(t.owned, to)
}

// evictLocked takes the address away from t that was heard of longest ago.
func (x *table) evictLocked(t *Transport) {
	oldest := slices.MinFunc(t.owned, func(a, b netip.AddrPort) int { return x.owned[a].heard.Compare(x.owned[b].heard) })
	delete(x.owned, oldest)
	t.owned = slices.DeleteFunc(t.owned, func(a netip.AddrPort) bool { return a == oldest })
	x.epoch.Add(1)
}

// release takes all addresses away from t, for ever.
func (x *table) release(t *Transport) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, a := range t.owned {
		delete(x.owned, a)
	}
	t.owned, t.released = nil, true
	x.epoch.Add(1)
}

func (x *table) owner(from netip.AddrPort) *Transport {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if o := x.owned[from]; o != nil {
		return o.t
	}
	return nil
}

func (x *table) byUfrag(ufrag []byte, local netip.Addr, from netip.AddrPort) *iceConn {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if a := x.agents[string(ufrag)]; a != nil {
		return a.conn(local, from)
	}
	return nil
}

func (x *table) byTransport(t *Transport, local netip.Addr, from netip.AddrPort) *iceConn {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if t.agent == nil {
		return nil
	}
	return t.agent.conn(local, from)
}

// source is the local address from which the candidate at local of t sends.
func (x *table) source(t *Transport, local netip.AddrPort) netip.Addr {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if t.agent != nil {
		for _, c := range t.agent.conns {
			if c.local == local {
				c.mu.Lock()
				defer c.mu.Unlock()
				return c.source
			}
		}
	}
	return netip.Addr{}
}
