package record

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Manifest is the name of the file that says what the others are.
const Manifest = "manifest.jsonl"

const (
	maxInputs = 1024 // goroutines and files of a recording
	maxNotes  = 4096 // lines of the manifest that wait for the disk
)

// Options of a recording.
type Options struct {
	Dir   string // where recordings are; the recording makes a folder there
	Room  string
	Limit int64 // bytes; 0: a terabyte
	Log   *slog.Logger
}

// Recording writes the tracks of one room. Make it with Start. Its methods are safe for concurrent use.
type Recording struct {
	name     string // fixed at construction, like all fields up to mu
	root     *os.Root
	manifest *os.File
	began    time.Time
	log      *slog.Logger
	budget   budget
	lost     atomic.Uint64
	stopping chan struct{} // closed when writers shall end
	done     chan struct{} // closed when they have
	notes    chan any      // lines; who notes something does not wait for a disk
	writers  sync.WaitGroup

	mu     sync.Mutex // guards the fields below
	inputs int
	ended  bool
	reason error // why it ended by itself
}

// Start makes the folder and the manifest. The error says what is wrong with the folder.
func Start(o Options) (*Recording, error) {
	if o.Limit <= 0 {
		o.Limit = 1 << 40
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	began := time.Now()
	if err := os.MkdirAll(o.Dir, 0o750); err != nil {
		return nil, fmt.Errorf("the folder for recordings: %w", err)
	}
	name := safe(o.Room) + "-" + began.UTC().Format("20060102T150405Z")
	path := filepath.Join(o.Dir, name)
	for i := 2; ; i++ {
		err := os.Mkdir(path, 0o750)
		if err == nil {
			break
		}
		if !errors.Is(err, os.ErrExist) || i > 100 {
			return nil, fmt.Errorf("the folder of the recording: %w", err)
		}
		name = fmt.Sprintf("%s-%s-%d", safe(o.Room), began.UTC().Format("20060102T150405Z"), i)
		path = filepath.Join(o.Dir, name)
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, fmt.Errorf("the folder of the recording: %w", err)
	}
	manifest, err := root.OpenFile(Manifest, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o640)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the recording's manifest: %w", err), root.Close())
	}
	r := &Recording{name: name, root: root, manifest: manifest, began: began, log: o.Log.With("recording", name),
		stopping: make(chan struct{}), done: make(chan struct{}), notes: make(chan any, maxNotes)}
	r.budget.left.Store(o.Limit)
	r.budget.failed = r.fail
	go r.keep()
	r.tell(0, startLine{Type: "start", Room: o.Room, Time: began.UTC().Format(time.RFC3339Nano)})
	r.log.Info("recording begins")
	return r, nil
}

// Name is that of the folder.
func (r *Recording) Name() string { return r.name }

// Began is the zero of its times.
func (r *Recording) Began() time.Time { return r.began }

// Stopping is closed when it ends, by Stop or by itself.
func (r *Recording) Stopping() <-chan struct{} { return r.stopping }

// Err is why it ended by itself; nil: it goes on, or was stopped.
func (r *Recording) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.reason
}

// Input begins a track; nil when the recording has ended or has too many.
func (r *Recording) Input(participant, source string) *Input {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended || r.inputs >= maxInputs {
		return nil
	}
	r.inputs++
	in := &Input{r: r, participant: participant, source: source, index: r.inputs, packets: make(chan Packet, inputQueue)}
	r.writers.Go(in.run)
	return in
}

// Named notes a participant's name.
func (r *Recording) Named(participant, name string) {
	r.note(r.now(), nameLine{Type: "name", Participant: participant, Name: name})
}

// Speakers notes who speaks, loudest first.
func (r *Recording) Speakers(participants []string) {
	r.note(r.now(), speakersLine{Type: "speakers", Participants: participants})
}

// State notes which sources of a participant are on.
func (r *Recording) State(participant string, sources []string) {
	r.note(r.now(), muteLine{Type: "mute", Participant: participant, Sources: sources})
}

// End ends the recording. What is on its way is written after it has returned.
func (r *Recording) End() { r.end(nil) }

