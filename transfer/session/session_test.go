package session

import (
	"testing"
	"time"

	"github.com/confab/confab/transfer/content"
)

const mib = content.BlockSize

func someFiles() [][]byte {
	return [][]byte{data(3*mib+17, 1), {}, data(1, 2), data(65536, 3), data(mib, 4), data(5*mib, 5), data(70000, 6)}
}

func TestFilesArrive(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		sink := newSink(t)
		x := start(t, newRoad(&place{rate: 2.5e6}, &place{}, 25*time.Millisecond), &memSource{files: someFiles()}, sink)
		began := time.Now()
		x.succeeds(t)
		sink.same(x.source.files)
		sink.once()
		if took := time.Since(began); took > 12*time.Second { // 9.6 MiB at 2.5 MB/s are 4 s
			t.Errorf("it took %v", took)
		}
		if n := x.said.count(EventVerified); n != len(x.source.files) {
			t.Errorf("the sender was told of %d files", n)
		}
		if x.said.count(EventDone) != 1 || x.heard.count(EventDone) != 1 || x.heard.count(EventPath) != 1 {
			t.Errorf("%v %v", x.said.list, x.heard.list)
		}
	})
}

// TestCutsAtEveryStep cuts all lanes when the nth message has passed, for every n of a small transfer.
func TestCutsAtEveryStep(t *testing.T) {
	files := [][]byte{data(2*mib+5, 1), data(10, 2), data(100_000, 3)}
	for n := 1; n < 120; n++ {
		inBubble(t, func(t *testing.T) {
			r := newRoad(&place{rate: 5e6}, &place{}, 10*time.Millisecond)
			count := 0
			tap := func(b []byte, _ bool) ([]byte, bool) {
				r.mu.Lock()
				count++
				now := count == n || count == 2*n
				r.mu.Unlock()
				if now {
					go r.cut()
				}
				return b, true
			}
			r.onLane = func(_ int, ab, ba *pipe) { ab.tap, ba.tap = tap, tap }
			sink := newSink(t)
			x := start(t, r, &memSource{files: files}, sink)
			x.succeeds(t)
			sink.same(files)
			sink.once()
			if t.Failed() {
				t.Fatalf("cut after %d messages", n)
			}
		})
	}
}
