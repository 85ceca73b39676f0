//go:build amd64 || arm64

package udp

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// Linux takes 128 segments since 6.9 and 64 before, and 65 507 bytes in all.
	maxSegments  = 64
	maxRunBytes  = 65000
	segmentSpace = unix.SizeofCmsghdr + 8 // a control message with one uint16
)

// run is one message to the kernel: one datagram, or several of one size with only the last shorter.
type run struct {
	dest        *Dest
	first, segs int // of dest.queue
	size        int // bytes in all
}

// batchSender is the kernel's view of a Tx.
type batchSender struct {
	tx   *Tx
	hdrs []mmsghdr
	iovs []unix.Iovec
	ctls [][segmentSpace + pktinfoSpace]byte
	runs []run

	nIovs    int
	at       int // the first run not yet sent
	n        int
	err      syscall.Errno
	transmit func(fd uintptr) bool
}

func newBatchSender(t *Tx) func() error {
	b := &batchSender{
		tx: t, hdrs: make([]mmsghdr, t.slots), iovs: make([]unix.Iovec, t.slots),
		ctls: make([][segmentSpace + pktinfoSpace]byte, t.slots), runs: make([]run, 0, t.slots),
	}
	b.transmit = func(fd uintptr) bool {
		for {
			// Raw: a call of at most a few dozen packets that never waits is not worth handing the processor over;
			// measured 10 to 15 %.
			n, _, err := syscall.RawSyscall6(unix.SYS_SENDMMSG, fd, uintptr(unsafe.Pointer(&b.hdrs[b.at])), uintptr(len(b.runs)-b.at), unix.MSG_DONTWAIT, 0, 0)
			if err == syscall.EINTR {
				continue
			}
			b.n, b.err = int(n), err
			return err != syscall.EAGAIN // false parks the goroutine until there is room
		}
	}
	return b.flush
}

func (b *batchSender) flush() error {
	b.runs, b.nIovs, b.at = b.runs[:0], 0, 0
	for _, d := range b.tx.dirty {
		b.queue(d)
	}
	s := b.tx.sock
	for b.at < len(b.runs) {
		if err := s.raw.Write(b.transmit); err != nil {
			return err
		}
		s.count.sendCalls.Add(1)
		if b.err != 0 { // says why the first of them was refused; the others have not been tried
			if err := b.sendApart(b.runs[b.at]); isClosed(err) {
				return err
			}
			b.at++
			continue
		}
		for _, r := range b.runs[b.at : b.at+b.n] {
			s.count.sent.Add(uint64(r.segs))
			s.count.sentBytes.Add(uint64(r.size))
			if r.segs > 1 {
				s.count.segmented.Add(uint64(r.segs))
			}
		}
		b.at += b.n
	}
	return nil
}

// queue cuts what is queued to d into runs.
func (b *batchSender) queue(d *Dest) {
	segment := b.tx.sock.gso && !d.unsegment
	for i := 0; i < len(d.queue); {
		r := run{dest: d, first: i, segs: 1, size: d.queue[i].size}
		size := r.size
		for i++; segment && i < len(d.queue) && r.segs < maxSegments; i++ {
			next := d.queue[i].size
			if next > size || next == 0 || r.size+next > maxRunBytes { // an empty segment would be lost
				break
			}
			r.segs++
			r.size += next
			if next < size { // only the last may be shorter
				i++
				break
			}
		}
		b.add(r, size)
	}
}

// add describes one run to the kernel.
func (b *batchSender) add(r run, segment int) {
	s := b.tx.sock
	name, nameLen := r.dest.sockaddr(s.ipv6)
	if name == nil {
		s.count.sendErrors.Add(uint64(r.segs))
		return
	}
	i := len(b.runs)
	h, ctl := &b.hdrs[i].hdr, &b.ctls[i]
	h.Name, h.Namelen = name, nameLen
	h.Iov = &b.iovs[b.nIovs]
	h.SetIovlen(r.segs)
	for _, q := range r.dest.queue[r.first : r.first+r.segs] {
		b.iovs[b.nIovs].Base = &b.tx.arena[q.at]
		b.iovs[b.nIovs].SetLen(q.size)
		b.nIovs++
	}
	n := 0
	if r.segs > 1 {
		size := uint16(segment)
		putControl(ctl[:], unix.IPPROTO_UDP, unix.UDP_SEGMENT, unsafe.Slice((*byte)(unsafe.Pointer(&size)), 2))
		n = segmentSpace
	}
	if s.wild && r.dest.hasSource() {
		n += copy(ctl[n:], r.dest.control(s.ipv6))
	}
	h.Control = nil
	if n > 0 {
		h.Control = &ctl[0]
	}
	h.SetControllen(n)
	b.runs = append(b.runs, r)
}

// sendApart sends a refused run one by one. EIO (no checksum offload, IPsec), EINVAL and EMSGSIZE (a segment longer than the way
// allows), EOPNOTSUPP: the way to this Dest takes no segments, so none are tried again. A single datagram's fate is Send's.
func (b *batchSender) sendApart(r run) error {
	s := b.tx.sock
	if r.segs > 1 {
		s.count.fallbacks.Add(1)
		switch b.err {
		case syscall.EIO, syscall.EINVAL, syscall.EMSGSIZE, syscall.EOPNOTSUPP:
			r.dest.unsegment = true
		}
	}
	if b.err == syscall.ENOBUFS && r.segs == 1 {
		// The queue of the device is full; trying at once would only press on.
		s.count.sendErrors.Add(1)
		return nil
	}
	for _, q := range r.dest.queue[r.first : r.first+r.segs] {
		if _, err := s.Send(b.tx.bytes(q), r.dest); isClosed(err) {
			return err
		}
	}
	return nil
}
