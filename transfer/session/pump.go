package session

import (
	"maps"
	"slices"
	"time"

	"github.com/confab/confab/transfer/plan"
	"github.com/confab/confab/transfer/wire"
)

const (
	leastCost = 4 << 10 // of a request in its window: a thousand tiny files are no less work for being tiny
	maxOwed   = maxAsks / 2
	ahead     = 4096 // leaves asked for and not here, of a file
	listing   = 8    // files whose leaves are asked for at once
)

func cost(bytes int) int { return max(bytes, leastCost) }

// pumpLocked asks for what may be asked for now.
func (r *Receiver) pumpLocked(now time.Time) {
	if r.board == nil || r.stopped() || r.failure != nil || r.told {
		return
	}
	r.askLeavesLocked(now)
	for _, id := range slices.Sorted(maps.Keys(r.parties)) {
		p := r.parties[id]
		links := p.peer.alive()
		for i, l := range links {
			if p.source() && i >= r.want {
				if len(l.owed) == 0 {
					l.close()
				}
				continue
			}
			l.window.Share(len(r.parties) - 1 + min(r.want, len(links)))
			for len(l.owed) < maxOwed && l.owing+plan.RangeSize <= l.window.Size() {
				x, ok := r.board.Next(id, now)
				if !ok {
					break
				}
				if len(l.owed) == 0 {
					l.heard = now
					l.window.Asked(now)
				}
				l.owed = append(l.owed, ask{x, now})
				l.owing += cost(x.Length)
				l.frame(wire.Request{File: uint32(x.File), Offset: x.Offset, Length: x.Length})
			}
		}
	}
}

// askLeavesLocked asks the sender for leaves, some files ahead.
func (r *Receiver) askLeavesLocked(now time.Time) {
	l := r.source.first()
	if l == nil {
		return
	}
	open := 0
	for ; r.listed1 < len(r.take) && r.settledLocked(r.take[r.listed1]); r.listed1++ {
	}
	for i := r.listed1; i < len(r.take) && open < listing; i++ {
		f := r.take[i]
		if r.settledLocked(f) {
			continue
		}
		open++
		x, n := &r.files[f], r.offer.Entries[f].Blocks()
		for x.asking = max(x.asking, x.known); x.asking < n && x.asking-x.known < ahead; {
			count := min(wire.MaxLeaves, n-x.asking)
			if len(l.owed) == 0 {
				l.heard = now
			}
			l.owed = append(l.owed, ask{plan.Range{File: f, Offset: int64(x.asking)}, now})
			l.frame(wire.Ask{File: uint32(f), First: x.asking, Count: count})
			x.asking += count
		}
	}
}

// settledLocked reports whether a file needs no leaves any more.
func (r *Receiver) settledLocked(f int) bool {
	return r.files[f].checked || r.files[f].done || r.offer.Entries[f].Stream
}

// announceLocked tells everybody what has been verified since the last time.
func (r *Receiver) announceLocked() {
	for f, bytes := range r.news {
		have := r.board.Have(f)
		if have == nil {
			continue
		}
		at := slices.Sorted(maps.Keys(bytes))
		for len(at) > 0 {
			n := 1
			for n < len(at) && n < wire.MaxBitmap && at[n] == at[0]+n {
				n++
			}
			h := wire.Have{File: uint32(f), First: 8 * at[0], Bitmap: slices.Clone(have.Bytes()[at[0] : at[0]+n])}
			for _, p := range r.parties {
				p.peer.frame(h)
			}
			at = at[n:]
		}
	}
	clear(r.news)
}
