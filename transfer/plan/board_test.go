package plan

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/confab/confab/transfer/content"
)

var t0 = time.Unix(1_800_000_000, 0)

// FuzzBoard drives a board by arbitrary arrivals, losses, lies and departures, and checks that nothing is asked twice at once, that what
// is asked lies in the file, and that in the end everything is here.
func FuzzBoard(f *testing.F) {
	f.Add(uint64(1), 3)
	f.Add(uint64(2), 0)
	f.Add(uint64(77), 200)
	f.Fuzz(func(t *testing.T, seed uint64, lossy int) {
		r := rand.New(rand.NewPCG(seed, 5))
		lossy &= 127 // of 256
		sizes := make([]int64, 1+r.IntN(6))
		b := NewBoard(len(sizes))
		for i := range sizes {
			sizes[i] = int64(r.IntN(5 * content.BlockSize))
			have := content.NewBitmap(content.Blocks(sizes[i]))
			for k := range content.Blocks(sizes[i]) {
				if r.IntN(4) == 0 {
					have.Set(k)
				}
			}
			b.Add(i, 5*i, sizes[i], have)
		}
		of := 1 + r.IntN(3)
		b.Stripe(r.IntN(of), of)
		now := t0
		b.Join(Source, now)
		others := map[int]bool{}
		type asked struct {
			peer int
			r    Range
		}
		var out []asked
		for step := 0; b.Left() > 0; step++ {
			if step > 200_000 {
				t.Fatalf("%d blocks are left", b.Left())
			}
			now = now.Add(time.Duration(r.IntN(50)) * time.Millisecond)
			if i := r.IntN(len(sizes)); r.IntN(10) == 0 {
				b.Ready(i)
			}
			if step < 3000 && r.IntN(50) == 0 { // a peer comes, tells something, or goes
				id := 1 + r.IntN(3)
				switch {
				case !others[id]:
					b.Join(id, now)
					others[id] = true
				case r.IntN(3) == 0:
					b.Leave(id)
					delete(others, id)
				default:
					b.Announced(id, r.IntN(len(sizes)), 0, []byte{byte(r.IntN(256))}, now)
				}
			}
			id := r.IntN(4)
			if x, ok := b.Next(id, now); ok {
				if id != Source && !others[id] {
					t.Fatalf("asked peer %d, who is gone", id)
				}
				if x.Length < 1 || x.Offset+int64(x.Length) > sizes[x.File] || x.Offset/content.BlockSize != (x.Offset+int64(x.Length)-1)/content.BlockSize {
					t.Fatalf("asked for %+v of %d bytes", x, sizes[x.File])
				}
				if b.Have(x.File).Has(x.Block().Index) {
					t.Fatalf("asked for %+v, which is here", x)
				}
				out = append(out, asked{id, x})
			}
			if len(out) == 0 || r.IntN(2) == 0 {
				continue
			}
			i := r.IntN(len(out))
			a := out[i]
			out = append(out[:i], out[i+1:]...)
			if r.IntN(256) < lossy {
				b.Lost(a.peer, a.r)
				continue
			}
			if wanted, whole := b.Got(a.peer, a.r, now); wanted && whole {
				if r.IntN(256) < lossy {
					b.Failed(a.r.Block())
				} else {
					b.Verified(a.r.Block())
				}
			}
			if again, _ := b.Got(a.peer, a.r, now); again && lossy == 0 && of == 1 && len(others) == 0 {
				t.Fatalf("%+v counts twice", a)
			}
		}
		for i := range sizes {
			if !b.Whole(i) {
				t.Fatalf("file %d is not whole", i)
			}
		}
		if x, ok := b.Next(Source, now.Add(time.Hour)); ok {
			t.Fatalf("%+v is asked for when all is here", x)
		}
	})
}

// TestStripesSpreadTheSendersWork runs four receivers in rounds: in each the sender brings 8 blocks in all, and every pair of receivers two.
func TestStripesSpreadTheSendersWork(t *testing.T) {
	const n, blocks = 4, 400
	size := int64(blocks * content.BlockSize)
	boards := make([]*Board, n)
	now := t0
	for i := range boards {
		boards[i] = NewBoard(1)
		boards[i].Add(0, 0, size, nil)
		boards[i].Ready(0)
		boards[i].Stripe(i, n)
		for p := range n {
			if p == 0 {
				boards[i].Join(Source, now)
			} else {
				boards[i].Join(p, now)
			}
		}
	}
	fetch := func(i, peer int) bool { // one block
		for {
			r, ok := boards[i].Next(peer, now)
			if !ok {
				return false
			}
			if _, whole := boards[i].Got(peer, r, now); whole {
				boards[i].Verified(r.Block())
				return true
			}
		}
	}
	uploads, rounds := 0, 0
	for ; boards[0].Left()+boards[1].Left()+boards[2].Left()+boards[3].Left() > 0; rounds++ {
		if rounds > 1000 {
			t.Fatal("no end")
		}
		now = now.Add(100 * time.Millisecond)
		for i := range boards {
			for range 2 {
				if fetch(i, Source) {
					uploads++
				}
			}
			for p := 1; p < n; p++ {
				from := (i + p) % n
				boards[i].Announced(p, 0, 0, boards[from].Have(0).Bytes(), now)
				for range 2 {
					fetch(i, p)
				}
			}
		}
	}
	if uploads > blocks*11/10 {
		t.Errorf("the sender has sent %d blocks of %d", uploads, blocks)
	}
	t.Logf("%d uploads of %d blocks in %d rounds", uploads, blocks, rounds)
}

func TestAStreamGrows(t *testing.T) {
	b := NewBoard(1)
	b.Add(0, 0, -1, nil)
	b.Join(Source, t0)
	if r, ok := b.Next(Source, t0); ok {
		t.Fatalf("%+v of a stream without blocks", r)
	}
	b.Grow(0, 1, 0, false)
	r, ok := b.Next(Source, t0)
	if !ok || r.Length != RangeSize {
		t.Fatalf("%+v %v", r, ok)
	}
	b.Grow(0, 2, content.BlockSize+10, true)
	b.Verified(Block{0, 0})
	if r, ok = b.Next(Source, t0); !ok || r.Offset != content.BlockSize || r.Length != 10 {
		t.Fatalf("%+v %v", r, ok)
	}
}
