//go:build amd64 || arm64

package mmsg

import (
	"encoding/binary"
	"net/netip"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A socket that is bound to all addresses hears which of them each datagram was sent to, and says which one an answer leaves from. Else the
// kernel chooses by its routes, and the client, who knows the server by another address, drops the answer. On an IPv6 socket that serves
// IPv4 too both have the form of IPv6.

// via is an address of ours, as control messages have it.
type via struct {
	family uint16 // 0: none
	ip     [16]byte
}

func viaOf(addr netip.Addr, ipv6 bool) via {
	switch {
	case !addr.IsValid():
		return via{}
	case ipv6:
		return via{unix.AF_INET6, addr.As16()}
	case !addr.Unmap().Is4():
		return via{}
	}
	v := via{family: unix.AF_INET}
	ip := addr.Unmap().As4()
	copy(v.ip[:], ip[:])
	return v
}

func (v *via) addr() netip.Addr {
	switch v.family {
	case unix.AF_INET:
		return netip.AddrFrom4([4]byte(v.ip[:4]))
	case unix.AF_INET6:
		return netip.AddrFrom16(v.ip).Unmap()
	}
	return netip.Addr{}
}

// HearVia asks the kernel to tell where datagrams to the socket were sent.
func HearVia(fd int, ipv6 bool) error {
	level, option := unix.IPPROTO_IP, unix.IP_PKTINFO
	if ipv6 {
		level, option = unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO
	}
	return os.NewSyscallError("setsockopt", unix.SetsockoptInt(fd, level, option, 1))
}

// ViaOf finds in control messages where a datagram was sent; the zero Addr when they don't say.
func ViaOf(control []byte) netip.Addr {
	v := findVia(control)
	return v.addr()
}

// AppendVia appends the control message that sends a datagram from addr, on a socket of IPv6 or of IPv4; nothing for an invalid one.
func AppendVia(b []byte, addr netip.Addr, ipv6 bool) []byte {
	v := viaOf(addr, ipv6)
	var space [ctlSpace]byte
	return append(b, space[:v.put(space[:])]...)
}

func findVia(b []byte) (v via) {
	for len(b) >= cmsgHeader {
		l := binary.NativeEndian.Uint64(b)
		if l < cmsgHeader || l > uint64(len(b)) {
			return v
		}
		level, what, data := binary.NativeEndian.Uint32(b[8:]), binary.NativeEndian.Uint32(b[12:]), b[cmsgHeader:l]
		switch {
		case level == unix.IPPROTO_IP && what == unix.IP_PKTINFO && len(data) >= unix.SizeofInet4Pktinfo:
			v.family = unix.AF_INET
			copy(v.ip[:4], data[4:8]) // ipi_spec_dst: an address of ours in any case
		case level == unix.IPPROTO_IPV6 && what == unix.IPV6_PKTINFO && len(data) >= unix.SizeofInet6Pktinfo:
			v.family = unix.AF_INET6
			copy(v.ip[:], data)
		}
		b = b[min(int(l+7)&^7, len(b)):]
	}
	return v
}

// put writes the control message of v, if there is one, and returns the space it takes.
func (v *via) put(b []byte) int {
	head := func(level, what uint32, size int) int {
		binary.NativeEndian.PutUint64(b, uint64(cmsgHeader+size))
		binary.NativeEndian.PutUint32(b[8:], level)
		binary.NativeEndian.PutUint32(b[12:], what)
		clear(b[cmsgHeader : cmsgHeader+size])
		return (cmsgHeader + size + 7) &^ 7
	}
	switch v.family {
	case unix.AF_INET:
		n := head(unix.IPPROTO_IP, unix.IP_PKTINFO, unix.SizeofInet4Pktinfo)
		copy(b[cmsgHeader+4:], v.ip[:4])
		return n
	case unix.AF_INET6:
		n := head(unix.IPPROTO_IPV6, unix.IPV6_PKTINFO, unix.SizeofInet6Pktinfo)
		copy(b[cmsgHeader:], v.ip[:])
		return n
	}
	return 0
}

// sendFrom sends one datagram with its address of ours.
func sendFrom(fd int, b []byte, to *Addr) error {
	var control [ctlSpace]byte
	vector := unix.Iovec{Base: unsafe.SliceData(b)}
	vector.SetLen(len(b))
	m := unix.Msghdr{Name: (*byte)(unsafe.Pointer(&to.raw)), Namelen: to.size(), Iov: &vector, Iovlen: 1, Control: &control[0]}
	m.SetControllen(to.via.put(control[:]))
	for {
		_, _, e := unix.RawSyscall(unix.SYS_SENDMSG, uintptr(fd), uintptr(unsafe.Pointer(&m)), unix.MSG_DONTWAIT)
		switch e {
		case 0:
			return nil
		case unix.EINTR:
		default:
			return e
		}
	}
}
