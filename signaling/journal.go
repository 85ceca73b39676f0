package signaling

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/confab/confab/signaling/protocol"
	"github.com/confab/confab/signaling/room"
	"github.com/confab/confab/store"
)

// journal is how the events of one room get into its log, and how those of other nodes get out of it.
//
//	propose ─▶ waiting ──▶ in flight ──append──▶ committed: told to everybody, acknowledged
//	           decided on `ahead`      └─conflict─▶ read what others have written, decide again
//
// It keeps the room twice: committed is what clients have been told, ahead has what is decided but not safe yet. One append is in
// flight at a time, and everything that is decided meanwhile makes the next one, so a slow log costs time and no throughput. An
// append whose end is not known (a lost connection, a timeout) is repeated as it is: if it had come through, the repetition
// conflicts, and the same records are found in the log.
//
// Whoever proposes is told the outcome once, when it is safe, refused, or when it has waited for too long. A refusal, and a command
// for which there was nothing to do, are also decided on what is not safe yet, and so wait for it.
//
// A journal belongs to the goroutine of its owner. The log is asked in goroutines of their own, which give the answer to post.
type journal struct {
	log    store.Store // fixed at construction, like all fields up to the next group
	room   string
	epoch  string
	limits journalLimits
	slog   *slog.Logger
	count  *journalMetrics

	ctx    context.Context    // ends what is asked of the log
	spawn  func(func())       // runs a goroutine that the server waits for
	post   func(func())       // runs in the owner's goroutine, unless the owner has ended
	commit func(e room.Event) // an event is safe, and committed has it
	lost   func(why error)    // the replica cannot go on: the log is gone, or has forgotten what comes next

	committed *room.State
	ahead     *room.State

	inflight []*proposal
	waiting  []*proposal
	bytes    int         // of the records of waiting
	behind   bool        // others have written, or may have
	busy     bool        // the log is being asked
	again    *time.Timer // the next attempt; nil while there is none
	failures int         // attempts that have failed since the last success
	saved    uint64      // seq of the newest snapshot
	saving   bool
	settling bool // events are being told: what is proposed meanwhile waits
	ended    bool
}

// journalLimits bound a journal.
type journalLimits struct {
	Waiting      int           // proposals that wait for the append in flight
	WaitingBytes int           // of their records
	Patience     time.Duration // a client waits for an outcome
	Try          time.Duration // one request to the log may take
}

// Bounds of one append: larger ones keep the log busy for others.
const (
	batchEvents = 256
	batchBytes  = 512 << 10
	readEvents  = 512
)

// proposal is a command on its way.
type proposal struct {
	command room.Command
	done    func(outcome) // called once, in the owner's goroutine; nil: nobody waits
	// client says that somebody waits who can send the command again, so that it may be given up. What the server proposes itself
	// (a socket is lost, time has passed) must come through.
	client bool
	since  time.Time

	events  []room.Event
	records []store.Record
	size    int
	err     error
}

// outcome is what became of a proposal: events that are in the log, or why there are none.
type outcome struct {
	events []room.Event
	err    error
}

func (p *proposal) settle(o outcome) {
	if p.done != nil {
		done := p.done
		p.done = nil
		done(o)
	}
}

// errUnavailable is the outcome of what has waited for too long, or found no place to wait.
var errUnavailable = &protocol.Error{
	Code: protocol.CodeUnavailable, Message: "the room's log cannot be written just now", Hint: "Send it again in a moment; it is applied once.", Retry: true, After: 2000,
}

// propose decides on a command. The outcome may come before propose returns.
func (j *journal) propose(p *proposal) {
	p.since = time.Now()
	switch {
	case j.ended:
		p.settle(outcome{err: errRoomEnded})
		return
	case p.client && (len(j.waiting) >= j.limits.Waiting || j.bytes >= j.limits.WaitingBytes):
		j.count.refused.Inc()
		p.settle(outcome{err: errUnavailable})
		return
	}
	j.decide(p)
	if len(p.events) == 0 && len(j.inflight) == 0 && len(j.waiting) == 0 && !j.settling {
		p.settle(outcome{err: p.err})
		return
	}
	j.wait(p)
	j.next()
}

