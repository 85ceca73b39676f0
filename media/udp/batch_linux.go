//go:build amd64 || arm64

package udp

import (
	"net/netip"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// mmsghdr is struct mmsghdr of recvmmsg(2) and sendmmsg(2) on 64-bit systems.
type mmsghdr struct {
	hdr  unix.Msghdr
	size uint32
	_    [4]byte
}

// enableBatching turns the batched path on; what the kernel lacks stays off.
func (s *Socket) enableBatching(gso bool) {
	if s.udp == nil {
		return
	}
	raw, err := s.udp.SyscallConn()
	if err != nil {
		return
	}
	ok := false
	_ = raw.Control(func(fd uintptr) {
		domain, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_DOMAIN)
		if err != nil {
			return
		}
		ok, s.ipv6 = true, domain == unix.AF_INET6
		// That the kernel knows UDP_SEGMENT is asked here; whether a device takes it, only a send can tell.
		s.gso = gso && unix.SetsockoptInt(int(fd), unix.IPPROTO_UDP, unix.UDP_SEGMENT, 0) == nil
		switch {
		case !s.wild:
		case s.ipv6:
			_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1)
		default:
			_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_PKTINFO, 1)
		}
	})
	if ok {
		s.raw = raw
	}
}

// forceBuffers goes beyond net.core.rmem_max where the process may (CAP_NET_ADMIN), and reads what was granted.
func (s *Socket) forceBuffers(read, write int) {
	raw, err := s.udp.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, read)
		_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, write)
		// The kernel doubles the value for its own bookkeeping and reports the double (socket(7)).
		if n, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF); err == nil {
			s.readBuffer = n / 2
		}
		if n, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_SNDBUF); err == nil {
			s.writeBuffer = n / 2
		}
	})
}

// batchReceiver is the kernel's view of a Rx.
type batchReceiver struct {
	hdrs  []mmsghdr
	iovs  []unix.Iovec
	names []unix.RawSockaddrInet6 // large enough for both families
	ctls  [][64]byte

	n   int
	err syscall.Errno
}

func newBatchReceiver(r *Rx) func() (int, error) {
	batch := len(r.bufs)
	b := &batchReceiver{
		hdrs: make([]mmsghdr, batch), iovs: make([]unix.Iovec, batch),
		names: make([]unix.RawSockaddrInet6, batch), ctls: make([][64]byte, batch),
	}
	for i := range b.hdrs {
		b.iovs[i].Base = &r.bufs[i][r.head]
		b.iovs[i].SetLen(len(r.bufs[i]) - r.head)
		h := &b.hdrs[i].hdr
		h.Iov = &b.iovs[i]
		h.SetIovlen(1)
		h.Name = (*byte)(unsafe.Pointer(&b.names[i]))
	}
	wild := r.sock.wild
	call := func(fd uintptr) bool {
		for i := range b.hdrs { // the kernel overwrites both lengths
			h := &b.hdrs[i].hdr
			h.Namelen = unix.SizeofSockaddrInet6
			if wild {
				h.Control = &b.ctls[i][0]
				h.SetControllen(len(b.ctls[i]))
			}
		}
		for {
			n, _, err := syscall.Syscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&b.hdrs[0])), uintptr(len(b.hdrs)), unix.MSG_DONTWAIT, 0, 0)
			if err == syscall.EINTR {
				continue
			}
			b.n, b.err = int(n), err
			return err != syscall.EAGAIN // false parks the goroutine until something arrives
		}
	}
	return func() (int, error) {
		if err := r.sock.raw.Read(call); err != nil {
			return 0, err
		}
		if b.err != 0 {
			return 0, b.err
		}
		b.take(r)
		return b.n, nil
	}
}

// take copies what the kernel said about each datagram.
func (b *batchReceiver) take(r *Rx) {
	for i := range b.n {
		h := &b.hdrs[i]
		r.sizes[i] = int(h.size)
		if h.hdr.Flags&unix.MSG_TRUNC != 0 {
			r.sizes[i] = 0
			r.sock.count.truncated.Add(1)
		}
		r.froms[i] = addrPort(&b.names[i])
		if !r.sock.wild {
			r.locals[i] = r.sock.local.Addr()
			continue
		}
		r.locals[i] = localAddr(b.ctls[i][:min(int(h.hdr.Controllen), len(b.ctls[i]))])
	}
}

// localAddr finds the destination address in the control messages of a received datagram.
func localAddr(b []byte) netip.Addr {
	for len(b) >= unix.SizeofCmsghdr {
		h := (*unix.Cmsghdr)(unsafe.Pointer(&b[0]))
		if h.Len < unix.SizeofCmsghdr || h.Len > uint64(len(b)) {
			break
		}
		data := b[unix.SizeofCmsghdr:h.Len]
		switch {
		case h.Level == unix.IPPROTO_IPV6 && h.Type == unix.IPV6_PKTINFO && len(data) >= unix.SizeofInet6Pktinfo:
			return netip.AddrFrom16([16]byte(data[:16])).Unmap()
		case h.Level == unix.IPPROTO_IP && h.Type == unix.IP_PKTINFO && len(data) >= unix.SizeofInet4Pktinfo:
			return netip.AddrFrom4([4]byte(data[8:12])) // ipi_addr: the destination in the header
		}
		b = b[min(unix.CmsgSpace(len(data)), len(b)):]
	}
	return netip.Addr{}
}
