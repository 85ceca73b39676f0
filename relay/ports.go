package relay

import (
	"fmt"
	"math/bits"
	"math/rand/v2"
	"sync"
)

// PortRange is the ports that relayed addresses are taken from, both ends included.
type PortRange struct{ Min, Max uint16 }

// DefaultPorts is the dynamic range of RFC 6335, which RFC 8656 §7.2 recommends.
var DefaultPorts = PortRange{Min: 49152, Max: 65535}

// String writes the range as an operator does: "49152-65535".
func (r PortRange) String() string { return fmt.Sprintf("%d-%d", r.Min, r.Max) }

// size is the number of ports in the range.
func (r PortRange) size() int { return int(r.Max) - int(r.Min) + 1 }

// ports knows which ports of a range are free. Ports are taken at random: RFC 8656 §7.2 wants them unguessable, so that a
// stranger can't aim at the next allocation.
type ports struct {
	span PortRange

	mu   sync.Mutex // guards the fields below
	used []uint64   // one bit per port, from span.Min
	free int
}

func newPorts(span PortRange) *ports {
	p := &ports{span: span, used: make([]uint64, (span.size()+63)/64), free: span.size()}
	if tail := span.size() % 64; tail != 0 {
		p.used[len(p.used)-1] = ^uint64(0) << tail // bits beyond the range are never free
	}
	return p
}

// take returns a free port, chosen at random among the free ones near a random place; ok is false when there is none.
func (p *ports) take() (port uint16, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.free == 0 {
		return 0, false
	}
	start := rand.IntN(len(p.used))
	for i := range p.used {
		word := (start + i) % len(p.used)
		open := ^p.used[word]
		if open == 0 {
			continue
		}
		for n := rand.IntN(bits.OnesCount64(open)); n > 0; n-- {
			open &= open - 1 // drop the lowest free port
		}
		bit := bits.TrailingZeros64(open)
		p.used[word] |= 1 << bit
		p.free--
		return p.span.Min + uint16(word*64+bit), true
	}
	return 0, false
}

// takeFor is take, for an even port if even, and with the port above it if pair.
func (p *ports) takeFor(even, pair bool) (port uint16, ok bool) {
	if !even && !pair {
		return p.take()
	}
	size := p.span.size()
	start := rand.IntN(size)
	for i := range size {
		port := p.span.Min + uint16((start+i)%size)
		if port%2 != 0 || !p.takeThis(port) {
			continue
		}
		if !pair || port < p.span.Max && p.takeThis(port+1) {
			return port, true
		}
		p.give(port)
	}
	return 0, false
}

// takeThis takes one given port; it reports whether the port was in the range and free.
func (p *ports) takeThis(port uint16) bool {
	if port < p.span.Min || port > p.span.Max {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	word, bit := p.place(port)
	if p.used[word]&bit != 0 {
		return false
	}
	p.used[word] |= bit
	p.free--
	return true
}

// give returns a taken port.
func (p *ports) give(port uint16) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if word, bit := p.place(port); p.used[word]&bit != 0 {
		p.used[word] &^= bit
		p.free++
	}
}

// available is the number of free ports.
func (p *ports) available() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.free
}

func (p *ports) place(port uint16) (word int, bit uint64) {
	n := int(port - p.span.Min)
	return n / 64, 1 << (n % 64)
}
