package session

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/confab/confab/transfer/content"
	"github.com/confab/confab/transfer/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// place is somebody's access to the network: what leaves shares a rate.
type place struct {
	rate float64 // bytes per second up; 0: no bound

	mu   sync.Mutex
	free time.Time
	sent int64
}

// departure is when n bytes that are given to the network now have left.
func (p *place) departure(n int) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if p.free.Before(now) {
		p.free = now
	}
	p.sent += int64(n)
	if p.rate > 0 {
		p.free = p.free.Add(time.Duration(float64(n) / p.rate * float64(time.Second)))
	}
	return p.free
}

// pipe is one direction of a lane in memory.
type pipe struct {
	from  *place
	delay time.Duration
	tap   func(b []byte, text bool) ([]byte, bool) // may change or drop (nil) what passes

	mu      sync.Mutex
	queue   []parcel
	waiting int // bytes not delivered
	closed  bool
	changed chan struct{} // closed and made anew at every change
}

type parcel struct {
	due  time.Time
	data []byte
	text bool
}

func newPipe(from *place, delay time.Duration) *pipe {
	return &pipe{from: from, delay: delay, changed: make(chan struct{})}
}

func (p *pipe) alter(f func()) {
	p.mu.Lock()
	f()
	close(p.changed)
	p.changed = make(chan struct{})
	p.mu.Unlock()
}

func (p *pipe) write(b []byte, text bool) error {
	if p.tap != nil {
		var keep bool
		if b, keep = p.tap(b, text); !keep {
			return nil
		}
	}
	for {
		p.mu.Lock()
		wait, full, closed := p.changed, p.waiting > 1<<20, p.closed
		p.mu.Unlock()
		if closed {
			return io.ErrClosedPipe
		}
		if !full {
			break
		}
		<-wait
	}
	due := p.from.departure(len(b)).Add(p.delay)
	p.alter(func() {
		p.queue = append(p.queue, parcel{due, bytes.Clone(b), text})
		p.waiting += len(b)
	})
	return nil
}

func (p *pipe) read(b []byte) (int, bool, error) {
	for {
		p.mu.Lock()
		wait, closed := p.changed, p.closed
		var first *parcel
		if len(p.queue) > 0 {
			first = &p.queue[0]
		}
		p.mu.Unlock()
		switch {
		case closed:
			return 0, false, io.EOF
		case first == nil:
			<-wait
		case time.Now().Before(first.due):
			t := time.NewTimer(time.Until(first.due))
			select {
			case <-t.C:
			case <-wait:
				t.Stop()
			}
		default:
			n := copy(b, first.data)
			text := first.text
			p.alter(func() {
				p.waiting -= n
				p.queue = p.queue[1:]
			})
			return n, text, nil
		}
	}
}

// memLane is one end of a lane in memory.
type memLane struct{ in, out *pipe }

func (l *memLane) Read(p []byte) (int, bool, error) { return l.in.read(p) }
func (l *memLane) Write(p []byte, text bool) error  { return l.out.write(p, text) }
func (l *memLane) Path() Path                       { return Path{Kind: PathLAN} }
func (l *memLane) Close() error {
	for _, p := range []*pipe{l.in, l.out} {
		p.alter(func() { p.closed = true })
	}
	return nil
}

// road is what lies between two sessions: one end opens lanes, the other takes them.
type road struct {
	a, b   *place
	delay  time.Duration
	setup  time.Duration
	onLane func(n int, ab, ba *pipe) // of the nth lane

	mu    sync.Mutex
	made  int
	lanes []*memLane
	to    chan Lane
	shut  bool // the peer has left the room
}

func newRoad(a, b *place, delay time.Duration) *road {
	return &road{a: a, b: b, delay: delay, setup: 3 * delay, to: make(chan Lane, 64)}
}

type opener struct{ *road }
type taker struct{ *road }

var errLeft = errors.New("the peer has left the room")

