package session

import (
	"io"
	"sync"
	"testing"
	"time"

	"github.com/confab/confab/transfer/wire"
)

// TestSeveralLanes has lanes of half a megabyte per second, each later than the one before, so that ranges of a block come in any order,
// and loses one of them now and then.
func TestSeveralLanes(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		files := [][]byte{data(40*mib+9, 1)}
		r := newRoad(&place{}, &place{}, 10*time.Millisecond)
		r.onLane = func(n int, ab, _ *pipe) {
			ab.from = &place{rate: 0.5e6}
			ab.delay = time.Duration(10+37*(n%5)) * time.Millisecond
		}
		sink := newSink(t)
		began := time.Now()
		x := start(t, r, &memSource{files: files}, sink)
		most := 0
		stop := make(chan struct{})
		var watch sync.WaitGroup
		watch.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				case <-time.After(time.Second):
				}
				most = max(most, x.receiver.Progress().Lanes)
				r.mu.Lock()
				if i%9 == 8 && len(r.lanes) > 1 {
					_ = r.lanes[i/9%len(r.lanes)].Close()
				}
				r.mu.Unlock()
			}
		})
		x.succeeds(t)
		close(stop)
		watch.Wait()
		sink.same(files)
		sink.once()
		if most < 4 {
			t.Errorf("at most %d lanes", most)
		}
		if took := time.Since(began); took > 50*time.Second { // one lane takes 84 s
			t.Errorf("it took %v", took)
		}
	})
}

func TestOneLaneWhereOneFillsThePath(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		sink := newSink(t)
		x := start(t, newRoad(&place{rate: 2.5e6}, &place{}, 10*time.Millisecond), &memSource{files: [][]byte{data(60*mib, 1)}}, sink)
		time.Sleep(20 * time.Second)
		if p := x.receiver.Progress(); p.Lanes > 2 || p.Rate < 2e6 || p.Rate > 3e6 || p.Left <= 0 || p.Left > 20*time.Second {
			t.Errorf("%+v", p)
		}
		if p, ok := x.sender.Progress("b"); !ok || p.Verified < 40e6 || p.Rate < 2e6 {
			t.Errorf("sender: %+v", p)
		}
		x.succeeds(t)
	})
}

// TestASilentLaneIsGivenUp has a lane that takes messages and delivers none from some point on.
func TestASilentLaneIsGivenUp(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		files := [][]byte{data(4*mib, 1)}
		r := newRoad(&place{rate: 1e6}, &place{}, 10*time.Millisecond)
		r.onLane = func(n int, ab, _ *pipe) {
			count := 0
			ab.tap = func(b []byte, _ bool) ([]byte, bool) {
				count++
				return b, n > 1 || count < 30
			}
		}
		sink := newSink(t)
		x := start(t, r, &memSource{files: files}, sink)
		x.succeeds(t)
		sink.same(files)
		if r.made < 2 {
			t.Errorf("%d lanes", r.made)
		}
	})
}

func TestABadBlockIsAskedForAgain(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		files := [][]byte{data(4*mib, 1)}
		r := newRoad(&place{}, &place{}, time.Millisecond)
		r.onLane = func(_ int, ab, _ *pipe) {
			spoiled := 0
			ab.tap = func(b []byte, text bool) ([]byte, bool) {
				if f, _ := wire.Parse(b); !text && spoiled < 2 {
					if d, is := f.(wire.Data); is && d.Offset%mib == 65536 {
						b = append([]byte(nil), b...)
						b[len(b)-1] ^= 1
						spoiled++
					}
				}
				return b, true
			}
		}
		sink := newSink(t)
		x := start(t, r, &memSource{files: files}, sink)
		x.succeeds(t)
		sink.same(files)
		sink.once()
	})
}

func TestWhoSendsBadBlocksIsGivenUp(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r := newRoad(&place{}, &place{}, time.Millisecond)
		r.onLane = func(_ int, ab, _ *pipe) {
			ab.tap = func(b []byte, text bool) ([]byte, bool) {
				if f, _ := wire.Parse(b); !text {
					if _, is := f.(wire.Data); is {
						b = append([]byte(nil), b...)
						b[len(b)-1] ^= 1
					}
				}
				return b, true
			}
		}
		sink := newSink(t)
		x := start(t, r, &memSource{files: [][]byte{data(8*mib, 1)}}, sink)
		sent, got := x.end(t)
		if !isPeerError(sent, wire.BadBlock) || !isPeerError(got, wire.BadBlock) {
			t.Errorf("sender: %v, receiver: %v", sent, got)
		}
		if len(sink.writes) > 0 {
			t.Error("a bad block was written")
		}
	})
}

// countingReader counts what is read.
type countingReader struct {
	io.Reader
	mu   sync.Mutex
	read int
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.mu.Lock()
	c.read += n
	c.mu.Unlock()
	return n, err
}
func (c *countingReader) Close() error { return nil }

func TestStreams(t *testing.T) {
	for _, size := range []int{0, 1, mib - 1, mib, 3 * mib, 70*mib + 12345} {
		inBubble(t, func(t *testing.T) {
			want := data(size, 1)
			in, out := io.Pipe()
			go func() {
				for rest := want; len(rest) > 0; {
					n := min(len(rest), 100_000)
					_, _ = out.Write(rest[:n])
					rest = rest[n:]
				}
				_ = out.Close()
			}()
			c := &countingReader{Reader: in}
			source := &memSource{files: [][]byte{nil, data(100, 2)}, streams: map[int]io.ReadCloser{0: c}}
			sink := newSink(t)
			r := newRoad(&place{rate: 2e6}, &place{}, 5*time.Millisecond)
			x := start(t, r, source, sink)
			if size > 50*mib {
				time.Sleep(5 * time.Second)
				x.receiver.Pause()
				time.Sleep(10 * time.Second)
				c.mu.Lock()
				if p := x.receiver.Progress(); c.read > int(p.Verified)+(streamed+8)*mib {
					t.Errorf("%d bytes were read ahead of %d", c.read, p.Verified)
				}
				c.mu.Unlock()
				r.cut()
				x.receiver.Continue()
			}
			x.succeeds(t)
			sink.same([][]byte{want, source.files[1]})
		})
	}
}

// TestManySmallFiles also shows that entries come in pages.
func TestManySmallFiles(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		files := make([][]byte, 2000)
		for i := range files {
			files[i] = data(100+i%3000, i)
		}
		sink := newSink(t)
		began := time.Now()
		x := start(t, newRoad(&place{rate: 2.5e6}, &place{}, 50*time.Millisecond), &memSource{files: files}, sink)
		x.succeeds(t)
		sink.same(files)
		if took := time.Since(began); took > 8*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

// TestMemoryIsBounded checks that no more blocks are begun than may be, at a disk that is slower than the network.
func TestMemoryIsBounded(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		sink := newSink(t)
		sink.slow = time.Second
		x := start(t, newRoad(&place{}, &place{}, 50*time.Millisecond), &memSource{files: [][]byte{data(64*mib, 1)}}, sink)
		for range 20 {
			time.Sleep(time.Second)
			x.receiver.mu.Lock()
			begun := len(x.receiver.buffers) + len(x.receiver.free)
			x.receiver.mu.Unlock()
			if begun > 96 {
				t.Fatalf("%d blocks in memory", begun)
			}
		}
		x.succeeds(t)
	})
}
