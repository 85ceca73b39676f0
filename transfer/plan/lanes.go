package plan

import "time"

// MaxLanes is how many lanes a transfer may have.
const MaxLanes = 8

const (
	trial    = 3 * time.Second  // how long a number of lanes is measured
	settle   = time.Second      // after a change, before measuring: a new lane must connect and grow
	patience = 30 * time.Second // before more lanes are tried again
	worth    = 1.15             // a lane that brings less more goodput than this costs more than it gives
)

// Lanes decides how many lanes a receiver wants. One association is as fast as its congestion window lets it be; on a long or lossy
// path several are faster, on a short one they only cost.
type Lanes struct {
	want   int
	before float64 // goodput with one lane less; 0: not known
	since  time.Time
	from   int64
	rest   time.Time // nothing is tried before
}

// Want returns how many lanes to have, given how many are alive and the payload that has come so far. busy is false while there is not
// enough left to ask for to keep the lanes full: then nothing is learned.
func (l *Lanes) Want(now time.Time, alive int, bytes int64, busy bool) int {
	if l.want == 0 {
		l.want = 1
	}
	if !busy || alive < l.want {
		l.since = time.Time{}
		return l.want
	}
	switch {
	case l.since.IsZero():
		l.since, l.from = now.Add(settle), bytes
		return l.want
	case !now.After(l.since):
		l.from = bytes
		return l.want
	case now.Sub(l.since) < trial:
		return l.want
	}
	goodput := float64(bytes-l.from) / now.Sub(l.since).Seconds()
	l.since = time.Time{}
	switch {
	case l.before > 0 && goodput < worth*l.before:
		l.want, l.before, l.rest = l.want-1, 0, now.Add(patience)
	case l.want < MaxLanes && !now.Before(l.rest):
		l.want, l.before = l.want+1, goodput
	default:
		l.before = 0
	}
	return l.want
}
