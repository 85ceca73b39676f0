//go:build amd64 || arm64

package relay

import (
	"net/netip"
	"sync"

	"github.com/confab/confab/relay/mmsg"
	"golang.org/x/sys/unix"
)

// workerSocket is a relay socket that a worker reads and writes.
type workerSocket struct {
	w     *worker
	ipv6  bool
	place int32 // in worker.relays

	// The fields below are guarded by the worker's mu.
	fd     int // -1 when closed
	a      *allocation
	client mmsg.Addr
	once   sync.Once
}

// open opens a relay socket at an address.
func (w *worker) open(at netip.AddrPort) (peerSocket, error) {
	fd, err := mmsg.Socket(at, relayBuffer)
	if err != nil {
		return nil, err
	}
	k := &workerSocket{w: w, fd: fd, ipv6: at.Addr().Unmap().Is6()}
	w.mu.Lock()
	defer w.mu.Unlock()
	if n := len(w.spare); n > 0 {
		k.place = w.spare[n-1]
		w.spare = w.spare[:n-1]
	} else {
		k.place = int32(len(w.relays))
		w.relays = append(w.relays, nil)
	}
	if err := w.watch(fd, k.place); err != nil {
		w.spare = append(w.spare, k.place)
		_ = unix.Close(fd)
		return nil, err
	}
	w.relays[k.place] = k
	return k, nil
}

func (k *workerSocket) attach(a *allocation) {
	k.w.mu.Lock()
	defer k.w.mu.Unlock()
	if k.fd < 0 {
		return
	}
	k.a = a
	k.client.Set(a.tuple.client, k.w.ipv6)
	if u, ok := a.client.(udpClient); ok {
		k.client.SetVia(u.via)
	}
	k.w.byAddr[k.client.Key()] = k
}

// put queues a datagram for a peer; it reports false, and counts, when the peer is of another family than the socket.
func (k *workerSocket) put(tx *mmsg.Tx, o outgoing) bool {
	if !mmsg.Fits(o.to, k.ipv6) || o.to.Addr().Unmap().Is4() == k.ipv6 {
		k.w.s.metrics.drop("address_family")
		return false
	}
	var to mmsg.Addr
	to.Set(o.to, k.ipv6)
	tx.Put(k.fd, &to, nil, o.data, 0)
	return true
}

// serve says that the worker reads the socket.
func (k *workerSocket) serve([]byte) bool { return true }

// send serves what the worker has left to pion.
func (k *workerSocket) send(list []outgoing) (taken int) {
	k.w.mu.Lock()
	defer k.w.mu.Unlock()
	if k.fd < 0 {
		return 0
	}
	for _, o := range list {
		if !mmsg.Fits(o.to, k.ipv6) {
			continue
		}
		var to mmsg.Addr
		to.Set(o.to, k.ipv6)
		if mmsg.SendTo(k.fd, o.data, &to) == nil {
			taken++
		}
	}
	return taken
}

func (k *workerSocket) close() {
	k.once.Do(func() {
		w := k.w
		w.mu.Lock()
		defer w.mu.Unlock()
		w.relays[k.place] = nil
		w.spare = append(w.spare, k.place)
		if key := k.client.Key(); k.a != nil && w.byAddr[key] == k {
			delete(w.byAddr, key)
		}
		_ = unix.Close(k.fd) // leaves the epoll set too
		k.fd, k.a = -1, nil
	})
}
