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
func Align(ts uint32, from, to Report, rate uint32) uint32 {
	return ts - from.RTP + to.At(from.NTP, rate).RTP
}

// At extrapolates the report to another instant of the same wall clock.
func (r Report) At(ntp uint64, rate uint32) Report {
	d := int64(ntp - r.NTP)
	whole := (d >> 32) * int64(rate)
	part := (d & 0xFFFFFFFF) * int64(rate) >> 32
	return Report{NTP: ntp, RTP: r.RTP + uint32(whole+part)}
}

// wallWindow is how many reports a minimum holds for. Clocks that drift apart by 50 ppm move 16 ms in the 5 minutes
// that two windows of reports, one a second from each of two sources, take.
const wallWindow = 256

// wallJump is when a clock has been set rather than drifted: 5 s, as 32.32.
const wallJump = 5 << 32

// Wall maps the wall clock of one participant to ours by the sender reports that arrive, so that all slots of a viewer
// have reports on one clock. One Wall serves all sources of a participant: lips stay in sync. The zero value is ready.
type Wall struct {
	ok         bool
	count      int
	least, old int64 // ours minus theirs, 32.32; the least in this window and the one before: the report with the shortest way
}

// Observe takes the NTP time of a report that arrived at ours (NTP too).
func (w *Wall) Observe(theirs, ours uint64) {
	d := int64(ours - theirs)
	if jump := d - w.offset(); !w.ok || jump > wallJump || jump < -wallJump {
		*w = Wall{ok: true, least: d, old: d}
		return
	}
	if w.count++; w.count == wallWindow {
		w.count, w.old, w.least = 0, w.least, d
	}
	w.least = min(w.least, d)
}

func (w *Wall) offset() int64 { return min(w.least, w.old) }

// Ours translates an instant; false before the first report.
func (w *Wall) Ours(theirs uint64) (uint64, bool) { return theirs + uint64(w.offset()), w.ok }

// NTP is the 32.32 fixed point time of t.
func NTP(t time.Time) uint64 {
	const since1900 = 2208988800 // seconds from 1900 to 1970
	return uint64(t.Unix()+since1900)<<32 | uint64(t.Nanosecond())<<32/uint64(time.Second)
}