// decide fills in what follows from the proposal as things stand ahead.
func (j *journal) decide(p *proposal) {
	p.events, p.records, p.size = nil, nil, 0
	p.events, p.err = room.Step(j.ahead, p.command, time.Now())
	for _, e := range p.events {
		h := e.Head()
		kind, ref, data, err := room.Encode(e)
		if err != nil {
			panic(err) // an event that JSON cannot say is a fault of the program
		}
		p.records = append(p.records, store.Record{Seq: h.Seq, At: h.At, Kind: kind, Ref: ref, Data: data})
		p.size += len(data) + 64
	}
}

func (j *journal) wait(p *proposal) {
	j.waiting = append(j.waiting, p)
	j.bytes += p.size
	j.count.waiting.Inc()
}

// take removes the first n of waiting.
func (j *journal) take(n int) []*proposal {
	taken := j.waiting[:n:n]
	for _, p := range taken {
		j.bytes -= p.size
	}
	j.waiting = append([]*proposal(nil), j.waiting[n:]...)
	j.count.waiting.Sub(float64(n))
	return taken
}

// wake tells that the log has grown to that number; 0: that it may have grown.
func (j *journal) wake(last uint64) {
	own := j.committed.Seq // and what is in flight, whose append will tell if others were first
	for _, p := range j.inflight {
		own += uint64(len(p.records))
	}
	if last == 0 || last > own {
		j.behind = true
		j.next()
	}
}

// next asks the log for what is due, if it is not being asked already.
func (j *journal) next() {
	for !j.busy && !j.ended && !j.settling && j.again == nil {
		switch {
		case j.behind:
			j.read()
		case len(j.inflight) > 0:
			j.append()
		case len(j.waiting) == 0:
			return
		default:
			n, events, size := 0, 0, 0
			for _, p := range j.waiting {
				if n > 0 && (events+len(p.events) > batchEvents || size+p.size > batchBytes) {
					break
				}
				n, events, size = n+1, events+len(p.events), size+p.size
			}
			j.inflight = j.take(n)
			if events == 0 {
				j.done()
			}
		}
	}
}

// append sends what is in flight.
func (j *journal) append() {
	records := recordsOf(j.inflight)
	after := j.committed.Seq
	started := time.Now()
	j.ask(func(ctx context.Context) func() {
		err := j.log.Append(ctx, j.room, j.epoch, after, records)
		return func() {
			switch {
			case err == nil:
				j.count.took.Observe(time.Since(started).Seconds())
				j.count.appends.WithLabelValues("ok").Inc()
				j.done()
			case errors.Is(err, store.ErrConflict):
				j.count.appends.WithLabelValues("conflict").Inc()
				j.behind = true
			case errors.Is(err, store.ErrInvalid): // it will never be taken
				j.slog.Error("the room's log refuses events", "err", err)
				j.count.appends.WithLabelValues("error").Inc()
				refused := j.inflight
				j.rebuild(j.take(len(j.waiting)))
				for _, p := range refused {
					p.settle(outcome{err: &protocol.Error{Code: protocol.CodeInternal, Message: "the server could not do this"}})
				}
			default:
				j.count.appends.WithLabelValues("error").Inc()
				j.failed("append", err)
			}
		}
	})
}

// done settles what was in flight: it is safe.
func (j *journal) done() {
	batch := j.inflight
	j.inflight, j.failures = nil, 0
	j.settling = true
	defer func() { j.settling = false }()
	for _, p := range batch {
		for _, e := range p.events {
			j.committed.Evolve(e)
			j.commit(e)
		}
		p.settle(outcome{p.events, p.err})
	}
}

// read fetches what follows committed.
func (j *journal) read() {
	after := j.committed.Seq
	j.behind = false
	j.ask(func(ctx context.Context) func() {
		records, err := j.log.Read(ctx, j.room, j.epoch, after, readEvents)
		return func() {
			if err != nil {
				j.behind = true
				j.failed("read", err)
				return
			}
			j.behind = j.behind || len(records) >= readEvents
			j.failures = 0
			j.replay(records)
		}
	})
}

// replay applies records of the log: those in flight, if the append had come through after all, and those of others.
func (j *journal) replay(records []store.Record) {
	if ours := recordsOf(j.inflight); len(ours) > 0 && len(records) >= len(ours) && equalRecords(records[:len(ours)], ours) {
		records = records[len(ours):]
		j.done()
	}
	if len(records) == 0 {
		return
	}
	j.settling = true
	defer func() { j.settling = false }()
	for _, r := range records {
		e, err := room.Decode(r.Seq, r.At, r.Kind, r.Data)
		if err != nil {
			j.end(err)
			return
		}
		j.committed.Evolve(e)
		j.commit(e)
	}
	j.count.foreign.Add(float64(len(records)))
	j.rebuild(append(j.inflight, j.take(len(j.waiting))...))
}

