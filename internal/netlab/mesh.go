package netlab

import "github.com/confab/confab/signaling/protocol"

// mesh is the peer-to-peer path: a connection to each other person of the room.
type mesh struct {
	c       *Client
	way     *way
	peers   map[string]*peer
	online  map[string]bool
	retired bool
}

func (m *mesh) is() *way { return m.way }

func (m *mesh) roster() {
	mine := -1
	others := map[string]int{}
	for i, p := range m.c.people {
		switch {
		case p.ID == m.c.self:
			mine = i
		case p.Kind == protocol.KindPerson:
			others[p.ID] = i
		}
	}
	for id, p := range m.peers {
		if _, there := others[id]; !there {
			p.close()
			delete(m.peers, id)
		}
	}
	for id, i := range others {
		known, online := m.peers[id], m.c.people[i].Online
		switch {
		case known == nil && !m.retired:
			m.peers[id] = m.c.newPeer(m, id, m.c.people[i].Name, mine > i) // whoever joined later knows of both, and starts
		case known != nil && online && !m.online[id]:
			known.resumed()
		}
		m.online[id] = online
	}
}

func (m *mesh) connected() bool {
	for id, p := range m.peers {
		if !p.connected() && m.online[id] {
			return false
		}
	}
	return true
}

func (m *mesh) resumed() {
	for _, p := range m.peers {
		p.resumed()
	}
}

func (m *mesh) retire() {
	m.retired = true
	for _, p := range m.peers {
		p.retire()
	}
}

func (m *mesh) close() {
	for _, p := range m.peers {
		p.close()
	}
	clear(m.peers)
}