func (o opener) Dial(ctx context.Context) (Lane, error) {
	select {
	case <-time.After(o.setup + time.Millisecond):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.shut {
		return nil, errLeft
	}
	ab, ba := newPipe(o.a, o.delay), newPipe(o.b, o.delay)
	o.made++
	if o.onLane != nil {
		o.onLane(o.made, ab, ba)
	}
	mine, theirs := &memLane{ba, ab}, &memLane{ab, ba}
	o.lanes = append(o.lanes, mine)
	o.to <- theirs
	return mine, nil
}

func (t taker) Dial(ctx context.Context) (Lane, error) {
	select {
	case l := <-t.to:
		return l, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// cut ends all lanes there are.
func (r *road) cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, l := range r.lanes {
		_ = l.Close()
	}
	r.lanes = nil
}

// memSource is files in memory.
type memSource struct {
	files   [][]byte
	streams map[int]io.ReadCloser

	mu    sync.Mutex
	reads int
	fail  map[int]error
}

func (s *memSource) ReadAt(f int, p []byte, off int64) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads++
	if err := s.fail[f]; err != nil {
		return 0, err
	}
	return bytes.NewReader(s.files[f]).ReadAt(p, off)
}

func (s *memSource) Leaves(f int) ([]content.Hash, error) {
	var h content.Hasher
	_, _ = h.Write(s.files[f])
	leaves, _, _ := h.Sum()
	return leaves, nil
}

func (s *memSource) Stream(f int) (Reader, error) { return s.streams[f], nil }

// entries describes the files.
func (s *memSource) entries() []content.Entry {
	out := make([]content.Entry, len(s.files))
	for i, b := range s.files {
		var h content.Hasher
		_, _ = h.Write(b)
		_, root, size := h.Sum()
		out[i] = content.Entry{Path: fmt.Sprintf("dir/file%d", i), Size: size, Root: &root}
		if s.streams[i] != nil {
			out[i] = content.Entry{Path: fmt.Sprintf("stream%d", i), Size: -1, Stream: true}
		}
	}
	return out
}

// memSink is a folder in memory. It outlives receivers, like a disk.
type memSink struct {
	t *testing.T

	mu       sync.Mutex
	files    map[int][]byte
	have     []*content.Bitmap
	finished map[int]int64
	writes   map[[2]int]int
	fail     error
	slow     time.Duration
	lies     bool // to other receivers
}

func newSink(t *testing.T) *memSink {
	return &memSink{t: t, files: map[int][]byte{}, finished: map[int]int64{}, writes: map[[2]int]int{}}
}

func (s *memSink) Open(o *Offer, _ []int) ([]*content.Bitmap, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.have == nil {
		s.have = make([]*content.Bitmap, len(o.Entries))
		for i := range s.have {
			s.have[i] = content.NewBitmap(o.Entries[i].Blocks())
		}
	}
	for i := range o.Entries {
		if e := &o.Entries[i]; e.Inline != "" {
			s.files[i] = []byte(e.Inline)
		}
	}
	return s.have, nil
}

func (s *memSink) WriteBlock(f, block int, data []byte) error {
	time.Sleep(s.slow)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return s.fail
	}
	s.writes[[2]int{f, block}]++
	if end := block*content.BlockSize + len(data); len(s.files[f]) < end {
		s.files[f] = append(s.files[f], make([]byte, end-len(s.files[f]))...)
	}
	copy(s.files[f][block*content.BlockSize:], data)
	s.have[f].Set(block)
	return nil
}

func (s *memSink) ReadBlock(f, block int, p []byte) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.files[f][block*content.BlockSize:]
	if s.lies {
		b = make([]byte, len(b))
	}
	return p[:copy(p, b[:min(len(b), content.BlockSize)])], nil
}

func (s *memSink) Finish(f int, size int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, twice := s.finished[f]; twice {
		s.t.Errorf("file %d is finished twice", f)
	}
	s.finished[f] = size
	return nil
}

// same checks that the files have arrived.
func (s *memSink) same(files [][]byte) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, want := range files {
		if size, done := s.finished[i]; !done || size != int64(len(want)) || !bytes.Equal(s.files[i], want) {
			s.t.Errorf("file %d: finished %v with %d bytes, want %d; the same: %v", i, done, size, len(want), bytes.Equal(s.files[i], want))
		}
	}
}

// once checks that no block was written twice.
func (s *memSink) once() {
	s.t.Helper()
	for k, n := range s.writes {
		if n != 1 {
			s.t.Errorf("block %v was written %d times", k, n)
		}
	}
}

// events are the kinds that somebody was told, in order.
type events struct {
	mu   sync.Mutex
	list []Event
}

func (e *events) add(x Event) {
	e.mu.Lock()
	e.list = append(e.list, x)
	e.mu.Unlock()
}

func (e *events) count(k EventKind) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	n := 0
	for _, x := range e.list {
		if x.Kind == k {
			n++
		}
	}
	return n
}

// data makes n bytes that differ from block to block.
func data(n, seed int) []byte {
	b := make([]byte, n)
	x := uint32(seed)*2654435761 + 1
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = byte(x >> 24)
	}
	return b
}

// transfer is one sender and one receiver at work.
type transfer struct {
	source      *memSource
	sender      *Sender
	receiver    *Receiver
	road        *road
	sent, got   chan error
	said, heard events
}

// start begins a transfer of files over a road.
func start(t *testing.T, r *road, source *memSource, sink *memSink, change ...func(*ReceiveOptions)) *transfer {
	x := &transfer{source: source, road: r, sent: make(chan error, 1), got: make(chan error, 1)}
	x.sender = NewSender(SendOptions{Entries: source.entries(), Name: "things", Source: source, Events: x.said.add})
	o := ReceiveOptions{Dialer: taker{r}, Peer: "a", Sink: sink, Events: x.heard.add}
	for _, f := range change {
		f(&o)
	}
	x.receiver = NewReceiver(o)
	go func() { x.sent <- x.sender.Serve(t.Context(), "b", opener{r}) }()
	go func() { x.got <- x.receiver.Run(t.Context()) }()
	return x
}

// end waits for both sides, at most for an hour of virtual time.
func (x *transfer) end(t *testing.T) (sent, got error) {
	t.Helper()
	late := time.After(time.Hour)
	for range 2 {
		select {
		case sent = <-x.sent:
			x.sent = nil
		case got = <-x.got:
			x.got = nil
		case <-late:
			t.Fatalf("no end: %+v", x.receiver.Progress())
		}
	}
	x.sender.Close()
	return sent, got
}

func (x *transfer) succeeds(t *testing.T) {
	t.Helper()
	if sent, got := x.end(t); sent != nil || got != nil {
		t.Fatalf("sender: %v, receiver: %v", sent, got)
	}
}

func inBubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}

func isPeerError(err error, code wire.Code) bool {
	var pe *PeerError
	return errors.As(err, &pe) && pe.Code == code
}
