//go:build amd64 || arm64

package udp

import (
	"encoding/binary"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// pktinfoSpace is the size of the larger control message that names a source address (IPV6_PKTINFO).
const pktinfoSpace = unix.SizeofCmsghdr + (unix.SizeofInet6Pktinfo+7)/8*8

// sysDest holds a destination as the kernel wants it, for IPv4 sockets and for dual-stack ones.
type sysDest struct {
	sa4  unix.RawSockaddrInet4
	sa6  unix.RawSockaddrInet6
	ctl4 [pktinfoSpace]byte // IP_PKTINFO with the source address
	ctl6 [pktinfoSpace]byte // IPV6_PKTINFO with the source address, mapped if it is IPv4
	n4   int
}

func (d *Dest) prepare() {
	ip := d.to.Addr()
	d.sys.sa4.Family = unix.AF_INET
	if ip.Is4() {
		d.sys.sa4.Addr = ip.As4()
	}
	d.sys.sa6.Family = unix.AF_INET6
	d.sys.sa6.Addr = ip.As16()
	d.sys.sa6.Scope_id = zoneIndex(ip.Zone())
	putPort(&d.sys.sa4.Port, d.to.Port())
	putPort(&d.sys.sa6.Port, d.to.Port())
	if !d.from.IsValid() {
		return
	}
	if d.from.Is4() {
		info := unix.Inet4Pktinfo{Spec_dst: d.from.As4()}
		putControl(d.sys.ctl4[:], unix.IPPROTO_IP, unix.IP_PKTINFO, unsafe.Slice((*byte)(unsafe.Pointer(&info)), unix.SizeofInet4Pktinfo))
		d.sys.n4 = unix.CmsgSpace(unix.SizeofInet4Pktinfo)
	}
	info := unix.Inet6Pktinfo{Addr: d.from.As16()}
	putControl(d.sys.ctl6[:], unix.IPPROTO_IPV6, unix.IPV6_PKTINFO, unsafe.Slice((*byte)(unsafe.Pointer(&info)), unix.SizeofInet6Pktinfo))
}

// control is the control message that names the source address.
func (d *Dest) control(ipv6 bool) []byte {
	if ipv6 {
		return d.sys.ctl6[:]
	}
	return d.sys.ctl4[:d.sys.n4]
}

// sockaddr points at the address for a socket of the given family; nil if it can't reach an address of that kind.
func (d *Dest) sockaddr(ipv6 bool) (*byte, uint32) {
	switch {
	case ipv6:
		return (*byte)(unsafe.Pointer(&d.sys.sa6)), unix.SizeofSockaddrInet6
	case d.to.Addr().Is4():
		return (*byte)(unsafe.Pointer(&d.sys.sa4)), unix.SizeofSockaddrInet4
	default:
		return nil, 0
	}
}

// putControl writes one control message; b has room for it.
func putControl(b []byte, level, typ int32, data []byte) {
	h := (*unix.Cmsghdr)(unsafe.Pointer(&b[0]))
	h.Level, h.Type = level, typ
	h.SetLen(unix.CmsgLen(len(data)))
	copy(b[unix.SizeofCmsghdr:], data)
}

// putPort stores a port in network byte order.
func putPort(at *uint16, port uint16) {
	binary.BigEndian.PutUint16(unsafe.Slice((*byte)(unsafe.Pointer(at)), 2), port)
}

// addrPort reads what the kernel wrote into a sockaddr of either family.
func addrPort(sa *unix.RawSockaddrInet6) netip.AddrPort {
	port := binary.BigEndian.Uint16(unsafe.Slice((*byte)(unsafe.Pointer(&sa.Port)), 2)) // the same place in both
	switch sa.Family {
	case unix.AF_INET:
		return netip.AddrPortFrom(netip.AddrFrom4((*unix.RawSockaddrInet4)(unsafe.Pointer(sa)).Addr), port)
	case unix.AF_INET6:
		ip := netip.AddrFrom16(sa.Addr).Unmap()
		if sa.Scope_id != 0 {
			ip = ip.WithZone(zoneName(sa.Scope_id))
		}
		return netip.AddrPortFrom(ip, port)
	default:
		return netip.AddrPort{}
	}
}
