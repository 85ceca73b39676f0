//go:build amd64 || arm64

package main

import (
	"encoding/binary"
	"net/netip"

	"github.com/confab/confab/relay/mmsg"
	"golang.org/x/sys/unix"
)

// The relay sockets of the forwarder: the port of the first, and an address where nobody else's are.
const forwardedAt = 40000

var forwardedIP = netip.MustParseAddr("127.0.1.1")

// forwarder moves payloads between clients and the peer as a relay would, and knows nothing: a client by its source address, its relay
// socket by the same number. It takes four bytes off, or puts them in front.
func forwarder(ip string, port, clients int, peer netip.AddrPort) error {
	addr, err := netip.ParseAddr(ip)
	if err != nil {
		return err
	}
	const slots, turn, head = 128, 64, 4
	rx, err := mmsg.NewRx(slots, head, 0)
	if err != nil {
		return err
	}
	tx := mmsg.NewTx(true)
	epoll, err := unix.EpollCreate1(0)
	if err != nil {
		return err
	}
	open := func(at netip.Addr, port int, what int32) int {
		fd, e := mmsg.Socket(netip.AddrPortFrom(at, uint16(port)), 4<<20)
		if e == nil {
			e = unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: what})
		}
		if e != nil {
			err = e
		}
		return fd
	}
	front := open(addr, port, -1)
	relays, from := make([]int, clients), make([]mmsg.Addr, clients)
	for i := range relays {
		relays[i] = open(forwardedIP, forwardedAt+i, int32(i))
	}
	if err != nil {
		return err
	}
	var to mmsg.Addr
	to.Set(peer, false)
	events := make([]unix.EpollEvent, turn)
	for {
		n, e := unix.EpollWait(epoll, events, -1)
		if e != nil {
			continue // a signal
		}
		used := 0
		for _, ev := range events[:n] {
			room := max(16, 2*turn/n)
			if ev.Fd < 0 || room > turn {
				room = turn
			}
			if used+room > slots {
				tx.Flush()
				used = 0
			}
			if ev.Fd < 0 {
				got, _ := rx.Recv(front, used, room)
				for i := used; i < used+got; i++ {
					ip := rx.From(i).AddrPort().Addr().As4()
					at := (int(ip[2])-2)*250 + int(ip[3]) - 1
					if at < 0 || at >= clients {
						continue
					}
					from[at] = *rx.From(i)
					for b, size := rx.Bytes(i), rx.Segment(i); len(b) > head; b = b[min(size, len(b)):] {
						tx.Put(relays[at], &to, nil, b[head:min(size, len(b))], 0)
					}
				}
				used += got
				continue
			}
			got, _ := rx.Recv(relays[ev.Fd], used, room)
			for i := used; i < used+got; i++ {
				for b, size := rx.Bytes(i), rx.Segment(i); len(b) > 0; b = b[min(size, len(b)):] {
					m := min(size, len(b))
					var h [head]byte
					binary.BigEndian.PutUint32(h[:], channelNumber<<16|uint32(m))
					tx.Put(front, &from[ev.Fd], h[:], b[:m], 0)
				}
			}
			used += got
		}
		tx.Flush()
	}
}
