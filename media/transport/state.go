package transport

import (
	"errors"
	"sync"
	"sync/atomic"
)

// State of a Transport.
type State uint8

const (
	StateNew          State = iota // nothing agreed yet
	StateReady                     // a path and keys: media flows both ways
	StateDisconnected              // nothing heard for some seconds; may come back by itself or by an ICE restart
	StateFailed                    // given up: the error says why; an ICE restart may still repair a lost path
	StateClosed                    // closed by either side; the last state
)

// String names the state.
func (s State) String() string {
	return [...]string{"new", "ready", "disconnected", "failed", "closed"}[s]
}

// path is what ICE says.
type path uint8

const (
	pathNone path = iota
	pathUp
	pathSilent
	pathLost
)

var errUnfinished = errors.New("the connection ended before the DTLS handshake was complete")

var errPathLost = errors.New("ICE found no path to the peer, or lost it")

// stateMachine makes one state of what ICE and DTLS report from goroutines of their own, and tells each change once and in order.
type stateMachine struct {
	notify func(State, error)

	current atomic.Uint32 // a State

	mu       sync.Mutex // guards the fields below; held during notify, so that changes are told in order
	ice      path
	haveKeys bool
	fault    error
	over     bool
}

func (m *stateMachine) load() State { return State(m.current.Load()) }

func (m *stateMachine) path(p path) { m.change(func() { m.ice = p }) }

// keysDone says that there are keys, or why there never will be.
func (m *stateMachine) keysDone(err error) {
	m.change(func() { m.haveKeys, m.fault = err == nil, err })
}

// ended says that pion's side is over. Before there were keys that is a failed handshake, of which pion sometimes tells the
// end before the failure.
func (m *stateMachine) ended() {
	m.change(func() {
		if m.haveKeys {
			m.over = true
		} else if m.fault == nil {
			m.fault = errUnfinished
		}
	})
}

// closed says that our side is over.
func (m *stateMachine) closed() { m.change(func() { m.over = true }) }

func (m *stateMachine) change(f func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f()
	next, err := m.nextLocked()
	if next == m.load() {
		return
	}
	m.current.Store(uint32(next))
	if m.notify != nil {
		m.notify(next, err)
	}
}

func (m *stateMachine) nextLocked() (State, error) {
	switch {
	case m.over:
		return StateClosed, nil
	case m.fault != nil:
		return StateFailed, m.fault
	case m.ice == pathLost:
		return StateFailed, errPathLost
	case m.ice == pathSilent:
		return StateDisconnected, nil
	case m.ice == pathUp && m.haveKeys:
		return StateReady, nil
	default:
		return StateNew, nil
	}
}
