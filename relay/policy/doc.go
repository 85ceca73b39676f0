// Package policy decides what a TURN client may use the relay for: which peers it may reach, and how much it may hold.
//
// A relay lends its place in the network to strangers. Without rules they could reach what only the server reaches: its
// loopback services, the private network behind it, the cloud provider's metadata service. So a Peers is a default-deny list:
//
//	an exact exception (asked by the caller first: a live relayed address, the SFU's media address)   allowed
//	a DenyPeers range                                                                                refused
//	unspecified, multicast, broadcast                                                                refused, always
//	an AllowPeers range                                                                              allowed
//	the server's own addresses                                                                       refused
//	a special-purpose range (see ranges.go)                                                          refused
//	everything else                                                                                  allowed
//
// A range is a network and maybe ports of it (see Range). A permission is for an address (RFC 8656 §9), so it is granted when some
// port passes; each datagram is then looked at with its port.
//
// An IPv6 address may carry an IPv4 address inside (v4-mapped, v4-compatible, translated, 6to4, Teredo, NAT64, ISATAP): the
// inner address goes through the same list, so no notation opens what another closes.
//
// The package is pure: no clock, socket, lock, goroutine or log. A Peers never changes after New; a new configuration or a new
// set of own addresses is a new Peers.
package policy
