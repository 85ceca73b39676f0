package relay

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/confab/confab/relay/policy"
)

// settings is what Reload changes, and what it means. It never changes itself.
type settings struct {
	credentials     []Credentials
	quota           policy.Quota
	bandwidth       policy.Bandwidth
	lifetime, age   time.Duration // of a Refresh; of an allocation, 0 for no bound
	allow, deny     []policy.Range
	own             []netip.Addr // PublicIPs
	public, public6 netip.Addr   // of relayed addresses; zero: none
	localIP, local6 netip.Addr
	services        []Service
}

const (
	// defaultLifetime is that of an allocation whose client names none (RFC 8656 §3.2).
	defaultLifetime = 10 * time.Minute
	// longestLifetime is what pion keeps: it takes an hour for no value.
	longestLifetime = time.Hour - time.Second
	// defaultAge outlasts a day of meetings.
	defaultAge = 24 * time.Hour
)

func newSettings(o Options) (*settings, error) {
	n := &settings{
		quota: o.Quota, bandwidth: o.Bandwidth, lifetime: o.MaxLifetime, age: o.MaxAge,
		allow: o.AllowPeers, deny: o.DenyPeers, own: o.PublicIPs, localIP: o.LocalIP.Unmap(), local6: o.LocalIP6, services: o.Services,
	}
	if len(o.Secrets) > 0 {
		n.credentials = append(n.credentials, Secrets(o.Secrets))
	}
	if o.Users != nil {
		n.credentials = append(n.credentials, o.Users)
	}
	if o.Credentials != nil {
		n.credentials = append(n.credentials, o.Credentials)
	}
	if n.quota == (policy.Quota{}) {
		n.quota = DefaultQuota
	}
	if n.lifetime <= 0 || n.lifetime > longestLifetime {
		n.lifetime = longestLifetime
	}
	switch {
	case n.age == 0:
		n.age = defaultAge
	case n.age < 0:
		n.age = 0
	}
	for _, a := range o.PublicIPs {
		switch a = a.Unmap(); {
		case a.Is4() && !n.public.IsValid():
			n.public = a
		case a.Is6() && !n.public6.IsValid():
			n.public6 = a
		}
	}
	switch {
	case len(n.credentials) == 0 || slices.ContainsFunc(o.Secrets, func(b []byte) bool { return len(b) == 0 }):
		return nil, errors.New("relay: no secret, or an empty one, and no users to check credentials with")
	case o.LocalIP.IsValid() && !o.LocalIP.Unmap().Is4():
		return nil, fmt.Errorf("relay: local address %s is not IPv4", o.LocalIP)
	case o.LocalIP6.IsValid() && !o.LocalIP6.Is6():
		return nil, fmt.Errorf("relay: local address %s is not IPv6", o.LocalIP6)
	}
	return n, nil
}

// Reload takes new Secrets, Users, Credentials, AllowPeers, DenyPeers, Quota, Bandwidth, MaxLifetime, MaxAge, PublicIPs, LocalIP, LocalIP6 and
// Services from o; the rest of o is not looked at. Allocations go on with the relayed addresses they were made
// with; peers that are refused now stop at once, and another bandwidth holds at once. On an error nothing has changed.
func (s *Server) Reload(o Options) error {
	n, err := newSettings(o)
	if err != nil {
		return err
	}
	s.reloading.Lock()
	defer s.reloading.Unlock()
	before := s.set.Swap(n)
	if err := s.lookAtInterfaces(); err != nil {
		s.set.Store(before)
		return err
	}
	s.table.limit(n.bandwidth)
	s.log.Info("relay reloaded", "public_ip", n.public, "public_ipv6", n.public6)
	return nil
}

// remaining bounds a lifetime by the age an allocation may still reach.
func (n *settings) remaining(lifetime time.Duration, began, now time.Time) time.Duration {
	if lifetime == 0 { // of an Allocate
		lifetime = defaultLifetime
	}
	lifetime = min(lifetime, n.lifetime) // RFC 8656 §7.2 would lengthen short ones to ten minutes; who wants less gets less
	if n.age > 0 {
		lifetime = min(lifetime, began.Add(n.age).Sub(now))
	}
	return lifetime
}
