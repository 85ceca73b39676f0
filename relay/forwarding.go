package relay

import (
	"net/netip"
	"time"

	"github.com/confab/confab/relay/forward"
	"github.com/confab/confab/relay/policy"
)

// What all data paths do with one datagram. Nothing here allocates.

// now is the monotonic time that meters count in.
func (s *Server) now() int64 { return int64(time.Since(s.epoch)) }

// channelTo says where n bytes for a channel go, or counts why they are dropped.
func (a *allocation) channelTo(s *Server, number uint16, n int) (netip.AddrPort, bool) {
	a.mu.Lock()
	v := a.forward.Channel(rules{s}, number)
	a.mu.Unlock()
	return v.Addr, a.passes(s, v.Reason, n)
}

// sendTo says where n bytes of a Send indication go, or counts why they are dropped.
func (a *allocation) sendTo(s *Server, peer netip.AddrPort, n int) (netip.AddrPort, bool) {
	peer = netip.AddrPortFrom(peer.Addr().Unmap(), peer.Port())
	a.mu.Lock()
	v := a.forward.Send(rules{s}, peer)
	a.mu.Unlock()
	return v.Addr, a.passes(s, v.Reason, n)
}

// heard says as what n bytes of a peer are handed to the client, or counts why they are dropped.
func (a *allocation) heard(s *Server, from netip.AddrPort, n int) (forward.Verdict, bool) {
	a.mu.Lock()
	v := a.forward.Heard(rules{s}, from)
	a.mu.Unlock()
	return v, a.passes(s, v.Reason, n)
}

func (a *allocation) passes(s *Server, reason policy.Reason, n int) bool {
	switch {
	case reason != policy.Allowed:
		s.metrics.drop(string(reason))
		return false
	}
	if m := a.meter.Load(); m != nil && !m.take(n, s.now()) {
		s.metrics.drop("bandwidth")
		return false
	}
	return true
}

// destination says where a message of a client goes that is ChannelData or a plain Send indication, and what of it. known is false
// for anything else: it is the guard's.
func (a *allocation) destination(s *Server, b []byte) (out outgoing, ok, known bool) {
	if isChannelData(b[0]) {
		number, data, whole := channelFrame(b)
		switch {
		case !whole:
			s.metrics.drop("malformed")
		case a == nil:
			s.metrics.drop("no_allocation")
		default:
			out.data = data
			out.to, ok = a.channelTo(s, number, len(data))
		}
		return out, ok, true
	}
	if a == nil {
		return out, false, false
	}
	peer, data, plain := forward.ParseSend(b)
	if !plain {
		return out, false, false
	}
	out.data = data
	out.to, ok = a.sendTo(s, peer, len(data))
	return out, ok, true
}

// sent counts what was sent to peers: so many of all datagrams, with so many bytes in all.
func (a *allocation) sent(s *Server, taken, all, bytes int) {
	if taken > 0 {
		a.traffic.toPeer.add(taken, bytes)
	}
	for range all - taken {
		s.metrics.drop("send_failed") // a full queue, or the ICMP error of an earlier datagram: UDP either way
	}
}

// head writes what comes before n bytes that a peer has sent, and says how much padding follows them: ChannelData, padded on streams
// only (RFC 8656 §12.5), or a Data indication.
func (a *allocation) head(b []byte, v forward.Verdict, n int, random func() uint64) ([]byte, int) {
	if v.Number == 0 {
		return forward.AppendDataHead(b, v.Addr, n, random(), uint32(random())), forward.Padding(n)
	}
	b = append(b, byte(v.Number>>8), byte(v.Number), byte(n>>8), byte(n))
	if _, stream := a.client.(*streamConn); stream { // over DTLS too, where dtlsConn takes the padding off
		return b, forward.Padding(n)
	}
	return b, 0
}
