package relay

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"

	"github.com/confab/confab/relay/policy"
)

var (
	errNoPort     = errors.New("relay: no free relay port")
	errDraining   = errors.New("relay: draining")
	errNoTCPRelay = errors.New("relay: no TCP allocations")
)

// generator gives pion relay sockets.
type generator struct{ s *Server }

func (generator) Validate() error { return nil }

// AllocateConn refuses: RFC 6062 is not offered.
func (generator) AllocateConn(string, int) (net.Conn, net.Addr, error) {
	return nil, nil, errNoTCPRelay
}

// bindTries bounds how many ports in use by others are tried before a client hears that there is none.
const bindTries = 32

// AllocatePacketConn opens a relayed address on a random free port, or on a given one. Its errors become a 508.
func (g generator) AllocatePacketConn(_ string, port int) (net.PacketConn, net.Addr, error) {
	s := g.s
	if s.draining.Load() {
		return nil, nil, errDraining
	}
	if port != 0 {
		if port > 0xffff || !s.ports.takeThis(uint16(port)) {
			return nil, nil, errNoPort
		}
		return s.openRelayed(uint16(port))
	}
	var busy []uint16 // ports that another program has: kept until we have one, so that none is tried twice
	defer func() {
		for _, p := range busy {
			s.ports.give(p)
		}
	}()
	for range bindTries {
		p, ok := s.ports.take()
		if !ok {
			break
		}
		conn, addr, err := s.openRelayed(p)
		if err == nil {
			return conn, addr, nil
		}
		s.ports.takeThis(p) // openRelayed gave it back
		busy = append(busy, p)
	}
	s.metrics.refuse("no_port")
	return nil, nil, errNoPort
}

// openRelayed binds a taken port; on failure the port is given back.
func (s *Server) openRelayed(port uint16) (net.PacketConn, net.Addr, error) {
	conn, err := s.o.ListenPacket("udp4", netip.AddrPortFrom(s.paths.Load().bind, port).String())
	if err != nil {
		s.ports.give(port)
		return nil, nil, err
	}
	r := &relayed{PacketConn: conn, s: s, public: netip.AddrPortFrom(s.public, port)}
	r.udp, _ = conn.(*net.UDPConn)
	s.running.Add(1)
	s.table.ports[port].Store(r)
	return r, net.UDPAddrFromAddrPort(r.public), nil
}

// relayed is a relayed transport address: the socket on the peer side of one allocation. pion reads and writes it as a
// net.PacketConn; ChannelData passes by pion. Every datagram goes through the peer policy here.
type relayed struct {
	net.PacketConn // the socket
	s              *Server
	udp            *net.UDPConn   // the socket, if it is one: no allocations per datagram
	public         netip.AddrPort // the relayed transport address

	allocation atomic.Pointer[allocation] // nil until pion has made it
	closing    sync.Once
}

// toPeer sends data to peer, or drops it with a counted reason.
func (r *relayed) toPeer(data []byte, peer netip.AddrPort) error {
	to, reason := r.s.route(peer)
	if reason != policy.Allowed {
		r.s.metrics.drop(string(reason))
		return nil
	}
	var err error
	if r.udp != nil {
		_, err = r.udp.WriteToUDPAddrPort(data, to)
	} else {
		_, err = r.PacketConn.WriteTo(data, net.UDPAddrFromAddrPort(to))
	}
	if err != nil {
		r.s.metrics.drop("send_failed") // a full queue, or the ICMP error of an earlier datagram: UDP either way
		return err
	}
	r.s.metrics.toPeer.count(len(data))
	return nil
}

// WriteTo sends what pion took out of a Send indication.
func (r *relayed) WriteTo(b []byte, addr net.Addr) (int, error) {
	if err := r.toPeer(b, addrPort(addr)); err != nil {
		return 0, err
	}
	return len(b), nil
}

// ReadFrom forwards what comes from bound peers as ChannelData, and returns only what pion must make a Data indication of: a
// datagram from a peer with a permission and without a channel. addr is the peer as the client knows it.
func (r *relayed) ReadFrom(p []byte) (int, net.Addr, error) {
	const padding = 3
	room := p[channelHeader : len(p)-padding]
	for {
		n, from, err := r.receive(room)
		if err != nil {
			return 0, nil, err
		}
		a := r.allocation.Load()
		peer, reason := r.s.origin(from)
		switch {
		case reason != policy.Allowed:
			r.s.metrics.drop(string(reason))
			continue
		case n == len(room): // maybe cut off
			r.s.metrics.drop("oversized")
			continue
		case a == nil:
			continue
		}
		number, permitted := a.from(peer)
		if !permitted {
			r.s.metrics.drop("no_permission")
			continue
		}
		r.s.metrics.toClient.count(n)
		if number == 0 {
			copy(p, room[:n])
			return n, net.UDPAddrFromAddrPort(peer), nil
		}
		binary.BigEndian.PutUint16(p[0:2], number)
		binary.BigEndian.PutUint16(p[2:4], uint16(n))
		frame := p[:channelHeader+n]
		if a.tuple.stream { // RFC 8656 §12.5: padded on streams
			for len(frame)%4 != 0 {
				frame = append(frame, 0)
			}
		}
		if err := a.client.send(frame); err != nil {
			r.s.metrics.drop("client_gone")
		}
	}
}

func (r *relayed) receive(b []byte) (int, netip.AddrPort, error) {
	if r.udp != nil {
		return r.udp.ReadFromUDPAddrPort(b)
	}
	n, addr, err := r.PacketConn.ReadFrom(b)
	if err != nil {
		return 0, netip.AddrPort{}, err
	}
	return n, addrPort(addr), nil
}

// Close ends the relayed address and with it the allocation: pion's loop reads an error and forgets it.
func (r *relayed) Close() error {
	r.closing.Do(func() {
		r.s.table.ports[r.public.Port()].Store(nil)
		_ = r.PacketConn.Close() // a UDP socket has nothing left to say
		r.s.ports.give(r.public.Port())
		if a := r.allocation.Load(); a != nil {
			r.s.ended(a)
		}
		r.s.running.Done()
	})
	return nil
}
