package seq

import "time"

// Report is the clock pair of a sender report (RFC 3550 §6.4.1): the same instant on the sender's wall clock and on the
// media clock of one SSRC.
type Report struct {
	NTP uint64 // 32.32 fixed point, seconds since 1900
	RTP uint32
}

// Align translates ts of the SSRC with report from to the media clock of another SSRC of the same sender (same rate in Hz)
// with report to: for layers of one source, whose timestamps start anywhere.
func Align(ts uint32, from, to Report, rate uint32) uint32 { panic("soon") }

// At extrapolates the report to a later instant of the same wall clock.
func (r Report) At(ntp uint64, rate uint32) Report { panic("soon") }

// Wall maps the wall clock of one participant to ours by the sender reports that arrive, so that all slots of a viewer
// have reports on one clock. One Wall serves all sources of a participant: lips stay in sync. The zero value is ready.
type Wall struct {
	ok     bool
	offset int64 // ours minus theirs, 32.32; the least seen: the report with the shortest way
}

// Observe takes the NTP time of a report that arrived at ours (NTP too).
func (w *Wall) Observe(theirs, ours uint64) { panic("soon") }

// Ours translates an instant; false before the first report.
func (w *Wall) Ours(theirs uint64) (uint64, bool) { panic("soon") }

// NTP is the 32.32 fixed point time of t.
func NTP(t time.Time) uint64 { panic("soon") }
