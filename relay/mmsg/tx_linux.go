//go:build amd64 || arm64

package mmsg

import (
	"encoding/binary"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	messages = 64 // of one sendmmsg
	vectors  = 1024
	// Linux takes 128 segments since 6.9 and 64 before, and 65 507 bytes in all.
	maxSegments = 60
	maxRun      = 65000
	// HeadRoom is the longest head that Put takes.
	HeadRoom = 64
	// refusals bounds the destinations remembered as not to be segmented for.
	refusals = 1024
	// patience is how long Flush waits for room at a socket, in milliseconds: what a gigabit takes to drain half a megabyte is four.
	patience = 2
)

var zeros [4]byte

// run is one message: one datagram, or several of one size with only the last shorter.
type run struct {
	first, vectors int // of Tx.iovs
	segments       int
	size           int // of the first datagram
	total          int
	ended          bool // by a shorter datagram
}

// Tx collects datagrams for one socket at a time.
type Tx struct {
	// Failed counts datagrams that the kernel did not take.
	Failed uint64

	fd    int
	n     int
	nIovs int
	nHead int
	hdrs  [messages]header
	runs  [messages]run
	names [messages]Addr
	ctls  [messages][ctlSpace]byte
	iovs  [vectors]unix.Iovec
	heads [vectors / 2][HeadRoom]byte

	refused map[Key]struct{}
	gso     bool
}

// NewTx makes a Tx. It coalesces when gso is true and the kernel can cut; Put and Flush are all that the caller sees of it.
func NewTx(gso bool) *Tx {
	t := &Tx{fd: -1, gso: gso, refused: map[Key]struct{}{}}
	for i := range t.hdrs {
		t.hdrs[i].msg.Name = (*byte)(unsafe.Pointer(&t.names[i]))
	}
	return t
}

// Put queues one datagram for to from the socket fd: a head (of at most HeadRoom bytes, copied), a body (not copied: it must
// not change until Flush) and up to 3 zero bytes. Datagrams for another socket are sent first.
func (t *Tx) Put(fd int, to *Addr, head, body []byte, padding int) {
	if t.fd != fd || t.n == messages || t.nIovs+3 > vectors || t.nHead == len(t.heads) {
		t.send()
		t.fd = fd
	}
	size := len(head) + len(body) + padding
	if t.n > 0 && t.gso {
		if i := t.n - 1; t.joins(&t.runs[i], size) && t.names[i] == *to {
			r := &t.runs[i]
			r.segments++
			r.total += size
			r.ended = size < r.size
			t.gather(r, head, body, padding)
			return
		}
	}
	t.names[t.n] = *to
	t.runs[t.n] = run{first: t.nIovs, segments: 1, size: size, total: size}
	if len(t.refused) > 0 {
		_, t.runs[t.n].ended = t.refused[to.Key()]
	}
	t.gather(&t.runs[t.n], head, body, padding)
	t.n++
}

// joins reports whether a datagram can follow in the run. An empty segment would be lost.
func (t *Tx) joins(r *run, size int) bool {
	return !r.ended && size <= r.size && size > 0 && r.segments < maxSegments && r.total+size <= maxRun
}

func (t *Tx) gather(r *run, head, body []byte, padding int) {
	if len(head) > 0 {
		h := t.heads[t.nHead][:copy(t.heads[t.nHead][:], head)]
		t.nHead++
		t.vector(r, h)
	}
	if len(body) > 0 || len(head) == 0 {
		t.vector(r, body)
	}
	if padding > 0 {
		t.vector(r, zeros[:padding])
	}
}

func (t *Tx) vector(r *run, b []byte) {
	v := &t.iovs[t.nIovs]
	v.Base = unsafe.SliceData(b)
	v.SetLen(len(b))
	t.nIovs++
	r.vectors++
}

// Flush sends what is queued. What a full socket does not take within a moment is dropped and counted, as any UDP datagram may be.
func (t *Tx) Flush() {
	t.send()
	t.fd = -1
}