// rebuild decides on proposals again, from what is committed. What is in flight has come to nothing.
func (j *journal) rebuild(again []*proposal) {
	j.inflight = nil
	j.ahead = j.committed.Clone()
	for _, p := range again {
		j.decide(p)
		j.wait(p)
	}
}

// failed plans another attempt, with growing pauses.
func (j *journal) failed(act string, err error) {
	switch {
	case errors.Is(err, store.ErrGone), errors.Is(err, store.ErrTrimmed), errors.Is(err, store.ErrAhead), errors.Is(err, store.ErrCorrupt):
		j.end(err)
		return
	case j.ended:
		return
	}
	j.failures++
	pause := min(50*time.Millisecond<<min(j.failures-1, 7), 5*time.Second)
	if j.failures == 1 {
		j.slog.Warn("the room's log does not answer; trying again", "act", act, "err", err)
	}
	j.again = time.AfterFunc(pause, func() {
		j.post(func() {
			j.again = nil
			j.next()
		})
	})
}

// ask runs one request to the log beside the owner.
func (j *journal) ask(request func(context.Context) func()) {
	j.busy = true
	j.spawn(func() {
		ctx, cancel := context.WithTimeout(j.ctx, j.limits.Try)
		defer cancel()
		answer := request(ctx)
		j.post(func() {
			j.busy = false
			if !j.ended {
				answer()
				j.next()
			}
		})
	})
}

// deadline is when expire must be called; zero: not by itself.
func (j *journal) deadline() time.Time {
	var at time.Time
	for _, list := range [][]*proposal{j.inflight, j.waiting} {
		for _, p := range list {
			if p.client && p.done != nil {
				if due := p.since.Add(j.limits.Patience); at.IsZero() || due.Before(at) {
					at = due
				}
				break // those behind it came later
			}
		}
	}
	return at
}

// expire gives up what clients have waited for too long. What is in flight may come through all the same: nobody waits for it any
// more, and whoever sends it again finds it done.
func (j *journal) expire(at time.Time) {
	over := func(p *proposal) bool {
		return p.client && p.done != nil && !p.since.Add(j.limits.Patience).After(at)
	}
	var given []*proposal
	for _, p := range j.inflight {
		if over(p) {
			given = append(given, p)
		}
	}
	kept, withdrawn := []*proposal(nil), false
	for _, p := range j.waiting {
		if over(p) {
			given, withdrawn = append(given, p), true
		} else {
			kept = append(kept, p)
		}
	}
	if withdrawn {
		j.take(len(j.waiting))
		inflight := j.inflight
		j.ahead = j.committed.Clone()
		for _, p := range inflight {
			for _, e := range p.events {
				j.ahead.Evolve(e)
			}
		}
		for _, p := range kept {
			j.decide(p)
			j.wait(p)
		}
	}
	for _, p := range given {
		j.count.refused.Inc()
		p.settle(outcome{err: errUnavailable})
	}
	j.next()
}

// idle reports whether nothing is on its way.
func (j *journal) idle() bool { return !j.busy && len(j.inflight) == 0 && len(j.waiting) == 0 }

// end gives up: the replica cannot go on.
func (j *journal) end(why error) {
	if !j.ended {
		j.close(errRoomEnded)
		j.lost(why)
	}
}

// close settles everything that waits. Nothing is proposed or committed after it.
func (j *journal) close(why error) {
	if j.ended {
		return
	}
	j.ended = true
	if j.again != nil {
		j.again.Stop()
	}
	all := append(j.inflight, j.take(len(j.waiting))...)
	j.inflight = nil
	for _, p := range all {
		p.settle(outcome{err: why})
	}
}

func recordsOf(list []*proposal) []store.Record {
	var out []store.Record
	for _, p := range list {
		out = append(out, p.records...)
	}
	return out
}

func equalRecords(a, b []store.Record) bool {
	return slices.EqualFunc(a, b, func(x, y store.Record) bool {
		return x.Seq == y.Seq && x.Kind == y.Kind && x.Ref == y.Ref && x.At.Equal(y.At) && bytes.Equal(x.Data, y.Data)
	})
}
