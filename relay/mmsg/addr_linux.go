//go:build amd64 || arm64

package mmsg

import (
	"encoding/binary"
	"net/netip"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Addr is a socket address as the kernel has it: IPv4, or IPv6, which may be a mapped IPv4 one on a socket that serves both. It may say which
// address of ours goes with it: where a datagram came to, and what one is to be sent from.
type Addr struct {
	raw unix.RawSockaddrInet6
	via via
}

// Key is what tells addresses apart, the same for an IPv4 address and its mapped form.
type Key struct {
	hi, lo uint64
	rest   uint64 // scope and port
}

const mappedPrefix = 0xffff << 32

// port is at the same place in both families.
func (a *Addr) port() *[2]byte { return (*[2]byte)(unsafe.Pointer(&a.raw.Port)) }

// v4 is the address of an AF_INET one: it lies where AF_INET6 has the flow information.
func (a *Addr) v4() *[4]byte { return (*[4]byte)(unsafe.Pointer(&a.raw.Flowinfo)) }

// Key returns the key of the address.
func (a *Addr) Key() Key {
	port := uint64(binary.BigEndian.Uint16(a.port()[:]))
	if a.raw.Family == unix.AF_INET {
		return Key{0, mappedPrefix | uint64(binary.BigEndian.Uint32(a.v4()[:])), port}
	}
	return Key{binary.BigEndian.Uint64(a.raw.Addr[:8]), binary.BigEndian.Uint64(a.raw.Addr[8:]), uint64(a.raw.Scope_id)<<16 | port}
}

// Via is the address of ours that goes with a; the zero Addr when it doesn't matter.
func (a *Addr) Via() netip.Addr { return a.via.addr() }

// SetVia makes addr the address of ours that goes with a. It has the family of a's socket, mapped if need be.
func (a *Addr) SetVia(addr netip.Addr) { a.via = viaOf(addr, a.raw.Family == unix.AF_INET6) }

// IsZero reports whether the address is none.
func (a *Addr) IsZero() bool { return a.raw.Family == 0 }

// AddrPort returns the address without its zone: that of a peer, which is never link-local.
func (a *Addr) AddrPort() netip.AddrPort {
	port := binary.BigEndian.Uint16(a.port()[:])
	if a.raw.Family == unix.AF_INET {
		return netip.AddrPortFrom(netip.AddrFrom4(*a.v4()), port)
	}
	return netip.AddrPortFrom(netip.AddrFrom16(a.raw.Addr).Unmap(), port)
}

// Zoned returns the address with its zone, as a number. It allocates when there is one.
func (a *Addr) Zoned() netip.AddrPort {
	ap := a.AddrPort()
	if a.raw.Family == unix.AF_INET6 && a.raw.Scope_id != 0 {
		ap = netip.AddrPortFrom(ap.Addr().WithZone(strconv.Itoa(int(a.raw.Scope_id))), ap.Port())
	}
	return ap
}

// Set makes a the address for a socket of IPv6, or of IPv4. A zone must be a number.
func (a *Addr) Set(ap netip.AddrPort, ipv6 bool) {
	addr := ap.Addr()
	binary.BigEndian.PutUint16(a.port()[:], ap.Port())
	if !ipv6 {
		a.raw.Family = unix.AF_INET
		*a.v4() = addr.Unmap().As4()
		return
	}
	a.raw.Family = unix.AF_INET6
	a.raw.Flowinfo = 0
	a.raw.Addr = addr.As16()
	a.raw.Scope_id = 0
	if addr.Zone() != "" {
		n, _ := strconv.ParseUint(addr.Zone(), 10, 32) // an unknown zone is zone 0
		a.raw.Scope_id = uint32(n)
	}
}

// Fits reports whether ap can be sent to from a socket of IPv6, or of IPv4.
func Fits(ap netip.AddrPort, ipv6 bool) bool {
	return ap.IsValid() && (ipv6 || ap.Addr().Unmap().Is4())
}

func (a *Addr) size() uint32 {
	if a.raw.Family == unix.AF_INET {
		return unix.SizeofSockaddrInet4
	}
	return unix.SizeofSockaddrInet6
}
