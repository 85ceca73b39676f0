package media

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/confab/confab/media/record"
)

// ErrNoRoom is returned for a room that nobody is connected to.
var ErrNoRoom = errors.New("media: nobody is connected in this room")

// ErrRecording is returned when the room is being recorded already.
var ErrRecording = errors.New("media: the room is being recorded already")

// recordingEnds is how long the end of a recording may take: a slow disk has two seconds of packets to write.
const recordingEnds = 30 * time.Second

// RecordOptions say where a recording goes.
type RecordOptions struct {
	Room  string // as given to Connect
	Title string // the first part of the folder's name
	Dir   string
	Limit int64       // bytes; 0: a terabyte
	Ended func(error) // called once, from a goroutine, when all is written: nil after Stop, else why it ended by itself
}

// Record begins to record a room: all that is published in it, until Recording.Stop, the end of the room or an error. It makes a folder, and so takes
// as long as the disk does. A folder may be left when the room has ended meanwhile.
func (e *Engine) Record(o RecordOptions) (*record.Recording, error) {
	r, err := e.recordable(o.Room)
	if err != nil {
		return nil, err
	}
	rec, err := record.Start(record.Options{Dir: o.Dir, Room: o.Title, Limit: o.Limit, Log: e.log})
	if err != nil {
		return nil, err
	}
	if err := e.tape(r, rec, o); err != nil { // while the folder was made
		rec.End()
		return nil, err
	}
	return rec, nil
}

// recordable returns a room that is not being recorded.
func (e *Engine) recordable(name string) (*room, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	r := e.rooms[name]
	switch {
	case e.closed:
		return nil, ErrClosed
	case r == nil:
		return nil, ErrNoRoom
	case r.recording.Load() != nil:
		return nil, ErrRecording
	}
	return r, nil
}

// tape has a room's packets go to the recording.
func (e *Engine) tape(r *room, rec *record.Recording, o RecordOptions) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case e.closed:
		return ErrClosed
	case e.rooms[o.Room] != r:
		return ErrNoRoom
	case !r.recording.CompareAndSwap(nil, rec):
		return ErrRecording
	}
	e.metrics.recordings.Inc()
	e.spawned.Go(func() {
		select {
		case <-rec.Stopping():
		case <-r.done:
		case <-e.stop:
		}
		ctx, cancel := context.WithTimeout(context.Background(), recordingEnds)
		defer cancel()
		err := rec.Stop(ctx)
		r.recording.CompareAndSwap(rec, nil)
		e.metrics.recordings.Dec()
		if o.Ended != nil {
			o.Ended(err)
		}
	})
	return nil
}

// record gives a packet of the publisher to the recording. Home shard only.
func (c *connection) record(s *shard, rec *record.Recording, b *batch, a *arrival) {
	t := a.enc.track
	if t.muted.Load() || a.packet.PaddingOnly() {
		return
	}
	if t.tapped != rec {
		t.tapped, t.tap = rec, rec.Input(c.peer.opts.Participant, string(t.source))
	}
	if t.tap == nil {
		return
	}
	p := record.Packet{Layer: a.enc.index, Stream: a.enc.id, Kind: a.format.Kind, Rate: int(a.format.rate),
		At: s.e.epoch.Add(b.now), Report: a.enc.report.Load()}
	p.Seq, p.Timestamp, p.Marker = a.seq, a.packet.Timestamp, a.packet.Marker
	p.Start, p.Keyframe = a.packet.Picture.Start, a.packet.Picture.Keyframe
	p.Payload = bytes.Clone(b.bytes(a)[a.packet.Payload:a.packet.End])
	if !t.tap.Put(p) {
		s.tally.drop(dropRecorder)
	}
	if t.tap.WantsKeyframe(a.enc.index) {
		c.askKeyframe(s, a.enc, b.now)
	}
}

// names are the sources that are on.
func (s State) names() []string {
	out := []string{}
	for _, o := range []struct {
		on     bool
		source Source
	}{{s.Microphone, Microphone}, {s.Camera, Camera}, {s.Screen, Screen}, {s.ScreenAudio, ScreenAudio}} {
		if o.on {
			out = append(out, string(o.source))
		}
	}
	return out
}
