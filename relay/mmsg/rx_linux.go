//go:build amd64 || arm64

package mmsg

import (
	"encoding/binary"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// What x/sys does not name: linux/udp.h.
const (
	solUDP     = 17
	udpSegment = 103
	udpGRO     = 104
)

// header is struct mmsghdr.
type header struct {
	msg unix.Msghdr
	len uint32
	_   [4]byte
}

const (
	cmsgHeader = unix.SizeofCmsghdr
	// ctlSpace holds a control message with one integer, and one with an IPv6 address and an interface.
	ctlSpace = cmsgHeader + 8 + cmsgHeader + 24
	// slotSize holds the largest datagram, and the largest run of coalesced ones.
	slotSize = 1 << 16
)

// Rx is a set of receive slots.
type Rx struct {
	hdrs  []header
	iovs  []unix.Iovec
	names []Addr
	ctls  [][ctlSpace]byte
	mem   []byte
	room  int // in front of a slot
}

// NewRx makes slots receive slots, with headroom free bytes in front of each and tail behind it. Close gives the memory back;
// pages that no datagram has touched take none.
func NewRx(slots, headroom, tail int) (*Rx, error) {
	stride := slotSize + headroom + tail
	mem, err := unix.Mmap(-1, 0, slots*stride, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return nil, fmt.Errorf("memory for receiving: %w", err)
	}
	_ = unix.Madvise(mem, unix.MADV_NOHUGEPAGE) // or the first datagram takes 2 MB; fails where there are none
	r := &Rx{
		hdrs: make([]header, slots), iovs: make([]unix.Iovec, slots), names: make([]Addr, slots), ctls: make([][ctlSpace]byte, slots),
		mem: mem, room: headroom,
	}
	for i := range r.hdrs {
		r.iovs[i].Base = &mem[i*stride+headroom]
		r.iovs[i].SetLen(slotSize)
		m := &r.hdrs[i].msg
		m.Name = (*byte)(unsafe.Pointer(&r.names[i]))
		m.Iov = &r.iovs[i]
		m.Iovlen = 1
		m.Control = &r.ctls[i][0]
	}
	return r, nil
}

// Close gives the memory back. Slots must not be used any more.
func (r *Rx) Close() {
	_ = unix.Munmap(r.mem) // ours, whole: can't fail
	r.mem, r.hdrs = nil, nil
}

// Slots is the number of slots.
func (r *Rx) Slots() int { return len(r.hdrs) }

// Recv fills slots from at, up to n of them, with what waits at the socket, and returns how many it has filled. 0 and no error mean
// that nothing waits.
func (r *Rx) Recv(fd, at, n int) (int, unix.Errno) {
	h := r.hdrs[at : at+n]
	for i := range h {
		h[i].msg.Namelen = unix.SizeofSockaddrInet6
		h[i].msg.SetControllen(ctlSpace)
	}
	for {
		got, _, e := unix.RawSyscall6(unix.SYS_RECVMMSG, uintptr(fd), uintptr(unsafe.Pointer(&h[0])), uintptr(n), unix.MSG_DONTWAIT, 0, 0)
		switch e {
		case 0:
			return int(got), 0
		case unix.EINTR:
		case unix.EAGAIN:
			return 0, 0
		default:
			return 0, e
		}
	}
}

// Bytes is what slot i holds, valid until it is filled again.
func (r *Rx) Bytes(i int) []byte { return unsafe.Slice(r.iovs[i].Base, r.hdrs[i].len) }

// Around is what slot i holds with head bytes in front and tail behind.
func (r *Rx) Around(i, head, tail int) []byte {
	return unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(r.iovs[i].Base), -head)), head+int(r.hdrs[i].len)+tail)
}

// FindVia looks where the datagrams in n slots from at were sent, for sockets with HearVia: From then has it.
func (r *Rx) FindVia(at, n int) {
	for i := at; i < at+n; i++ {
		r.names[i].via = findVia(r.ctls[i][:min(int(r.hdrs[i].msg.Controllen), ctlSpace)])
	}
}

// From is who sent slot i.
func (r *Rx) From(i int) *Addr { return &r.names[i] }

// Segment is the size of the datagrams that slot i holds, the last of which may be shorter; all of it when it holds one.
func (r *Rx) Segment(i int) int {
	n := int(r.hdrs[i].len)
	if l := int(r.hdrs[i].msg.Controllen); l > 0 {
		if s := groSize(r.ctls[i][:min(l, ctlSpace)]); s > 0 && s < n {
			return s
		}
	}
	return n
}

// groSize finds the segment size among control messages, 0 when there is none.
func groSize(b []byte) int {
	for len(b) >= cmsgHeader {
		l := binary.NativeEndian.Uint64(b)
		if l < cmsgHeader || l > uint64(len(b)) {
			return 0
		}
		if binary.NativeEndian.Uint32(b[8:]) == solUDP && binary.NativeEndian.Uint32(b[12:]) == udpGRO && l >= cmsgHeader+4 {
			return int(int32(binary.NativeEndian.Uint32(b[cmsgHeader:])))
		}
		b = b[min(int(l+7)&^7, len(b)):]
	}
	return 0
}
