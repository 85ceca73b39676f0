package udp

// Tx queues datagrams and sends them in batches. It belongs to one goroutine.
//
// Datagrams to one Dest keep their order; datagrams to different ones may be reordered, so that each Dest's run is contiguous.
type Tx struct {
	sock  *Socket
	arena []byte
	slots int
	used  int
	dirty []*Dest // with something queued, in order of their first datagram
	flush func() error
}

// NewTx makes a queue of slots datagrams; 64 stay in the processor's cache between encryption and sending.
func (s *Socket) NewTx(slots int) *Tx {
	t := &Tx{sock: s, slots: slots, arena: make([]byte, slots*SlotSize), dirty: make([]*Dest, 0, slots)}
	if t.flush = t.sendEach; s.raw != nil {
		t.flush = newBatchSender(t)
	}
	return t
}

// Free is how many datagrams can be committed before Slot flushes by itself.
func (t *Tx) Free() int { return t.slots - t.used }

// Pending is how many datagrams are queued.
func (t *Tx) Pending() int { return t.used }

// Slot returns the next free buffer: length 0, capacity SlotSize. It flushes first when none is free.
func (t *Tx) Slot() []byte {
	if t.used == t.slots {
		_ = t.Flush() // the error is the socket's end, and will be met again
	}
	at := t.used * SlotSize
	return t.arena[at : at : at+SlotSize]
}

// Commit queues the first n bytes of the buffer last returned by Slot to d.
func (t *Tx) Commit(d *Dest, n int) {
	if len(d.queue) == 0 {
		t.dirty = append(t.dirty, d)
	}
	d.queue = append(d.queue, queued{at: t.used * SlotSize, size: n})
	t.used++
}

// Flush sends all that is queued. It waits while the kernel's send buffer is full; what the kernel refuses otherwise is
// dropped and counted. An error means that the socket is at its end (net.ErrClosed); the queue is empty in any case.
func (t *Tx) Flush() error {
	if t.used == 0 {
		return nil
	}
	err := t.flush()
	for i, d := range t.dirty {
		d.queue = d.queue[:0]
		t.dirty[i] = nil
	}
	t.dirty = t.dirty[:0]
	t.used = 0
	return err
}

func (t *Tx) bytes(q queued) []byte { return t.arena[q.at : q.at+q.size] }

// sendEach is the portable path.
func (t *Tx) sendEach() error {
	for _, d := range t.dirty {
		for _, q := range d.queue {
			if _, err := t.sock.Send(t.bytes(q), d); isClosed(err) {
				return err
			}
		}
	}
	return nil
}