// Stop ends the recording; it returns when all is written, or with ctx.
func (r *Recording) Stop(ctx context.Context) error {
	r.end(nil)
	select {
	case <-r.done:
		return r.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// fail ends the recording by itself.
func (r *Recording) fail(err error) {
	if errors.Is(err, syscall.ENOSPC) {
		err = fmt.Errorf("the disk is full: %w", err)
	}
	r.end(err)
}

func (r *Recording) end(reason error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended {
		return
	}
	r.ended, r.reason = true, reason
	close(r.stopping)
	go func() { // ends with the writers, which stopping ends
		r.writers.Wait()
		text := "stopped"
		if reason != nil {
			text = reason.Error()
			r.log.Error("recording ended by itself", "error", reason)
		} else {
			r.log.Info("recording ends", "bytes", r.budget.written.Load())
		}
		r.tell(r.now(), endLine{Type: "end", Reason: text, Bytes: r.budget.written.Load(), Lost: r.lost.Load()})
	}()
}

// keep writes the manifest, until its last line.
func (r *Recording) keep() {
	defer close(r.done)
	defer r.root.Close()
	defer r.manifest.Close()
	defer r.manifest.Sync()
	failed := false
	for line := range r.notes {
		b, err := json.Marshal(line)
		if err == nil {
			_, err = r.manifest.Write(append(b, '\n'))
		}
		if err != nil && !failed { // no reason to lose pictures
			failed = true
			r.log.Warn("the recording's manifest cannot be written", "error", err)
		}
		if _, last := line.(endLine); last {
			return
		}
	}
}

func (r *Recording) since(t time.Time) time.Duration { return t.Sub(r.began) }

func (r *Recording) now() int64 { return r.since(time.Now()).Milliseconds() }

// tell adds a line without which the files are of no use; it may wait. For writers.
func (r *Recording) tell(at int64, line interface{ stamp(int64) any }) { r.notes <- line.stamp(at) }

// note adds a line to the manifest, or leaves it out when the disk is that far behind.
func (r *Recording) note(at int64, line interface{ stamp(int64) any }) {
	select {
	case r.notes <- line.stamp(at):
	default:
	}
}

// The lines of the manifest.
type (
	startLine struct {
		Type string `json:"type"`
		At   int64  `json:"at"`
		Room string `json:"room"`
		Time string `json:"time"`
	}
	nameLine struct {
		Type        string `json:"type"`
		At          int64  `json:"at"`
		Participant string `json:"participant"`
		Name        string `json:"name"`
	}
	trackLine struct {
		Type        string `json:"type"`
		At          int64  `json:"at"`
		File        string `json:"file"`
		Participant string `json:"participant"`
		Source      string `json:"source"`
		Codec       string `json:"codec"`
		Width       int    `json:"width,omitempty"`
		Height      int    `json:"height,omitempty"`
		Private     []byte `json:"private,omitempty"`
	}
	trackEnd struct {
		Type   string `json:"type"`
		At     int64  `json:"at"`
		File   string `json:"file"`
		Frames int    `json:"frames"`
	}
	speakersLine struct {
		Type         string   `json:"type"`
		At           int64    `json:"at"`
		Participants []string `json:"participants"`
	}
	muteLine struct {
		Type        string   `json:"type"`
		At          int64    `json:"at"`
		Participant string   `json:"participant"`
		Sources     []string `json:"sources"`
	}
	endLine struct {
		Type   string `json:"type"`
		At     int64  `json:"at"`
		Reason string `json:"reason"`
		Bytes  int64  `json:"bytes"`
		Lost   uint64 `json:"lost"` // packets that did not come
	}
)

func (l startLine) stamp(at int64) any    { l.At = at; return l }
func (l nameLine) stamp(at int64) any     { l.At = at; return l }
func (l trackLine) stamp(at int64) any    { l.At = at; return l }
func (l trackEnd) stamp(at int64) any     { l.At = at; return l }
func (l speakersLine) stamp(at int64) any { l.At = at; return l }
func (l muteLine) stamp(at int64) any     { l.At = at; return l }
func (l endLine) stamp(at int64) any      { l.At = at; return l }