func (t *Tx) send() {
	if t.n == 0 {
		return
	}
	for i := range t.n {
		r, m := &t.runs[i], &t.hdrs[i].msg
		m.Namelen = t.names[i].size()
		m.Iov = &t.iovs[r.first]
		m.SetIovlen(r.vectors)
		t.control(i, r.segments > 1)
	}
	waited := false
	for at := 0; at < t.n; {
		k, e := t.transmit(at)
		at += k
		switch {
		case e == 0 || e == unix.EINTR:
		case e == unix.EAGAIN && !waited:
			waited = true
			Writable(t.fd, patience)
		case t.runs[at].segments > 1 && (e == unix.EIO || e == unix.EINVAL || e == unix.EMSGSIZE):
			t.apart(at)
			at++
		default:
			t.Failed += uint64(t.runs[at].segments)
			at++
		}
	}
	t.n, t.nIovs, t.nHead = 0, 0, 0
}

// control writes the control messages of message i: where it leaves from, and that it is to be cut.
func (t *Tx) control(i int, cut bool) {
	m, used := &t.hdrs[i].msg, 0
	if t.names[i].via.family != 0 {
		used = t.names[i].via.put(t.ctls[i][:])
	}
	if cut {
		putSegment(t.ctls[i][used:], t.runs[i].size)
		used += cmsgHeader + 8
	}
	m.Control = nil
	if used > 0 {
		m.Control = &t.ctls[i][0]
	}
	m.SetControllen(used)
}

// transmit sends messages from at on and returns how many were taken; the error is that of the first not taken.
func (t *Tx) transmit(at int) (int, unix.Errno) {
	if t.n-at > 1 {
		n, _, e := unix.RawSyscall6(unix.SYS_SENDMMSG, uintptr(t.fd), uintptr(unsafe.Pointer(&t.hdrs[at])), uintptr(t.n-at), unix.MSG_DONTWAIT, 0, 0)
		if e != 0 {
			return 0, e
		}
		return int(n), 0
	}
	if e := t.one(at); e != 0 {
		return 0, e
	}
	return 1, 0
}

// one sends message i alone: sendto costs less than sendmsg, which costs less than sendmmsg.
func (t *Tx) one(i int) (e unix.Errno) {
	m := &t.hdrs[i].msg
	if m.Iovlen == 1 && m.Control == nil {
		_, _, e = unix.RawSyscall6(unix.SYS_SENDTO, uintptr(t.fd), uintptr(unsafe.Pointer(m.Iov.Base)), uintptr(m.Iov.Len), unix.MSG_DONTWAIT, uintptr(unsafe.Pointer(m.Name)), uintptr(m.Namelen))
		return e
	}
	_, _, e = unix.RawSyscall(unix.SYS_SENDMSG, uintptr(t.fd), uintptr(unsafe.Pointer(m)), unix.MSG_DONTWAIT)
	return e
}

// apart sends the datagrams of a run one by one, and remembers not to make runs for its destination.
func (t *Tx) apart(i int) {
	if len(t.refused) >= refusals {
		clear(t.refused)
	}
	t.refused[t.names[i].Key()] = struct{}{}
	r, m := t.runs[i], &t.hdrs[i].msg
	t.control(i, false)
	for v, left := r.first, r.vectors; left > 0; {
		size, n := 0, 0
		for n < left && size < r.size { // all but the last are of this size
			size += int(t.iovs[v+n].Len)
			n++
		}
		m.Iov = &t.iovs[v]
		m.SetIovlen(n)
		if e := t.one(i); e != 0 {
			t.Failed++
		}
		v, left = v+n, left-n
	}
}

func putSegment(b []byte, size int) {
	_ = b[cmsgHeader+7]
	binary.NativeEndian.PutUint64(b, cmsgHeader+2)
	binary.NativeEndian.PutUint32(b[8:], solUDP)
	binary.NativeEndian.PutUint32(b[12:], udpSegment)
	binary.NativeEndian.PutUint16(b[cmsgHeader:], uint16(size))
}
