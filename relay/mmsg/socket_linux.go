//go:build amd64 || arm64

package mmsg

import (
	"net/netip"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Socket opens a non-blocking UDP socket at an address, IPv4 or IPv6 by it, with buffers of so many bytes if the kernel agrees.
func Socket(at netip.AddrPort, buffer int) (int, error) {
	addr := at.Addr().Unmap()
	domain, sa := unix.AF_INET6, unix.Sockaddr(&unix.SockaddrInet6{Port: int(at.Port()), Addr: addr.As16()})
	if addr.Is4() {
		domain, sa = unix.AF_INET, &unix.SockaddrInet4{Port: int(at.Port()), Addr: addr.As4()}
	}
	fd, err := unix.Socket(domain, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	if domain == unix.AF_INET6 {
		err = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1)
	}
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, buffer) // the kernel takes what it allows
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, buffer)
	if err == nil {
		err = unix.Bind(fd, sa)
	}
	if err != nil {
		_ = unix.Close(fd)
		return -1, os.NewSyscallError("bind", err)
	}
	Coalesce(fd)
	return fd, nil
}

// Coalesce asks the kernel to hand several datagrams of one sender over as one (UDP_GRO). Kernels before 5.0 do not; nothing else changes.
func Coalesce(fd int) { _ = unix.SetsockoptInt(fd, solUDP, udpGRO, 1) }

// IsIPv6 reports whether addresses of the socket are IPv6 ones, mapped IPv4 among them.
func IsIPv6(fd int) (bool, error) {
	domain, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
	return domain == unix.AF_INET6, os.NewSyscallError("getsockopt", err)
}

// SendTo sends one datagram.
func SendTo(fd int, b []byte, to *Addr) error {
	if to.via.family != 0 {
		return sendFrom(fd, b, to)
	}
	for {
		_, _, e := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), unix.MSG_DONTWAIT, uintptr(unsafe.Pointer(to)), uintptr(to.size()))
		switch e {
		case 0:
			return nil
		case unix.EINTR:
		default:
			return e
		}
	}
}

// Poll waits up to ms milliseconds for events at an epoll descriptor without telling the Go scheduler, and returns how many there are:
// or -1 when a signal came, such as the scheduler's, which so gets its turn.
func Poll(epoll int, events []unix.EpollEvent, ms int) int {
	n, _, e := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(epoll), uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), uintptr(ms), 0, 0)
	if e != 0 {
		return -1
	}
	return int(n)
}

// Rest lets the thread sleep for less than a millisecond, without telling the Go scheduler, whose signals end it.
func Rest(d time.Duration) {
	ts := unix.NsecToTimespec(int64(d))
	_, _, _ = unix.RawSyscall(unix.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&ts)), 0, 0)
}

// Punctual makes Rest end on time: the kernel adds up to 50 µs to the sleep of a thread that has not asked for better.
func Punctual() { _ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0) }

// Writable waits up to ms milliseconds for room at the socket, without telling the Go scheduler.
func Writable(fd, ms int) {
	p := unix.PollFd{Fd: int32(fd), Events: unix.POLLOUT}
	timeout := unix.NsecToTimespec(int64(ms) * 1e6)
	_, _, _ = unix.RawSyscall6(unix.SYS_PPOLL, uintptr(unsafe.Pointer(&p)), 1, uintptr(unsafe.Pointer(&timeout)), 0, 0, 0)
}
