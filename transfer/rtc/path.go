package rtc

import (
	"net/netip"

	"github.com/pion/webrtc/v4"

	"github.com/confab/confab/transfer/session"
)

// Path implements session.Lane.
func (a *attempt) Path() session.Path {
	pair, err := a.pc.SCTP().Transport().ICETransport().GetSelectedCandidatePair()
	if err != nil || pair == nil {
		return session.Path{}
	}
	p := pathOf(pair.Local, pair.Remote)
	if p.Kind == session.PathRelayed && a.l.o.RelayOnly {
		p.Why = "this side was told to use the relay only"
	}
	return p
}

// pathOf says how a pair of candidates travels, and why not better.
func pathOf(local, remote *webrtc.ICECandidate) session.Path {
	p := session.Path{Local: local.Address, Peer: remote.Address}
	here, _ := netip.ParseAddr(local.Address)
	there, _ := netip.ParseAddr(remote.Address)
	relay := func(c *webrtc.ICECandidate) bool { return c.Typ == webrtc.ICECandidateTypeRelay }
	switch {
	case relay(local) && relay(remote):
		p.Kind, p.Why = session.PathRelayed, "the firewalls or NATs of both sides let no direct packets through"
	case relay(local):
		p.Kind, p.Why = session.PathRelayed, "the firewall or NAT of the other side lets no direct packets in from here"
	case relay(remote):
		p.Kind, p.Why = session.PathRelayed, "the firewall or NAT of this side lets no direct packets in from the other"
	case near(here, there):
		p.Kind = session.PathLAN
	default:
		p.Kind = session.PathDirect
		if local.Typ != webrtc.ICECandidateTypeHost || remote.Typ != webrtc.ICECandidateTypeHost {
			p.Why = "through NAT"
		}
	}
	return p
}

// near reports whether two addresses are in one local network: both private (RFC 1918, RFC 4193), link-local or loopback, or in one /64.
func near(a, b netip.Addr) bool {
	a, b = a.Unmap(), b.Unmap()
	inside := func(x netip.Addr) bool { return x.IsPrivate() || x.IsLoopback() || x.IsLinkLocalUnicast() }
	if !a.IsValid() || !b.IsValid() {
		return a.IsValid() && inside(a) || b.IsValid() && inside(b) // the other is a name of mDNS, which is of this network
	}
	if inside(a) && inside(b) || a == b {
		return true
	}
	if a.Is6() && b.Is6() {
		pa, _ := a.Prefix(64) // fails only for a length out of range
		return pa.Contains(b)
	}
	return false
}
